"""The course of a call: one table, `step(state, event, now) -> (state, effects)`. Pure: no clock, I/O or randomness.

A pair (phase, event) that the table does not list changes nothing: the line may say anything at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from denwaban import events as ev
from denwaban.advice import for_household, spoken_warnings
from denwaban.effects import (
    Answer,
    Chime,
    CloseCall,
    Effect,
    HangUp,
    Lamp,
    NoteUtterance,
    OpenCall,
    Outcome,
    Play,
    Record,
    SendAlert,
    SetLamp,
    StartListening,
    StopListening,
    Warn,
)
from denwaban.events import CallerId, Event, Evidence, Level
from denwaban.screening import Decision, ScreeningRules, decide

RING_GAP_NORMAL_S: Final = 2.0
"""Rings closer than this are caller-id alerting (0.5 s on, 0.5 s off), during which answering loses the call;
ordinary ringing is 1 s on, 2 s off."""
RING_STOPPED_S: Final = 6.0
"""No ring for two cadences of 3 s: the caller gave up, or somebody else answered."""
ANSWER_LIMIT_S: Final = 5.0
PROMPT_LIMIT_S: Final = 30.0
RELEASE_LIMIT_S: Final = 180.0
"""Longest wait for the line's release and the last verdicts before the call record is closed without them."""
CHIME_EVERY_S: Final = 6.0
TALK_UTTERANCES: Final = 4
"""So much speech while the handset is awaited is a conversation: not every modem senses that a handset is lifted."""
UPDATE_EVERY_S: Final = 10.0
"""At most one alert update in this time, unless the kind of scam changes."""
TRANSCRIPT_TAIL: Final = 12
EVIDENCE_KEPT: Final = 6
_STANDARD_RULES: Final = ScreeningRules()


