"""What the box promises about the course of a call, whatever the line says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban import events as ev
from denwaban.call import EVIDENCE_KEPT, TRANSCRIPT_TAIL
from denwaban.effects import (
    Answer,
    Chime,
    CloseCall,
    Discard,
    Effect,
    HangUp,
    NoteUtterance,
    OpenCall,
    Play,
    Record,
    SendAlert,
    SetLamp,
    StartListening,
    StopListening,
    UseLetThrough,
    Warn,
)
from denwaban.events import Assessment, CallerId, Evidence, Level, Tone, Utterance, UtteranceAssessed
from denwaban.phases import Phase, SessionSettings, SessionState
from denwaban.rules import LetThrough, NumberList, ScreeningRules
from denwaban.session import step

STRANGER = CallerId("0312345678")
FRIEND = CallerId("0399998888")
BLOCKED = CallerId("0120000000")
WITHHELD = CallerId(absence="P")
RULES = ScreeningRules(allow=NumberList.of(["0399998888"]), block=NumberList.of(["0120000000"]))
SETTINGS = SessionSettings(RULES)


class Course:
    """Feeds events to a session as the main loop does: deadlines that have passed come first."""

    def __init__(self, settings: SessionSettings = SETTINGS) -> None:
        self.state = SessionState("boot", settings)
        self.now = 100.0
        self.effects: list[Effect] = []

    def take(self, *happened: ev.Event, after: float = 0.1) -> list[Effect]:
        """Each event comes `after` seconds later than the one before; returns what followed."""
        start = len(self.effects)
        for event in happened:
            self.wait(after)
            self._step(event)
        return self.effects[start:]

    def wait(self, seconds: float) -> list[Effect]:
        """Let time pass."""
        start, until = len(self.effects), self.now + seconds
        while self.state.deadline is not None and self.state.deadline <= until:
            self.now = max(self.now, self.state.deadline)
            self.state = replace(self.state, deadline=None)
            self._step(ev.DeadlineReached())
        self.now = until
        return self.effects[start:]

    def only(self, *kinds: type[Any]) -> list[Any]:
        return [effect for effect in self.effects if isinstance(effect, kinds)]

    @property
    def commands(self) -> list[Effect]:
        return self.only(Answer, Play, Record, HangUp)

    @property
    def closed(self) -> CloseCall:
        (closed,) = self.only(CloseCall)
        assert isinstance(closed, CloseCall)
        return closed

    def _step(self, event: ev.Event) -> None:
        self.state, effects = step(self.state, event, self.now)
        self.effects += effects

    # --- stretches of a call ---

    def ringing(self, caller: CallerId | None = STRANGER) -> Course:
        self.take(ev.RingHeard(), *([] if caller is None else [ev.CallerIdShown(caller)]))
        self.take(ev.RingHeard(), after=3.0)
        return self

    def announcing(self, caller: CallerId | None = STRANGER) -> Course:
        self.ringing(caller).take(ev.Answered())
        return self

    def awaiting(self) -> Course:
        self.announcing().take(ev.PromptFinished("recording_warning"), ev.RecordingStarted(), after=5.0)
        return self

    def talking(self) -> Course:
        self.awaiting().take(ev.HandsetLifted(), after=3.0)
        return self

    def released(self) -> Course:
        self.talking().take(ev.ToneHeard("busy"), ev.LineReleased(), after=2.0)
        return self


def heard(
    level: Level = Level.QUIET, side: ev.Side = "far", category: str = "refund", text: str = "話"
) -> UtteranceAssessed:
    score = {Level.QUIET: 0.1, Level.CAUTION: 0.6, Level.ALERT: 0.95}[level]
    found = Assessment(
        level, None if side == "near" else score, score, 4, category if level.rank else "", (Evidence(text, 0.5),)
    )
    return UtteranceAssessed(Utterance(text, 0.0, 1.0, side), found, 1.4)


# --- who is answered, and when -------------------------------------------------------------------------------------


def test_allow_listed_call_is_never_answered_or_recorded() -> None:
    course = Course().ringing(FRIEND)
    course.take(ev.RingHeard(), ev.RingHeard(), ev.HandsetLifted(), after=3.0)
    course.wait(60)
    assert course.commands == []
    assert course.only(StartListening, Warn, Chime) == []
    assert course.closed.outcome == "left_alone"
    assert course.state.phase is Phase.IDLE


def test_never_answers_during_caller_id_alerting() -> None:
    course = Course()
    course.take(*[ev.RingHeard()] * 4, after=1.0)
    assert course.commands == []


def test_answers_first_ring_after_report() -> None:
    course = Course()
    assert course.take(ev.RingHeard(), ev.CallerIdShown(STRANGER), after=1.0) == []
    answered = course.take(ev.RingHeard(), after=0.8)
    assert answered[0] == OpenCall("boot-1", STRANGER, "screen:domestic")
    assert Answer() in answered


def test_report_before_any_ring_is_enough() -> None:
    course = Course()
    course.take(ev.CallerIdShown(STRANGER), ev.RingHeard(), after=0.8)
    assert course.commands == [Answer()]


def test_without_report_answers_at_normal_cadence() -> None:
    course = Course()
    course.take(ev.RingHeard())
    assert course.commands == []
    course.take(ev.RingHeard(), after=3.0)
    assert course.commands == [Answer()]
    assert course.only(OpenCall) == [OpenCall("boot-1", None, "screen:no_report")]


def test_garbled_report_is_screened_not_refused() -> None:
    course = Course().announcing(CallerId())
    assert course.commands == [Answer(), Play("recording_warning")]


def test_second_report_in_a_call_changes_nothing() -> None:
    course = Course()
    course.take(ev.RingHeard(), ev.CallerIdShown(STRANGER), ev.CallerIdShown(FRIEND), ev.RingHeard(), after=0.8)
    assert course.only(OpenCall) == [OpenCall("boot-1", STRANGER, "screen:domestic")]
    course = Course().talking()
    assert course.take(ev.CallerIdShown(FRIEND), ev.RingHeard()) == []


def test_another_caller_right_after_a_known_one_is_screened_though_his_alerting_pulses_seemed_to_be_more_rings() -> (
    None
):
    course = Course().ringing(FRIEND)
    course.take(ev.RingHeard(), after=4.0)
    course.take(ev.RingHeard(), ev.RingHeard(), after=1.0)
    course.take(ev.CallerIdShown(STRANGER), ev.RingHeard(), after=0.9)
    assert course.only(OpenCall) == [
        OpenCall("boot-1", FRIEND, "allow:known"),
        OpenCall("boot-2", STRANGER, "screen:domestic"),
    ]
    assert course.closed.outcome == "left_alone"
    assert course.commands == [Answer()]


def test_the_same_report_again_while_a_known_caller_rings_begins_no_call() -> None:
    course = Course().ringing(FRIEND)
    assert course.take(ev.CallerIdShown(FRIEND), ev.RingHeard(), after=1.0) == []


def test_caller_who_gives_up_while_ringing_is_noted_and_nothing_is_touched() -> None:
    course = Course()
    course.take(ev.RingHeard(), ev.CallerIdShown(STRANGER))
    course.wait(10)
    assert course.commands == []
    assert course.closed.outcome == "unanswered"


def test_household_that_lifts_first_for_a_known_caller_has_the_line_to_itself() -> None:
    course = Course()
    course.take(ev.RingHeard(), ev.CallerIdShown(FRIEND), ev.HandsetLifted())
    course.wait(30)
    assert course.commands == []
    assert course.closed.outcome == "left_alone"


@pytest.mark.parametrize("caller", [STRANGER, WITHHELD, BLOCKED])
def test_household_that_lifts_first_for_another_is_listened_to_and_nothing_bursts_into_its_talk(
    caller: CallerId,
) -> None:
    course = Course()
    course.take(ev.RingHeard(), ev.CallerIdShown(caller), ev.HandsetLifted(), ev.Answered())
    assert course.commands == [Answer(), Record()]
    assert course.only(Chime, Warn, Play) == []
    assert course.only(OpenCall) == [OpenCall("boot-1", caller, "screen:joined")]
    course.take(heard(Level.ALERT), ev.HandsetReplaced(), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert course.closed.outcome == "screened"
    assert [alert.event for alert in course.only(SendAlert)] == ["new", "end"]


@pytest.mark.parametrize("settings", [replace(SETTINGS, joins_calls=False), SETTINGS])
def test_household_that_lifts_first_is_left_alone_where_the_box_may_not_or_cannot_join(
    settings: SessionSettings,
) -> None:
    course = Course(settings)
    if settings.joins_calls:
        course.take(ev.LineFailed("unplugged"))
    course.take(ev.RingHeard(), ev.CallerIdShown(STRANGER), ev.HandsetLifted())
    course.wait(30)
    assert course.commands == []


def test_household_that_puts_down_while_the_box_joins_frees_the_line() -> None:
    course = Course()
    course.take(ev.RingHeard(), ev.HandsetLifted(), ev.HandsetReplaced(), ev.Answered(), ev.LineReleased())
    assert course.commands == [Answer(), HangUp()]
    assert course.state.phase is Phase.IDLE


# --- a line that can only be listened to ---------------------------------------------------------------------------

LISTENS = replace(SETTINGS, can_answer=False)


@pytest.mark.parametrize("caller", [STRANGER, WITHHELD, BLOCKED, None])
def test_listening_only_nobody_is_answered_and_everybody_unknown_is_heard_once_the_household_lifts(
    caller: CallerId | None,
) -> None:
    course = Course(LISTENS).ringing(caller)
    assert course.commands == []
    course.wait(20)
    course.take(ev.HandsetLifted(), ev.Answered())
    assert course.commands == [Answer(), Record()]
    assert course.only(OpenCall) == [OpenCall("boot-1", caller, "screen:joined")]
    course.take(heard(Level.ALERT))
    assert Warn("scam_warning") in course.effects
    course.take(ev.HandsetReplaced(), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert course.closed.outcome == "screened"
    assert course.only(Play, Chime) == []


def test_listening_only_a_known_caller_is_let_alone_and_the_record_says_why() -> None:
    course = Course(LISTENS)
    course.take(ev.CallerIdShown(FRIEND), ev.RingHeard(), ev.HandsetLifted(), after=10.0)
    course.wait(10)
    assert course.commands == []
    assert course.only(OpenCall) == [OpenCall("boot-1", FRIEND, "allow:known")]


def test_listening_only_a_known_caller_stays_alone_however_late_the_first_word() -> None:
    course = Course(LISTENS)
    course.take(ev.RingHeard(), ev.CallerIdShown(FRIEND), ev.RingHeard())
    course.wait(20)
    course.take(ev.HandsetLifted())
    course.wait(10)
    assert course.commands == []
    assert [opened.decision for opened in course.only(OpenCall)] == ["allow:known"]


def test_listening_only_a_call_the_household_makes_after_a_missed_known_one_is_heard() -> None:
    course = Course(replace(LISTENS, joins_outgoing=True))
    course.take(ev.RingHeard(), ev.CallerIdShown(FRIEND), ev.RingHeard())
    course.wait(20)
    course.take(ev.ToneHeard("dial"), ev.HandsetLifted(), ev.Answered())
    assert course.commands[-1] == Record()


def test_listening_only_who_rings_after_a_missed_call_is_the_caller() -> None:
    course = Course(LISTENS)
    course.take(ev.CallerIdShown(FRIEND), ev.CallerIdShown(CallerId()), ev.CallerIdShown(STRANGER), after=20.0)
    course.take(ev.RingHeard(), ev.HandsetLifted())
    assert course.only(OpenCall) == [OpenCall("boot-1", STRANGER, "screen:joined")]


def test_listening_only_a_missed_call_is_closed_after_a_minute_or_with_the_next_dial_tone() -> None:
    course = Course(LISTENS)
    course.take(ev.CallerIdShown(STRANGER))
    course.wait(61)
    assert course.closed.outcome == "unanswered"
    course.take(ev.CallerIdShown(STRANGER), ev.ToneHeard("busy"))
    assert course.state.phase is Phase.RINGING
    course.take(ev.ToneHeard("dial"), ev.HandsetLifted())
    assert [closed.outcome for closed in course.only(CloseCall)] == ["unanswered"] * 2
    assert course.commands == [], "what the household dials is not listened to"


def test_listening_only_the_stop_button_ends_the_listening_and_deletes() -> None:
    course = Course(LISTENS).ringing(STRANGER)
    course.take(ev.HandsetLifted(), ev.Answered(), ev.ButtonPressed("stop", long=True))
    assert course.commands[-1] == HangUp()
    assert course.only(Discard) == [Discard("boot-1")]
    course.take(ev.LineReleased(), heard(Level.ALERT), ev.HandsetReplaced())
    assert course.closed.outcome == "stopped"
    assert Warn("scam_warning") not in course.effects


def test_listening_only_calling_out_opens_nothing_for_callers() -> None:
    course = Course(LISTENS)
    course.take(ev.ToneHeard("dial"), ev.HandsetLifted(), ev.HandsetReplaced())
    course.ringing(STRANGER).take(ev.HandsetLifted())
    assert course.commands == [Answer()]


def test_household_that_lifts_first_uses_up_the_wish_to_let_the_next_one_through() -> None:
    course = Course(replace(LISTENS, rules=replace(RULES, let_through=LetThrough(7, 10_000.0))))
    course.take(ev.RingHeard(), ev.HandsetLifted())
    assert course.only(UseLetThrough) == [UseLetThrough(7)]
    course.wait(10)
    course.take(ev.RingHeard(), ev.HandsetLifted())
    assert course.commands == [Answer()]


# --- what the household's own calls open ------------------------------------------------------------------------------


def test_who_was_called_may_call_back_within_half_an_hour_whatever_number_he_shows() -> None:
    """The ambulance calls back with its number withheld: who has just asked for help must not be cut off from it."""
    course = Course()
    course.take(ev.HandsetLifted(), ev.HandsetReplaced(), after=60.0)
    assert course.effects == []
    course.ringing(WITHHELD).wait(10)
    assert course.commands == []
    assert course.closed.outcome == "left_alone"
    assert course.only(OpenCall) == [OpenCall("boot-1", WITHHELD, "allow:called_back")]
    course.wait(1800)
    course.ringing(WITHHELD)
    assert course.commands == [Answer()]


@pytest.mark.parametrize("caller", [BLOCKED, CallerId("+15551234567")])
def test_blocked_numbers_and_calls_from_abroad_stay_refused_after_a_call_of_the_household(caller: CallerId) -> None:
    course = Course()
    course.take(ev.HandsetLifted())
    course.ringing(caller)
    assert course.commands == [Answer()]


def test_outgoing_call_is_listened_to_only_where_the_household_wants_it() -> None:
    course = Course(replace(SETTINGS, joins_outgoing=True))
    course.take(ev.HandsetLifted(), ev.Answered())
    assert course.commands == [Answer(), Record()]
    course.take(ev.ToneHeard("dial"), heard(Level.CAUTION), after=5.0)
    assert course.state.phase is Phase.TALKING, "dial tone before anybody has spoken is the beginning, not the end"
    course.take(ev.ToneHeard("dial"), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert course.closed.outcome == "screened"
    assert course.only(OpenCall) == [OpenCall("boot-1", None, "screen:outgoing")]


def test_call_ids_are_unique_over_calls() -> None:
    course = Course()
    for _ in range(3):
        course.take(ev.RingHeard())
        course.wait(20)
    assert [opened.call_id for opened in course.only(OpenCall)] == ["boot-1", "boot-2", "boot-3"]


# --- refusing and announcing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "prompt"),
    [
        (WITHHELD, "refuse_withheld"),
        (CallerId("+15551234567"), "refuse_international"),
        (BLOCKED, "refuse_blocked"),
    ],
)
def test_refused_caller_hears_why_and_is_hung_up(caller: CallerId, prompt: str) -> None:
    course = Course().announcing(caller)
    course.take(ev.PromptFinished(prompt), after=6.0)
    assert course.commands == [Answer(), Play(prompt), HangUp()]
    course.take(ev.LineReleased())
    assert course.closed.outcome == "refused"
    assert course.only(StartListening) == []


def test_line_without_number_service_refuses_nobody() -> None:
    settings = SessionSettings(ScreeningRules(number_service=False))
    course = Course(settings).announcing(WITHHELD)
    assert course.commands == [Answer(), Play("recording_warning")]


def test_caller_who_hangs_up_in_announcement_is_repelled() -> None:
    course = Course().announcing()
    course.take(ev.ToneHeard("busy"), ev.LineReleased(), after=2.0)
    assert course.commands[-1] == HangUp()
    assert course.closed.outcome == "repelled"
    assert course.only(StartListening, Chime) == []


def test_caller_who_hangs_up_before_the_household_comes_is_repelled() -> None:
    course = Course().awaiting()
    course.take(ev.ToneHeard("busy"), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert course.closed.outcome == "repelled"


def test_caller_who_waits_in_vain_is_not_counted_as_repelled() -> None:
    course = Course().awaiting()
    course.wait(15)
    course.take(ev.ToneHeard("busy"), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert course.closed.outcome == "unanswered"


def test_listening_begins_after_the_announcement_and_not_before() -> None:
    course = Course().announcing()
    assert course.only(StartListening, Record) == []
    effects = course.take(ev.PromptFinished("recording_warning"), after=5.0)
    assert effects[:2] == [StartListening("boot-1", STRANGER), Record()]
    assert effects[2:] == [Chime(), Warn("phone_for_you")]


def test_announcement_is_not_followed_by_chime_when_household_lifted() -> None:
    course = Course().announcing()
    course.take(ev.HandsetLifted(), ev.PromptFinished("recording_warning"), after=2.0)
    course.wait(60)
    assert course.only(Chime, Warn) == []
    assert course.state.phase is Phase.TALKING


def test_household_that_lifts_while_the_box_answers_is_not_called_again() -> None:
    course = Course().ringing()
    course.take(ev.HandsetLifted(), ev.Answered(), ev.PromptFinished("recording_warning"))
    assert course.only(Chime) == []
    assert course.state.phase is Phase.TALKING


def test_household_that_puts_down_again_is_called() -> None:
    course = Course().announcing()
    course.take(ev.HandsetLifted(), ev.HandsetReplaced(), ev.PromptFinished("recording_warning"))
    assert course.only(Chime) == [Chime()]


def test_nobody_home_is_said_after_the_wait_and_the_line_is_freed() -> None:
    course = Course().awaiting()
    course.wait(60)
    assert course.commands[-1] == Play("nobody_home")
    assert len(course.only(Chime)) >= 5
    course.take(ev.PromptFinished("nobody_home"), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert course.closed.outcome == "unanswered"
    assert course.only(StopListening) == [StopListening("boot-1")]


@pytest.mark.parametrize("message_s", [0.0, 60.0])
def test_who_comes_while_the_box_still_speaks_is_listened_with(message_s: float) -> None:
    course = Course(replace(SETTINGS, message_s=message_s)).awaiting()
    course.wait(60 if message_s == 0 else 45)
    assert isinstance(course.commands[-1], Play)
    course.take(ev.HandsetLifted())
    assert course.commands[-1] == Record()
    course.take(ev.RecordingStarted(), heard(Level.ALERT))
    assert Warn("scam_warning") in course.effects
    course.take(ev.HandsetReplaced(), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert course.closed.outcome == "screened"


def test_who_lifts_while_a_caller_is_refused_is_not_listened_with() -> None:
    course = Course().ringing(WITHHELD)
    course.take(ev.Answered())
    assert isinstance(course.commands[-1], Play)
    course.take(ev.HandsetLifted())
    assert Record() not in course.commands


def test_household_voice_counts_as_lifting() -> None:
    course = Course().awaiting()
    course.take(heard(side="near"))
    assert course.state.phase is Phase.TALKING


def test_fax_tone_does_not_stop_the_listening() -> None:
    course = Course().talking()
    assert course.take(ev.ToneHeard("fax")) == []
    assert course.state.phase is Phase.TALKING


def test_fax_is_made_way_for_where_there_is_a_machine_and_its_next_call_rings_through() -> None:
    course = Course(replace(SETTINGS, fax=True)).announcing()
    course.take(ev.ToneHeard("fax"), ev.LineReleased(), after=2.0)
    assert course.closed.outcome == "fax"
    course.effects.clear()
    course.ringing(CallerId("0399990000"))
    assert course.commands == [Answer()], "another caller"
    course.take(ev.Answered(), ev.ToneHeard("busy"), ev.LineReleased())
    course.effects.clear()
    course.ringing(STRANGER).wait(30)
    assert course.commands == []
    assert course.only(OpenCall)[0].decision == "allow:fax"
    course.effects.clear()
    course.ringing(STRANGER)
    assert course.commands == [Answer()], "once"


def test_fax_tone_in_a_talk_does_not_get_rid_of_the_box() -> None:
    course = Course(replace(SETTINGS, fax=True)).talking()
    assert course.take(ev.ToneHeard("fax")) == []


def test_caller_may_speak_a_message_where_nobody_comes() -> None:
    course = Course(replace(SETTINGS, message_s=60.0)).awaiting()
    course.wait(45)
    assert course.commands[-1] == Play("leave_message")
    course.take(ev.PromptFinished("leave_message"), ev.RecordingStarted(), heard(), after=5.0)
    assert course.commands[-1] == Record()
    course.wait(60)
    assert course.commands[-1] == HangUp()
    course.take(ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert course.closed.outcome == "message"


@pytest.mark.parametrize("tone", ["fax", "busy"])
def test_a_message_ends_with_the_callers_hanging_up_and_not_with_a_sound_like_a_fax(tone: Tone) -> None:
    course = Course(replace(SETTINGS, message_s=60.0)).awaiting()
    course.wait(45)
    course.take(ev.PromptFinished("leave_message"), ev.RecordingStarted(), ev.ToneHeard(tone))
    assert (course.commands[-1] == HangUp()) == (tone == "busy")


def test_household_that_comes_during_a_message_has_the_call() -> None:
    course = Course(replace(SETTINGS, message_s=60.0)).awaiting()
    course.wait(45)
    course.take(ev.PromptFinished("leave_message"), ev.HandsetLifted(), after=5.0)
    course.wait(70)
    assert course.state.phase is Phase.TALKING


def test_modem_that_never_answers_is_hung_up_and_called_a_line_failure() -> None:
    course = Course().ringing()
    course.wait(10)
    course.take(ev.LineReleased())
    assert course.commands == [Answer(), HangUp()]
    assert course.closed.outcome == "line_failed"


# --- alerts --------------------------------------------------------------------------------------------------------


def test_alert_goes_new_update_end_under_one_id() -> None:
    course = Course().talking()
    course.take(heard(Level.CAUTION), heard(Level.ALERT), heard(Level.ALERT, category="police"), after=3.0)
    course.take(ev.HandsetReplaced(), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    alerts = course.only(SendAlert)
    assert [alert.event for alert in alerts] == ["new", "update", "end"]
    assert {(alert.alert_id, alert.call_id) for alert in alerts} == {("boot-1", "boot-1")}
    assert all(alert.caller == STRANGER and alert.level is Level.ALERT for alert in alerts)


def test_updates_are_rationed_unless_the_kind_changes() -> None:
    course = Course().talking()
    course.take(*[heard(Level.ALERT)] * 40, after=1.0)
    updates = [alert for alert in course.only(SendAlert) if alert.event == "update"]
    assert len(updates) in (3, 4)


def test_alert_warns_the_household_at_once_and_advises_after() -> None:
    course = Course().talking()
    course.effects.clear()
    assert course.take(heard(Level.CAUTION))[1:] == [Warn("caution_warning"), SetLamp("caution")]
    new, *rest = course.take(heard(Level.ALERT))[1:]
    assert isinstance(new, SendAlert)
    assert rest == [Warn("scam_warning"), Warn("advice_atm"), SetLamp("alert")]
    course.take(ev.HandsetReplaced(), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert course.only(Warn)[-1] == Warn("call_ended_advice")


def test_household_without_contacts_is_not_told_that_somebody_knows() -> None:
    course = Course(replace(SETTINGS, tells_family=False)).talking()
    course.take(heard(Level.ALERT), ev.HandsetReplaced(), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert [warned.prompt for warned in course.only(Warn)][-3:] == [
        *("scam_warning_alone", "advice_atm", "call_ended_advice_alone")
    ]


def test_caution_alone_sends_no_alert() -> None:
    course = Course().talking()
    course.take(heard(Level.CAUTION), ev.HandsetReplaced(), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert course.only(SendAlert) == []
    assert course.closed.level is Level.CAUTION


def test_words_recognised_after_the_hang_up_still_raise_the_alert() -> None:
    course = Course().released()
    course.take(heard(Level.ALERT), ev.TranscriptFinished("boot-1"), after=5.0)
    assert [alert.event for alert in course.only(SendAlert)] == ["new", "end"]
    assert course.closed.level is Level.ALERT


def test_alert_carries_bounded_words_and_evidence() -> None:
    course = Course().talking()
    course.take(*[heard(Level.ALERT, text=f"語{i}") for i in range(50)], after=11.0)
    last = course.only(SendAlert)[-1]
    assert len(last.transcript) == TRANSCRIPT_TAIL
    assert last.transcript[-1] == ("far", "語49")
    assert len(last.evidence) == EVIDENCE_KEPT


def test_level_of_a_call_never_falls() -> None:
    course = Course().talking()
    course.take(heard(Level.ALERT), heard(Level.QUIET), ev.HandsetReplaced(), ev.LineReleased())
    course.take(ev.TranscriptFinished("boot-1"))
    assert course.closed.level is Level.ALERT
    assert course.closed.category == "refund"


# --- the end -------------------------------------------------------------------------------------------------------


def test_call_is_closed_when_the_last_words_are_judged_and_not_before() -> None:
    course = Course().released()
    assert course.only(StopListening) == [StopListening("boot-1")]
    assert course.only(CloseCall) == []
    course.take(ev.TranscriptFinished("boot-1"))
    assert course.closed.outcome == "screened"


def test_transcript_of_an_earlier_call_does_not_end_this_one() -> None:
    course = Course().released()
    course.take(ev.TranscriptFinished("boot-0"))
    assert course.only(CloseCall) == []


def test_line_that_is_never_released_leaves_no_listener_behind() -> None:
    course = Course().talking()
    course.take(ev.ToneHeard("busy"))
    course.wait(400)
    assert course.only(StopListening) == [StopListening("boot-1")]
    assert course.closed.outcome == "screened"


def test_endless_call_is_let_go_at_the_limit() -> None:
    course = Course().talking()
    course.wait(7300)
    assert course.commands[-1] == HangUp()


def test_answer_that_crossed_a_line_failure_is_followed_by_a_hang_up() -> None:
    """Else the modem would answer after its port came back, and nobody would ever hang up."""
    course = Course().ringing()
    course.take(ev.LineFailed("gone"))
    assert course.commands == [Answer(), HangUp()]
    assert course.closed.outcome == "line_failed"


def test_line_failure_in_a_call_keeps_what_was_heard() -> None:
    course = Course().talking()
    course.take(heard(Level.ALERT), ev.LineFailed("gone"), ev.LineFailed("still"), ev.LineReady("m"), ev.LineReleased())
    assert course.only(StopListening) == [StopListening("boot-1")]
    course.take(ev.TranscriptFinished("boot-1"))
    assert course.closed.outcome == "line_failed"
    assert [alert.event for alert in course.only(SendAlert)] == ["new", "end"]


def test_line_failure_without_a_call_lights_the_fault_lamp_until_it_is_back() -> None:
    course = Course()
    assert course.take(ev.LineFailed("gone"), ev.LineReady("modem")) == [SetLamp("fault"), SetLamp("off")]


def test_failed_listener_or_recording_does_not_end_the_call() -> None:
    course = Course().talking()
    course.take(ev.ListenerFailed("broken"), ev.RecordingFailed("disk full"))
    assert course.state.phase is Phase.TALKING
    assert course.commands[-1] == Record()


# --- the rules change ----------------------------------------------------------------------------------------------

LETTING_THROUGH = replace(RULES, let_through=LetThrough(7, 1e6))


@pytest.mark.parametrize("stretch", ["", "ringing", "announcing", "awaiting", "talking", "released"])
def test_changed_rules_disturb_no_call_and_decide_the_next(stretch: str) -> None:
    course = Course()
    if stretch:
        getattr(course, stretch)()
    before = course.state
    assert course.take(ev.RulesChanged(replace(RULES, domestic="refuse"), 0.0)) == []
    assert (course.state.phase, course.state.call) == (before.phase, before.call)
    course.wait(10_000)
    course.ringing()
    assert course.only(OpenCall)[-1].decision == "refuse:domestic"


def test_a_moment_of_the_rules_is_wall_time() -> None:
    course = Course()
    until = course.now + 1_800_000_000.0
    course.take(ev.RulesChanged(replace(RULES, let_through=LetThrough(1, until + 10)), 1_800_000_000.0))
    assert course.ringing().only(OpenCall)[-1].decision == "allow:let_through"
    late = Course()
    late.take(ev.RulesChanged(replace(RULES, let_through=LetThrough(1, until + 1)), 1_800_000_000.0))
    assert late.ringing().only(OpenCall)[-1].decision == "screen:domestic"


def test_one_unknown_caller_is_let_through_and_the_next_is_screened() -> None:
    course = Course()
    course.take(ev.RulesChanged(LETTING_THROUGH, 0.0))
    course.ringing(FRIEND).wait(60)
    assert course.only(UseLetThrough) == [], "a known caller does not use it up"
    course.ringing(WITHHELD).wait(60)
    course.ringing(WITHHELD).wait(60)
    assert [opened.decision for opened in course.only(OpenCall)] == [
        "allow:known",
        "allow:let_through",
        "refuse:withheld",
    ]
    assert course.only(UseLetThrough) == [UseLetThrough(7)]


def test_a_used_up_wish_does_not_come_back_with_rules_read_before_it_was_noted() -> None:
    course = Course()
    course.take(ev.RulesChanged(LETTING_THROUGH, 0.0))
    course.ringing().wait(300)
    course.take(ev.RulesChanged(LETTING_THROUGH, 0.0))
    course.ringing().wait(300)
    assert course.only(OpenCall)[-1].decision == "screen:domestic"
    course.take(ev.RulesChanged(replace(RULES, let_through=LetThrough(8, 1e6)), 0.0))
    course.ringing()
    assert course.only(OpenCall)[-1].decision == "allow:let_through", "a new wish is a new one"


# --- any order of events -------------------------------------------------------------------------------------------

CALLERS = st.sampled_from([None, STRANGER, FRIEND, BLOCKED, WITHHELD, CallerId(), CallerId("+4412345678")])
EVENTS: st.SearchStrategy[ev.Event] = st.one_of(
    st.just(ev.RingHeard()),
    st.builds(ev.CallerIdShown, CALLERS.map(lambda caller: caller or CallerId())),
    st.sampled_from(
        [
            ev.Answered(),
            ev.RecordingStarted(),
            ev.HandsetLifted(),
            ev.HandsetReplaced(),
            ev.LineReleased(),
            ev.LineSilent(),
            ev.LineReady("m"),
            ev.LineFailed("x"),
            ev.ListenerFailed("x"),
            ev.RecordingFailed("x"),
            ev.RulesChanged(RULES, 0.0),
            ev.RulesChanged(ScreeningRules(domestic="refuse", let_through=LetThrough(1, 1e6)), 5.0),
        ]
    ),
    st.builds(ev.PromptFinished, st.sampled_from(["recording_warning", "refuse_withheld", "nobody_home"])),
    st.builds(ev.ToneHeard, st.sampled_from(["busy", "dial", "fax"])),
    st.builds(ev.TranscriptFinished, st.sampled_from(["boot-0", "boot-1", "boot-2"])),
    st.builds(heard, st.sampled_from(Level), st.sampled_from(["far", "near", "unknown"]), st.sampled_from(["a", "b"])),
)
STRETCHES = st.sampled_from(["", "ringing", "announcing", "awaiting", "talking", "released"])
HAPPENINGS = st.lists(st.tuples(EVENTS, st.sampled_from([0.0, 0.3, 1.0, 3.0, 7.0, 50.0])), max_size=40)


@given(stretch=STRETCHES, happenings=HAPPENINGS)
def test_call_ends_cleanly_in_every_state(stretch: str, happenings: list[tuple[ev.Event, float]]) -> None:
    """Whatever comes in whatever order, and then nothing more: every promise about a call holds."""
    course = Course()
    if stretch:
        getattr(course, stretch)()
    for event, after in happenings:
        course.take(event, after=after)
        check_state(course.state)
    course.wait(10_000)
    assert course.state.phase is Phase.IDLE
    check_effects(course.effects)


@given(happenings=HAPPENINGS)
def test_a_line_that_can_only_be_listened_to_is_never_spoken_into(happenings: list[tuple[ev.Event, float]]) -> None:
    course = Course(LISTENS)
    for event, after in happenings:
        course.take(event, after=after)
        check_state(course.state)
    course.wait(10_000)
    assert course.only(Play, Chime) == []
    check_effects(course.effects)


def check_state(state: SessionState) -> None:
    idle = state.phase is Phase.IDLE
    assert (state.call is None) == idle
    assert state.late is None or not idle, "nothing would ever close its record"
    assert (state.deadline is None) == idle, "a call without a deadline could last for ever"


def check_effects(effects: list[Effect]) -> None:
    calls: dict[str, list[Effect]] = {}
    for effect in effects:
        if isinstance(effect, OpenCall | StartListening | StopListening | NoteUtterance | SendAlert | CloseCall):
            calls.setdefault(effect.call_id, []).append(effect)
    for call in calls.values():
        check_frame(call)
        check_listening(call)
        check_alerts(call)
    check_line(effects, sum(len(call) > 2 for call in calls.values()))
    check_words(effects, list(calls.values()))


def check_frame(call: list[Effect]) -> None:
    kinds = Counter(type(effect) for effect in call)
    assert kinds[OpenCall] == kinds[CloseCall] == 1
    closed = call[-1]
    assert isinstance(closed, CloseCall)
    assert (closed.outcome == "screened") <= any(isinstance(effect, StartListening) for effect in call)


def check_line(effects: list[Effect], listened: int) -> None:
    """One call at a time has the line: each answer is followed by a hang-up before anybody else is answered."""
    off_hook, answers = False, 0
    for effect in effects:
        if isinstance(effect, Answer):
            assert not off_hook
            off_hook, answers = True, answers + 1
        elif isinstance(effect, Play | Record):
            assert off_hook
        elif isinstance(effect, HangUp):
            off_hook = False
    assert not off_hook
    assert listened <= answers


def check_listening(call: list[Effect]) -> None:
    kinds = [type(effect) for effect in call]
    started, stopped = kinds.count(StartListening), kinds.count(StopListening)
    assert started == stopped <= 1
    if started:
        assert kinds.index(StartListening) < kinds.index(StopListening)
    if NoteUtterance in kinds:
        assert kinds.index(StartListening) < kinds.index(NoteUtterance)


def check_alerts(call: list[Effect]) -> None:
    told = [effect.event for effect in call if isinstance(effect, SendAlert)]
    closed = call[-1]
    assert isinstance(closed, CloseCall)
    assert bool(told) == (closed.level is Level.ALERT)
    if told:
        assert (told[0], told[-1]) == ("new", "end")
        assert set(told[1:-1]) <= {"update"}


def check_words(effects: list[Effect], calls: list[list[Effect]]) -> None:
    """Each call that raised an alert is warned of once and followed by advice once."""
    alerted = sum(any(isinstance(effect, SendAlert) for effect in call) for call in calls)
    spoken = Counter(effect.prompt for effect in effects if isinstance(effect, Warn))
    assert spoken["scam_warning"] == spoken["call_ended_advice"] == alerted
    assert spoken["caution_warning"] <= len(calls)


@given(st.lists(EVENTS, max_size=12), CALLERS)
def test_step_is_pure(happened: list[ev.Event], caller: CallerId | None) -> None:
    """The same events give the same effects, and a state once taken does not change."""
    one, two = Course().ringing(caller), Course().ringing(caller)
    before, copy = one.state, replace(one.state)
    one.take(*happened)
    two.take(*happened)
    assert one.effects == two.effects
    assert before == copy


def test_the_kind_of_scam_gets_its_line_of_advice() -> None:
    course = Course().talking()
    course.take(heard(Level.ALERT, category="refund"))
    assert course.only(Warn)[-2:] == [Warn("scam_warning"), Warn("advice_atm")]


def test_a_mere_suspicion_names_no_kind_but_a_sales_pitch_does() -> None:
    course = Course().talking()
    course.take(heard(Level.CAUTION, category="kin"))
    assert course.only(Warn)[-1] == Warn("caution_warning")
    course = Course().talking()
    course.take(heard(Level.CAUTION, category="solar"))
    assert course.only(Warn)[-2:] == [Warn("caution_warning"), Warn("advice_sales")]


# --- rings that cannot be answered, words that come late --------------------------------------------------------------


def test_ring_while_the_modem_is_out_of_order_is_recorded_as_a_line_failure() -> None:
    course = Course()
    course.take(ev.LineFailed("gone"), ev.RingHeard())
    course.take(ev.RingHeard(), ev.RingHeard(), after=3.0)
    course.wait(10)
    assert course.commands == []
    assert course.closed.outcome == "line_failed"


def test_caller_who_still_rings_when_the_modem_is_back_is_answered() -> None:
    course = Course()
    course.take(ev.LineFailed("gone"), ev.RingHeard())
    course.take(ev.RingHeard(), after=3.0)
    course.take(ev.LineReady("m"), ev.RingHeard(), after=1.5)
    assert course.commands == [Answer()]
    course.take(ev.Answered(), ev.ToneHeard("busy"), ev.LineReleased())
    assert course.closed.outcome == "repelled"


def test_modem_that_fails_while_it_rings_leaves_one_record_and_may_still_answer() -> None:
    course = Course()
    course.take(ev.RingHeard(), ev.LineFailed("gone"), ev.LineReady("m"))
    course.take(ev.RingHeard(), after=3.0)
    assert course.commands == [Answer()]
    course = Course()
    course.take(ev.RingHeard(), ev.LineFailed("gone"), ev.LineFailed("still"))
    course.wait(20)
    assert course.closed.outcome == "line_failed"


def test_known_caller_rings_through_a_failure_untouched() -> None:
    course = Course().ringing(FRIEND)
    course.take(ev.LineFailed("gone"), ev.RingHeard(), after=2.0)
    course.wait(10)
    assert course.closed.outcome == "left_alone"


def test_lamp_shows_the_fault_after_a_call_that_ended_by_it() -> None:
    course = Course().talking()
    course.take(ev.LineFailed("gone"), ev.TranscriptFinished("boot-1"))
    assert course.only(SetLamp)[-1] == SetLamp("fault")
    course.take(ev.LineReady("m"))
    assert course.only(SetLamp)[-1] == SetLamp("off")


def test_next_caller_does_not_wait_for_a_dead_recogniser() -> None:
    course = Course().released()
    course.ringing(CallerId("0311112222"))
    assert course.commands[-1] == Answer()
    assert course.only(OpenCall)[-1].call_id == "boot-2"
    assert course.only(CloseCall) == [], "its record is still open for what may come"


def test_words_of_the_call_before_raise_its_own_alert() -> None:
    course = Course().released()
    course.ringing(CallerId("0311112222")).take(heard(Level.ALERT))
    (alert,) = course.only(SendAlert)
    assert (alert.call_id, alert.caller) == ("boot-1", STRANGER)
    course.take(ev.TranscriptFinished("boot-1"))
    assert course.closed.call_id == "boot-1"
    assert course.closed.level is Level.ALERT
    course.take(ev.Answered(), ev.PromptFinished("recording_warning"), ev.HandsetLifted(), heard(Level.QUIET))
    assert course.state.call is not None
    assert course.state.call.level is Level.QUIET
    assert course.only(NoteUtterance)[-1].call_id == "boot-2"


def test_words_of_an_earlier_call_are_never_charged_to_the_one_that_runs() -> None:
    course = Course().talking()
    course.take(replace(heard(Level.ALERT), call_id="boot-0"))
    assert Warn("scam_warning") not in course.effects
    assert course.only(SendAlert) == []
    course.take(replace(heard(Level.ALERT), call_id="boot-1"))
    assert Warn("scam_warning") in course.effects


def test_record_of_the_call_before_is_closed_at_the_latest_with_the_next() -> None:
    course = Course().released()
    course.ringing(CallerId("0311112222")).take(ev.Answered(), ev.ToneHeard("busy"), ev.LineReleased())
    assert [closed.call_id for closed in course.only(CloseCall)] == ["boot-1", "boot-2"]


def test_line_that_falls_silent_is_let_go() -> None:
    course = Course().talking()
    course.take(ev.LineSilent())
    assert course.commands[-1] == HangUp()
