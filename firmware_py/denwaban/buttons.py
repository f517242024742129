"""The buttons of the box: call the family, stop recording this call, this caller is fine. Pure.

A button that is held means it. One that is pressed shortly may have been touched by a duster: the box says what it is
for, and a second press means it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from denwaban import events as ev
from denwaban.call import Call, alert_of, without_words
from denwaban.effects import AllowNumber, Discard, Effect, HangUp, MarkHarmless, SendAlert, Warn
from denwaban.events import Button, Level
from denwaban.phases import RELEASE_LIMIT_S, Buttons, Phase, SessionState, Step, resting_lamp
from denwaban.screening import classify, on_stop_list, pattern_of

CONFIRM_S: Final = 20.0
"""A second press within this time means it; the spoken hint alone takes three to six seconds."""
HELP_EVERY_S: Final = 60.0
"""A frightened person presses again and again; the family's telephones ring once a minute."""
SAY_EVERY_S: Final = 10.0
"""The same answer to a button is not repeated sooner: a warning must not wait behind it."""
OFFER_S: Final = 30.0
OFFER_HEARD_S: Final = 2.0
"""A press so soon after the first is a trembling hand, not a yes to what has not been asked yet."""
LAST_CALL_S: Final = 3600.0
"""Who presses longer after a call may mean another one."""

Spoken = Literal[
    "family_hint",
    "family_told",
    "family_told_in_call",
    "family_told_already",
    "family_nobody",
    "stop_hint",
    "recording_stopped",
    "not_recording",
    "fine_marked",
    "fine_offer",
    "fine_allowed",
    "fine_no_call",
]
"""Prompts that answer a button."""

_BEFORE_LISTENING: Final = (Phase.ANSWERING, Phase.ANNOUNCING, Phase.JOINING)
_NEEDS_NO_BOX: Final = (Phase.JOINING, Phase.INVITING, Phase.TALKING)
"""The household holds the line, or nobody does: the box lets go of it at once."""


def pressed(state: SessionState, event: ev.ButtonPressed, now: float) -> Step:
    """Somebody pressed a button, in whatever phase."""
    match event.button:
        case "family":
            return _family(state, event, now)
        case "stop":
            return _stop(state, event, now)
        case "fine":
            return _fine(state, event, now)


def remembered(buttons: Buttons, call: Call, now: float) -> Buttons:
    """A call is over: it is the one that people may still speak of."""
    return replace(buttons, last=without_words(call), last_at=now) if _screened(call) else buttons


# --- call my family ------------------------------------------------------------------------------------------------


def _family(state: SessionState, event: ev.ButtonPressed, now: float) -> Step:
    if not state.settings.tells_family:
        return _say(state, "family_nobody", now)
    if now - state.buttons.helped_at < HELP_EVERY_S:
        return _say(state, "family_told_already", now)
    if not _meant(state, event, now):
        return _ask(state, "family", "family_hint", now)
    helps = state.buttons.helps + 1
    told: Spoken = "family_told_in_call" if state.phase in (Phase.TALKING, Phase.JOINING) else "family_told"
    alert = _call_for_help(state, helps)
    return _done(state, replace(state.buttons, helps=helps, helped_at=now), told, now, alert)


def _call_for_help(state: SessionState, number: int) -> SendAlert:
    """With what was heard, if the box listens to a call. It has no end: the box cannot know how it goes on."""
    alert_id, call = f"{state.boot}-help-{number}", state.call
    if call is None or not call.listening:
        return SendAlert(alert_id, "", "new", Level.ALERT, "help", 0.0, None, (), ())
    return replace(alert_of(call, "new"), alert_id=alert_id, level=Level.ALERT, category="help")


# --- stop recording ------------------------------------------------------------------------------------------------


