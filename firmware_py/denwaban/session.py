"""The course of a call: one table, `step(state, event, now) -> (state, effects)`. Pure: no clock, I/O or randomness.

A pair (phase, event) that the table does not list changes nothing: the line may say anything at any time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from denwaban import events as ev
from denwaban import family
from denwaban.advice import for_household
from denwaban.buttons import pressed, remembered
from denwaban.call import Call, alert_of, judged
from denwaban.effects import (
    Chime,
    CloseCall,
    Effect,
    HangUp,
    Lamp,
    OpenCall,
    Play,
    Record,
    SetLamp,
    StartListening,
    StopListening,
    Warn,
)
from denwaban.events import Event, Level
from denwaban.phases import (
    RELEASE_LIMIT_S,
    Handler,
    Phase,
    Retry,
    SessionState,
    Step,
    call_of,
    release,
    resting_lamp,
    to,
)
from denwaban.ringing import (
    RING_STOPPED_S,
    begin,
    caller_shown,
    household_calls,
    household_first,
    lifted_for_known,
    ring,
    ring_on,
    rules_changed,
)
from denwaban.screening import OUTGOING

PROMPT_LIMIT_S: Final = 30.0
CHIME_EVERY_S: Final = 6.0
REPELLED_WITHIN_S: Final = 10.0
"""Who hangs up so soon after the warning is counted as put off by it; later, as not having been answered."""
FAX_RETRY_S: Final = 600.0
"""Fax machines dial again within minutes."""
TALK_UTTERANCES: Final = 4
"""So much speech while the handset is awaited is a conversation: not every modem senses that a handset is lifted."""


def step(state: SessionState, event: Event, now: float) -> Step:
    """Advance the session by one event at time `now` (seconds, monotonic)."""
    if state.late is not None and isinstance(event, ev.UtteranceAssessed | ev.TranscriptFinished):
        return _late_words(state, state.late, event, now)
    handler = _TABLE.get((state.phase, type(event))) or _ANY_PHASE.get(type(event))
    return handler(state, event, now) if handler else (state, ())


# --- helpers -----------------------------------------------------------------------------------------------------


def _close(state: SessionState, call: Call, now: float) -> Step:
    stop: list[Effect] = []
    if call.listening and not call.released:  # else the listener would take the next call's audio for this one's
        stop.append(StopListening(call.id))
    if not call.opened:
        stop.append(OpenCall(call.id, call.caller, "none"))
    before = _last_words(state, state.late) if state.late else ()
    effects = (*before, *stop, resting_lamp(state), *_last_words(state, call))
    buttons = remembered(state.buttons, call, now)
    return replace(state, phase=Phase.IDLE, call=None, deadline=None, late=None, buttons=buttons), effects


def _last_words(state: SessionState, call: Call) -> tuple[Effect, ...]:
    """Tell of the end of a call; the closing of its record is the last."""
    outcome = "stopped" if call.stopped else call.outcome
    closed = CloseCall(call.id, outcome, call.level, call.category, call.score)
    if call.level is not Level.ALERT:
        return (closed,)
    advice = for_household("call_ended_advice", tells_family=state.settings.tells_family)
    return (alert_of(call, "end"), Warn(advice), closed)


def _another_caller(state: SessionState, event: ev.CallerIdShown, now: float) -> Step:
    """Somebody else's number while the ringing of a call left alone is waited out: he must not ring in its place."""
    call = call_of(state)
    if call.caller in (None, event.caller):
        return state, ()
    state, closed = _close(state, call, now)
    return begin(state, event, now)[0], closed


# --- answering, announcing, refusing -------------------------------------------------------------------------------


def _answered(state: SessionState, _event: ev.Answered, now: float) -> Step:
    call = replace(call_of(state), answered_at=now)
    prompt = call.decision.prompt if call.decision else None
    if prompt is not None:
        call = replace(call, outcome="refused")
        return to(state, Phase.REFUSING, call, now + PROMPT_LIMIT_S, Play(prompt))
    return to(state, Phase.ANNOUNCING, call, now + PROMPT_LIMIT_S, Play("recording_warning"))


