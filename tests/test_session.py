"""What the box promises about the course of a call, whatever the line says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban import events as ev
from denwaban.effects import (
    Answer,
    Chime,
    CloseCall,
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
    Warn,
)
from denwaban.events import Assessment, CallerId, Evidence, Level, Utterance, UtteranceAssessed
from denwaban.screening import ScreeningRules
from denwaban.session import EVIDENCE_KEPT, TRANSCRIPT_TAIL, Phase, SessionSettings, SessionState, step

STRANGER = CallerId("0312345678")
FRIEND = CallerId("0399998888")
BLOCKED = CallerId("0120000000")
WITHHELD = CallerId(absence="P")
SETTINGS = SessionSettings(ScreeningRules(allow=frozenset(["0399998888"]), block=frozenset(["0120000000"])))


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


def test_household_that_lifts_first_has_the_line_to_itself() -> None:
    course = Course()
    course.take(ev.RingHeard(), ev.HandsetLifted())
    course.wait(30)
    assert course.commands == []
    assert course.closed.outcome == "left_alone"


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


def test_household_voice_counts_as_lifting() -> None:
    course = Course().awaiting()
    course.take(heard(side="near"))
    assert course.state.phase is Phase.TALKING


def test_fax_tone_does_not_stop_the_listening() -> None:
    course = Course().talking()
    assert course.take(ev.ToneHeard("fax")) == []
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
            ev.LineReady("m"),
            ev.LineFailed("x"),
            ev.ListenerFailed("x"),
            ev.RecordingFailed("x"),
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


def check_state(state: SessionState) -> None:
    idle = state.phase is Phase.IDLE
    assert (state.call is None) == idle
    assert (state.deadline is None) == idle, "a call without a deadline could last for ever"


def check_effects(effects: list[Effect]) -> None:
    for call in split_into_calls(effects):
        check_frame(call)
        check_line(call)
        check_listening(call)
        check_alerts(call)


def split_into_calls(effects: list[Effect]) -> list[list[Effect]]:
    """Effects of one call each: up to and with its CloseCall. Calls must not overlap."""
    calls: list[list[Effect]] = [[]]
    for effect in effects:
        calls[-1].append(effect)
        if isinstance(effect, CloseCall):
            calls.append([])
    assert not any(isinstance(effect, OpenCall | Answer | StartListening) for effect in calls[-1])
    return calls[:-1]


def check_frame(call: list[Effect]) -> None:
    (opened,) = [effect for effect in call if isinstance(effect, OpenCall)]
    closed = call[-1]
    assert isinstance(closed, CloseCall)
    assert closed.call_id == opened.call_id
    named = {effect.call_id for effect in call if hasattr(effect, "call_id")}
    assert named == {opened.call_id}
    assert (closed.outcome == "screened") <= any(isinstance(effect, StartListening) for effect in call)


def check_line(call: list[Effect]) -> None:
    commands = [type(effect) for effect in call if isinstance(effect, Answer | Play | Record | HangUp)]
    if not commands:
        return
    assert commands[0] is Answer
    assert commands[-1] is HangUp
    assert Counter(commands)[Answer] == Counter(commands)[HangUp] == 1
    closed = call[-1]
    assert isinstance(closed, CloseCall)
    assert closed.outcome != "left_alone"


def check_listening(call: list[Effect]) -> None:
    kinds = [type(effect) for effect in call]
    started, stopped = kinds.count(StartListening), kinds.count(StopListening)
    assert started == stopped <= 1
    if started:
        assert kinds.index(StartListening) < kinds.index(Record) < kinds.index(StopListening)
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
    spoken = Counter(effect.prompt for effect in call if isinstance(effect, Warn))
    assert spoken["scam_warning"] == spoken["call_ended_advice"] == (1 if told else 0)
    assert spoken["caution_warning"] <= 1


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
