"""Figures about judged calls: shares with their intervals, in time or not, by group, the worst errors."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from denwaban.detect.model import Channel, Thresholds
from denwaban.events import Level
from training.calibrate import Judged, Verdict, channel_of, is_hard, is_harmless_excerpt, verdict
from training.calls import Call
from training.dataset import CHAT, HeardCall

KANA_PER_S: Final = 7.0
"""Pace of Japanese talk, pauses between turns included; only for putting turns into seconds."""


@dataclass(frozen=True, slots=True)
class Case:
    """A judged view and its verdict."""

    judged: Judged
    verdict: Verdict

    @property
    def view(self) -> HeardCall:
        return self.judged.scored.view

    @property
    def call(self) -> Call:
        return self.view.call

    @property
    def name(self) -> str:
        """Which view it is."""
        return f"{self.view.words}, sides {self.view.sides}"

    @property
    def top(self) -> float:
        """The highest scam probability of the call."""
        return float(self.judged.call[:, 2].max())

    @property
    def ask_turn(self) -> int | None:
        """The turn of the first decisive ask."""
        return next((i for i, turn in enumerate(self.call.turns) if turn.ask), None)

    @property
    def alert_turn(self) -> int | None:
        """The turn in which the alert was raised."""
        first = self.verdict.first_alert
        return None if first is None else self.view.heard[self.view.scored[first]].turn

    @property
    def in_time(self) -> bool:
        """Alerted at or before the turn with the first decisive ask."""
        return self.alert_turn is not None and self.ask_turn is not None and self.alert_turn <= self.ask_turn

    @property
    def seconds_to_alert(self) -> float | None:
        """About how long had been talked when the alert came."""
        if self.alert_turn is None:
            return None
        return sum(len(one.text.kana) for one in self.view.heard if one.turn <= self.alert_turn) / KANA_PER_S

    def reached(self, level: Level) -> bool:
        return self.verdict.level.rank >= level.rank


def cases_of(found: Iterable[Judged], thresholds: Mapping[Channel, Thresholds]) -> list[Case]:
    """The policy's verdicts."""
    return [Case(one, verdict(one, thresholds[channel_of(one.scored.view)])) for one in found]


@dataclass(frozen=True, slots=True)
class Share:
    """k of n with the Wilson 95 % interval."""

    k: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        z, p = 1.96, self.k / self.n
        centre = (p + z * z / (2 * self.n)) / (1 + z * z / self.n)
        half = z / (1 + z * z / self.n) * math.sqrt(p * (1 - p) / self.n + z * z / (4 * self.n**2))
        return max(0.0, centre - half), min(1.0, centre + half)

    def __str__(self) -> str:
        if not self.n:
            return "–"
        low, high = self.interval
        return f"{self.k}/{self.n} = {100 * self.k / self.n:.1f} % ({100 * low:.0f}–{100 * high:.0f})"


def count(cases: Iterable[Case], hit: Callable[[Case], bool]) -> Share:
    """How many of the cases are hits."""
    hits = [hit(case) for case in cases]
    return Share(sum(hits), len(hits))


def alerted(case: Case) -> bool:
    """An alert was raised."""
    return case.reached(Level.ALERT)


def warned(case: Case) -> bool:
    """Caution or alert was raised."""
    return case.reached(Level.CAUTION)


def is_whole_scam(case: Case) -> bool:
    """A whole scam call."""
    return case.call.label == "scam" and case.call.whole


def is_scam_excerpt(case: Case) -> bool:
    """An excerpt in which the caller says something that shows a scam."""
    return case.call.label == "scam" and not case.call.whole and any(turn.stage for turn in case.call.far_turns)


def headline(cases: Sequence[Case]) -> dict[str, Share]:
    """The figures that matter most, of one view."""
    whole = [case for case in cases if is_whole_scam(case)]
    harmless = [case for case in cases if case.call.label == "harmless" and case.call.category != CHAT]
    hard = [case for case in cases if is_hard(case.call)]
    chats = [case for case in cases if case.call.category == CHAT]
    told = [case for case in cases if case.call.label == "scam" and warned(case)]
    return {
        "whole scam calls: alert": count(whole, alerted),
        "… at or before the decisive ask": count([c for c in whole if c.ask_turn is not None], lambda c: c.in_time),
        "scam excerpts: caution or alert": count(filter(is_scam_excerpt, cases), warned),
        "hard harmless whole calls: alert": count(hard, alerted),
        "all harmless calls: alert": count(harmless, alerted),
        "all harmless calls: caution or alert": count(harmless, warned),
        "harmless excerpts: caution or alert": count([c for c in cases if is_harmless_excerpt(c.call)], warned),
        "sales calls: alert": count([c for c in cases if c.call.label == "sales"], alerted),
        "everyday chats: alert": count(chats, alerted),
        "everyday chats: caution or alert": count(chats, warned),
        "kind named right, of scams noticed": count(told, lambda c: c.judged.scored.category == c.call.category),
    }


def times(cases: Sequence[Case]) -> dict[str, float]:
    """Median turns of the far end and median seconds of talk until the alert, of whole scam calls that raised one."""
    raised = [case for case in cases if is_whole_scam(case) and case.alert_turn is not None]
    turns = [sum(turn.far for turn in case.call.turns[: (case.alert_turn or 0) + 1]) for case in raised]
    seconds = [case.seconds_to_alert or 0.0 for case in raised]
    return {"turns": statistics.median(turns or [0]), "seconds": round(statistics.median(seconds or [0.0]))}


def by_group(cases: Iterable[Case], group: Callable[[Case], str]) -> list[tuple[str, Share, Share]]:
    """(group, whole scam calls alerted, harmless calls alerted)."""
    members: dict[str, list[Case]] = {}
    for case in cases:
        members.setdefault(group(case), []).append(case)
    return [
        (
            name,
            count(filter(is_whole_scam, of_group), alerted),
            count((case for case in of_group if case.call.label == "harmless"), alerted),
        )
        for name, of_group in sorted(members.items())
    ]


def worst(cases: Sequence[Case], most: int = 10) -> list[Case]:
    """The confidently wrong: harmless calls with the highest scam probability, whole scam calls with the lowest."""
    false = sorted((case for case in cases if case.call.label == "harmless"), key=lambda case: -case.top)
    missed = sorted(filter(is_whole_scam, cases), key=lambda case: case.top)
    return [*false[: most // 2], *missed[: most // 2]]
