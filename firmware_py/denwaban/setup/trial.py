"""One telephone call on trial: rings, number, recording notice, both voices, release. It decides nothing.

The call is answered when `session.py` would answer it, so that the trial shows what the box will meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from denwaban.effects import Answer, HangUp, Play, Record
from denwaban.events import (
    Answered,
    CallerId,
    CallerIdShown,
    Event,
    HandsetLifted,
    HandsetReplaced,
    LineReady,
    LineReleased,
    PromptFinished,
    RecordingStarted,
    RingHeard,
    ToneHeard,
)
from denwaban.ringing import RING_GAP_NORMAL_S, RING_STOPPED_S
from denwaban.setup.levels import CLIPPED_SHARE, QUIET_8_BIT_DBFS, QUIET_DBFS, TELLING_DB, LevelMeter, VoiceLevel
from denwaban.setup.steps import TRIAL_STEPS, Cue, Finding, OpenLine, Person, Question, State, Step, found

READY_LIMIT_S: Final = 60.0
CALL_LIMIT_S: Final = 180.0
"""For somebody to find the number and dial it."""
COMMAND_LIMIT_S: Final = 15.0
PROMPT_LIMIT_S: Final = 30.0
TALK_LIMIT_S: Final = 30.0
QUESTION_LIMIT_S: Final = 60.0
HANG_UP_LIMIT_S: Final = 45.0
QUICK_RELEASE_S: Final = 5.0
_POLL_S: Final = 0.1


@dataclass(slots=True)
class Measured:
    """What the trial has shown so far. None: not tried, or nobody could tell."""

    rings: int = 0
    short_rings: int = 0
    """Rings of the kind that precedes a number report: the exchange sends numbers, the modem takes them for rings."""
    caller: CallerId | None = None
    answered: bool = False
    warning_heard: bool | None = None
    far: VoiceLevel | None = None
    near: VoiceLevel | None = None
    pickup_sensed: bool | None = None
    end_noticed: bool | None = None
    released_s: float | None = None

    @property
    def difference_db(self) -> float | None:
        """How much louder the household is than the caller."""
        return None if self.far is None or self.near is None else self.near.dbfs - self.far.dbfs


class CallEnded(Exception):
    """The trial cannot go on, for a reason that another call may mend."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding


