"""What a button does, in every phase of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban import events as ev
from denwaban.buttons import CONFIRM_S, HELP_EVERY_S, LAST_CALL_S, OFFER_S, SAY_EVERY_S, Spoken
from denwaban.effects import (
    AllowNumber,
    Chime,
    CloseCall,
    Discard,
    HangUp,
    MarkHarmless,
    NoteUtterance,
    Play,
    Record,
    SendAlert,
    SetLamp,
    StartListening,
    StopListening,
    Warn,
)
from denwaban.events import Button, ButtonPressed, CallerId, Level
from denwaban.phases import Phase, SessionSettings
from denwaban.rules import NumberList, ScreeningRules
from tests.test_session import BLOCKED, FRIEND, RULES, SETTINGS, STRANGER, WITHHELD, Course, heard

HOLD_FAMILY, HOLD_STOP, HOLD_FINE = (ButtonPressed(button, long=True) for button in get_args(Button))
FAMILY, STOP, FINE = (ButtonPressed(button) for button in get_args(Button))


def answering() -> Course:
    return Course().ringing()


def joining() -> Course:
    course = Course()
    course.take(ev.RingHeard(), ev.CallerIdShown(STRANGER), ev.HandsetLifted())
    return course


def refusing() -> Course:
    return Course().announcing(BLOCKED)


def nobody_home() -> Course:
    course = Course().awaiting()
    course.wait(45)
    return course


def inviting() -> Course:
    course = Course(SessionSettings(RULES, message_s=60))
    course.awaiting().wait(45)
    course.take(ev.PromptFinished("leave_message"))
    return course


def releasing() -> Course:
    course = Course().talking()
    course.take(ev.HandsetReplaced())
    return course


def rung() -> Course:
    course = Course()
    course.take(ev.RingHeard(), ev.CallerIdShown(STRANGER))
    return course


EVERY_PHASE: dict[Phase, Callable[[], Course]] = {
    Phase.IDLE: Course,
    Phase.RINGING: rung,
    Phase.LEFT_ALONE: lambda: Course().ringing(FRIEND),
    Phase.ANSWERING: answering,
    Phase.JOINING: joining,
    Phase.REFUSING: refusing,
    Phase.ANNOUNCING: lambda: Course().announcing(),
    Phase.AWAITING_HANDSET: lambda: Course().awaiting(),
    Phase.INVITING: inviting,
    Phase.TALKING: lambda: Course().talking(),
    Phase.RELEASING: releasing,
}
LISTENING = {Phase.AWAITING_HANDSET, Phase.INVITING, Phase.TALKING, Phase.RELEASING}
ABOUT_TO_LISTEN = {Phase.ANSWERING, Phase.JOINING, Phase.ANNOUNCING}


def each(phases: set[Phase]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("phase", sorted(phases, key=lambda phase: phase.value), ids=lambda phase: phase.name)


def course_in(phase: Phase) -> Course:
    course = EVERY_PHASE[phase]()
    assert course.state.phase is phase
    return course


def prompts(course: Course) -> list[str]:
    return [warning.prompt for warning in course.only(Warn) if warning.prompt in get_args(Spoken)]


def only(effects: list[object], kind: type) -> list[object]:
    return [effect for effect in effects if isinstance(effect, kind)]


def test_every_phase_is_tried() -> None:
    assert set(EVERY_PHASE) == set(Phase)


# --- call my family ------------------------------------------------------------------------------------------------


@each(set(Phase))
def test_a_held_family_button_alerts_the_family_and_says_so_in_any_phase(phase: Phase) -> None:
    course = course_in(phase)
    before = course.state
    took = course.take(HOLD_FAMILY)
    (alert,) = only(took, SendAlert)
    assert isinstance(alert, SendAlert)
    assert (alert.alert_id, alert.event, alert.level, alert.category) == ("boot-help-1", "new", Level.ALERT, "help")
    in_call = phase in (Phase.TALKING, Phase.JOINING)
    assert took[1:] == [Warn("family_told_in_call" if in_call else "family_told")]
    assert (course.state.phase, course.state.call, course.state.deadline) == (
        before.phase,
        before.call,
        before.deadline,
    ), "the call goes on as if nothing had happened"


@each(set(Phase))
def test_the_family_gets_what_was_heard_only_of_a_call_that_is_listened_to(phase: Phase) -> None:
    (alert,) = only(course_in(phase).take(HOLD_FAMILY), SendAlert)
    assert isinstance(alert, SendAlert)
    assert (alert.caller is not None) == (phase in LISTENING)
    assert (alert.call_id != "") == (phase in LISTENING)


def test_a_call_for_help_in_a_scam_is_an_alert_of_its_own_with_the_words() -> None:
    course = Course().talking()
    course.take(heard(Level.ALERT, text="口座"), HOLD_FAMILY)
    scam, call_for_help = course.only(SendAlert)
    assert scam.alert_id != call_for_help.alert_id
    assert (call_for_help.category, call_for_help.caller) == ("help", STRANGER)
    assert call_for_help.transcript == (("far", "口座"),)
    course.take(ev.HandsetReplaced(), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert [(alert.alert_id, alert.event) for alert in course.only(SendAlert)[2:]] == [("boot-1", "end")]


def test_a_touch_of_the_family_button_explains_it_and_a_second_one_means_it() -> None:
    course = Course()
    assert course.take(FAMILY) == [Warn("family_hint")]
    assert only(course.take(FAMILY, after=4), SendAlert)
    assert prompts(course) == ["family_hint", "family_told"]


def test_two_touches_far_apart_or_of_two_buttons_alarm_nobody() -> None:
    course = Course()
    course.take(FAMILY)
    course.take(FAMILY, after=CONFIRM_S + 1)
    course.take(FINE, FAMILY, after=1)
    course = Course().talking()
    course.take(FAMILY, STOP)
    assert course.only(SendAlert, Discard) == []


def test_the_family_is_alerted_once_a_minute_however_often_somebody_presses() -> None:
    course = Course()
    for _ in range(50):
        course.take(HOLD_FAMILY, after=1)
    assert len(course.only(SendAlert)) == 1
    assert set(prompts(course)) == {"family_told", "family_told_already"}
    assert len(prompts(course)) <= 2 + 50 / SAY_EVERY_S, "a warning does not wait behind answers"
    course.take(HOLD_FAMILY, after=HELP_EVERY_S)
    assert [alert.alert_id for alert in course.only(SendAlert)] == ["boot-help-1", "boot-help-2"]


def test_where_nobody_is_registered_the_household_learns_that_nobody_is_told() -> None:
    course = Course(SessionSettings(RULES, tells_family=False))
    course.take(HOLD_FAMILY)
    assert course.effects == [Warn("family_nobody")]


# --- stop recording ------------------------------------------------------------------------------------------------


@each(LISTENING)
def test_stop_deletes_what_there_was_of_the_call_and_says_so(phase: Phase) -> None:
    course = course_in(phase)
    took = course.take(HOLD_STOP)
    assert Discard("boot-1") in took
    assert Warn("recording_stopped") in took
    assert course.only(SetLamp)[-1] == SetLamp("off")
    course.take(heard(Level.ALERT), ev.HandsetLifted(), heard(Level.ALERT), ev.ToneHeard("busy"), ev.LineReleased())
    course.wait(400)
    assert course.only(NoteUtterance, SendAlert, StopListening) == []
    assert course.closed == CloseCall("boot-1", "stopped", Level.QUIET, "", 0.0)
    assert course.state.phase is Phase.IDLE


@each(ABOUT_TO_LISTEN)
def test_a_call_that_was_stopped_before_it_was_listened_to_never_is(phase: Phase) -> None:
    course = course_in(phase)
    assert Warn("recording_stopped") in course.take(HOLD_STOP)
    course.take(ev.Answered(), ev.PromptFinished("recording_warning"), ev.HandsetLifted(), heard(Level.ALERT))
    course.take(ev.LineReleased())
    course.wait(400)
    assert course.only(StartListening, NoteUtterance, SendAlert) == []
    assert Warn("phone_for_you") not in course.effects, "it says that the call is recorded"
    assert course.closed.outcome == "stopped"


@each(set(Phase) - LISTENING - ABOUT_TO_LISTEN)
def test_where_nothing_is_recorded_stop_says_so_and_changes_nothing(phase: Phase) -> None:
    course = course_in(phase)
    before = (course.state.phase, course.state.call, course.state.deadline)
    assert course.take(STOP) == [Warn("not_recording")]
    assert (course.state.phase, course.state.call, course.state.deadline) == before


def test_a_talk_that_is_stopped_goes_on_without_the_box() -> None:
    """A modem beside the telephone cannot cut a handset off."""
    course = Course().talking()
    course.take(HOLD_STOP)
    assert course.commands[-1] == HangUp()
    course.take(ev.LineReleased())
    assert course.closed.outcome == "stopped"


def test_a_stopped_call_still_waits_for_the_household_and_nothing_bursts_in() -> None:
    course = Course().awaiting()
    took = course.take(HOLD_STOP)
    assert HangUp() not in took
    assert Chime() in course.wait(10)
    course.wait(60)
    assert course.commands[-1] == HangUp()
    assert Play("nobody_home") not in course.commands
    lifted = Course().awaiting()
    lifted.take(HOLD_STOP)
    assert lifted.take(ev.HandsetLifted()) == [HangUp()], "the household holds the line now"


def test_a_call_stopped_while_it_is_announced_still_reports_its_end() -> None:
    """The modem tells of tones and handset only while it records; the sound goes nowhere."""
    course = Course().announcing()
    course.take(HOLD_STOP, ev.PromptFinished("recording_warning"))
    assert course.commands[-1] == Record()
    course.take(ev.ToneHeard("busy"), ev.LineReleased())
    assert course.closed.outcome == "stopped"


def test_stop_after_the_talk_ends_the_judgement_at_once() -> None:
    course = Course().released()
    course.take(HOLD_STOP)
    course.wait(1)
    assert course.closed.outcome == "stopped"


def test_recording_that_announced_nobody_home_can_be_stopped_too() -> None:
    course = nobody_home()
    assert course.state.phase is Phase.REFUSING
    assert Discard("boot-1") in course.take(HOLD_STOP)


def test_family_that_was_alerted_learns_the_end_without_the_words() -> None:
    course = Course().talking()
    course.take(heard(Level.ALERT), HOLD_STOP)
    _new, end = course.only(SendAlert)
    assert (end.event, end.level, end.category) == ("end", Level.ALERT, "refund")
    assert (end.evidence, end.transcript) == ((), ())
    course.take(HOLD_FAMILY)
    assert course.only(SendAlert)[-1].transcript == ()


def test_the_next_call_is_listened_to_again() -> None:
    course = Course().talking()
    course.take(HOLD_STOP, ev.LineReleased())
    course.talking()
    assert course.only(StartListening)[-1].call_id == "boot-2"
    course.take(heard())
    assert [noted.call_id for noted in course.only(NoteUtterance)] == ["boot-2"]


def test_a_touch_of_stop_loses_nothing() -> None:
    course = Course().talking()
    assert course.take(STOP) == [Warn("stop_hint")]
    course.take(heard())
    assert len(course.only(NoteUtterance)) == 1
    assert Discard("boot-1") in course.take(STOP)
    assert course.take(STOP) == [Warn("not_recording")]


# --- this caller is fine -------------------------------------------------------------------------------------------


@each(LISTENING | ABOUT_TO_LISTEN)
def test_fine_marks_the_running_call_and_offers_the_list(phase: Phase) -> None:
    course = course_in(phase)
    assert course.take(FINE) == [MarkHarmless("boot-1"), Warn("fine_offer")]


@each({Phase.IDLE, Phase.RINGING, Phase.LEFT_ALONE, Phase.REFUSING})
def test_without_a_call_that_was_screened_fine_marks_nothing(phase: Phase) -> None:
    assert course_in(phase).take(HOLD_FINE) == [Warn("fine_no_call")]


def ended(
    caller: CallerId | None = STRANGER, level: Level = Level.CAUTION, settings: SessionSettings = SETTINGS
) -> Course:
    course = Course(settings).announcing(caller)
    course.take(ev.PromptFinished("recording_warning"), ev.HandsetLifted(), heard(level), ev.HandsetReplaced())
    course.take(ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    return course


def test_fine_after_the_call_is_about_the_last_screened_one() -> None:
    course = ended()
    course.ringing(FRIEND).wait(60)
    assert course.take(FINE) == [MarkHarmless("boot-1"), Warn("fine_offer")]


def test_nobody_remembers_a_call_for_long_and_its_words_not_at_all() -> None:
    course = ended()
    last = course.state.buttons.last
    assert last is not None
    assert (last.transcript, last.evidence) == ((), ())
    course.wait(LAST_CALL_S)
    assert course.take(FINE) == [Warn("fine_no_call")]


@pytest.mark.parametrize("second", [FINE, HOLD_FINE])
def test_a_second_press_puts_the_number_on_the_allow_list(second: ButtonPressed) -> None:
    course = ended()
    course.take(FINE)
    assert course.take(second, after=8) == [AllowNumber("0312345678"), Warn("fine_allowed")]
    course.take(second, second, after=15)
    assert len(course.only(AllowNumber)) == 1


def test_a_held_first_press_only_marks() -> None:
    course = ended()
    course.take(HOLD_FINE)
    assert course.only(AllowNumber) == []


def test_a_trembling_hand_does_not_say_yes() -> None:
    course = ended()
    course.take(FINE, FINE, FINE, after=0.3)
    assert course.only(AllowNumber) == []


def test_an_offer_that_is_over_is_made_again() -> None:
    course = ended()
    course.take(FINE)
    assert course.take(FINE, after=OFFER_S + 1) == [MarkHarmless("boot-1"), Warn("fine_offer")]


STOP_LISTED = SessionSettings(ScreeningRules(stop=NumberList.of(["0312345678"])))
ALL_SCREENED = SessionSettings(ScreeningRules(withheld="screen", reported_abroad="screen"))


@pytest.mark.parametrize(
    ("caller", "level", "settings"),
    [
        (STRANGER, Level.ALERT, SETTINGS),
        (STRANGER, Level.CAUTION, STOP_LISTED),
        (WITHHELD, Level.CAUTION, ALL_SCREENED),
        (CallerId("+9999999999"), Level.CAUTION, ALL_SCREENED),
        (CallerId("1"), Level.CAUTION, SETTINGS),
        (None, Level.CAUTION, SETTINGS),
    ],
    ids=["raised an alert", "on a stop-list", "withheld", "country that is none", "no number", "no report"],
)
def test_a_button_does_not_vouch_for(caller: CallerId | None, level: Level, settings: SessionSettings) -> None:
    """Swindlers tell people what to press."""
    course = ended(caller, level, settings)
    for _ in range(4):
        course.take(FINE, after=5)
    assert course.only(AllowNumber) == []
    assert set(prompts(course)) == {"fine_marked"}


def test_an_alert_after_the_offer_takes_the_offer_back() -> None:
    course = Course().talking()
    course.take(FINE, heard(Level.ALERT))
    course.take(FINE, after=5)
    assert course.only(AllowNumber) == []


# --- whatever is pressed -------------------------------------------------------------------------------------------

HAPPENINGS = st.sampled_from(
    [
        *(FAMILY, STOP, FINE, HOLD_FAMILY, HOLD_STOP, HOLD_FINE),
        *(ev.RingHeard(), ev.CallerIdShown(STRANGER), ev.Answered(), ev.PromptFinished("p"), ev.HandsetLifted()),
        *(ev.HandsetReplaced(), ev.ToneHeard("busy"), ev.LineReleased(), heard(), heard(Level.ALERT)),
        *(ev.TranscriptFinished("boot-1"), ev.LineFailed("gone"), ev.LineReady("m")),
    ]
)


@given(st.lists(st.tuples(HAPPENINGS, st.floats(0.1, 8.0)), max_size=60))
def test_nothing_is_kept_of_a_call_once_it_was_stopped_whatever_happens(course: list[tuple[ev.Event, float]]) -> None:
    run = Course()
    for event, after in course:
        run.take(event, after=after)
    run.wait(8000)
    stopped: set[str] = set()
    listening = False
    for effect in run.effects:
        match effect:
            case Discard(call_id):
                stopped.add(call_id)
                listening = False
            case StartListening(call_id):
                assert call_id not in stopped
                assert not listening, "the lamp would go out too soon"
                listening = True
            case StopListening():
                assert listening
                listening = False
            case NoteUtterance(call_id):
                assert call_id not in stopped
            case CloseCall(call_id, outcome, level):
                if call_id in stopped:
                    assert (outcome, level) == ("stopped", Level.QUIET)
    assert run.state.phase is Phase.IDLE
    assert not listening
