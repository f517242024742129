"""The port `Line` on a V.253 voice modem: opens its serial port, and opens it again whenever it fails.

One thread owns the device; what is said to the modem stands in `conversation.py`.
"""

from __future__ import annotations

import contextlib
import queue
import termios
import threading
from collections.abc import Callable, Iterator
from typing import Final

import serial

from denwaban.effects import LineCommand
from denwaban.errors import DenwabanError, LineError
from denwaban.events import AudioFrame, LineFailed, LineReady, Pcm
from denwaban.line.conversation import POLL_S, Conversation, Wiring
from denwaban.line.probe import ModemFacts
from denwaban.line.profiles import Profile
from denwaban.ports import Capabilities, Clock, Emit, FrameSink

BAUD: Final = 460_800
"""16-bit 8 kHz audio needs 160 kbit/s on a real UART; USB modems (CDC-ACM) ignore the figure."""
WRITE_LIMIT_S: Final = 1.0
"""No heartbeat during a write, so it must fail before the supervisor takes the box for hung."""
REOPEN_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
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

    def start(self, emit: Emit, frames: FrameSink) -> None:
        wiring = Wiring(
            self._clock, self._prompts, self._profile, self._heartbeat, self._commands, self._closing, emit, frames
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
        failures = 0
        while not self._closing.is_set():
            try:
                with _opened(self._port, self._clock) as port:
                    conversation = Conversation(wiring, port)
                    self._facts = conversation.initialise()
                    self._forget_commands()
                    wiring.emit(LineReady(self._facts.name))
                    failures = 0
                    conversation.serve()
            except (OSError, DenwabanError) as error:
                # A vanished modem shows as SerialException (an OSError) or OSError, a missing prompt as AudioError. The
                # port is closed by now: that drops DTR and with it the line.
                wiring.emit(LineFailed(f"{self._port}: {error}"))
                self._wait(REOPEN_S[min(failures, len(REOPEN_S) - 1)])
                failures += 1

    def _forget_commands(self) -> None:
        """Commands for a call that a failure has ended must not reach the next one; LineFailed has told of its end."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._commands.get_nowait()

    def _wait(self, seconds: float) -> None:
        for _ in range(round(seconds / POLL_S)):
            self._heartbeat()
            if self._closing.wait(POLL_S):
                return


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
    except (OSError, ValueError) as error:
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
    except OSError as error:
        raise LineError(f"lost while talking to the modem: {error}") from error


def _no_prompts(name: str) -> Pcm:
    raise LineError(f"no prompt {name} while identifying a modem")
