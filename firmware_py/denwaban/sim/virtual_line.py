"""The virtual telephone line as others use it: a serial port, incoming calls, and a thread that lets line time pass."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from denwaban.errors import LineError
from denwaban.events import Pcm
from denwaban.sim.audio_path import TICK_S
from denwaban.sim.callfile import CallFile, TurnSide
from denwaban.sim.clock import LineClock
from denwaban.sim.faults import NO_FAULTS, ORDINARY_DELAYS, CommandDelays, Faults
from denwaban.sim.line_events import LineEvent, LineFree
from denwaban.sim.pty import PtyEnd
from denwaban.sim.simulation import LineSetup, LineSimulation, hook_change

MOST_WAITING_CALLS: Final = 100
PAUSE_BETWEEN_CALLS_S: Final = 1.0
_LOG_LENGTH: Final = 1000
_LAG_FORGIVEN_S: Final = 0.002
"""A tick this much too late is made up for; a longer delay makes line time slow instead of letting it jump."""
_CLOSE_S: Final = 5.0
_BYTES_A_TURN: Final = 16384
"""A host that floods the port must not stop line time."""

_log = logging.getLogger(__name__)


class VirtualLine:
    """A telephone line with a voice modem at `port`. Everything public may be called from any thread.

    `observer` runs on the line's own thread and must return quickly. Line time is `clock`'s; it stands still while the
    host does not read what the modem sends, at most `max_wait_s` of real time, after which sound is lost.
    """

    def __init__(
        self,
        clock: LineClock,
        *,
        observer: Callable[[LineEvent], None] | None = None,
        delays: CommandDelays = ORDINARY_DELAYS,
        faults: Faults = NO_FAULTS,
        pty_chunk: int | None = None,
        max_wait_s: float = 60.0,
        setup: LineSetup | None = None,
    ) -> None:
        """`setup`, if given, replaces `delays` and `faults`, and sets profile, levels and gain control as well."""
        self._clock = clock
        self._observer = observer
        self._simulation = LineSimulation(clock, setup or LineSetup(delays=delays, faults=faults))
        self._pty_chunk = pty_chunk
        self._pty = PtyEnd(pty_chunk)
        self._max_wait_s = max_wait_s
        self._inbox: queue.Queue[CallFile | Callable[[], None]] = queue.Queue(MOST_WAITING_CALLS)
        self._waiting: deque[CallFile] = deque()
        self._free_since = 0.0
        self._calls_open = 0
        self._over = threading.Condition()
        self._stop = threading.Event()
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="virtual-line", daemon=True)
        self._outgoing = b""
        self._host_waits_since: float | None = None
        self._waits = 0
        self._hook_log: deque[tuple[float, str]] = deque(maxlen=_LOG_LENGTH)

    # --- for the user of the line ---------------------------------------------------------------------------------

    @property
    def port(self) -> str:
        """Path of the serial port, there from the beginning until `replug` or `close`."""
        return self._pty.path

    def start(self) -> None:
        self._thread.start()

    def ring(self, call: CallFile) -> None:
        """Let this call come in as soon as the line is free. Raises LineError when too many are waiting already."""
        with self._over:
            self._calls_open += 1
        try:
            self._inbox.put_nowait(call)
        except queue.Full:
            self._call_is_over()
            raise LineError(f"{MOST_WAITING_CALLS} calls are waiting already; let some of them end first") from None

    def lift_handset(self) -> None:
        """The household lifts its telephone now, call or no call. Raises queue.Full when requests pile up unserved."""
        self._inbox.put_nowait(self._simulation.exchange.lift_handset)

    def replace_handset(self) -> None:
        """The household puts its telephone down now."""
        self._inbox.put_nowait(self._simulation.exchange.replace_handset)

    def say(self, side: TurnSide, pcm: Pcm) -> None:
        """Somebody in the call speaks now."""
        self._inbox.put_nowait(lambda: self._simulation.exchange.say(side, pcm))

    def caller_hangs_up(self) -> None:
        """The caller hangs up now."""
        self._inbox.put_nowait(self._simulation.exchange.caller_hangs_up)

    def replug(self) -> None:
        """The modem is pulled out of its socket and put in again: its power is cut and its port gets another name."""
        self._inbox.put_nowait(self._replug)

    def intrude(self, data: bytes) -> None:
        """Another program writes to the port; who opened it reads the answers."""
        self._inbox.put_nowait(lambda: self._simulation.modem.receive(data))

    @property
    def busy(self) -> bool:
        """A call is waiting or on the line, or somebody is off-hook."""
        return self._calls_open > 0 or not self._simulation.exchange.free or self.off_hook

    def wait_call_over(self, timeout_s: float) -> bool:
        """Wait until every call that was rung is over and nobody of them holds the line; False after `timeout_s` real
        seconds. Raises LineError if the line's thread has died."""
        with self._over:
            self._over.wait_for(lambda: self._calls_open == 0 or self._stop.is_set(), timeout_s)
            if self._failed:
                raise LineError("the virtual line broke down; its log says why")
            return self._calls_open == 0

    def close(self) -> None:
        """Unplug the modem and end the thread. May be called twice."""
        if self._stop.is_set():
            return
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_CLOSE_S)
        if not self._thread.is_alive():
            self._pty.close()
        with self._over:
            self._over.notify_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # --- for looking on -------------------------------------------------------------------------------------------

    @property
    def off_hook(self) -> bool:
        """The modem is off-hook."""
        return self._simulation.modem.off_hook

    @property
    def handset_off_hook(self) -> bool:
        return self._simulation.exchange.handset_off_hook

    @property
    def transcript_of_commands(self) -> tuple[str, ...]:
        """The last AT lines, oldest first."""
        return tuple(self._simulation.modem.commands.copy())

    @property
    def hook_log(self) -> tuple[tuple[float, str], ...]:
        """(line time, "box off-hook" …), oldest first."""
        return tuple(self._hook_log.copy())

    @property
    def host_waits(self) -> int:
        """How often line time stood still because the host did not read."""
        return self._waits

    def heard_by_caller(self) -> Pcm:
        """What the box has played since it last went off-hook, at most two minutes."""
        return self._simulation.modem.heard.all()

    # --- the pump -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            due = time.monotonic()
            while not self._stop.is_set():
                due = self._turn(due)
        except Exception:  # noqa: BLE001 -- a thread's top
            _log.exception("virtual line broke down")
            self._stop.set()
            self._pty.close()
            with self._over:
                self._failed = True
                self._over.notify_all()

    def _turn(self, due: float) -> float:
        """Serve the port, then tick if it is time. `due` is the real time of the next tick; returns the one after."""
        connected = self._serve_port()
        now = time.monotonic()
        if now < due:
            self._rest(due - now, connected)
            return due
        if self._must_wait_for_host(now):
            self._rest(TICK_S, connected)
            return due
        self._serve_inbox()
        for event in self._simulation.tick():
            self._tell(event)
        step = TICK_S / self._clock.speed
        return max(due, now - step - _LAG_FORGIVEN_S) + step

    def _serve_port(self) -> bool:
        modem = self._simulation.modem
        connected = self._pty.connected()
        if not connected:
            modem.drop_dtr()
            self._outgoing = b""
            self._host_waits_since = None
            return False
        budget = _BYTES_A_TURN
        while budget > 0 and (data := self._pty.read(modem.room())):
            modem.receive(data)
            budget -= len(data)
        self._outgoing += modem.take_output()
        while self._outgoing and (taken := self._pty.write(self._outgoing)):
            self._outgoing = self._outgoing[taken:]
        if not self._outgoing:
            self._host_waits_since = None
            modem.overrun = False
        return True

    def _must_wait_for_host(self, now: float) -> bool:
        """Line time stands still while the host does not read, but not for ever."""
        if not self._outgoing:
            return False
        if self._host_waits_since is None:
            self._host_waits_since = now
            self._waits += 1
        if now - self._host_waits_since < self._max_wait_s:
            return True
        self._simulation.modem.overrun = True
        return False

    def _rest(self, seconds: float, connected: bool) -> None:
        if not connected:
            self._stop.wait(min(seconds, TICK_S))
            return
        self._pty.wait(min(seconds, TICK_S), self._simulation.modem.room() > 0, bool(self._outgoing))

    def _serve_inbox(self) -> None:
        exchange = self._simulation.exchange
        try:
            request = self._inbox.get_nowait()
        except queue.Empty:
            request = None
        if isinstance(request, CallFile):
            self._waiting.append(request)
        elif request is not None:
            request()
        rested = self._clock.now() >= self._free_since + PAUSE_BETWEEN_CALLS_S
        if self._waiting and exchange.free and not self.off_hook and rested:
            exchange.ring(self._waiting.popleft())

    def _replug(self) -> None:
        pulled, self._pty = self._pty, PtyEnd(self._pty_chunk)  # in this order, or it might get the same name
        pulled.close()
        self._simulation.cut_power()
        self._outgoing, self._host_waits_since = b"", None

    def _tell(self, event: LineEvent) -> None:
        hook = hook_change(event)
        if hook is not None:
            self._hook_log.append(hook)
        if self._observer is not None:
            self._observer(event)
        if isinstance(event, LineFree):
            self._free_since = self._clock.now()
            self._call_is_over()

    def _call_is_over(self) -> None:
        with self._over:
            self._calls_open -= 1
            self._over.notify_all()
