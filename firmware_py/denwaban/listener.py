"""The ears of one call: audio → utterances → side → judgement. The same code for the box and for `analyze`.

Audio goes on in blocks of 20 ms whatever the chunks it came in, so no answer depends on how it was cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from denwaban.events import SAMPLE_RATE, Pcm, Side, Utterance, UtteranceAssessed
from denwaban.ports import CallRecognizer, Judge, SideEstimator

BLOCK: Final = SAMPLE_RATE // 50
OWN_STRETCHES: Final = 16
"""Stretches of the box's own voice remembered, longer than any utterance waits to be asked about."""


class CallListener(Protocol):
    """Listens to one call. `feed` takes one array per channel, all of the same length.

    `box_speaks`: the box speaks in the room meanwhile, which the household's handset may hear.
    """

    def feed(self, *channels: Pcm, box_speaks: bool = False) -> list[UtteranceAssessed]: ...

    def finish(self) -> list[UtteranceAssessed]: ...


class _Blocks:
    """Cuts channels into whole blocks and keeps the rest."""

    def __init__(self, channels: int) -> None:
        self._rest: list[Pcm] = [np.zeros(0, np.int16)] * channels

    def add(self, channels: Sequence[Pcm]) -> Iterator[list[Pcm]]:
        joined = [np.concatenate((rest, pcm)) for rest, pcm in zip(self._rest, channels, strict=True)]
        whole = min(map(len, joined)) // BLOCK * BLOCK
        self._rest = [pcm[whole:] for pcm in joined]
        for start in range(0, whole, BLOCK):
            yield [pcm[start : start + BLOCK] for pcm in joined]

    def rest(self) -> list[Pcm]:
        rest, self._rest = self._rest, [np.zeros(0, np.int16)] * len(self._rest)
        return rest


class MixedListener:
    """One two-wire signal that holds both ends.

    What is said while the box speaks in the room is judged, but nobody's side is asked or learnt from it: the box's own
    voice, soft in the household's handset, would pass for the far end and make the far end pass for the household.
    """

    def __init__(self, recognizer: CallRecognizer, sides: SideEstimator, judge: Judge) -> None:
        self._recognizer = recognizer
        self._sides = sides
        self._judge = judge
        self._blocks = _Blocks(1)
        self._fed = 0
        self._box_spoke: deque[tuple[float, float]] = deque(maxlen=OWN_STRETCHES)

    def feed(self, *channels: Pcm, box_speaks: bool = False) -> list[UtteranceAssessed]:
        start, self._fed = self._fed / SAMPLE_RATE, self._fed + len(channels[0])
        if box_speaks:
            if self._box_spoke and self._box_spoke[-1][1] == start:
                start, _ = self._box_spoke.pop()
            self._box_spoke.append((start, self._fed / SAMPLE_RATE))
        return [heard for (pcm,) in self._blocks.add(channels) for heard in self._block(pcm)]

    def finish(self) -> list[UtteranceAssessed]:
        (rest,) = self._blocks.rest()
        return self._block(rest) + self._assess(self._recognizer.finish())

    def _block(self, pcm: Pcm) -> list[UtteranceAssessed]:
        self._sides.feed(pcm)
        return self._assess(self._recognizer.feed(pcm))

    def _assess(self, utterances: Sequence[Utterance]) -> list[UtteranceAssessed]:
        sided = [replace(one, side=self._side(one.t0, one.t1)) for one in utterances]
        return [_judged(self._judge, one, self._recognizer.heard_until) for one in sided]

    def _side(self, t0: float, t1: float) -> Side:
        own = any(t0 < end and start < t1 for start, end in self._box_spoke)
        return "unknown" if own else self._sides.side(t0, t1)


class SeparateListener:
    """Far and near on channels of their own (series box, SIP, stereo recordings)."""

    def __init__(self, far: CallRecognizer, near: CallRecognizer, judge: Judge) -> None:
        self._recognizers: tuple[tuple[Side, CallRecognizer], ...] = (("far", far), ("near", near))
        self._judge = judge
        self._blocks = _Blocks(2)

    def feed(self, *channels: Pcm, box_speaks: bool = False) -> list[UtteranceAssessed]:  # noqa: ARG002
        return [heard for block in self._blocks.add(channels) for heard in self._block(block)]

    def finish(self) -> list[UtteranceAssessed]:
        heard = self._block(self._blocks.rest())
        return heard + self._assess([recognizer.finish() for _side, recognizer in self._recognizers])

    def _block(self, block: list[Pcm]) -> list[UtteranceAssessed]:
        pairs = zip(self._recognizers, block, strict=True)
        return self._assess([recognizer.feed(pcm) for (_side, recognizer), pcm in pairs])

    def _assess(self, by_channel: list[Sequence[Utterance]]) -> list[UtteranceAssessed]:
        sided = [
            replace(one, side=side)
            for (side, _recognizer), utterances in zip(self._recognizers, by_channel, strict=True)
            for one in utterances
        ]
        sided.sort(key=lambda one: one.t1)
        until = self._recognizers[0][1].heard_until
        return [_judged(self._judge, one, until) for one in sided]


def _judged(judge: Judge, utterance: Utterance, decided_at: float) -> UtteranceAssessed:
    return UtteranceAssessed(utterance, judge.hear(utterance), decided_at)