def _not_answered(state: SessionState, _event: ev.DeadlineReached, now: float) -> Step:
    return release(state, replace(call_of(state), outcome="line_failed"), now)


def _rang_off(state: SessionState, event: ev.ToneHeard, now: float) -> Step:
    """Who hears a dial tone has lifted to telephone: whoever rang before is gone."""
    return _close(state, call_of(state), now) if event.tone == "dial" else (state, ())


def _hang_up_now(state: SessionState, _event: Event, now: float) -> Step:
    return release(state, call_of(state), now)


def _caller_gone(state: SessionState, event: ev.ToneHeard, now: float) -> Step:
    """Busy or dial tone: the other end is gone."""
    call = call_of(state)
    if event.tone == "fax":
        return _fax(state, now)
    if state.phase is Phase.TALKING:
        dials = event.tone == "dial" and call.decision is OUTGOING and not call.utterances
        return (state, ()) if dials else release(state, call, now)
    soon = state.phase is Phase.ANNOUNCING or now - call.answered_at <= REPELLED_WITHIN_S
    return release(state, replace(call, outcome="repelled" if soon else "unanswered"), now)


def _fax(state: SessionState, now: float) -> Step:
    """Where there is a fax machine, make way for it; it answers when the sender tries again.

    Elsewhere, and in a talk, the tone ends nothing: modems take speech for it, and a swindler could play it.
    """
    call = call_of(state)
    if not state.settings.fax or state.phase is Phase.TALKING:
        return state, ()
    retry = Retry(call.caller, now + FAX_RETRY_S)
    return release(replace(state, retry=retry), replace(call, outcome="fax"), now)


def _joined(state: SessionState, _event: ev.Answered, now: float) -> Step:
    """Beside the household on the line. No announcement: it would burst into a talk that is under way."""
    call = replace(call_of(state), listening=True, answered_at=now)
    listen = (StartListening(call.id, call.caller), Record())
    return to(state, Phase.TALKING, call, now + state.settings.max_call_s, *listen)


def _handset_early(state: SessionState, event: ev.HandsetLifted | ev.HandsetReplaced, _now: float) -> Step:
    return replace(state, call=replace(call_of(state), handset_up=isinstance(event, ev.HandsetLifted))), ()


def _announced(state: SessionState, _event: Event, now: float) -> Step:
    call = replace(call_of(state), answered_at=now)
    if call.stopped:
        return _announced_unheard(state, call, now)
    call = replace(call, listening=True)
    listen = (StartListening(call.id, call.caller), Record())
    if call.handset_up:
        state, _ = _talk(replace(state, call=call), ev.HandsetLifted(), now)
        return state, listen
    call_household = (Chime(), Warn("phone_for_you"))
    return to(state, Phase.AWAITING_HANDSET, call, now + CHIME_EVERY_S, *listen, *call_household)


def _announced_unheard(state: SessionState, call: Call, now: float) -> Step:
    """The household stopped the listening before it began. The modem records, so that it reports tones and handset."""
    if call.handset_up:
        return release(state, call, now)
    return to(state, Phase.AWAITING_HANDSET, call, now + CHIME_EVERY_S, Record(), Chime())


def _chime_again(state: SessionState, _event: ev.DeadlineReached, now: float) -> Step:
    call = call_of(state)
    if now - call.answered_at < state.settings.handset_wait_s:
        return to(state, state.phase, call, now + CHIME_EVERY_S, Chime())
    if call.stopped:  # perhaps the household talks, and nothing must burst in
        return release(state, call, now)
    call = replace(call, outcome="unanswered")
    if state.settings.message_s > 0:
        return to(state, Phase.INVITING, call, now + PROMPT_LIMIT_S, Play("leave_message"))
    return to(state, Phase.REFUSING, call, now + PROMPT_LIMIT_S, Play("nobody_home"))


def _take_message(state: SessionState, _event: ev.PromptFinished, now: float) -> Step:
    call = replace(call_of(state), outcome="message")
    return to(state, state.phase, call, now + state.settings.message_s, Record())