class Phase(Enum):
    """Where the box is in a call."""

    IDLE = "idle"
    RINGING = "ringing"
    LEFT_ALONE = "left alone"
    ANSWERING = "answering"
    REFUSING = "refusing"
    ANNOUNCING = "announcing"
    AWAITING_HANDSET = "awaiting handset"
    TALKING = "talking"
    RELEASING = "releasing"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What the household may set about the course of a call. Seconds."""

    rules: ScreeningRules = _STANDARD_RULES
    tells_family: bool = True
    """Somebody is registered to be told; otherwise the spoken warnings must not claim it."""
    handset_wait_s: float = 40.0
    max_call_s: float = 7200.0


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


@dataclass(frozen=True, slots=True)
class SessionState:
    """Everything the session knows. `boot` makes call ids unique over restarts."""

    boot: str
    settings: SessionSettings = SessionSettings()
    phase: Phase = Phase.IDLE
    calls: int = 0
    call: Call | None = None
    deadline: float | None = None


Step = tuple[SessionState, tuple[Effect, ...]]
_Handler = Callable[[SessionState, Any, float], Step]


def step(state: SessionState, event: Event, now: float) -> Step:
    """Advance the session by one event at time `now` (seconds, monotonic)."""
    handler = _TABLE.get((state.phase, type(event))) or _ANY_PHASE.get(type(event))
    return handler(state, event, now) if handler else (state, ())


# --- helpers -----------------------------------------------------------------------------------------------------


def _call(state: SessionState) -> Call:
    assert state.call is not None, "every phase but IDLE has a call"
    return state.call


def _to(state: SessionState, phase: Phase, call: Call, deadline: float | None, *effects: Effect) -> Step:
    return replace(state, phase=phase, call=call, deadline=deadline), effects


def _release(state: SessionState, call: Call, now: float) -> Step:
    """Hang up, then wait for the line and the last verdicts."""
    return _to(state, Phase.RELEASING, call, now + RELEASE_LIMIT_S, HangUp())


def _close(state: SessionState, call: Call) -> Step:
    effects: list[Effect] = []
    if call.listening and not call.released:  # else the listener would take the next call's audio for this one's
        effects.append(StopListening(call.id))
    if not call.opened:
        effects.append(OpenCall(call.id, call.caller, "none"))
    if call.level is Level.ALERT:
        advice = for_household("call_ended_advice", tells_family=state.settings.tells_family)
        effects += [_alert(call, "end"), Warn(advice)]
    effects += [SetLamp("off"), CloseCall(call.id, call.outcome, call.level, call.category, call.score)]
    return replace(state, phase=Phase.IDLE, call=None, deadline=None), tuple(effects)


def _alert(call: Call, event: Any) -> SendAlert:
    verdict = (call.level, call.category, call.score, call.caller, call.evidence, call.transcript)
    return SendAlert(call.id, call.id, event, *verdict)


# --- ringing -----------------------------------------------------------------------------------------------------


def _begin(state: SessionState, event: ev.RingHeard | ev.CallerIdShown, now: float) -> Step:
    calls = state.calls + 1
    caller = event.caller if isinstance(event, ev.CallerIdShown) else None
    call = Call(f"{state.boot}-{calls}", last_ring=now, caller=caller)
    return _to(replace(state, calls=calls), Phase.RINGING, call, now + RING_STOPPED_S)


def _caller_id(state: SessionState, event: ev.CallerIdShown, now: float) -> Step:
    call, ringing = _call(state), state.phase is Phase.RINGING
    if not ringing and call.caller not in (None, event.caller):  # the next call must not ring as a known caller's
        state, closed = _close(state, call)
        return _begin(state, event, now)[0], closed
    if not ringing or call.caller is not None:
        return state, ()  # a second report is call waiting, never a new caller
    return _to(state, Phase.RINGING, replace(call, caller=event.caller), now + RING_STOPPED_S)


def _ring(state: SessionState, _event: ev.RingHeard, now: float) -> Step:
    call = _call(state)
    gap = now - call.last_ring
    call = replace(call, last_ring=now)
    if call.caller is None and gap < RING_GAP_NORMAL_S:
        return _to(state, Phase.RINGING, call, now + RING_STOPPED_S)
    decision = decide(state.settings.rules, call.caller)
    call = replace(call, decision=decision, opened=True)
    opened = OpenCall(call.id, call.caller, decision.reason)
    if decision.action == "allow":
        return _to(state, Phase.LEFT_ALONE, replace(call, outcome="left_alone"), now + RING_STOPPED_S, opened)
    return _to(state, Phase.ANSWERING, call, now + ANSWER_LIMIT_S, opened, Answer(), SetLamp("listening"))


def _ring_on(state: SessionState, _event: ev.RingHeard, now: float) -> Step:
    return _to(state, state.phase, _call(state), now + RING_STOPPED_S)


def _household_first(state: SessionState, _event: ev.HandsetLifted, now: float) -> Step:
    call = replace(_call(state), outcome="left_alone")
    return _to(state, Phase.LEFT_ALONE, call, now + RING_STOPPED_S)


# --- answering, announcing, refusing -------------------------------------------------------------------------------


def _answered(state: SessionState, _event: ev.Answered, now: float) -> Step:
    call = replace(_call(state), answered_at=now)
    prompt = call.decision.prompt if call.decision else None
    if prompt is not None:
        call = replace(call, outcome="refused")
        return _to(state, Phase.REFUSING, call, now + PROMPT_LIMIT_S, Play(prompt))
    return _to(state, Phase.ANNOUNCING, call, now + PROMPT_LIMIT_S, Play("recording_warning"))


def _not_answered(state: SessionState, _event: ev.DeadlineReached, now: float) -> Step:
    return _release(state, replace(_call(state), outcome="line_failed"), now)


def _hang_up_now(state: SessionState, _event: Event, now: float) -> Step:
    return _release(state, _call(state), now)


def _caller_gone(state: SessionState, event: ev.ToneHeard, now: float) -> Step:
    """A fax tone ends nothing: modems take speech for it, and a swindler could play it to be rid of the box."""
    if event.tone == "fax":
        return state, ()
    call = _call(state)
    return _release(state, call if state.phase is Phase.TALKING else replace(call, outcome="repelled"), now)


def _handset_early(state: SessionState, event: ev.HandsetLifted | ev.HandsetReplaced, _now: float) -> Step:
    return replace(state, call=replace(_call(state), handset_up=isinstance(event, ev.HandsetLifted))), ()


def _announced(state: SessionState, _event: Event, now: float) -> Step:
    call = replace(_call(state), listening=True, answered_at=now)
    listen = (StartListening(call.id, call.caller), Record())
    if call.handset_up:
        state, _ = _talk(replace(state, call=call), ev.HandsetLifted(), now)
        return state, listen
    call_household = (Chime(), Warn("phone_for_you"))
    return _to(state, Phase.AWAITING_HANDSET, call, now + CHIME_EVERY_S, *listen, *call_household)


def _chime_again(state: SessionState, _event: ev.DeadlineReached, now: float) -> Step:
    call = _call(state)
    if now - call.answered_at < state.settings.handset_wait_s:
        return _to(state, state.phase, call, now + CHIME_EVERY_S, Chime())
    return _to(state, Phase.REFUSING, replace(call, outcome="unanswered"), now + PROMPT_LIMIT_S, Play("nobody_home"))


def _talk(state: SessionState, _event: ev.HandsetLifted, now: float) -> Step:
    call = replace(_call(state), outcome="screened")
    return _to(state, Phase.TALKING, call, now + state.settings.max_call_s)


# --- listening ---------------------------------------------------------------------------------------------------


def _heard(state: SessionState, event: ev.UtteranceAssessed, now: float) -> Step:
    before = _call(state)
    if not before.listening:
        return state, ()
    call = _with_assessment(before, event)
    state = replace(state, call=call)
    effects: list[Effect] = [NoteUtterance(call.id, event)]
    if state.phase is Phase.AWAITING_HANDSET and (event.utterance.side == "near" or call.utterances >= TALK_UTTERANCES):
        state, _ = _talk(state, ev.HandsetLifted(), now)
    if call.level.rank > before.level.rank:
        effects += _level_raised(state, call)
        state = _mark_update(state, now)
    elif call.level is Level.ALERT and _worth_an_update(call, event, now):
        effects.append(_alert(call, "update"))
        state = _mark_update(state, now)
    return state, tuple(effects)


def _with_assessment(call: Call, event: ev.UtteranceAssessed) -> Call:
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


def _level_raised(state: SessionState, call: Call) -> tuple[Effect, ...]:
    warnings = spoken_warnings(call.level, call.category, tells_family=state.settings.tells_family)
    alert = (_alert(call, "new"),) if call.level is Level.ALERT else ()
    return (*alert, *map(Warn, warnings), SetLamp("alert" if alert else "caution"))


def _worth_an_update(call: Call, event: ev.UtteranceAssessed, now: float) -> bool:
    new_kind = call.category != call.updated_category
    return bool(event.assessment.evidence) and (new_kind or now - call.updated_at >= UPDATE_EVERY_S)


def _mark_update(state: SessionState, now: float) -> SessionState:
    call = _call(state)
    return replace(state, call=replace(call, updated_at=now, updated_category=call.category))


# --- the end -----------------------------------------------------------------------------------------------------


def _released(state: SessionState, _event: ev.LineReleased | None, _now: float) -> Step:
    """The line is free, and with that the call's audio complete."""
    call = _call(state)
    if not call.listening:
        return _close(state, call)
    stop = () if call.released else (StopListening(call.id),)
    return replace(state, call=replace(call, released=True)), stop


