"""A V.253 voice modem without wires: bytes from the host in, bytes to the host out, one tick of the line at a time.

States: on-hook or off-hook; service class 0 (data) or 8 (voice); command, play (+VTX) or record (+VRX). Half duplex.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from denwaban.events import Pcm
from denwaban.sim import dle
from denwaban.sim.answers import Answers, LineReports
from denwaban.sim.audio_path import PLAIN_AGC, TICK_S, Agc, AgcSettings, Wave
from denwaban.sim.codec import encode
from denwaban.sim.commands import Command, LineReader, parse_line
from denwaban.sim.exchange import BoxState, LineTick
from denwaban.sim.faults import LATE_S, NO_FAULTS, ORDINARY_DELAYS, CommandDelays, Faults, Range
from denwaban.sim.profiles import GENERIC, ModemProfile
from denwaban.sim.settings import Book
from denwaban.sim.voice import Heard, PlayBuffer

INPUT_BYTES: Final = 1024
"""Unread host bytes a modem holds in command mode; more wait in the host (CTS)."""
OUTPUT_BYTES: Final = 65536
"""Codes beyond this are lost; only a host that has stopped reading for good gets here."""
REMEMBERED_COMMANDS: Final = 500


class Mode(Enum):
    """What the bytes from the host mean."""

    COMMAND = "commands"
    PLAY = "+VTX"
    RECORD = "+VRX"


@dataclass(slots=True)
class _Done:
    """What one command, or a whole line, comes to."""

    lines: list[str]
    result: str = "OK"
    delay: float = 0.0
    mode: Mode = Mode.COMMAND
    tail: bytes = b""


class VoiceModem:
    """The emulated modem. Not thread-safe: one owner."""

    def __init__(
        self,
        profile: ModemProfile = GENERIC,
        delays: CommandDelays = ORDINARY_DELAYS,
        faults: Faults = NO_FAULTS,
        agc: AgcSettings = PLAIN_AGC,
    ) -> None:
        self._delays = delays
        self._faults = faults
        self._agc_settings = agc
        self._random = random.Random(delays.seed)
        self._book = Book(profile, faults)
        self._answers = Answers(self._book)
        self._reports = LineReports(self._book, self._answers)
        self._reader = LineReader()
        self._input = bytearray()
        self._output = bytearray()
        self._pending: tuple[float, _Done] | None = None
        self._now = 0.0
        self._voice = False
        self._off_hook = False
        self._mode = Mode.COMMAND
        self._buffer = PlayBuffer()
        self._sent = 0
        self._agc = Agc(agc)
        self._recorded_s = 0.0
        self._quiet_host_s = 0.0
        self._lost = False
        self.heard = Heard()
        self.commands: deque[str] = deque(maxlen=REMEMBERED_COMMANDS)
        self.overrun = False
        """Set by the owner while the host does not read: recorded sound is lost, and `<DLE>o` says so afterwards."""

    # --- seen from the line ---------------------------------------------------------------------------------------

    @property
    def off_hook(self) -> bool:
        return self._off_hook

    @property
    def mode(self) -> Mode:
        return self._mode

    def box_state(self) -> BoxState:
        """What the exchange meets in the next tick."""
        return BoxState(self._off_hook, self._mode is Mode.PLAY, self._mode is Mode.RECORD, self._sent)

    def tick(self, line: LineTick) -> None:
        """20 ms with this on the line."""
        self._now += TICK_S
        self._sent = 0
        self._send(self._reports.tick(line, self._voice, self._off_hook, self._mode is Mode.RECORD))
        self._answer_if_due()
        self._work()
        if self._mode is Mode.PLAY:
            self._play()
        elif line.wave is not None:
            self._hear(line.wave)
        self._watch_inactivity()

    # --- seen from the host ---------------------------------------------------------------------------------------

    def room(self) -> int:
        """Bytes the modem would take now (clear to send)."""
        if self._mode is Mode.PLAY and not self._buffer_drains():
            return max(0, self._buffer.room - len(self._input))
        return max(0, INPUT_BYTES - len(self._input))

    def receive(self, data: bytes) -> None:
        """Bytes from the host, at most `room()` of them."""
        self._input += data
        self._quiet_host_s = 0.0
        self._work()

    def take_output(self) -> bytes:
        """Everything for the host since the last call."""
        # Behind the last <DLE> or, where the output begins with what was kept back behind one, all of it.
        shielded = self._output.rfind(dle.DLE) + 1 if self._faults.dle_ends_reads else 0
        out = bytes(self._output[: shielded or None])
        del self._output[: len(out)]
        return out

    def drop_dtr(self) -> None:
        """The host closed the port: on-hook at once, class 0, nothing left over. Settings stay (&D2)."""
        self._go_on_hook()
        self._pending = None
        self._input.clear()
        self._output.clear()
        self._reader.clear()
        self.overrun = self._lost = False

    # --- host bytes -----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Take in host bytes as far as possible: a command in hand holds up what comes behind it."""
        while self._input and self._pending is None:
            if self._mode is Mode.COMMAND:
                self._command_byte()
            elif self._buffer_drains() or not self._voice_bytes():
                return

    def _buffer_drains(self) -> bool:
        return self._mode is Mode.PLAY and self._buffer.ending

    def _command_byte(self) -> None:
        byte = self._input.pop(0)
        if self._book.active.echo or self._faults.keeps_echo:
            self._send(bytes((byte,)))
        line = self._reader.push(byte)
        if line is not None:
            self._run_line(line)

    def _voice_bytes(self) -> bool:
        item = dle.take(self._input)
        if item is None:
            return False
        if isinstance(item, bytes):
            if self._mode is Mode.PLAY:
                self._buffer.put(item)
        elif self._mode is Mode.PLAY:
            self._play_code(item.char)
        elif item.char in (ord("!"), ord("^"), dle.ESC):
            self._end_recording()
        return True

    def _play_code(self, char: int) -> None:
        if char == dle.ETX:
            self._buffer.ending = True
        elif char == dle.CAN:
            self._buffer.flush()
        elif char in (ord("p"), ord("r")):
            self._buffer.paused = char == ord("p")

    def _end_recording(self) -> None:
        self._mode = Mode.COMMAND
        self._send(dle.code(dle.ETX))
        if not self._faults.never_ok_after_rx:
            self._answer_later(_Done([], delay=self._delay(self._delays.ordinary)))

    # --- command lines --------------------------------------------------------------------------------------------

    def _run_line(self, line: str) -> None:
        commands = parse_line(line)
        if commands is None:
            return
        self.commands.append(line.strip())
        late = self._faults.late_answer_to
        whole = _Done([], delay=self._delay(self._delays.ordinary) + (LATE_S if late and late in line else 0.0))
        for command in commands:
            done = self._run(command)
            whole.lines += done.lines
            whole.delay += done.delay
            whole.tail += done.tail
            whole.result, whole.mode = done.result, done.mode
            if done.result != "OK":
                break
        self._answer_later(whole)

    def _run(self, command: Command) -> _Done:
        special = _HOOK_AND_VOICE.get(command.name)
        if special is not None:
            return special(self, command)
        lines = self._book.run(command)
        return _Done([], "ERROR") if lines is None else _Done(lines)

    def _hang_up(self, command: Command) -> _Done:
        if command.rest not in ("", "0"):
            return _Done([], "ERROR")
        self._go_on_hook()
        return _Done([], delay=self._delay(self._delays.hang_up))

    def _reset(self, _: Command) -> _Done:
        self._go_on_hook()
        self._book.reset()
        return _Done([], delay=self._delay(self._delays.reset))

    def _service_class(self, command: Command) -> _Done:
        has_voice = self._book.profile.voice and not self._faults.error_to_fclass8
        if command.rest == "=?":
            return _Done(["0,1,8" if has_voice else "0,1"])
        if command.rest == "?":
            return _Done(["8" if self._voice else "0"])
        if command.value == "0":
            self._go_on_hook()
        elif command.value == "8" and has_voice:
            self._voice = True
        else:
            return _Done([], "ERROR")
        return _Done([])

    def _route(self, command: Command) -> _Done:
        profile = self._book.profile
        if command.rest == "=?":
            return _Done(list(profile.label_rows))
        if command.rest == "?":
            return _Done(["1" if self._off_hook else "0"])
        if not self._voice or not command.value.isdigit() or int(command.value) not in profile.labels:
            return _Done([], "ERROR")
        if command.value == "0":
            self._off_hook = False
            return _Done([], delay=self._delay(self._delays.hang_up))
        if self._off_hook:
            return _Done([])
        self._off_hook = True
        self.heard.clear()
        self._agc = Agc(self._agc_settings)
        tail = b""
        if self._faults.bogus_h_after_vls:
            tail += dle.code("H")
        if self._faults.ring_after_answer:
            tail += dle.code("R")
        return _Done([], delay=self._delay(self._delays.off_hook), tail=tail)

    def _voice_data(self, command: Command) -> _Done:
        if command.rest == "=?":
            return _Done(["0"])
        if command.rest or not self._voice or not self._off_hook or self._book.format.coding is None:
            return _Done([], "ERROR")
        return _Done([], "CONNECT", mode=Mode.PLAY if command.name == "+VTX" else Mode.RECORD)

    def _send_tones(self, command: Command) -> _Done:
        return _Done([], "OK" if self._off_hook and command.rest.startswith("=") else "ERROR")

    # --- answers --------------------------------------------------------------------------------------------------

    def _answer_later(self, done: _Done) -> None:
        self._pending = (self._now + done.delay, done)

    def _answer_if_due(self) -> None:
        if self._pending is None or self._now < self._pending[0]:
            return
        done = self._pending[1]
        self._pending = None
        for line in done.lines:
            self._send(self._answers.text(line.encode("ascii")))
        self._send(self._answers.result(done.result) + done.tail)
        self._mode = done.mode
        if done.mode is Mode.PLAY:
            self._buffer = PlayBuffer()
        elif done.mode is Mode.RECORD:
            self._recorded_s = 0.0
            self._lost = False

    def _send(self, data: bytes) -> None:
        silent_after = self._faults.mute_after
        if self._faults.mute or (silent_after is not None and len(self.commands) > silent_after):
            return
        if len(self._output) < OUTPUT_BYTES:
            self._output += data

    def _code(self, char: str) -> None:
        """An event code; they exist in voice mode only."""
        if self._voice:
            self._send(dle.code(char))

    def _delay(self, bounds: Range) -> float:
        return self._random.uniform(*bounds)

    # --- the line -------------------------------------------------------------------------------------------------

    def _go_on_hook(self) -> None:
        self._off_hook = self._voice = False
        self._mode = Mode.COMMAND

    def _play(self) -> None:
        coding = self._book.format.coding
        if coding is None:
            return
        sound, gap = self._buffer.drain(coding)
        self._sent = len(sound)
        self.heard.put(sound)
        if gap:
            self._code("u")
        if self._buffer.finished(coding):
            self._mode = Mode.COMMAND
            self._answer_later(_Done([], delay=self._delay(self._delays.ordinary)))

    def _hear(self, wave: Wave) -> None:
        pcm = self._agc.process(wave)
        if self._mode is not Mode.RECORD:
            return
        self._recorded_s += TICK_S
        if self._faults.bogus_d_in_rx and self._recorded_s - TICK_S < 1.0 <= self._recorded_s:
            self._code("d")
        bad_spot = self._faults.overrun_in_rx and 1.0 < self._recorded_s <= 1.1
        if self.overrun or bad_spot:
            self._lost = True
        else:
            self._send_sound(pcm)

    def _send_sound(self, pcm: Pcm) -> None:
        coding = self._book.format.coding
        if self._lost:
            self._code("o")
            self._lost = False
        if coding is not None:
            self._send(dle.shield(encode(pcm, coding)))

    def _watch_inactivity(self) -> None:
        """+VIT: a host that has nothing to say for that long in voice mode is dead; let go of the line."""
        limit = float(self._book.active.number("+VIT"))
        self._quiet_host_s += TICK_S
        if not self._voice or not limit or self._quiet_host_s < limit:
            return
        if self._mode is Mode.RECORD:
            self._send(dle.code(dle.ETX))
        if self._mode is not Mode.COMMAND:
            self._send(self._answers.result("OK"))
        self._go_on_hook()


_HOOK_AND_VOICE: Final[dict[str, Callable[[VoiceModem, Command], _Done]]] = {
    "H": VoiceModem._hang_up,
    "Z": VoiceModem._reset,
    "+FCLASS": VoiceModem._service_class,
    "+VLS": VoiceModem._route,
    "+VTX": VoiceModem._voice_data,
    "+VRX": VoiceModem._voice_data,
    "+VTS": VoiceModem._send_tones,
}
