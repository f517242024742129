"""The course of a call until the box holds the line: who rings, who was quicker, what is decided. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from denwaban import events as ev
from denwaban.call import Call
from denwaban.effects import Answer, Effect, OpenCall, Outcome, SetLamp, UseLetThrough
from denwaban.phases import Phase, SessionState, Step, call_of, to
from denwaban.screening import (
    FAX_AGAIN,
    JOINED,
    LET_THROUGH,
    OUTGOING,
    Decision,
    called_back,
    decide,
    used_up,
)

RING_GAP_NORMAL_S: Final = 2.0
"""Rings closer than this are caller-id alerting (0.5 s on, 0.5 s off), during which answering loses the call;
ordinary ringing is 1 s on, 2 s off."""
RING_STOPPED_S: Final = 6.0
"""No ring for two cadences of 3 s: the caller gave up, or somebody else answered."""
LIFT_LIMIT_S: Final = 60.0
"""A line that can only be listened to may not hear it ring: so long after its last sign a call may be answered."""
ANSWER_LIMIT_S: Final = 5.0


def begin(state: SessionState, event: ev.RingHeard | ev.CallerIdShown, now: float) -> Step:
    """The first sign of a call."""
    caller = event.caller if isinstance(event, ev.CallerIdShown) else None
    state, call = _new_call(state, caller, now)
    return _ringing(state, call, now)


def _ringing(state: SessionState, call: Call, now: float) -> Step:
    return to(state, Phase.RINGING, call, now + _rings_for(state))


def _rings_for(state: SessionState) -> float:
    """Seconds after the last sign of a call until nobody will lift any more."""
    return RING_STOPPED_S if state.settings.can_answer else LIFT_LIMIT_S


def _new_call(state: SessionState, caller: ev.CallerId | None, now: float) -> tuple[SessionState, Call]:
    calls = state.calls + 1
    outcome: Outcome = "unanswered" if state.line_ready else "line_failed"
    call = Call(f"{state.boot}-{calls}", last_ring=now, caller=caller, outcome=outcome)
    return replace(state, calls=calls), call


def caller_shown(state: SessionState, event: ev.CallerIdShown, now: float) -> Step:
    """The number, before or between rings."""
    call = call_of(state)
    if call.caller is not None and (state.settings.can_answer or event.caller == ev.CallerId()):
        return state, ()  # a second report is call waiting, never a new caller
    # A line that may not hear the ringing stop may hear the next caller while it waits for the answer to the first.
    return _ringing(state, replace(call, caller=event.caller), now)


def ring(state: SessionState, _event: ev.RingHeard, now: float) -> Step:
    """Decide at the first ring at which it is safe to answer."""
    call = call_of(state)
    gap = now - call.last_ring
    call = replace(call, last_ring=now)
    if call.caller is None and gap < RING_GAP_NORMAL_S:
        return _ringing(state, call, now)
    decision = _decision(state, call, now)
    if decision.action != "allow" and not state.settings.can_answer:
        return _ringing(state, call, now)  # what becomes of it is decided when the household lifts
    if decision.action != "allow" and not state.line_ready:
        return to(state, Phase.RINGING, replace(call, outcome="line_failed"), now + RING_STOPPED_S)
    call = replace(call, decision=decision, opened=True, outcome="unanswered")
    opened = OpenCall(call.id, call.caller, decision.reason)
    if decision.action == "allow":
        state, used = _used(state, decision)
        call = replace(call, outcome="left_alone")
        return to(state, Phase.LEFT_ALONE, call, now + _rings_for(state), opened, *used)
    return to(state, Phase.ANSWERING, call, now + ANSWER_LIMIT_S, opened, Answer(), SetLamp("listening"))


def _decision(state: SessionState, call: Call, now: float) -> Decision:
    """The rules', softened where the household itself has telephoned, or a fax machine tries again.

    Where the box keeps nobody waiting there is nothing to soften.
    """
    decision = decide(state.settings.rules, call.caller, now + state.wall_offset)
    if not state.settings.can_answer:
        return decision
    retry = state.retry
    if decision.action == "screen" and retry is not None and now < retry.until and retry.caller == call.caller:
        return FAX_AGAIN
    return called_back(decision) if now < state.called_out_until else decision


def _used(state: SessionState, decision: Decision) -> Step:
    """A wish to let somebody through is good for one call."""
    if decision is FAX_AGAIN:
        return replace(state, retry=None), ()
    rules = state.settings.rules
    wish = rules.let_through
    if decision.reason != LET_THROUGH or wish is None:
        return state, ()
    settings = replace(state.settings, rules=used_up(rules))
    return replace(state, settings=settings, let_through=wish.id), (UseLetThrough(wish.id),)


def rules_changed(state: SessionState, event: ev.RulesChanged, _now: float) -> Step:
    """The next ring is decided by the new rules. A wish already fulfilled may not yet be noted where they come from."""
    rules = event.rules
    if rules.let_through is not None and rules.let_through.id == state.let_through:
        rules = used_up(rules)
    return replace(state, settings=replace(state.settings, rules=rules), wall_offset=event.wall_offset), ()


def ring_on(state: SessionState, _event: ev.RingHeard, now: float) -> Step:
    """It still rings for the household."""
    return to(state, state.phase, call_of(state), now + _rings_for(state))


def lifted_for_known(state: SessionState, _event: ev.HandsetLifted, now: float) -> Step:
    """The household has answered a caller it knows: the call is theirs."""
    return to(state, state.phase, call_of(state), now + RING_STOPPED_S)


def household_first(state: SessionState, _event: ev.HandsetLifted, now: float) -> Step:
    """The household was quicker: a caller it knows has its peace, with any other the box listens, unannounced."""
    call = call_of(state)
    decision = decide(state.settings.rules, call.caller, now + state.wall_offset)
    if decision.action == "allow":
        state, used = _used(state, decision)
        call = replace(call, decision=decision, opened=True, outcome="left_alone")
        opened = OpenCall(call.id, call.caller, decision.reason)
        return to(state, Phase.LEFT_ALONE, call, now + RING_STOPPED_S, opened, *used)
    if not state.settings.joins_calls or not state.line_ready:
        return to(state, Phase.LEFT_ALONE, replace(call, outcome="left_alone"), now + RING_STOPPED_S)
    return _join(state, replace(call, decision=JOINED), now)


def household_calls(state: SessionState, _event: ev.HandsetLifted, now: float) -> Step:
    """The household telephones somebody who may call back: a doctor, or the ambulance with its number withheld."""
    state = replace(state, called_out_until=now + state.settings.ring_through_s)
    if not state.settings.joins_outgoing or not state.line_ready:
        return state, ()
    state, call = _new_call(state, None, now)
    return _join(state, replace(call, decision=OUTGOING), now)


def _join(state: SessionState, call: Call, now: float) -> Step:
    assert call.decision is not None, "whoever joins says why"
    effects: tuple[Effect, ...] = (
        OpenCall(call.id, call.caller, call.decision.reason),
        Answer(),
        SetLamp("listening"),
    )
    call = replace(call, opened=True, handset_up=True, outcome="screened")
    return to(state, Phase.JOINING, call, now + ANSWER_LIMIT_S, *effects)
