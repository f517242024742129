"""The driver: a V.253 voice modem on a serial port, as the port `Line`. One thread owns the device.

Facts from V.253 / IS-101 and makers' manuals; what no manual settles is taken the cautious way and said here.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import serial

from denwaban.effects import Answer, HangUp, LineCommand, Play, Record
from denwaban.errors import LineError, ModemRefused
from denwaban.events import (
    SAMPLE_RATE,
    Answered,
    AudioFrame,
    CallerIdShown,
    Event,
    HandsetLifted,
    HandsetReplaced,
    LineFailed,
    LineReady,
    LineReleased,
    Pcm,
    PromptFinished,
    RecordingStarted,
    RingHeard,
    ToneHeard,
)
from denwaban.line.at import (
    PLAY_ABORT,
    PLAY_END,
    RECORD_END,
    Audio,
    Code,
    Item,
    Reply,
    StreamEnded,
    VoiceParser,
    shield,
)
from denwaban.line.callerid import parse_report_line
from denwaban.line.encoding import Decoder, Encoding, choose_encoding, encode
from denwaban.line.profiles import GENERIC, Profile
from denwaban.line.tones import BusyDetector
from denwaban.ports import Capabilities, Clock, Emit, FrameSink

_log = logging.getLogger(__name__)

BAUD: Final = 460_800
"""16-bit 8 kHz audio needs 160 kbit/s on a real UART; USB modems (CDC-ACM) ignore the figure."""
POLL_S: Final = 0.05
COMMAND_LIMIT_S: Final = 5.0
STREAM_END_LIMIT_S: Final = 4.0
PLAY_LEAD_S: Final = 0.4
"""Playback is kept this far ahead of the line, twice the 200 ms below which modems run dry."""
PLAY_BLOCK_S: Final = 0.05
REOPEN_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
OWN_HOOK_ECHO_S: Final = 1.0
"""Some modems report `H` about themselves right after `+VLS=1`; a household is not that fast."""

_FINAL: Final = re.compile(r"OK|ERROR|CONNECT.*|VCON|NO CARRIER|\+CME ERROR.*")
_CODE_EVENTS: Final[dict[str, Event]] = {
    "R": RingHeard(),
    "b": ToneHeard("busy"),
    "c": ToneHeard("fax"),
    "P": HandsetLifted(),
    "H": HandsetLifted(),
    "p": HandsetReplaced(),
    "h": HandsetReplaced(),
}


class ModemLine:
    """`Line` on a voice modem in parallel with the household's telephone."""

    def __init__(
        self,
        port: str,
        clock: Clock,
        prompts: Callable[[str], Pcm],
        profile: Profile = GENERIC,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> None:
        self._port = port
        self._clock = clock
        self._prompts = prompts
        self._profile = profile
        self._heartbeat = heartbeat
        self._commands: queue.Queue[LineCommand] = queue.Queue(maxsize=64)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake: Callable[[], None] = lambda: None

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            can_announce=True, can_cut=False, hears_outgoing=False, separate_sides=False, shows_caller=True
        )

    def start(self, emit: Emit, frames: FrameSink) -> None:
        self._thread = threading.Thread(target=self._run, args=(emit, frames), name="line", daemon=True)
        self._thread.start()

    def submit(self, command: LineCommand) -> None:
        self._commands.put_nowait(command)
        self._wake()

    def close(self) -> None:
        self._closing.set()
        self._wake()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self, emit: Emit, frames: FrameSink) -> None:
        attempt = 0
        while not self._closing.is_set():
            try:
                with open_port(self._port, self._clock) as port:
                    self._wake = getattr(port, "cancel_read", self._wake)
                    talk = _Conversation(self, port, emit, frames)
                    emit(LineReady(talk.initialise()))
                    attempt = 0
                    talk.serve()
            except (serial.SerialException, OSError, LineError) as error:
                # A vanished USB modem shows as SerialException, OSError or "readiness to read but returned no data".
                emit(LineFailed(f"{self._port}: {error}"))
            self._drop_commands(emit)
            delay = REOPEN_S[min(attempt, len(REOPEN_S) - 1)]
            attempt += 1
            self._beat_while_waiting(delay)

    def _drop_commands(self, emit: Emit) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                if isinstance(self._commands.get_nowait(), HangUp):
                    emit(LineReleased())  # closing the port has dropped DTR and with it the line

    def _beat_while_waiting(self, seconds: float) -> None:
        for _ in range(max(1, round(seconds / POLL_S))):
            self._heartbeat()
            if self._closing.wait(POLL_S):
                return