def _tone_in_message(state: SessionState, event: ev.ToneHeard, now: float) -> Step:
    return _fax(state, now) if event.tone == "fax" else _hang_up_now(state, event, now)


def _talk(state: SessionState, _event: ev.HandsetLifted, now: float) -> Step:
    call = replace(call_of(state), outcome="screened")
    if call.stopped:
        return release(state, call, now)
    return to(state, Phase.TALKING, call, now + state.settings.max_call_s)


def _came_at_last(state: SessionState, event: ev.HandsetLifted, now: float) -> Step:
    """Somebody lifts while the box says that nobody is home, or asks for a message: it falls silent and listens."""
    if not call_of(state).listening:
        return state, ()
    state, effects = _talk(state, event, now)
    return state, (*effects, Record()) if state.phase is Phase.TALKING else effects


# --- listening ---------------------------------------------------------------------------------------------------


def _heard(state: SessionState, event: ev.UtteranceAssessed, now: float) -> Step:
    before = call_of(state)
    if not before.listening or event.call_id not in ("", before.id):  # words of a call that was closed unfinished
        return state, ()
    call, effects = judged(before, event, now, tells_family=state.settings.tells_family)
    state = replace(state, call=call)
    if state.phase is Phase.AWAITING_HANDSET and (event.utterance.side == "near" or call.utterances >= TALK_UTTERANCES):
        state, _ = _talk(state, ev.HandsetLifted(), now)
    return state, effects


def _late_words(
    state: SessionState, late: Call, event: ev.UtteranceAssessed | ev.TranscriptFinished, now: float
) -> Step:
    """Calls are judged one after another, so until the earlier one is finished all words are of that one."""
    if isinstance(event, ev.UtteranceAssessed):
        if event.call_id not in ("", late.id):
            return (state, ()) if state.call is None else _heard(state, event, now)
        late, effects = judged(late, event, now, tells_family=state.settings.tells_family)
        return replace(state, late=late), effects
    return (replace(state, late=None), _last_words(state, late)) if event.call_id == late.id else (state, ())


# --- the end -----------------------------------------------------------------------------------------------------


def _released(state: SessionState, _event: ev.LineReleased | None, now: float) -> Step:
    """The line is free, and with that the call's audio complete."""
    call = call_of(state)
    if not call.listening:
        return _close(state, call, now)
    stop = () if call.released else (StopListening(call.id),)
    return replace(state, call=replace(call, released=True)), stop


def _transcript_finished(state: SessionState, event: ev.TranscriptFinished, now: float) -> Step:
    call = call_of(state)
    return _close(state, call, now) if event.call_id == call.id else (state, ())


def _next_call(state: SessionState, event: ev.RingHeard | ev.CallerIdShown, now: float) -> Step:
    """A slow or dead recogniser must not keep the box from the next caller."""
    call = call_of(state)
    if not call.released:
        return state, ()
    before = _last_words(state, state.late) if state.late else ()
    state, effects = begin(replace(state, call=None, late=call), event, now)
    return state, (*before, resting_lamp(state), *effects)


def _over(state: SessionState, _event: ev.DeadlineReached, now: float) -> Step:
    return _close(state, call_of(state), now)


def _line_failed(state: SessionState, _event: ev.LineFailed, now: float) -> Step:
    """The port is gone and with it the call: closing the port released the line.

    An `Answer` that crossed this event may still wait for the port to come back, so a `HangUp` follows it.
    """
    state = replace(state, line_ready=False)
    if state.call is None or state.phase is Phase.LEFT_ALONE:
        return state, (SetLamp("fault"),)
    if state.phase is Phase.RELEASING:
        return _released(state, None, now)
    call = replace(state.call, outcome="line_failed")
    if state.phase is Phase.RINGING:  # the telephone rings on, and the modem may be back before it stops
        return to(state, state.phase, call, now + RING_STOPPED_S, SetLamp("fault"))
    releasing = replace(state, phase=Phase.RELEASING, call=call, deadline=now + RELEASE_LIMIT_S)
    state, effects = _released(releasing, None, now)
    return state, (HangUp(), *effects)


