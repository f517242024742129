"""NTT Number Display: the message with the caller's number, for boxes that hear the raw signal of the line.

A voice modem decodes the message itself and prints a report (`callerid.py`); a listen-only box with a coupler on the
line hears the tones instead: `NumberDisplayReceiver` takes the audio, `NumberDisplayDecoder` the bytes.

    DLE SOH 07 DLE STX <service> <length> {<type><length><data>}… DLE ETX <CRC low> <CRC high>

Bytes have seven bits and even parity; between STX and ETX a DLE (0x10) is doubled, also where a length is 16. The CRC
is CCITT's, lowest bit first, over the bytes with parity from 07 to ETX. Source: the decoders of spandsp (`adsi.c`) and
Asterisk (`callerid.c`), which agree; NTT's own interface description was not at hand.
"""

from __future__ import annotations

from typing import Final

from denwaban.events import CallerId, Pcm
from denwaban.line.callerid import GARBLED, caller_of, parameters
from denwaban.line.v23 import V23Demodulator

_HEADER: Final = bytes.fromhex("90 81 87 90 82")
"""DLE SOH 07 DLE STX, with parity."""
_SOH: Final = 0x01
_ETX: Final = 0x03
_DLE: Final = 0x10
_CALLER_SERVICE: Final = 0x40
"""Other services are no reports of a ringing call."""
_MOST_BYTES: Final = 300
"""A length of one byte with every byte doubled does not get here; noise might."""


class NumberDisplayDecoder:
    """Bytes in, callers out, in any cut. A message that began well and cannot be read is a report without content."""

    def __init__(self) -> None:
        self._last = b""
        self._message: bytearray | None = None
        """From 07 on, as received; None outside a message."""
        self._body = bytearray()
        """From the service on, without parity and doubling."""
        self._dle = False
        self._crc_bytes = 0

    def feed(self, data: bytes) -> list[CallerId]:
        """The callers whose messages end in `data`."""
        return [caller for byte in data if (caller := self._byte(byte)) is not None]

    def _byte(self, byte: int) -> CallerId | None:
        self._last = (self._last + bytes((byte,)))[-len(_HEADER) :]
        if self._last == _HEADER:
            self._message = bytearray(_HEADER[2:])
            self._body.clear()
            self._dle, self._crc_bytes = False, 0
            return None
        if self._message is None:
            return None
        self._message.append(byte)
        if self._crc_bytes:
            self._crc_bytes -= 1
            return self._end(self._read()) if self._crc_bytes == 0 else None
        if byte.bit_count() % 2 or len(self._message) > _MOST_BYTES:
            return self._end(GARBLED)
        return self._character(byte & 0x7F)

    def _character(self, character: int) -> CallerId | None:
        if not self._dle:
            self._dle = character == _DLE
            if not self._dle:
                self._body.append(character)
            return None
        self._dle = False
        if character == _DLE:
            self._body.append(_DLE)
        elif character == _ETX:
            self._crc_bytes = 2
        else:  # broken off, and at SOH begun anew
            return self._end(None if character == _SOH else GARBLED)
        return None

    def _end(self, caller: CallerId | None) -> CallerId | None:
        self._message = None
        return caller

    def _read(self) -> CallerId | None:
        assert self._message is not None
        body = bytes(self._body)
        if _crc(self._message) != 0 or len(body) < 2 or body[1] != len(body) - 2:
            return GARBLED
        return caller_of(parameters(body[2:])) if body[0] == _CALLER_SERVICE else None


class NumberDisplayReceiver:
    """Audio in, callers out, in any cut."""

    def __init__(self) -> None:
        self._demodulator = V23Demodulator()
        self._decoder = NumberDisplayDecoder()

    def feed(self, pcm: Pcm) -> list[CallerId]:
        """The callers whose messages end in `pcm`."""
        return self._decoder.feed(self._demodulator.feed(pcm))


def _crc(data: bytes | bytearray) -> int:
    """CRC-16 with the reflected CCITT polynomial from 0; 0 over a message and its own CRC."""
    value = 0
    for byte in data:
        value ^= byte
        for _bit in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return value