def open_port(port: str, clock: Clock) -> serial.Serial:
    """Open a pyserial port URL; raises LineError that says what to check."""
    try:
        opened = serial.serial_for_url(
            port,
            baudrate=BAUD,
            timeout=clock.wait_hint(clock.now() + POLL_S),
            write_timeout=COMMAND_LIMIT_S,
            exclusive=None if "://" in port else True,
        )
    except (serial.SerialException, OSError, ValueError) as error:
        raise LineError(
            f"cannot open: {error}. Check [line] port in the configuration, the cable, and membership in group dialout"
        ) from error
    return opened


def identify(port: str, clock: Clock) -> tuple[str, Encoding]:
    """Ask a modem who it is and which audio it offers, for `doctor`. Raises LineError."""

    class _Nowhere:
        def has_room(self) -> bool:
            return True

        def put(self, frame: AudioFrame) -> None:
            del frame

    owner = ModemLine(port, clock, prompts=_no_prompts)
    with open_port(port, clock) as opened:
        talk = _Conversation(owner, opened, lambda _event: None, _Nowhere())
        name = talk.initialise()
        return name, talk.encoding


def _no_prompts(name: str) -> Pcm:
    raise LineError(f"no prompt {name} while identifying a modem")


class _Conversation:
    """One opened port: its parser, its stream and its encoding. Lives on the line thread."""

    def __init__(self, owner: ModemLine, port: serial.Serial, emit: Emit, frames: FrameSink) -> None:
        self._owner = owner
        self._port = port
        self._emit = emit
        self._frames = frames
        self._clock = owner._clock
        self._profile = owner._profile
        self._parser = VoiceParser()
        self._items: deque[Item] = deque()
        self._busy = BusyDetector()
        self._off_hook_at: float | None = None
        self.encoding = Encoding(0, "linear8")
        self._decoder = Decoder("linear8")

    # --- set-up and main loop ---

    def initialise(self) -> str:
        """Bring the modem on-hook into a known state; returns what it says it is."""
        self._port.write(PLAY_ABORT + RECORD_END + b"\r")  # a predecessor may have died in a stream
        self._settle()
        self._wake_up()
        self.command("ATH")
        for text in self._profile.init:
            self.command(text)
        for text in self._profile.optional_init:
            with contextlib.suppress(ModemRefused):
                self.command(text)
        self._probe_voice()
        name = " ".join(self._information("AT+GMM") or self._information("ATI"))
        return name or "unknown modem"

    def _wake_up(self) -> None:
        for attempt in range(3):
            try:
                self.command("AT", limit_s=1.0)
            except ModemRefused as error:
                if attempt == 2:
                    raise LineError("no modem answers to AT; wrong port, or the modem needs its power cut") from error
            else:
                return

    def _probe_voice(self) -> None:
        classes = " ".join(self._information("AT+FCLASS=?"))
        if "8" not in classes:
            raise LineError(
                "this modem has no voice mode (AT+FCLASS=? does not list 8); another or updated one is needed"
            )
        self.command("AT+FCLASS=8")
        listing = self._information("AT+VSM=?")
        self.command("AT+FCLASS=0")
        encoding = choose_encoding(listing)
        if encoding is None:
            raise LineError("this modem offers no audio encoding we know (AT+VSM=?)")
        self.encoding = encoding

    def serve(self) -> None:
        while not self._owner._closing.is_set():
            self._owner._heartbeat()
            command = self._next_command()
            if command is not None:
                self._execute(command)
                continue
            self._pump()
            self._dispatch()
        self._hang_up()

    def _next_command(self) -> LineCommand | None:
        try:
            return self._owner._commands.get_nowait()
        except queue.Empty:
            return None

    def _execute(self, command: LineCommand) -> None:
        match command:
            case Answer():
                self._answer()
            case Play(prompt):
                self._end_recording()
                self._play(prompt)
            case Record():
                self._record()
            case HangUp():
                self._hang_up()
                self._emit(LineReleased())

    # --- commands ---

    def command(self, text: str, limit_s: float = COMMAND_LIMIT_S) -> list[str]:
        """Send a command and wait for its result; returns information lines. Raises ModemRefused."""
        self._port.write(text.encode("ascii") + b"\r")
        lines: list[str] = []
        for item in self._items_until(limit_s):
            if isinstance(item, Reply) and _FINAL.fullmatch(item.text):
                if item.text.startswith(("OK", "CONNECT", "VCON")):
                    return lines
                raise ModemRefused(text, item.text)
            if isinstance(item, Reply) and item.text != text and not self._unsolicited(item):
                lines.append(item.text)
        raise ModemRefused(text, "")

    def _information(self, text: str) -> list[str]:
        try:
            return self.command(text)
        except ModemRefused:
            return []

    def _items_until(self, limit_s: float) -> Iterator[Item]:
        """Items as they come, until the time is up. What the caller leaves untaken stays for the next reader."""
        deadline = self._clock.now() + limit_s
        while self._clock.now() < deadline:
            self._owner._heartbeat()
            self._pump()
            while self._items:
                item = self._items.popleft()
                if not isinstance(item, Reply):
                    self._handle(item)
                yield item

    def _settle(self) -> None:
        """Read until the modem is silent for one poll, at most a second: leftovers of a stream are of no use."""
        deadline = self._clock.now() + 1.0
        while self._port.read(4096) and self._clock.now() < deadline:
            pass
        self._parser = VoiceParser()

    # --- call ---

    def _answer(self) -> None:
        self.command("AT+FCLASS=8")
        self.command(self._profile.off_hook)
        self._off_hook_at = self._clock.now()
        # After going off-hook, so that answering is not delayed by what only the audio needs.
        self.command(f"AT+VSM={self.encoding.number},{SAMPLE_RATE}")
        with contextlib.suppress(ModemRefused):
            self.command(self._profile.silence)
        self._emit(Answered())

    def _play(self, prompt: str) -> None:
        pcm = self._owner._prompts(prompt)
        self._parser.expect("transmit")
        self.command("AT+VTX")
        end = self._send_paced(pcm)
        self._port.write(PLAY_END if end else PLAY_ABORT)
        self._await_reply("OK", PLAY_LEAD_S + STREAM_END_LIMIT_S)
        self._emit(PromptFinished(prompt))

    def _send_paced(self, pcm: Pcm) -> bool:
        """Write in step with the line; False when broken off by a command that waits."""
        block = round(PLAY_BLOCK_S * SAMPLE_RATE)
        started = self._clock.now()
        for position in range(0, len(pcm), block):
            while position / SAMPLE_RATE > self._clock.now() - started + PLAY_LEAD_S:
                self._owner._heartbeat()
                self._pump()
                self._dispatch()
                if not self._owner._commands.empty() or self._owner._closing.is_set():
                    return False
            self._port.write(shield(encode(self.encoding.law, pcm[position : position + block])))
        return True

    def _record(self) -> None:
        self._decoder = Decoder(self.encoding.law)
        self._busy = BusyDetector()
        self._parser.expect("receive")
        self.command("AT+VRX")
        self._emit(RecordingStarted())

    def _end_recording(self) -> None:
        if not self._parser.receiving:
            return
        self._port.write(RECORD_END)
        for item in self._items_until(STREAM_END_LIMIT_S):
            if isinstance(item, StreamEnded):
                break
        else:
            raise LineError("the modem did not end its recording")
        with contextlib.suppress(LineError):  # some modems end the stream without a result code
            self._await_reply("OK", 1.0)

    def _await_reply(self, wanted: str, limit_s: float) -> None:
        for item in self._items_until(limit_s):
            if isinstance(item, Reply) and item.text == wanted:
                return
        raise LineError(f"the modem did not say {wanted} after a stream")

    def _hang_up(self) -> None:
        self._end_recording()
        self.command("ATH")
        self._off_hook_at = None
        self.command("AT+FCLASS=0")
        with contextlib.suppress(ModemRefused):  # forgotten by some modems after a call
            self.command("AT+VCID=1")

    # --- incoming ---

    def _pump(self) -> None:
        if self._parser.receiving and not self._frames.has_room():
            # Only the virtual line may be made to wait; on a real line the sink always has room and drops the oldest.
            self._owner._closing.wait(self._port.timeout or POLL_S)
            return
        self._items += self._parser.feed(self._port.read(max(1, self._port.in_waiting)))

    def _dispatch(self) -> None:
        while self._items:
            item = self._items.popleft()
            if isinstance(item, Reply):
                self._unsolicited(item)
            else:
                self._handle(item)

    def _handle(self, item: Item) -> None:
        if isinstance(item, Audio):
            pcm = self._decoder.feed(item.data)
            self._frames.put(AudioFrame(pcm))
            if self._busy.feed(pcm):
                self._emit(ToneHeard("busy"))
        elif isinstance(item, Code) and (event := _CODE_EVENTS.get(item.code)) is not None:
            if not (item.code == "H" and self._just_off_hook()):
                self._emit(event)

    def _just_off_hook(self) -> bool:
        return self._off_hook_at is not None and self._clock.now() - self._off_hook_at < OWN_HOOK_ECHO_S

    def _unsolicited(self, reply: Reply) -> bool:
        """Emit what a line of text reports by itself; True if it was a ring or a caller-id line."""
        if reply.text == "RING":
            self._emit(RingHeard())
            return True
        caller = parse_report_line(reply.text)
        if caller is not None:
            self._emit(CallerIdShown(caller))
        return caller is not None or re.match(r"(DATE|TIME|NAME|DRON|DROF|MESG) ?=", reply.text) is not None
