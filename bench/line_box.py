"""The box of the line's benches: real loop, session, driver and ears; recognition, loudspeaker and alerts stand-ins."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from bench.line_plan import ALLOWED, BLOCKED, LONGEST_TALK_S, Caller, Visit
from denwaban.app import session_settings
from denwaban.config import Config, ScreeningConfig
from denwaban.ears import Ears
from denwaban.effects import ReportHealth, SendAlert
from denwaban.events import SAMPLE_RATE, Assessment, Level, Pcm, Utterance, UtteranceAssessed
from denwaban.line.modem import ModemLine
from denwaban.loop import Loop, Observer, Ports
from denwaban.panel.gpio import NoPanel
from denwaban.phases import SessionState
from denwaban.rules_watch import configured_rules
from denwaban.sim.callfile import CallFile
from denwaban.sim.clock import LineClock
from denwaban.store.database import Database

UTTERANCE_S: Final = 3.0
LAG_S: Final = 0.3
"""Line time the driver may be behind; it looks at its port every 0.02 s."""
HOLD_LIMIT_S: Final = 0.2
"""Longest real wait for the box at each tick: a driver that has died must not stop the line for good."""
HOLD_POLL_S: Final = 0.0003


class PacedClock(LineClock):
    """Line time that stands still while the box is behind, so that a starved machine makes a soak slow and not wrong.

    Without it a thread that waits 40 ms for a processor is two seconds late at fifty times real speed.
    """

    def __init__(self, speed: float) -> None:
        super().__init__(speed)
        self._beat: float | None = None
        self._events_waiting: Callable[[], int] = lambda: 0
        self.held_s = 0.0
        """Real seconds for which the line waited."""

    def beat(self) -> None:
        """The driver's heartbeat."""
        self._beat = self.now()

    def wait_for(self, loop: Loop) -> None:
        """From now on let no line time pass over events that this loop has not taken."""
        self._events_waiting = lambda: loop.waiting

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        began = now = time.monotonic()
        while now - began < HOLD_LIMIT_S and self._box_is_behind():
            time.sleep(HOLD_POLL_S)
            now = time.monotonic()
        self.held_s += now - began

    def _box_is_behind(self) -> bool:
        return self._events_waiting() > 0 or (self._beat is not None and self.now() - self._beat > LAG_S)


def build_loop(
    port: str, clock: PacedClock, prompts: Callable[[str], Pcm], database: Database, house: House, observer: Observer
) -> Loop:
    """The box's own loop, session and driver. Waits for handset and end of a call are short."""
    # No half hour of ringing through after the household has dialled: the plan says who is to be let in.
    screening = ScreeningConfig(
        allow=ALLOWED, block=BLOCKED, handset_wait_s=15.0, max_call_s=60.0, ring_through_min=0.0
    )
    ears = Ears(lambda _caller: LoudnessListener(), lambda _call: None, lambda _call: None, line_waits=True)
    line = ModemLine(port, clock, prompts, heartbeat=clock.beat)
    config = Config(screening=screening)
    settings = session_settings(config, configured_rules(config), line.capabilities, tells_family=False)
    loop = Loop(
        SessionState("soak", settings, line_ready=False),
        Ports(clock, line, ears, database, house, house, NoPanel()),
        observer,
    )
    clock.wait_for(loop)
    return loop


def speech_like(seconds: float) -> Pcm:
    """Noise as loud as speech, in syllables."""
    noise = np.random.default_rng(7).standard_normal(round(seconds * SAMPLE_RATE)) * 2500
    syllables = np.arange(len(noise)) // (SAMPLE_RATE // 4) % 4 > 0
    pcm: Pcm = np.clip(noise * syllables, -32768, 32767).astype(np.int16)
    return pcm


def fax_tone(seconds: float) -> Pcm:
    """CNG of a calling fax: 1100 Hz, 0.5 s on, 3 s off (ITU-T T.30)."""
    at = np.arange(round(seconds * SAMPLE_RATE))
    on = at % round(3.5 * SAMPLE_RATE) < SAMPLE_RATE // 2
    pcm: Pcm = (np.sin(2 * np.pi * 1100 / SAMPLE_RATE * at) * 4000 * on).astype(np.int16)
    return pcm


class Sounds:
    """What callers sound like. Made once: memory that comes and goes with each call would hide a leak."""

    def __init__(self) -> None:
        self._speech, self._fax = speech_like(LONGEST_TALK_S), fax_tone(LONGEST_TALK_S)
        self._silence: Pcm = np.zeros(len(self._speech), np.int16)

    def call(self, visit: Visit, caller: Caller) -> CallFile:
        """A call of this visit by this caller."""
        talk = slice(round(visit.talk_s * SAMPLE_RATE))
        return CallFile(
            id=f"visit-{visit.n}",
            title="",
            title_en="",
            label=None,
            caller_id=caller.report,
            outcome=None,
            level=None,
            known=caller.action == "allow",
            behaviour=visit.behaviour,
            turns=(),
            far=(self._fax if visit.kind == "fax" else self._speech)[talk],
            near=self._silence[talk],
        )


class LoudnessListener:
    """A `CallListener` that takes every few loud seconds for an utterance, and every fifth of these for a scam."""

    def __init__(self) -> None:
        self._samples = self._loud = self._said = 0

    def feed(self, *channels: Pcm, box_speaks: bool = False) -> list[UtteranceAssessed]:  # noqa: ARG002
        (pcm,) = channels
        self._samples += len(pcm)
        if len(pcm) and float(np.abs(pcm[::8].astype(np.int32)).mean()) > 500:
            self._loud += len(pcm)
        if self._loud < UTTERANCE_S * SAMPLE_RATE:
            return []
        self._loud = 0
        self._said += 1
        until = self._samples / SAMPLE_RATE
        level = Level.ALERT if self._said % 5 == 0 else Level.QUIET
        found = Assessment(level, 0.1, 0.9 if level is Level.ALERT else 0.1, 1, "refund")
        return [UtteranceAssessed(Utterance("…", max(0.0, until - UTTERANCE_S), until, "unknown"), found, until)]

    def finish(self) -> list[UtteranceAssessed]:
        return []


class House:
    """Loudspeaker and alerts that only count."""

    def __init__(self) -> None:
        self.said = self.alerts = self.reports = 0

    def say(self, prompt: str) -> None:
        del prompt
        self.said += 1

    def submit(self, alert: SendAlert, at: float) -> None:
        del alert, at
        self.alerts += 1

    def report(self, health: ReportHealth, at: float) -> None:
        del health, at
        self.reports += 1

    def close(self) -> None:
        pass
