"""The exchange, the caller and the household: one call at a time, in ticks of line time. Pure: no clock, no I/O.

A call goes  IDLE → (CAR → REPORTED →) RINGING → ANSWERED → TALKING → RELEASED → IDLE.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from denwaban.events import SAMPLE_RATE, Pcm
from denwaban.sim import line_events as show
from denwaban.sim.audio_path import PLAIN_LEVELS, TICK_S, TICK_SAMPLES, LineLevels, LineTone, TwoWire, Wave
from denwaban.sim.callfile import Behaviour, CallFile, TurnSide
from denwaban.sim.line_events import LineEvent

CAR_PULSES: Final = 3
CAR_PERIOD_S: Final = 1.0
"""Number Display alerting: 0.5 s on, 0.5 s off."""
REPORT_AT_S: Final = 4.1
"""Last pulse, primary answer, 0.8 s, and a message of about 0.3 s at 1200 bit/s."""
FIRST_RING_AFTER_REPORT_S: Final = 0.8
RING_PERIOD_S: Final = 3.0
RING_ON_S: Final = 1.0
HANGS_UP_INTO_ANNOUNCEMENT_S: Final = 2.0
CALLER_WAITS_S: Final = 90.0
"""How long a caller stays on an answered line on which nobody speaks."""
SPEAKS_AFTER_LIFT_S: Final = 0.6
CALLER_GOES_AFTER_S: Final = 0.5
HANDSET_REPLACED_AFTER_S: Final = 1.5

_EMPTY: Final[Pcm] = np.zeros(0, np.int16)
_SLACK: Final = 1e-6
"""Tick times are sums of floats."""


class Phase(Enum):
    """Where a call is."""

    IDLE = "idle"
    CAR = "alerting before the caller-id report"
    REPORTED = "between report and first ring"
    RINGING = "ringing"
    ANSWERED = "the box holds the line, the household has not lifted"
    TALKING = "the household talks"
    RELEASED = "the caller is gone, busy tone"


class Signal(Enum):
    """What the line tells a modem, besides sound."""

    CAR = "short pulse"
    RING = "ring"
    HANDSET_LIFTED = "parallel telephone off-hook"
    HANDSET_REPLACED = "parallel telephone on-hook"
    CALL_WAITING = "second caller"


@dataclass(frozen=True, slots=True)
class NumberReport:
    """The decoded caller-id message: digits, or P, O, C, S."""

    text: str


@dataclass(frozen=True, slots=True)
class BoxState:
    """What the exchange sees and hears of the box."""

    off_hook: bool = False
    playing: bool = False
    recording: bool = False
    sent_samples: int = 0
    """Sound played in this tick."""


@dataclass(frozen=True, slots=True)
class LineTick:
    """One tick as the modem meets it. `wave` is None while it is on-hook."""

    wave: Wave | None = None
    tone: LineTone | None = None
    signals: tuple[Signal | NumberReport, ...] = ()
    events: tuple[LineEvent, ...] = ()


class Exchange:
    """The line up to the modem's two wires."""

    def __init__(
        self, levels: LineLevels = PLAIN_LEVELS, second_call_after_s: float | None = None, busy_tone: bool = True
    ) -> None:
        self._wires = TwoWire(levels)
        self._busy_tone = busy_tone
        self._second_call_after_s = second_call_after_s
        self._ticks = 0
        self._phase = Phase.IDLE
        self._since = 0.0
        self._call: CallFile | None = None
        self._box = BoxState()
        self._handset = False
        self._signals: list[Signal | NumberReport] = []
        self._events: list[LineEvent] = []
        self._count = 0
        self._sent = 0
        self._announced = 0
        self._quiet_since: float | None = None
        self._position = 0
        self._live: dict[TurnSide, Pcm] = {"far": _EMPTY, "near": _EMPTY}

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def handset_off_hook(self) -> bool:
        return self._handset

    @property
    def free(self) -> bool:
        """Nobody uses the line: a call may come in."""
        return self._phase is Phase.IDLE and not self._box.off_hook and not self._handset

    def ring(self, call: CallFile) -> None:
        """Let a call come in. The line must be free."""
        if not self.free:
            raise ValueError("the line is not free")
        self._call = call
        self._announced = self._position = 0
        self._quiet_since = None
        self._events.append(show.CallArrived(call, at=self._now))
        self._enter(Phase.RINGING if call.caller_id is None else Phase.CAR)

    def lift_handset(self) -> None:
        """The household takes the line."""
        if self._handset:
            return
        self._handset = True
        self._signals.append(Signal.HANDSET_LIFTED)
        self._events.append(show.OffHook("household", at=self._now))
        if self._phase is Phase.CAR:
            self._lose()
        elif self._phase in (Phase.REPORTED, Phase.RINGING, Phase.ANSWERED):
            self._enter(Phase.TALKING)

    def replace_handset(self) -> None:
        """The household puts the handset down; the call goes on if the box holds the line."""
        if not self._handset:
            return
        self._handset = False
        self._signals.append(Signal.HANDSET_REPLACED)
        self._events.append(show.OnHook("household", at=self._now))

    def say(self, side: TurnSide, pcm: Pcm) -> None:
        """Somebody speaks now, besides what the call file says; unheard while no call is through to the box."""
        self._live[side] = np.concatenate((self._live[side], pcm))

    def caller_hangs_up(self) -> None:
        """The caller hangs up now, if there is one."""
        if self._phase in (Phase.ANSWERED, Phase.TALKING):
            self._release()
        elif self._phase in (Phase.CAR, Phase.REPORTED, Phase.RINGING):
            self._events.append(show.CallerHungUp(at=self._now))
            self._become_idle()

    def tick(self, box: BoxState) -> LineTick:
        """20 ms of line time with the box in this state."""
        self._ticks += 1
        self._note_box(box)
        self._act()
        if self._phase not in (Phase.IDLE, Phase.CAR, Phase.REPORTED, Phase.RINGING):
            self._end_if_nobody_holds_the_line()
        tone = self._tone()
        wave = self._wave(tone)
        result = LineTick(wave, tone, tuple(self._signals), tuple(self._events))
        self._signals.clear()
        self._events.clear()
        return result

    # --- the parts of a tick -------------------------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return self._ticks * TICK_S

    @property
    def _elapsed(self) -> float:
        return self._now - self._since + _SLACK

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._since = self._now
        self._count = 0

    def _note_box(self, box: BoxState) -> None:
        before, self._box = self._box, box
        if box.off_hook and not before.off_hook:
            self._events.append(show.OffHook("box", at=self._now))
        elif before.off_hook and not box.off_hook:
            self._events.append(show.OnHook("box", at=self._now))
        if box.recording and not before.recording:
            self._wires.restart_noise()
        if box.sent_samples and not self._sent:
            self._events.append(show.BoxPlays(at=self._now))
        self._sent += box.sent_samples
        if self._sent and not box.playing:
            self._events.append(show.BoxPlayed(self._sent / SAMPLE_RATE, at=self._now))
            self._sent = 0

    def _act(self) -> None:
        match self._phase:
            case Phase.CAR:
                self._alert()
            case Phase.REPORTED:
                self._await_first_ring()
            case Phase.RINGING:
                self._ring()
            case Phase.ANSWERED:
                self._wait_for_household()
            case Phase.TALKING:
                self._talk()
            case Phase.RELEASED:
                self._after_release()
            case Phase.IDLE:
                pass

    def _alert(self) -> None:
        if self._box.off_hook:
            self._lose()
        elif self._count < CAR_PULSES and self._elapsed >= self._count * CAR_PERIOD_S:
            self._count += 1
            self._signals.append(Signal.CAR)
            self._events.append(show.AlertingPulse(self._count, at=self._now))
        elif self._elapsed >= REPORT_AT_S:
            text = (self._call and self._call.caller_id) or "O"
            self._signals.append(NumberReport(text))
            self._events.append(show.CallerIdSent(text, at=self._now))
            self._enter(Phase.REPORTED)

    def _await_first_ring(self) -> None:
        if self._box.off_hook:
            self._enter(Phase.ANSWERED)
        elif self._elapsed >= FIRST_RING_AFTER_REPORT_S:
            self._enter(Phase.RINGING)
            self._ring()

    def _ring(self) -> None:
        behaviour = self._behaviour
        if self._box.off_hook:
            self._enter(Phase.ANSWERED)
        elif self._count < behaviour.rings and self._elapsed >= self._count * RING_PERIOD_S:
            self._count += 1
            self._signals.append(Signal.RING)
            self._events.append(show.Ringing(self._count, at=self._now))
        elif behaviour.answers and self._elapsed >= (behaviour.lift_after_rings - 1) * RING_PERIOD_S + RING_ON_S:
            self.lift_handset()
        elif self._elapsed >= behaviour.rings * RING_PERIOD_S:
            self._events.append(show.CallerHungUp(at=self._now))
            self._become_idle()

    def _wait_for_household(self) -> None:
        behaviour = self._behaviour
        if self._box.playing:
            self._announced += self._box.sent_samples
            self._quiet_since = None
        elif self._box.recording and self._quiet_since is None:
            self._quiet_since = self._now
        if behaviour.hangs_up == "announcement" and self._announced >= HANGS_UP_INTO_ANNOUNCEMENT_S * SAMPLE_RATE:
            self._release()
        elif behaviour.answers and self._quiet_for() >= behaviour.lift_after_s:
            self.lift_handset()
        elif self._elapsed >= CALLER_WAITS_S:
            self._release()

    def _quiet_for(self) -> float:
        return -1.0 if self._quiet_since is None else self._now - self._quiet_since + _SLACK

    def _talk(self) -> None:
        if self._elapsed < SPEAKS_AFTER_LIFT_S:
            return
        call = self._call_in_hand
        start, self._position = self._position, self._position + TICK_SAMPLES
        if start == 0:
            self._events.append(show.ConversationStarted(at=self._now))
        for turn in call.turns:
            if start <= turn.t1 * SAMPLE_RATE < self._position:
                self._events.append(show.TurnSpoken(turn, at=self._now))
        if self._second_call_after_s is not None and start <= self._second_call_after_s * SAMPLE_RATE < self._position:
            self._signals.append(Signal.CALL_WAITING)
        if start >= len(call.far) + CALLER_GOES_AFTER_S * SAMPLE_RATE:
            self._release()

    def _after_release(self) -> None:
        if self._handset and self._elapsed >= HANDSET_REPLACED_AFTER_S:
            self.replace_handset()

    def _lose(self) -> None:
        """Off-hook before the report counts as the machine's "primary answer"; the caller is cut off."""
        self._events.append(show.CallLost(at=self._now))
        self._release()

    def _release(self) -> None:
        self._events.append(show.CallerHungUp(at=self._now))
        self._enter(Phase.RELEASED)

    def _end_if_nobody_holds_the_line(self) -> None:
        if self._box.off_hook or self._handset:
            return
        if self._phase is not Phase.RELEASED:
            self._events.append(show.CallerHungUp(at=self._now))
        self._become_idle()

    def _become_idle(self) -> None:
        self._events.append(show.LineFree(at=self._now))
        self._call = None
        self._live = {"far": _EMPTY, "near": _EMPTY}
        self._enter(Phase.IDLE)

    # --- sound ---------------------------------------------------------------------------------------------------

    def _tone(self) -> LineTone | None:
        if self._phase is Phase.RELEASED:
            return "busy" if self._busy_tone else None
        return "dial" if self._phase is Phase.IDLE and self._box.off_hook else None

    def _wave(self, tone: LineTone | None) -> Wave | None:
        if not self._box.off_hook:
            return None
        far = near = _EMPTY
        if self._phase is Phase.TALKING and self._position:
            stretch = slice(self._position - TICK_SAMPLES, self._position)
            far = self._call_in_hand.far[stretch]
            near = self._call_in_hand.near[stretch]
        if self._phase in (Phase.ANSWERED, Phase.TALKING):
            far, near = self._with_live("far", far), self._with_live("near", near)
        return self._wires.tick(far, near if self._handset else _EMPTY, tone)

    def _with_live(self, side: TurnSide, scripted: Pcm) -> Pcm:
        """What is spoken live takes the place of the call file for as long as it lasts."""
        live, self._live[side] = np.split(self._live[side], [TICK_SAMPLES])
        return live if len(live) else scripted

    @property
    def _call_in_hand(self) -> CallFile:
        if self._call is None:
            raise ValueError("no call on the line")
        return self._call

    @property
    def _behaviour(self) -> Behaviour:
        return self._call_in_hand.behaviour
