"""The port `Line` on a V.253 voice modem: opens its serial port, and opens it again whenever it fails.

One thread owns the device; what is said to the modem stands in `conversation.py`.
"""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import serial
from serial.tools import list_ports

from denwaban.effects import LineCommand
from denwaban.errors import DenwabanError, LineError
from denwaban.events import AudioFrame, LineFailed, LineReady, Pcm
from denwaban.line.conversation import POLL_S, Conversation, Wiring
from denwaban.line.probe import ModemFacts
from denwaban.line.profiles import Profile
from denwaban.line.recovery import Listed, PowerSwitch, Recovery, Remedy, UsbIdentity, choose_port, identity_of
from denwaban.ports import Capabilities, Clock, Emit, FrameSink, StreamCounts

_log = logging.getLogger(__name__)

BAUD: Final = 460_800
"""16-bit 8 kHz audio needs 160 kbit/s on a real UART; USB modems (CDC-ACM) ignore the figure."""
WRITE_LIMIT_S: Final = 1.0
"""No heartbeat during a write, so it must fail before the supervisor takes the box for hung."""
MOST_COMMANDS: Final = 64
CLOSE_LIMIT_S: Final = 10.0


class ModemLine:
    """`Line` on a voice modem in parallel with the household's telephone."""

    def __init__(
        self,
        port: str,
        clock: Clock,
        prompts: Callable[[str], Pcm],
        profile: Profile | None = None,
        heartbeat: Callable[[], None] = lambda: None,
        power_cycle_command: Sequence[str] = (),
        listed_ports: Callable[[], Sequence[Listed]] = list_ports.comports,
    ) -> None:
        """`port`: path or pyserial URL. `profile`: None recognises the family.

        `heartbeat` is called by the line thread at least every second.
        """
        self._port = port
        self._clock = clock
        self._prompts = prompts
        self._profile = profile
        self._facts: ModemFacts | None = None
        self._heartbeat = heartbeat
        self._power = PowerSwitch(power_cycle_command)
        self._listed_ports = listed_ports
        self._known: UsbIdentity | None = None
        self._counts = StreamCounts()
        self._commands: queue.Queue[LineCommand] = queue.Queue(MOST_COMMANDS)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def capabilities(self) -> Capabilities:
        """`shows_caller` is False until the modem has been asked."""
        return Capabilities(
            can_announce=True,
            can_cut=False,
            hears_outgoing=False,
            separate_sides=False,
            shows_caller=self._facts is not None and self._facts.shows_caller,
        )

    @property
    def stream_counts(self) -> StreamCounts:
        return self._counts

    def start(self, emit: Emit, frames: FrameSink) -> None:
        wiring = Wiring(
            self._clock,
            self._prompts,
            self._profile,
            self._heartbeat,
            self._commands,
            self._closing,
            emit,
            frames,
            self._count_loss,
        )
        self._thread = threading.Thread(target=self._run, args=(wiring,), name="line", daemon=True)
        self._thread.start()

    def submit(self, command: LineCommand) -> None:
        self._commands.put_nowait(command)

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(CLOSE_LIMIT_S)

    def _run(self, wiring: Wiring) -> None:
        recovery = Recovery()
        while not self._closing.is_set():
            ready_at = math.inf
            try:
                name = self._find_modem()
                with _opened(name, self._clock) as port:
                    conversation = Conversation(wiring, port)
                    if recovery.resets:
                        conversation.reset()
                    self._facts = conversation.initialise()
                    self._known = identity_of(name, self._listed()) or self._known
                    ready_at = self._clock.now()
                    self._forget_commands()
                    wiring.emit(LineReady(self._facts.name))
                    conversation.serve()
            except (OSError, termios.error, DenwabanError) as error:
                # A vanished modem shows as SerialException (an OSError), OSError or termios.error, a missing prompt as
                # AudioError. The port is closed by now: that drops DTR and with it the line.
                wiring.emit(LineFailed(f"{self._port}: {error}"))
                now = self._clock.now()
                recovery, remedy = recovery.after(now - ready_at).failed(now, can_cut=bool(self._power))
                if remedy is Remedy.CUT_POWER:
                    self._power.cut(self._wait)
                self._wait(recovery.pause_s)

    def _find_modem(self) -> str:
        """The port of the modem that worked last, under whatever name it has now."""
        name = choose_port(self._port, self._known, self._listed())
        if name != self._port:
            _log.warning(
                "the modem of %s is %s now; [line] port had better be a /dev/serial/by-id/ name", self._port, name
            )
        return name

    def _listed(self) -> Sequence[Listed]:
        return () if "://" in self._port else self._listed_ports()

    def _count_loss(self, code: str) -> None:
        counts = self._counts
        if code == "u":
            self._counts = replace(counts, underruns=counts.underruns + 1)
        else:
            self._counts = replace(counts, overruns=counts.overruns + 1)

    def _forget_commands(self) -> None:
        """Commands for a call that a failure has ended must not reach the next one; LineFailed has told of its end."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._commands.get_nowait()

    def _wait(self, seconds: float) -> bool:
        """Sleep with a beating heart; True when the line is being closed."""
        for _ in range(max(1, round(seconds / POLL_S))):
            self._heartbeat()
            if self._closing.wait(POLL_S):
                return True
        return False


def open_port(port: str, clock: Clock) -> serial.SerialBase:
    """Open a pyserial port URL; raises LineError that says what to check."""
    try:
        return serial.serial_for_url(
            port,
            baudrate=BAUD,
            timeout=clock.wait_hint(clock.now() + POLL_S),
            write_timeout=WRITE_LIMIT_S,
            exclusive=None if "://" in port else True,
        )
    except (OSError, ValueError, termios.error) as error:
        raise LineError(
            f"cannot open: {error}. Check [line] port in the configuration, the cable, and membership in group dialout"
        ) from error


@contextlib.contextmanager
def _opened(port: str, clock: Clock) -> Iterator[serial.SerialBase]:
    opened = open_port(port, clock)
    try:
        yield opened
    finally:
        # Closing would wait for bytes that a stuck modem does not take (`closing_wait` of Linux ttys: 30 s).
        with contextlib.suppress(OSError, termios.error):
            opened.reset_output_buffer()
        opened.close()


class _Nowhere:
    """A `FrameSink` for a conversation without calls."""

    def has_room(self) -> bool:
        return True

    def put(self, frame: AudioFrame) -> None:
        del frame


def identify(port: str, clock: Clock, profile: Profile | None = None) -> ModemFacts:
    """Ask a modem who it is and what it can do, for `doctor`. Raises LineError when nobody answers."""
    wiring = Wiring(
        clock, _no_prompts, profile, lambda: None, queue.Queue(), threading.Event(), lambda _event: None, _Nowhere()
    )
    try:
        with _opened(port, clock) as opened:
            return Conversation(wiring, opened).probe()
    except (OSError, termios.error) as error:
        raise LineError(f"lost while talking to the modem: {error}") from error


def _no_prompts(name: str) -> Pcm:
    raise LineError(f"no prompt {name} while identifying a modem")