def _line_ready(state: SessionState, _event: ev.LineReady, _now: float) -> Step:
    return replace(state, line_ready=True), (SetLamp("off"),)


def _stray(state: SessionState, _event: ev.Answered, _now: float) -> Step:
    return state, (HangUp(),)  # off-hook without a call: nobody must find the line busy


def _show(lamp: Lamp) -> Handler:
    return lambda state, _event, _now: (state, (SetLamp(lamp),))


_ANY_PHASE: Final[dict[type[Event], Handler]] = {
    ev.LineFailed: _line_failed,
    ev.LineReady: _line_ready,
    ev.ListenerFailed: _show("fault"),
    ev.RulesChanged: rules_changed,
    ev.FamilyTold: family.told,
    ev.FamilyAnswered: family.answered,
    ev.ContactsChanged: family.contacts_changed,
    ev.ButtonPressed: pressed,
}

_TABLE: Final[dict[tuple[Phase, type[Event]], Handler]] = {
    (Phase.IDLE, ev.RingHeard): begin,
    (Phase.IDLE, ev.CallerIdShown): begin,
    (Phase.IDLE, ev.Answered): _stray,
    (Phase.IDLE, ev.HandsetLifted): household_calls,
    (Phase.RINGING, ev.RingHeard): ring,
    (Phase.RINGING, ev.CallerIdShown): caller_shown,
    (Phase.RINGING, ev.HandsetLifted): household_first,
    (Phase.RINGING, ev.ToneHeard): _rang_off,
    (Phase.RINGING, ev.DeadlineReached): _over,
    (Phase.LEFT_ALONE, ev.RingHeard): ring_on,
    (Phase.LEFT_ALONE, ev.CallerIdShown): _another_caller,
    (Phase.LEFT_ALONE, ev.HandsetLifted): lifted_for_known,
    (Phase.LEFT_ALONE, ev.ToneHeard): _rang_off,
    (Phase.LEFT_ALONE, ev.DeadlineReached): _over,
    (Phase.ANSWERING, ev.Answered): _answered,
    (Phase.ANSWERING, ev.HandsetLifted): _handset_early,
    (Phase.ANSWERING, ev.HandsetReplaced): _handset_early,
    (Phase.ANSWERING, ev.DeadlineReached): _not_answered,
    (Phase.JOINING, ev.Answered): _joined,
    (Phase.JOINING, ev.HandsetReplaced): _hang_up_now,
    (Phase.JOINING, ev.DeadlineReached): _not_answered,
    (Phase.REFUSING, ev.PromptFinished): _hang_up_now,
    (Phase.REFUSING, ev.ToneHeard): _hang_up_now,
    (Phase.REFUSING, ev.DeadlineReached): _hang_up_now,
    (Phase.REFUSING, ev.HandsetLifted): _came_at_last,
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
    (Phase.INVITING, ev.PromptFinished): _take_message,
    (Phase.INVITING, ev.HandsetLifted): _came_at_last,
    (Phase.INVITING, ev.UtteranceAssessed): _heard,
    (Phase.INVITING, ev.ToneHeard): _tone_in_message,
    (Phase.INVITING, ev.DeadlineReached): _hang_up_now,
    (Phase.TALKING, ev.UtteranceAssessed): _heard,
    (Phase.TALKING, ev.ToneHeard): _caller_gone,
    (Phase.TALKING, ev.HandsetReplaced): _hang_up_now,
    (Phase.TALKING, ev.LineSilent): _hang_up_now,
    (Phase.TALKING, ev.DeadlineReached): _hang_up_now,
    (Phase.RELEASING, ev.UtteranceAssessed): _heard,
    (Phase.RELEASING, ev.RingHeard): _next_call,
    (Phase.RELEASING, ev.CallerIdShown): _next_call,
    (Phase.RELEASING, ev.LineReleased): _released,
    (Phase.RELEASING, ev.TranscriptFinished): _transcript_finished,
    (Phase.RELEASING, ev.DeadlineReached): _over,
}
