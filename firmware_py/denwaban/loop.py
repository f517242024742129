"""The main loop: one inbox, one deadline, effects carried out through ports. Only this thread changes call state."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from denwaban.ears import Ears
from denwaban.effects import (
    AllowNumber,
    Answer,
    Chime,
    CloseCall,
    Discard,
    Effect,
    HangUp,
    Lamp,
    MarkHarmless,
    NoteUtterance,
    OpenCall,
    Play,
    Record,
    ReportHealth,
    SendAlert,
    SetLamp,
    StartListening,
    StopListening,
    UseLetThrough,
    Warn,
)
from denwaban.events import (
    ButtonPressed,
    DeadlineReached,
    Event,
    LineFailed,
    LineReady,
    ListenerFailed,
    RecordingFailed,
)
from denwaban.health import HEALTHY, Health, due, noted
from denwaban.phases import SessionState
from denwaban.ports import AlertSink, CallStore, Clock, Line, Panel, Speaker
from denwaban.session import step

_log = logging.getLogger(__name__)

INBOX_LIMIT: Final = 10_000
"""Events are small and rare: a full inbox means that the main loop is dead; then the process must end, not forget."""
IDLE_WAIT_S: Final = 1.0
LAST_WORDS_S: Final = 60.0
"""After a call the box may still have advice to give, and nobody is well served by one that falls silent amid it."""
HOUSEKEEPING_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything the loop talks to. `alerts` is None where nobody is to be told."""

    clock: Clock
    line: Line
    ears: Ears
    store: CallStore
    alerts: AlertSink | None
    speaker: Speaker
    panel: Panel
    keep_house: Callable[[], None] = lambda: None
    """Deletes what is older than the household wants kept; called at the start and every hour between calls."""


@dataclass(frozen=True, slots=True)
class _Lost:
    """Sound that was lost since the program began."""

    unheard_s: float = 0.0
    overruns: int = 0
    underruns: int = 0


Observer = Callable[[Event | Effect], None]
"""Sees every event before it is taken and every effect after it is carried out, on the main thread."""