class Trial:
    """One call. Each step raises CallEnded when the call is over too soon, LineError when the modem is lost."""

    def __init__(self, person: Person, line: OpenLine, show: Callable[..., None], *, eight_bits: bool) -> None:
        """`show` takes a step and its findings."""
        self._person = person
        self._line = line
        self._show = show
        self._quiet_dbfs = QUIET_8_BIT_DBFS if eight_bits else QUIET_DBFS
        self.step: Step = "call"
        self._ended: ToneHeard | None = None
        self._lifted = self._replaced = False
        self.measured = Measured()

    def run(self) -> None:
        steps = (self._await_call, self._answer, self._hear_both, self._release)
        for step, carry_out in zip(TRIAL_STEPS, steps, strict=True):
            self.step = step
            self._person.begin(step)
            self._show(step, *carry_out())

    # --- listening to the line -----------------------------------------------------------------------------------

    def _await(self, cue: Cue, limit_s: float, *kinds: type[Event]) -> Event | None:
        """The next event of these kinds; None after the limit. A fax tone is none: modems take speech for it."""
        end = self._line.now() + limit_s
        while (left := end - self._line.now()) > 0:
            self._person.waiting(cue, left)
            event = self._line.next_event(min(left, _POLL_S))
            self._notice(event)
            if isinstance(event, kinds) and event != ToneHeard("fax"):
                return event
        return None

    def _notice(self, event: Event | None) -> None:
        match event:
            case HandsetLifted():
                self._lifted = True
            case HandsetReplaced():
                self._replaced = True
            case ToneHeard(tone) if tone != "fax":
                self._ended = event
                if self.step != "release":
                    raise CallEnded(found("caller_gone", "note"))

    def _await_or_fail(self, cue: Cue, limit_s: float, kind: type[Event]) -> None:
        if self._await(cue, limit_s, kind) is None:
            raise CallEnded(found("modem_stuck", "bad"))

    # --- the steps -------------------------------------------------------------------------------------------------

    def _await_call(self) -> tuple[Finding, ...]:
        self._await_or_fail("line_opens", READY_LIMIT_S, LineReady)
        self._person.please("call_now")
        self._ring_until_safe()
        rings = found("ring_heard", rings=self.measured.rings)
        return rings, number_finding(self.measured)

    def _ring_until_safe(self) -> None:
        """Until a ring that may be answered: one behind a number report, or one of ordinary cadence."""
        measured, last = self.measured, 0.0
        while True:
            nothing_yet = not measured.rings and measured.caller is None
            limit_s = CALL_LIMIT_S if nothing_yet else RING_STOPPED_S
            event = self._await("call_now", limit_s, RingHeard, CallerIdShown)
            if event is None:
                raise CallEnded(found("nobody_called" if nothing_yet else "ringing_stopped", "note"))
            if isinstance(event, CallerIdShown):
                measured.caller = measured.caller or event.caller
                continue
            gap, last = self._line.now() - last, self._line.now()
            measured.rings += 1
            if measured.caller is not None or (measured.rings > 1 and gap >= RING_GAP_NORMAL_S):
                return
            measured.short_rings += measured.rings > 1

    def _answer(self) -> tuple[Finding, ...]:
        self._line.do(Answer())
        self._await_or_fail("answering", COMMAND_LIMIT_S, Answered)
        self.measured.answered = True
        self._person.please("warning_plays")
        self._line.do(Play("recording_warning"))
        self._await_or_fail("warning_plays", PROMPT_LIMIT_S, PromptFinished)
        self._line.do(Record())
        self._await_or_fail("warning_plays", COMMAND_LIMIT_S, RecordingStarted)
        answers = ("yes", "no", "unsure")
        answer = self._person.ask(Question("warning_heard", answers, "unsure", {}, QUESTION_LIMIT_S))
        self._catch_up()
        self.measured.warning_heard = {"yes": True, "no": False}.get(answer)
        return (found(f"warning_heard_{answer}", "ok" if answer == "yes" else "note"),)

    def _catch_up(self) -> None:
        """What happened while a person was thinking."""
        while (event := self._line.next_event(0.0)) is not None:
            self._notice(event)

    def _hear_both(self) -> tuple[Finding, ...]:
        measured = self.measured
        measured.far = self._hear("caller_talks")
        measured.near = self._hear("household_talks")
        measured.pickup_sensed = self._lifted
        return (
            self._voice("caller", measured.far),
            self._voice("household", measured.near),
            found("pickup_sensed") if self._lifted else found("pickup_unnoticed", "note"),
            *difference_finding(measured),
        )

    def _hear(self, cue: Cue) -> VoiceLevel | None:
        """Measure whoever speaks until it was enough; a handset that is lifted begins the measurement anew."""
        self._person.please(cue)
        self._line.take_audio()
        meter, lifted = LevelMeter(), self._lifted
        end = self._line.now() + TALK_LIMIT_S
        while not meter.enough and (left := end - self._line.now()) > 0:
            self._person.waiting(cue, left)
            self._notice(self._line.next_event(_POLL_S))
            if self._lifted and not lifted:
                meter, lifted = LevelMeter(), True
                self._line.take_audio()
            meter.feed(self._line.take_audio())
        return meter.level()

    def _voice(self, who: str, level: VoiceLevel | None) -> Finding:
        if level is None:
            return found(f"{who}_unheard", "note")
        dbfs = round(level.dbfs)
        if level.clipped > CLIPPED_SHARE:
            return found(f"{who}_loud", "note", dbfs=dbfs)
        if level.dbfs < self._quiet_dbfs:
            return found(f"{who}_quiet", "note", dbfs=dbfs)
        return found(f"{who}_heard", dbfs=dbfs)

    def _release(self) -> tuple[Finding, ...]:
        self._person.please("hang_up")
        self._await("hang_up", HANG_UP_LIMIT_S, ToneHeard)
        measured = self.measured
        measured.end_noticed = self._ended is not None or self._replaced
        began = self._line.now()
        self._line.do(HangUp())
        self._await_or_fail("hang_up", COMMAND_LIMIT_S, LineReleased)
        measured.released_s = self._line.now() - began
        return end_finding(self._ended is not None, self._replaced), released_finding(measured.released_s)


# --- what the measurements mean ------------------------------------------------------------------------------------


def number_finding(measured: Measured) -> Finding:
    """Whether the caller's number came. Only its end is kept: it is there to be compared, not to be filed."""
    caller = measured.caller
    if caller is None:
        return found("number_taken_for_rings" if measured.short_rings else "number_missing", "note")
    if caller.number is not None:
        return found("number_shown", end=caller.number[-4:])
    return found(f"number_absent_{caller.absence}" if caller.absence else "number_garbled", "note")


def difference_finding(measured: Measured) -> tuple[Finding, ...]:
    """Whether the loudness tells the household from the caller, as it must for `audio/sides.py`."""
    difference = measured.difference_db
    if difference is None:
        return ()
    db = round(abs(difference))
    if difference >= TELLING_DB:
        return (found("sides_apart", db=db),)
    if difference <= -TELLING_DB:
        return (found("sides_swapped", "note", db=db),)
    return (found("sides_alike", "note", db=db),)


def end_finding(tone: bool, replaced: bool) -> Finding:
    """By what the box will notice that a call is over; without any sign it holds the line up to its limit."""
    if tone:
        return found("end_tone_heard")
    return found("end_by_handset", "note") if replaced else found("end_unnoticed", "bad")


def released_finding(seconds: float) -> Finding:
    """How long the modem took to let go of the line."""
    state: State = "ok" if seconds <= QUICK_RELEASE_S else "note"
    return found("released", state, seconds=round(seconds, 1))
