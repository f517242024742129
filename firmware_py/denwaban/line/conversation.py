"""One opened port, from the modem's initialisation to the last call on it. Lives on the line thread.

Facts from V.253 / IS-101 and makers' manuals; what no manual settles is taken the cautious way and said here.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from denwaban.effects import Answer, HangUp, LineCommand, Play, Record
from denwaban.errors import LineError
from denwaban.events import (
    SAMPLE_RATE,
    Answered,
    AudioFrame,
    CallerIdShown,
    Event,
    HandsetLifted,
    HandsetReplaced,
    LineReleased,
    LineSilent,
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
    result_of,
    shield,
)
from denwaban.line.callerid import is_report_line, parse_report_line
from denwaban.line.dialogue import Dialogue, Port, await_modem
from denwaban.line.encoding import Decoder, Encoding, encode
from denwaban.line.probe import ModemFacts, probe, remind
from denwaban.line.profiles import GENERIC, Profile
from denwaban.line.tones import ProgressDetector, SilenceDetector
from denwaban.ports import Clock, Emit, FrameSink

_log = logging.getLogger(__name__)

POLL_S: Final = 0.02
"""Longest wait for the modem before commands are looked at: well inside the 50 ms from decision to first byte."""
STREAM_END_LIMIT_S: Final = 4.0
OK_AFTER_RECORDING_S: Final = 1.0
AUDIO_GAP_LIMIT_S: Final = 3.0
"""A recording modem sends all the time, silence too; one that does not would hold the line for nobody."""
TASK_LIMIT_S: Final = 10.0
"""Off-hook, the next task comes at once; without one the line would be held for nobody, and nobody could call."""
IDLE_CHECK_S: Final = 30.0
"""A USB modem that has hung itself up is as quiet as one that waits for a call, so after so long without a word it is
asked. Until then callers ring through unscreened; one `AT` costs a USB modem nothing."""
PLAY_LEAD_S: Final = 0.4
"""Playback is kept this far ahead of the line, twice the 200 ms below which modems run dry."""
PLAY_BLOCK: Final = SAMPLE_RATE // 20
OWN_HOOK_ECHO_S: Final = 1.0
"""Some modems report `H` about themselves on `+VLS=1`; a household is not that fast."""

_CODE_EVENTS: Final[dict[str, Event]] = {
    "R": RingHeard(),
    "b": ToneHeard("busy"),
    "c": ToneHeard("fax"),
    "P": HandsetLifted(),
    "H": HandsetLifted(),
    "p": HandsetReplaced(),
    "h": HandsetReplaced(),
}
_LOST_AUDIO: Final = {"o": "receive overrun", "u": "transmit underrun", "Y": "lost data"}
"""Of the other codes none is trusted: some modems send `d` while playing or recording (mgetty), `s` and `q` are the
modem's own silence detection, which is turned off, `l` and `L` depend on the exchange, digits ask for nothing here."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a conversation is connected to. `commands` is filled and `closing` is set by other threads."""

    clock: Clock
    prompts: Callable[[str], Pcm]
    profile: Profile | None
    """None: the family is recognised."""
    heartbeat: Callable[[], None]
    commands: queue.Queue[LineCommand]
    closing: threading.Event
    emit: Emit
    frames: FrameSink
    count_loss: Callable[[str], None] = lambda _code: None
    """Called with the code of each loss of sound that the modem reports: `o`, `u` or `Y`."""


class _Recording(Enum):
    OFF = "off"
    ON = "on"
    ENDING = "the modem has been told to end it"