class Loop:
    """Runs a box. `run` returns after `stop`."""

    def __init__(
        self,
        state: SessionState,
        ports: Ports,
        observer: Observer = lambda _happening: None,
        heartbeat: Callable[[], None] = lambda: None,
        health: Health = HEALTHY,
    ) -> None:
        self._state = state
        self._health = health
        self._gave_up = False
        self._call_at = -LAST_WORDS_S
        """When there was a call last."""
        self._ports = ports
        self._observe = observer
        self._heartbeat = heartbeat
        self._inbox: queue.Queue[Event] = queue.Queue(maxsize=INBOX_LIMIT)
        self._stopping = threading.Event()
        self._housekeeping_due = 0.0
        self._house: threading.Thread | None = None
        self._lost = _Lost()
        self._lamp: Lamp = "off"
        self._listening = False

    @property
    def state(self) -> SessionState:
        """Where the session stands now; read it from any thread, it never changes itself."""
        return self._state

    @property
    def hung(self) -> bool:
        """Whether `run` ended because a listener did not come back."""
        return self._gave_up

    @property
    def waiting(self) -> int:
        """Events in the inbox, about (any thread)."""
        return self._inbox.qsize()

    def emit(self, event: Event) -> None:
        """Put an event into the inbox (any thread). Raises queue.Full when the loop is dead."""
        self._inbox.put_nowait(event)

    def stop(self) -> None:
        """End `run` soon (any thread, also a signal handler)."""
        self._stopping.set()

    def run(self) -> None:
        self._ports.ears.start(self.emit)
        self._ports.line.start(self.emit, self._ports.ears)
        self._ports.panel.start(self.emit)
        self._show()
        try:
            while not self._stopping.is_set():
                self._heartbeat()
                self._keep_house()
                self._turn()
        finally:
            self._ports.line.close()
            self._ports.ears.close()
            self._ports.speaker.close()
            self._ports.panel.close()

    def _turn(self) -> None:
        clock, deadline, called = self._ports.clock, self._state.deadline, self._state.call is not None
        wait = IDLE_WAIT_S if deadline is None else min(IDLE_WAIT_S, clock.wait_hint(deadline))
        with contextlib.suppress(queue.Empty):
            self._take(self._inbox.get(timeout=max(wait, 0.001)))
        if self._state.deadline is not None and clock.now() >= self._state.deadline:
            self._state = replace(self._state, deadline=None)
            self._take(DeadlineReached())
        self._ports.ears.look(self.emit)
        now = clock.now()
        if called or self._state.call is not None:
            self._call_at = now
        if self._state.call is None:
            self._between_calls(now)

    def _between_calls(self, now: float) -> None:
        """A thread that hangs cannot be ended, and its model serves no other: only a new process listens again.

        No call may lose its line by that, nor the household the advice after it, so the program ends between two.
        """
        if self._ports.ears.hung and now - self._call_at >= LAST_WORDS_S:
            self._gave_up = True
            _log.error("the listening hangs; the box ends, to be started anew")
            self.stop()
            return
        self._health, effects = due(self._health, now)
        self._carry_out_all(effects)

    def _keep_house(self) -> None:
        """On a thread of its own, because deleting files takes as long as the disk likes."""
        now = self._ports.clock.now()
        busy = self._house is not None and self._house.is_alive()
        if self._state.call is None and now >= self._housekeeping_due and not busy:
            self._housekeeping_due = now + HOUSEKEEPING_S
            self._house = threading.Thread(target=self._ports.keep_house, name="housekeeping", daemon=True)
            self._house.start()

    def _take(self, event: Event) -> None:
        self._observe(event)
        if isinstance(event, LineReady | LineFailed | ListenerFailed | RecordingFailed):
            _log.log(logging.INFO if isinstance(event, LineReady) else logging.ERROR, "%s", event)
        elif isinstance(event, ButtonPressed):
            _log.info("%s", event)
        now = self._ports.clock.now()
        self._health = noted(self._health, event, now)
        self._state, effects = step(self._state, event, now)
        self._carry_out_all(effects)

    def _carry_out_all(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            self._carry_out(effect)
            self._observe(effect)

    def _carry_out(self, effect: Effect) -> None:
        ports, wall = self._ports, self._ports.clock.wall()
        match effect:
            case Answer() | Play() | Record() | HangUp():
                ports.line.submit(effect)
            case StartListening() | StopListening() | Discard():
                self._listen(effect)
            case Chime():
                ports.speaker.say("chime")
            case Warn(prompt):
                ports.speaker.say(prompt)
            case SendAlert() | ReportHealth():
                self._tell_family(effect, wall)
            case SetLamp(lamp):
                self._lamp = lamp
                self._show()
            case _:
                self._keep(effect, wall)

    def _listen(self, effect: StartListening | StopListening | Discard) -> None:
        match effect:
            case StartListening(call_id, caller):
                self._ports.ears.begin(call_id, caller)
            case StopListening():
                self._ports.ears.end()
            case Discard(call_id):
                self._ports.ears.discard(call_id)
                self._ports.store.forget_words(call_id)
        self._listening = isinstance(effect, StartListening)
        self._show()

    def _show(self) -> None:
        """A box that is deaf shows it whenever no call has more to say."""
        lamp = "fault" if self._lamp == "off" and self._health.deaf else self._lamp
        self._ports.panel.show(lamp, listening=self._listening)

    def _keep(
        self,
        effect: OpenCall | UseLetThrough | NoteUtterance | MarkHarmless | AllowNumber | CloseCall,
        wall: float,
    ) -> None:
        store = self._ports.store
        match effect:
            case OpenCall():
                store.open_call(effect, wall)
            case UseLetThrough():
                store.use_let_through(effect, wall)
            case NoteUtterance():
                store.note(effect, wall)
            case MarkHarmless():
                store.mark_harmless(effect, wall)
            case AllowNumber():
                store.allow_number(effect, wall)
            case CloseCall():
                store.close_call(effect, wall)
                self._log_call(effect)

    def _tell_family(self, effect: SendAlert | ReportHealth, wall: float) -> None:
        alerts = self._ports.alerts
        if isinstance(effect, ReportHealth):
            _log.log(logging.ERROR if effect.hearing == "deaf" else logging.INFO, "%s", effect)
            self._show()
            if alerts is not None:
                alerts.report(effect, wall)
        elif alerts is not None:
            alerts.submit(effect, wall)

    def _log_call(self, call: CloseCall) -> None:
        """One canonical line per call; no numbers, no words."""
        before, counts = self._lost, self._ports.line.stream_counts
        now = self._lost = _Lost(self._ports.ears.dropped_s, counts.overruns, counts.underruns)
        _log.info(
            "call=%s outcome=%s level=%s category=%s score=%.2f unheard_s=%.1f overruns=%d underruns=%d",
            call.call_id,
            call.outcome,
            call.level,
            call.category or "-",
            call.score,
            now.unheard_s - before.unheard_s,
            now.overruns - before.overruns,
            now.underruns - before.underruns,
        )