def _transcript_finished(state: SessionState, event: ev.TranscriptFinished, _now: float) -> Step:
    call = _call(state)
    return _close(state, call) if event.call_id == call.id else (state, ())


def _over(state: SessionState, _event: ev.DeadlineReached, _now: float) -> Step:
    return _close(state, _call(state))


def _line_failed(state: SessionState, _event: ev.LineFailed, now: float) -> Step:
    """The port is gone and with it the call: closing the port released the line.

    An `Answer` that crossed this event may still wait for the port to come back, so a `HangUp` follows it.
    """
    if state.call is None:
        return state, (SetLamp("fault"),)
    if state.phase is Phase.RELEASING:
        return _released(state, None, now)
    if state.phase is Phase.LEFT_ALONE:
        return _close(state, state.call)  # the box had no part in it
    call = replace(state.call, outcome="line_failed")
    hang_up = () if state.phase is Phase.RINGING else (HangUp(),)
    releasing = replace(state, phase=Phase.RELEASING, call=call, deadline=now + RELEASE_LIMIT_S)
    state, effects = _released(releasing, None, now)
    return state, (*hang_up, *effects)


def _stray(state: SessionState, _event: ev.Answered, _now: float) -> Step:
    return state, (HangUp(),)  # off-hook without a call: nobody must find the line busy


