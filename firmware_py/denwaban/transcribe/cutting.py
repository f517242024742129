"""What recognisers that work utterance by utterance ask of whoever cuts the stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from denwaban.events import Pcm


class Cut(Protocol):
    """An utterance cut out of the stream; `pcm` spans `t0` to `t1` seconds."""

    @property
    def pcm(self) -> Pcm: ...
    @property
    def t0(self) -> float: ...
    @property
    def t1(self) -> float: ...


class Cutter(Protocol):
    """Cuts one stream into utterances, independent of the chunking."""

    def feed(self, pcm: Pcm) -> Sequence[Cut]: ...
    def finish(self) -> Sequence[Cut]: ...
