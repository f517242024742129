"""Calls that the shipped detector never saw, by outside authors, judged as on the box.

`training/unseen/h31.txt` holds whole calls, `h32.txt` excerpts by authors who saw neither the corpus nor its guide,
`recognised/` what the recogniser made of some of the calls; `last/` further such hands, which nobody had looked at when
the detector was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from denwaban.detect.judge import CallJudge
from denwaban.detect.model import Channel, ScamModel
from denwaban.detect.text import Reader
from denwaban.events import Level, Utterance
from training.calls import Call, load_corpus
from training.dataset import Sides, load_chats, side_of
from training.figures import Share
from training.recognise import load_recognised

UNSEEN_DIR: Final = Path(__file__).parent / "unseen"
LAST_DIR: Final = UNSEEN_DIR / "last"

Spoken = Callable[[Call, int], tuple[str, ...]]
"""(call, turn) → the utterances heard of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: the highest level, and the turn in which the alert was raised."""

    call: Call
    level: Level
    alert_turn: int | None

    @property
    def in_time(self) -> bool:
        """Alerted at or before the turn with the first decisive ask."""
        ask = next((i for i, turn in enumerate(self.call.turns) if turn.ask), None)
        return ask is not None and self.alert_turn is not None and self.alert_turn <= ask


def judge_call(
    model: ScamModel, reader: Reader, call: Call, sides: Sides, spoken: Spoken, channel: Channel = "written"
) -> Outcome:
    """One call through the box's own judge."""
    judge, level, alert_turn = CallJudge(model, reader, channel=channel), Level.QUIET, None
    for position in range(len(call.turns)):
        for text in spoken(call, position):
            side = side_of(call, position, sides)
            level = judge.hear(Utterance(text, float(position), position + 1.0, side)).level
        if level is Level.ALERT and alert_turn is None:
            alert_turn = position
    return Outcome(call, level, alert_turn)


def figures(outcomes: Iterable[Outcome]) -> dict[str, Share]:
    """The figures that matter most."""
    found = list(outcomes)

    def share(label: str, level: Level, *, whole: bool) -> Share:
        of_label = [one for one in found if one.call.label == label and one.call.whole == whole]
        return Share(sum(one.level.rank >= level.rank for one in of_label), len(of_label))

    asked = [one for one in found if one.call.whole and any(turn.ask for turn in one.call.turns)]
    return {
        "whole scam calls: alert": share("scam", Level.ALERT, whole=True),
        "… at or before the decisive ask": Share(sum(one.in_time for one in asked), len(asked)),
        "hard harmless calls: alert": share("harmless", Level.ALERT, whole=True),
        "pushy sales calls: alert": share("sales", Level.ALERT, whole=True),
        "scam excerpts: caution or alert": share("scam", Level.CAUTION, whole=False),
        "harmless excerpts: caution or alert": share("harmless", Level.CAUTION, whole=False),
    }


def judge_chats(model: ScamModel, path: Path, count: int) -> dict[str, Share]:
    """False alarms on the first chats of a file, one side taken for the caller's."""
    reader = Reader()
    ranks = [
        judge_call(model, reader, chat, "known", lambda call, turn: (call.turns[turn].text,)).level.rank
        for chat in load_chats(path, 0, count)
    ]
    return {
        "alert": Share(sum(rank == Level.ALERT.rank for rank in ranks), len(ranks)),
        "caution or alert": Share(sum(rank >= Level.CAUTION.rank for rank in ranks), len(ranks)),
    }


def judge_unseen(model: ScamModel, folder: Path = UNSEEN_DIR) -> dict[str, dict[str, Share]]:
    """Figures by view; recognised views only where the folder has calls that were recognised."""
    reader, calls = Reader(), load_corpus(folder)
    rows = load_recognised(folder / "recognised", calls)
    rendered = [call for call in calls if all((call.id, i) in rows for i, turn in enumerate(call.turns) if turn.far)]

    def written(call: Call, turn: int) -> tuple[str, ...]:
        return (call.turns[turn].text,)

    def recognised(call: Call, turn: int) -> tuple[str, ...]:
        """What the recogniser made of the far end; the household's turns were not rendered."""
        return rows[call.id, turn][0].text if call.turns[turn].far else written(call, turn)

    found = {}
    views: tuple[Sides, ...] = ("known", "mixed", "unknown")
    kinds: tuple[tuple[str, list[Call], Spoken, Channel], ...] = (
        ("written", calls, written, "written"),
        ("recognised", rendered, recognised, "heard"),
    )
    for words, of, spoken, channel in kinds:
        for sides in views if of else ():
            outcomes = [judge_call(model, reader, call, sides, spoken, channel) for call in of]
            found[f"{words}, sides {sides}"] = figures(outcomes)
    return found