def _show(lamp: Lamp) -> _Handler:
    return lambda state, _event, _now: (state, (SetLamp(lamp),))


_ANY_PHASE: Final[dict[type[Event], _Handler]] = {
    ev.LineFailed: _line_failed,
    ev.LineReady: _show("off"),
    ev.ListenerFailed: _show("fault"),
}

_TABLE: Final[dict[tuple[Phase, type[Event]], _Handler]] = {
    (Phase.IDLE, ev.RingHeard): _begin,
    (Phase.IDLE, ev.CallerIdShown): _begin,
    (Phase.IDLE, ev.Answered): _stray,
    (Phase.RINGING, ev.RingHeard): _ring,
    (Phase.RINGING, ev.CallerIdShown): _caller_id,
    (Phase.RINGING, ev.HandsetLifted): _household_first,
    (Phase.RINGING, ev.DeadlineReached): _over,
    (Phase.LEFT_ALONE, ev.RingHeard): _ring_on,
    (Phase.LEFT_ALONE, ev.CallerIdShown): _caller_id,
    (Phase.LEFT_ALONE, ev.DeadlineReached): _over,
    (Phase.ANSWERING, ev.Answered): _answered,
    (Phase.ANSWERING, ev.HandsetLifted): _handset_early,
    (Phase.ANSWERING, ev.HandsetReplaced): _handset_early,
    (Phase.ANSWERING, ev.DeadlineReached): _not_answered,
    (Phase.REFUSING, ev.PromptFinished): _hang_up_now,
    (Phase.REFUSING, ev.ToneHeard): _hang_up_now,
    (Phase.REFUSING, ev.DeadlineReached): _hang_up_now,
    (Phase.REFUSING, ev.UtteranceAssessed): _heard,
    (Phase.ANNOUNCING, ev.PromptFinished): _announced,
    (Phase.ANNOUNCING, ev.ToneHeard): _caller_gone,
    (Phase.ANNOUNCING, ev.HandsetLifted): _handset_early,
    (Phase.ANNOUNCING, ev.HandsetReplaced): _handset_early,
    (Phase.ANNOUNCING, ev.DeadlineReached): _not_answered,
    (Phase.AWAITING_HANDSET, ev.HandsetLifted): _talk,
    (Phase.AWAITING_HANDSET, ev.UtteranceAssessed): _heard,
    (Phase.AWAITING_HANDSET, ev.ToneHeard): _caller_gone,
    (Phase.AWAITING_HANDSET, ev.DeadlineReached): _chime_again,
    (Phase.TALKING, ev.UtteranceAssessed): _heard,
    (Phase.TALKING, ev.ToneHeard): _caller_gone,
    (Phase.TALKING, ev.HandsetReplaced): _hang_up_now,
    (Phase.TALKING, ev.DeadlineReached): _hang_up_now,
    (Phase.RELEASING, ev.UtteranceAssessed): _heard,
    (Phase.RELEASING, ev.LineReleased): _released,
    (Phase.RELEASING, ev.TranscriptFinished): _transcript_finished,
    (Phase.RELEASING, ev.DeadlineReached): _over,
}
