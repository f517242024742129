"""From corpus calls to what the box would hear of them: utterances with labels, in several views. No model here.

A view is one way in which a call reaches the detector: as written with known sides, or as a two-wire tap hears it, with
both ends scored as `unknown`; and either as the words were written or as the recogniser got them.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from denwaban.detect.policy import CONTEXT_UTTERANCES, UNKNOWN_SIDE_WEIGHT
from denwaban.detect.text import ModelText, Reader
from training.calls import Call, Turn

Sides = Literal["known", "unknown"]
Words = Literal["written", "recognised"]
Render = Callable[[Call, int], tuple[ModelText, ...]]
"""(call, turn) → what the recogniser made of that turn: no, one or several utterances."""

CHAT_FOLDS: Final = 8
"""Chats are dealt to as many pretended hands, so that they too are scored by models that never saw them."""
LABEL_OF_STAGE: Final = ("plain", "pretext", "probe", "pressure", "instruct")


@dataclass(frozen=True, slots=True)
class Heard:
    """One utterance as the detector gets it, with its labels."""

    text: ModelText
    label: str
    stage: int
    ask: bool
    turn: int
    """0-based position of the turn in the written call."""


@dataclass(frozen=True, slots=True)
class HeardCall:
    """A call in one view."""

    call: Call
    sides: Sides
    words: Words
    heard: tuple[Heard, ...]

    @property
    def weight(self) -> float:
        """Weight of its utterances in the policy."""
        return 1.0 if self.sides == "known" else UNKNOWN_SIDE_WEIGHT


def utterance_label(call: Call, turn: Turn) -> str:
    """The class of a turn: harmless talk and the household's own are plain, a pitch is sales, scams go by stage."""
    if not turn.far or call.label == "harmless" or turn.stage == 0:
        return "plain"
    if call.label == "sales":
        return "sales"
    return "ask" if turn.ask else LABEL_OF_STAGE[turn.stage]


def hear(call: Call, render: Render, sides: Sides, words: Words) -> HeardCall:
    """One view of a call."""
    heard = tuple(
        Heard(text, utterance_label(call, turn), turn.stage, turn.ask, position)
        for position, turn in enumerate(call.turns)
        if turn.far or sides == "unknown"
        for text in render(call, position)
        if text.surface
    )
    return HeardCall(call, sides, words, heard)


def as_written(reader: Reader) -> Render:
    """Every turn is heard as it was written."""
    return lambda call, turn: (reader.read(call.turns[turn].text),)


def written_views(calls: Iterable[Call], sides: Sides = "known") -> list[HeardCall]:
    """All calls as written."""
    render = as_written(Reader())
    return [hear(call, render, sides, "written") for call in calls]


def load_chats(path: Path, start: int, count: int) -> list[Call]:
    """Everyday chats (JSON lines, .xz or plain; `training/README.md`) as harmless calls: speaker A is the far end."""
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for i, line in enumerate(lines) if start <= i < start + count]
    return [
        Call(
            id=f"chat-{row['id']}",
            hand=f"c{i % CHAT_FOLDS + 1:02d}",
            label="harmless",
            category="chat",
            difficulty="easy",
            turns=tuple(Turn(turn["speaker"] == "A", turn["text"]) for turn in row["turns"]),
        )
        for i, row in enumerate(rows)
    ]


def joined(heard: Sequence[Heard]) -> tuple[str, str]:
    """(surface, kana) of the last utterances, as the box joins them."""
    last = heard[-CONTEXT_UTTERANCES:]
    return "".join(one.text.surface for one in last), "".join(one.text.kana for one in last)


def prefix_label(view: HeardCall, upto: int) -> str | None:
    """What the first `upto` utterances are: the call's label once it has shown itself, None before that."""
    if view.call.label == "harmless":
        return "harmless"
    shown = any(one.label != "plain" for one in view.heard[:upto])
    return view.call.label if shown else None
