"""From corpus calls to training rows: utterances with labels, call prefixes with labels. No model here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from denwaban.detect.policy import CONTEXT_UTTERANCES
from denwaban.detect.text import ModelText, Reader

from training.calls import Call, Turn

LABEL_OF_STAGE: Final = ("plain", "pretext", "probe", "pressure", "instruct")


@dataclass(frozen=True, slots=True)
class FarTurn:
    """One far-end turn ready for the model."""

    text: ModelText
    label: str
    stage: int
    ask: bool
    position: int
    """0-based position among all turns of the call."""


@dataclass(frozen=True, slots=True)
class ReadCall:
    """A call whose far turns have been read."""

    call: Call
    far: tuple[FarTurn, ...]


def utterance_label(call: Call, turn: Turn) -> str:
    """The utterance class of a far turn: harmless talk is plain, a pitch is sales, scams go by stage."""
    if call.label == "harmless" or turn.stage == 0:
        return "plain"
    if call.label == "sales":
        return "sales"
    return "ask" if turn.ask else LABEL_OF_STAGE[turn.stage]


def read_calls(calls: Iterable[Call]) -> list[ReadCall]:
    """Read every far turn (the slow part: about 0.25 ms a turn)."""
    reader = Reader()
    result = []
    for call in calls:
        far = tuple(
            FarTurn(reader.read(turn.text), utterance_label(call, turn), turn.stage, turn.ask, position)
            for position, turn in enumerate(call.turns)
            if turn.far
        )
        result.append(ReadCall(call, tuple(turn for turn in far if turn.text.surface)))
    return result


def joined(turns: Sequence[FarTurn]) -> tuple[str, str]:
    """(surface, kana) of the last utterances, as the box joins them."""
    last = turns[-CONTEXT_UTTERANCES:]
    return "".join(turn.text.surface for turn in last), "".join(turn.text.kana for turn in last)


def prefix_label(read: ReadCall, upto: int) -> str | None:
    """What the first `upto` far turns are: the call's label once it has shown itself, None before that."""
    if read.call.label == "harmless":
        return "harmless"
    shown = any(turn.stage >= 1 for turn in read.far[:upto])
    return read.call.label if shown else None


def with_lost_sides(call: Call, random: Random, wrong: float, unknown: float) -> list[str]:
    """The side the box would take each turn for, when a share is wrong and a share unknown."""
    sides = []
    for turn in call.turns:
        true = "far" if turn.far else "near"
        dice = random.random()
        if dice < wrong:
            sides.append("near" if turn.far else "far")
        elif dice < wrong + unknown:
            sides.append("unknown")
        else:
            sides.append(true)
    return sides


def truncated(read: ReadCall, upto: int) -> ReadCall:
    """The call as it is known after `upto` far turns."""
    return replace(read, far=read.far[:upto])
