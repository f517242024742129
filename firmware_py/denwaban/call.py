"""The call in hand, and what is said of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from denwaban import events as ev
from denwaban.effects import Outcome, SendAlert
from denwaban.events import CallerId, Evidence, Level
from denwaban.screening import Decision

UPDATE_EVERY_S: Final = 10.0
"""At most one alert update in this time, unless the kind of scam changes."""
TRANSCRIPT_TAIL: Final = 12
EVIDENCE_KEPT: Final = 6


@dataclass(frozen=True, slots=True)
class Call:
    """The call in hand."""

    id: str
    last_ring: float
    caller: CallerId | None = None
    decision: Decision | None = None
    opened: bool = False
    listening: bool = False
    released: bool = False
    handset_up: bool = False
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


def with_assessment(call: Call, event: ev.UtteranceAssessed) -> Call:
    """The call after one more judged utterance: level and score only rise."""
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


def alert_of(call: Call, event: Literal["new", "update", "end"]) -> SendAlert:
    """What the family is told; the call's id is the alert's."""
    verdict = (call.level, call.category, call.score, call.caller, call.evidence, call.transcript)
    return SendAlert(call.id, call.id, event, *verdict)


def worth_an_update(call: Call, event: ev.UtteranceAssessed, now: float) -> bool:
    """Whether the family should hear of this utterance, too."""
    new_kind = call.category != call.updated_category
    return bool(event.assessment.evidence) and (new_kind or now - call.updated_at >= UPDATE_EVERY_S)