def _stop(state: SessionState, event: ev.ButtonPressed, now: float) -> Step:
    """For this call everything stops: recording, recognition, judgement; of what there was, nothing is kept."""
    call = state.call
    if call is None or call.stopped or not _listened_to(state, call):
        return _say(state, "not_recording", now)
    if not _meant(state, event, now):
        return _ask(state, "stop", "stop_hint", now)
    effects: list[Effect] = [resting_lamp(state)]
    if call.listening:
        effects.append(Discard(call.id))
    if call.level is Level.ALERT:
        effects.append(alert_of(without_words(call), "end"))
    call = replace(call, stopped=True, listening=False, level=Level.QUIET, category="", score=0.0)
    state = replace(state, call=without_words(call))
    if state.phase in _NEEDS_NO_BOX:
        state = replace(state, phase=Phase.RELEASING, deadline=now + RELEASE_LIMIT_S)
        effects.append(HangUp())
    elif call.released:  # only the judgement was still going on
        state = replace(state, deadline=now)
    return _done(state, state.buttons, "recording_stopped", now, *effects)


def _listened_to(state: SessionState, call: Call) -> bool:
    return call.listening or (state.phase in _BEFORE_LISTENING and _screened(call))


# --- this caller is fine -------------------------------------------------------------------------------------------


def _fine(state: SessionState, event: ev.ButtonPressed, now: float) -> Step:
    """The first press marks the call as a false alarm; a second one, when asked, puts the number on the allow list."""
    call, buttons = _call_meant(state, now), state.buttons
    if call is None:
        return _say(state, "fine_no_call", now)
    if buttons.allowed == call.id:
        return _say(state, "fine_allowed", now)
    pattern = _may_be_allowed(state, call, now)
    since = now - buttons.offered_at
    if pattern and buttons.offered == call.id:
        if since < OFFER_HEARD_S:
            return state, ()
        if event.long or since <= OFFER_S:
            return _done(state, replace(buttons, allowed=call.id), "fine_allowed", now, AllowNumber(pattern))
    if not pattern:
        return _done(state, buttons, "fine_marked", now, MarkHarmless(call.id))
    return _done(state, replace(buttons, offered=call.id, offered_at=now), "fine_offer", now, MarkHarmless(call.id))


def _call_meant(state: SessionState, now: float) -> Call | None:
    """The running call; between calls the last one. While another rings, nobody can tell which one is meant."""
    if state.call is not None:
        return state.call if _screened(state.call) else None
    return state.buttons.last if now - state.buttons.last_at <= LAST_CALL_S else None


def _screened(call: Call) -> bool:
    return call.decision is not None and call.decision.action == "screen"


def _may_be_allowed(state: SessionState, call: Call, now: float) -> str:
    """The caller's number as the lists write it, or nothing where a button must not vouch for it.

    Swindlers tell people what to press. Who raised an alert, or stands on a stop-list, is let in by the family only.
    """
    rules, caller = state.settings.rules, call.caller
    suspicious = call.level is Level.ALERT or on_stop_list(rules, caller, now + state.wall_offset)
    if caller is None or not caller.number or suspicious or classify(rules, caller) == "reported_abroad":
        return ""
    try:
        pattern, kind = pattern_of(caller.number)
    except ValueError:
        return ""
    return pattern if kind == "exact" else ""


# --- for all of them -----------------------------------------------------------------------------------------------


def _meant(state: SessionState, event: ev.ButtonPressed, now: float) -> bool:
    buttons = state.buttons
    return event.long or (buttons.armed == event.button and now - buttons.armed_at <= CONFIRM_S)


def _ask(state: SessionState, button: Button, prompt: Spoken, now: float) -> Step:
    return _say(replace(state, buttons=replace(state.buttons, armed=button, armed_at=now)), prompt, now)


def _say(state: SessionState, prompt: Spoken, now: float) -> Step:
    buttons = state.buttons
    if buttons.said == prompt and now - buttons.said_at < SAY_EVERY_S:
        return state, ()
    return replace(state, buttons=replace(buttons, said=prompt, said_at=now)), (Warn(prompt),)


def _done(state: SessionState, buttons: Buttons, prompt: Spoken, now: float, *effects: Effect) -> Step:
    """What was done is said in any case."""
    buttons = replace(buttons, armed=None, said=prompt, said_at=now)
    return replace(state, buttons=buttons), (*effects, Warn(prompt))
