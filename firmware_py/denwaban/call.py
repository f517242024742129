"""One call: what is known of it, and what a judged utterance changes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from denwaban.advice import spoken_warnings
from denwaban.effects import Effect, NoteUtterance, Outcome, SendAlert, SetLamp, Warn
from denwaban.events import CallerId, Evidence, Level, UtteranceAssessed
from denwaban.screening import Decision

UPDATE_EVERY_S: Final = 10.0
"""At most one alert update in this time, unless the kind of scam changes."""
TRANSCRIPT_TAIL: Final = 12
EVIDENCE_KEPT: Final = 6


@dataclass(frozen=True, slots=True)
class Call:
    """What the box knows of a call."""

    id: str
    last_ring: float
    caller: CallerId | None = None
    decision: Decision | None = None
    opened: bool = False
    listening: bool = False
    released: bool = False
    handset_up: bool = False
    stopped: bool = False
    """The household does not want it listened to."""
    utterances: int = 0
    outcome: Outcome = "unanswered"
    answered_at: float = 0.0
    level: Level = Level.QUIET
    category: str = ""
    score: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    transcript: tuple[tuple[str, str], ...] = ()
    updated_at: float = 0.0
    updated_category: str = ""


def judged(call: Call, event: UtteranceAssessed, now: float, *, tells_family: bool) -> tuple[Call, tuple[Effect, ...]]:
    """The call after one more utterance, and what follows from it."""
    after, noted = _with_assessment(call, event), NoteUtterance(call.id, event)
    told = replace(after, updated_at=now, updated_category=after.category)
    if after.level.rank > call.level.rank:
        warnings = spoken_warnings(after.level, after.category, tells_family=tells_family)
        alert = (alert_of(after, "new"),) if after.level is Level.ALERT else ()
        return told, (noted, *alert, *map(Warn, warnings), SetLamp("alert" if alert else "caution"))
    if after.level is Level.ALERT and _worth_an_update(after, event, now):
        return told, (noted, alert_of(after, "update"))
    return after, (noted,)


def alert_of(call: Call, event: Literal["new", "update", "end"]) -> SendAlert:
    """What the family is told of a call."""
    verdict = (call.level, call.category, call.score, call.caller, call.evidence, call.transcript)
    return SendAlert(call.id, call.id, event, *verdict)


def without_words(call: Call) -> Call:
    """The call without what was said in it."""
    return replace(call, evidence=(), transcript=())


def _with_assessment(call: Call, event: UtteranceAssessed) -> Call:
    found = event.assessment
    kept = {item.phrase: item for item in (*call.evidence, *found.evidence)}
    strongest = sorted(kept.values(), key=lambda item: item.weight, reverse=True)[:EVIDENCE_KEPT]
    level = max(call.level, found.level, key=lambda level: level.rank)
    return replace(
        call,
        level=level,
        category=found.category or call.category,
        score=max(call.score, found.call_score),
        evidence=tuple(strongest),
        utterances=call.utterances + 1,
        transcript=(*call.transcript, (event.utterance.side, event.utterance.text))[-TRANSCRIPT_TAIL:],
    )


def _worth_an_update(call: Call, event: UtteranceAssessed, now: float) -> bool:
    new_kind = call.category != call.updated_category
    return bool(event.assessment.evidence) and (new_kind or now - call.updated_at >= UPDATE_EVERY_S)