class Conversation:
    """Talks to one modem. Every method raises LineError or an OSError of the port when it is of no use any more."""

    def __init__(self, wiring: Wiring, port: Port) -> None:
        self._wiring = wiring
        self._clock = wiring.clock
        self._dialogue = Dialogue(port, wiring.clock, wiring.heartbeat, self._notice)
        self._recording = _Recording.OFF
        self._off_hook = False
        self._hook_echo_until = -math.inf
        self._due = math.inf
        """When `_check` has to act: no audio, no task, or on-hook a sign of life to ask for."""
        self._profile = wiring.profile or GENERIC
        self._encoding = Encoding(0, "linear8")
        self._select_audio = ""
        self._decoder = Decoder("linear8")
        self._progress = ProgressDetector()
        self._silence = SilenceDetector()

    # --- set-up and main loop ---

    def probe(self) -> ModemFacts:
        """Bring the modem on-hook into a known state and ask what it can do, even if that is not enough."""
        dialogue = self._dialogue
        dialogue.write(PLAY_ABORT + RECORD_END + b"\r")  # a predecessor may have died in a stream
        await_modem(dialogue)
        dialogue.command("ATH")
        self._profile, facts = probe(dialogue, self._wiring.profile)
        return facts

    def initialise(self) -> ModemFacts:
        """`probe`, and LineError that says what to do if the modem cannot serve."""
        facts = self.probe()
        if facts.encoding is None:
            raise LineError(facts.unusable)
        self._encoding, self._select_audio = facts.encoding, facts.select_audio
        self._expect_within(IDLE_CHECK_S)
        return facts

    def reset(self) -> None:
        """Before `initialise`: back to the stored settings, for a modem that failed more than once."""
        self._dialogue.write(PLAY_ABORT + RECORD_END + b"\r")
        self._dialogue.settle()
        self._dialogue.write(b"ATZ\r")  # what it answers, if it does, is no matter

    def serve(self) -> None:
        """Listen and carry out commands until closing, then hang up."""
        while not self._wiring.closing.is_set():
            self._wiring.heartbeat()
            try:
                self._execute(self._wiring.commands.get_nowait())
            except queue.Empty:
                self._listen()
                self._check()
        self._hang_up()

    def _execute(self, command: LineCommand) -> None:
        match command:
            case Answer():
                self._answer()
            case Play(prompt):
                self._play(prompt)
            case Record():
                self._record()
            case HangUp():
                self._hang_up()
                self._wiring.emit(LineReleased())

    def _listen(self) -> None:
        if self._recording is _Recording.ON and not self._wiring.frames.has_room():
            # Only the virtual line may be made to wait; on a real line the sink always has room and drops the oldest.
            self._wiring.closing.wait(self._clock.wait_hint(self._clock.now() + POLL_S))
            self._expect_within(AUDIO_GAP_LIMIT_S)
        else:
            self._dialogue.listen()

    def _expect_within(self, seconds: float) -> None:
        self._due = self._clock.now() + seconds

    def _check(self) -> None:
        """Notice a modem that has died without a word, and a line that is held for nobody."""
        if self._clock.now() <= self._due:
            return
        if self._recording is _Recording.ON:
            raise LineError(f"the modem has sent no audio for {AUDIO_GAP_LIMIT_S:.0f} s of a recording")
        if self._off_hook:
            raise LineError(f"the line was held for {TASK_LIMIT_S:.0f} s without a task; it is released")
        if not self._dialogue.is_there():
            raise LineError("the modem does not answer AT any more")
        self._expect_within(IDLE_CHECK_S)
        remind(self._dialogue, self._profile)  # it, or another program, may have reset it

    # --- the parts of a call ---

    def _answer(self) -> None:
        self._dialogue.command("AT+FCLASS=8")
        self._off_hook = True
        self._hook_echo_until = math.inf
        self._dialogue.command(self._profile.off_hook)
        self._hook_echo_until = self._clock.now() + OWN_HOOK_ECHO_S
        # After going off-hook, so that answering is not delayed by what only the audio needs.
        self._dialogue.command(self._select_audio)
        for text in self._profile.sound:
            self._dialogue.try_command(text)
        self._expect_within(TASK_LIMIT_S)
        self._wiring.emit(Answered())

    def _play(self, prompt: str) -> None:
        pcm = self._wiring.prompts(prompt)
        self._end_recording()
        self._dialogue.open_stream("AT+VTX", "transmit")
        whole = self._send_paced(pcm)
        self._dialogue.write(PLAY_END if whole else PLAY_ABORT)
        if not self._dialogue.await_ok(PLAY_LEAD_S + STREAM_END_LIMIT_S):
            raise LineError("the modem did not say OK after playing (AT+VTX)")
        self._expect_within(TASK_LIMIT_S)
        self._wiring.emit(PromptFinished(prompt))

    def _send_paced(self, pcm: Pcm) -> bool:
        """Write in step with the line; False when broken off because a command waits."""
        started = self._clock.now()
        for position in range(0, len(pcm), PLAY_BLOCK):
            while True:
                if self._wiring.closing.is_set() or not self._wiring.commands.empty():
                    return False
                if position / SAMPLE_RATE <= self._clock.now() - started + PLAY_LEAD_S:
                    break
                self._dialogue.listen()
            self._dialogue.write(shield(encode(self._encoding.law, pcm[position : position + PLAY_BLOCK])))
        return True

    def _record(self) -> None:
        if self._recording is _Recording.ON:
            return
        self._decoder = Decoder(self._encoding.law)
        self._progress, self._silence = ProgressDetector(), SilenceDetector()
        self._dialogue.open_stream("AT+VRX", "receive")
        self._recording = _Recording.ON
        self._expect_within(AUDIO_GAP_LIMIT_S)
        self._wiring.emit(RecordingStarted())

    def _end_recording(self) -> None:
        if self._recording is not _Recording.ON:
            return
        self._recording = _Recording.ENDING
        self._dialogue.write(RECORD_END)
        if not self._dialogue.listen_until(lambda: self._recording is _Recording.OFF, STREAM_END_LIMIT_S):
            raise LineError("the modem did not end its recording (AT+VRX)")
        if not self._dialogue.await_ok(OK_AFTER_RECORDING_S):
            _log.info("the modem ended its recording without OK")  # some do

    def _hang_up(self) -> None:
        self._end_recording()
        self._dialogue.command("ATH")
        self._off_hook = False
        self._expect_within(IDLE_CHECK_S)
        self._dialogue.command("AT+FCLASS=0")
        remind(self._dialogue, self._profile)

    # --- what the modem says ---

    def _notice(self, item: Item) -> bool:
        """Pass on what an item reports by itself; False for what may answer a command."""
        if not self._off_hook:
            self._expect_within(IDLE_CHECK_S)  # a sign of life
        match item:
            case Audio(data):
                self._hear(self._decoder.feed(data))
            case Code(code):
                self._code(code)
            case StreamEnded():
                if self._recording is _Recording.ON:
                    raise LineError("the modem ended its recording by itself (AT+VRX)")
                self._recording = _Recording.OFF
            case Reply(text):
                return self._report(text)
        return True

    def _hear(self, pcm: Pcm) -> None:
        self._expect_within(AUDIO_GAP_LIMIT_S)
        self._wiring.frames.put(AudioFrame(pcm))
        for tone in self._progress.feed(pcm):
            self._wiring.emit(ToneHeard(tone))
        if self._silence.feed(pcm):
            self._wiring.emit(LineSilent())

    def _code(self, code: str) -> None:
        event = _CODE_EVENTS.get(code)
        if event is not None and not (code == "H" and self._clock.now() < self._hook_echo_until):
            self._wiring.emit(event)
        elif code in _LOST_AUDIO:
            _log.warning("the modem reports %s", _LOST_AUDIO[code])
            self._wiring.count_loss(code)

    def _report(self, text: str) -> bool:
        if result_of(text) == "RING":
            self._wiring.emit(RingHeard())
        elif (caller := parse_report_line(text)) is not None:
            self._wiring.emit(CallerIdShown(caller))
        else:
            return is_report_line(text)
        return True
