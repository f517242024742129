"""From corpus calls to what the box would hear of them: utterances with sides and labels, in several views. No model.

A view is one way in which a call reaches the detector. Words: as written, or as the recogniser got them (really, where
the call was rendered, else noised). Sides: known (a line with two channels), mixed (a two-wire tap that errs), or
unknown throughout (a two-wire tap behind a modem with automatic gain).
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Final, Literal

from denwaban.detect.policy import weight_of
from denwaban.detect.text import ModelText, Reader
from denwaban.events import Side
from training.calls import Call, Turn

Sides = Literal["known", "mixed", "unknown"]
Words = Literal["written", "noised", "recognised"]
Render = Callable[[Call, int], tuple[ModelText, ...]]
"""(call, turn) → what was heard of that turn: no, one or several utterances."""

WRONG_SIDES: Final = 0.1
UNKNOWN_SIDES: Final = 0.1
"""Shares of turns taken for the other end's, and of turns nobody can place, where sides are `mixed`."""
CHAT: Final = "chat"
"""Category of everyday chats, which are not part of the corpus."""
CHAT_FOLDS: Final = 8
"""Chats are dealt to as many pretended hands, so that they too are scored by models that never saw them."""
LABEL_OF_STAGE: Final = ("plain", "pretext", "probe", "pressure", "instruct")
_OTHER_END: Final[Mapping[Side, Side]] = {"far": "near", "near": "far"}


@dataclass(frozen=True, slots=True)
class Heard:
    """One utterance as the detector gets it, with its labels."""

    text: ModelText
    side: Side
    """What the box takes it for."""
    label: str
    stage: int
    ask: bool
    turn: int
    """0-based position of the turn in the written call."""


@dataclass(frozen=True)
class HeardCall:
    """A call in one view."""

    call: Call
    sides: Sides
    words: Words
    heard: tuple[Heard, ...]

    @cached_property
    def scored(self) -> tuple[int, ...]:
        """Positions in `heard` of what is judged: everything but what is taken for the household's own."""
        return tuple(i for i, one in enumerate(self.heard) if one.side != "near")

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """The policy's weight of each scored utterance."""
        return tuple(weight_of(self.heard[i].side) for i in self.scored)


def utterance_label(call: Call, turn: Turn) -> str:
    """The class of a turn: harmless talk and the household's own are plain, a pitch is sales, scams go by stage."""
    if not turn.far or call.label == "harmless" or turn.stage == 0:
        return "plain"
    if call.label == "sales":
        return "sales"
    return "ask" if turn.ask else LABEL_OF_STAGE[turn.stage]


def side_of(call: Call, turn: int, sides: Sides) -> Side:
    """What the box takes a turn for. Follows from the ids alone."""
    true: Side = "far" if call.turns[turn].far else "near"
    if sides == "mixed":
        draw = Random(f"side {call.id} {turn}").random()
        if draw < WRONG_SIDES:
            return _OTHER_END[true]
        return "unknown" if draw < WRONG_SIDES + UNKNOWN_SIDES else true
    return true if sides == "known" else "unknown"


def hear(call: Call, rendered: Sequence[tuple[ModelText, ...]], sides: Sides, words: Words) -> HeardCall:
    """One view of a call. `rendered`: what was heard of each turn."""
    heard = tuple(
        Heard(text, side_of(call, position, sides), utterance_label(call, turn), turn.stage, turn.ask, position)
        for position, turn in enumerate(call.turns)
        for text in rendered[position]
        if text.surface
    )
    return HeardCall(call, sides, words, heard)


def as_written(reader: Reader) -> Render:
    """Every turn is heard as it was written."""
    return lambda call, turn: (reader.read(call.turns[turn].text),)


def views_of(calls: Iterable[Call], render: Render, words: Callable[[Call], Words]) -> list[HeardCall]:
    """All calls with their sides known, mixed and unknown. Each turn is rendered once."""
    views: list[HeardCall] = []
    for call in calls:
        rendered = [render(call, turn) for turn in range(len(call.turns))]
        for sides in ("known", "mixed", "unknown"):
            views.append(hear(call, rendered, sides, words(call)))
    return views


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
            category=CHAT,
            difficulty="easy",
            turns=tuple(Turn(turn["speaker"] == "A", turn["text"]) for turn in row["turns"]),
        )
        for i, row in enumerate(rows)
    ]


def prefix_labels(view: HeardCall) -> list[str | None]:
    """What the call is known to be after each scored utterance: its label once it has shown itself, else None."""
    if view.call.label == "harmless":
        return ["harmless"] * len(view.scored)
    labels: list[str | None] = []
    shown = False
    for position in view.scored:
        shown = shown or view.heard[position].label != "plain"
        labels.append(view.call.label if shown else None)
    return labels
