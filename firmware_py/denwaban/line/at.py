"""What a V.253 voice modem says, as a protocol without I/O: bytes in, items out.

Command mode is lines of text with `<DLE>` codes in between (ITU-T V.253 / IS-101); after `CONNECT` to `+VRX` it is
audio with `<DLE>` shielding until `<DLE><ETX>`. State is carried over any cut of the bytes. No input raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

DLE: Final = 0x10
ETX: Final = 0x03
SUB: Final = 0x1A
TILDE_OF_AN93: Final = 0x7F
"""The end of a DTMF digit is `~`: 0x7E in V.253, printed as 0x7F in Silicon Labs AN93."""
MAX_LINE: Final = 512
"""Longer lines are noise; they are cut here so that a babbling port cannot eat memory."""

MAX_PACKET: Final = 256
"""Likewise for `<DLE>X` packets; a caller-id packet has about a hundred bytes (Silicon Labs AN93)."""

PLAY_END: Final = bytes((DLE, ETX))
PLAY_ABORT: Final = bytes((DLE, 0x18, DLE, ETX))
RECORD_END: Final = bytes((DLE, ord("!")))

Stream = Literal["receive", "transmit"]
Result = Literal["OK", "VCON", "CONNECT", "RING", "ERROR"]
_RESULTS: Final[tuple[Result, ...]] = ("OK", "VCON", "CONNECT", "RING", "ERROR")


@dataclass(frozen=True, slots=True)
class Reply:
    """A line of text: result code, information or caller-id report."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A `<DLE>` event code, for example `b` busy tone or `P` parallel telephone off-hook."""

    code: str


@dataclass(frozen=True, slots=True)
class Audio:
    """Un-shielded audio bytes in the modem's encoding."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """`<DLE><ETX>`: the modem has sent the last of the audio."""


Item = Reply | Code | Audio | StreamEnded


def result_of(text: str) -> Result | None:
    """The result code a line is, also with one character lost or doubled: USB clones (0572:1340) do that."""
    if text.startswith("+CM") and " ERROR" in text:
        return "ERROR"
    first = text.split(" ", 1)[0]  # a speed may follow CONNECT
    words = {result: first if result == "CONNECT" else text for result in _RESULTS}
    exact = next((result for result, word in words.items() if word == result), None)
    return exact or next((result for result, word in words.items() if _nearly(word, result)), None)


def _nearly(word: str, meant: str) -> bool:
    around = range(len(meant))
    lost = (meant[:at] + meant[at + 1 :] for at in around)
    doubled = (meant[:at] + meant[at] + meant[at:] for at in around)
    return word in lost or word in doubled


def shield(data: bytes) -> bytes:
    """Double every DLE, as audio to the modem must be."""
    return data.replace(b"\x10", b"\x10\x10")


class VoiceParser:
    """Parses what the modem sends. Not thread-safe; one per opened port."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._dle = False
        self._packet_left = 0
        self._receiving = False
        self._line_feed_due = False
        self._on_connect: Stream | None = None

    @property
    def receiving(self) -> bool:
        """True between CONNECT to `+VRX` and `<DLE><ETX>`."""
        return self._receiving

    def expect(self, stream: Stream) -> None:
        """Say before sending `+VRX`/`+VTX` what follows the next CONNECT: audio may come in the very same read."""
        self._on_connect = stream

    def feed(self, data: bytes) -> list[Item]:
        """Items completed by `data`, in order."""
        items: list[Item] = []
        audio = bytearray()
        position = 0
        while position < len(data):
            if self._receiving and not (self._dle or self._packet_left or self._line_feed_due):
                # Almost all bytes are plain audio: take them in one slice (byte by byte costs a Pi 5 % of a core).
                shielded = data.find(DLE, position)
                end = len(data) if shielded < 0 else shielded
                audio += data[position:end]
                position = end
                if position == len(data):
                    break
            self._byte(data[position], items, audio)
            position += 1
        _flush(audio, items)
        return items

    def _byte(self, byte: int, items: list[Item], audio: bytearray) -> None:
        if self._line_feed_due:  # CONNECT<CR> has just begun the audio; the line feed still belongs to the result code
            self._line_feed_due = False
            if byte == 0x0A:
                return
        if self._packet_left:  # `<DLE>X … .`: a report in voice mode (Silicon Labs AN93); its content is not needed
            self._packet_left = 0 if byte == ord(".") else self._packet_left - 1
        elif self._dle:
            self._dle = False
            self._after_dle(byte, items, audio)
        elif byte == DLE:
            self._dle = True
        elif self._receiving:
            audio.append(byte)
        elif byte in b"\r\n":
            self._end_of_line(items)
        elif len(self._line) < MAX_LINE:
            self._line.append(byte)

    def _after_dle(self, byte: int, items: list[Item], audio: bytearray) -> None:
        if self._receiving and byte == DLE:
            audio.append(DLE)
        elif self._receiving and byte == SUB:
            audio += bytes((DLE, DLE))
        elif byte == ETX:
            _flush(audio, items)
            if self._receiving:
                self._receiving = False
                items.append(StreamEnded())
        elif byte == ord("X"):
            self._packet_left = MAX_PACKET
        elif 0x20 <= byte <= TILDE_OF_AN93:
            _flush(audio, items)
            items.append(Code("~" if byte == TILDE_OF_AN93 else chr(byte)))

    def _end_of_line(self, items: list[Item]) -> None:
        # A report may hold any bytes; Japanese modems are said to use Shift JIS (unverified). Replacing never fails.
        text = self._line.decode("cp932", errors="replace").strip()
        self._line.clear()
        if not text:
            return
        items.append(Reply(text))
        if result_of(text) in ("CONNECT", "VCON"):
            self._receiving = self._on_connect == "receive"
            self._line_feed_due = self._receiving
            self._on_connect = None


def _flush(audio: bytearray, items: list[Item]) -> None:
    if audio:
        items.append(Audio(bytes(audio)))
        audio.clear()
