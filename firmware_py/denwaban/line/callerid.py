"""Caller-id reports of modems, line by line. Only the number counts: in Japan no name, date or time comes for sure.

Formatted (`+VCID=1`) `NMBR = 0312345678`, or hexadecimal (`+VCID=2`) in the single or multiple data message format of
Bellcore GR-30; makers' manuals differ in keys, blanks and whether the checksum is there.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from denwaban.events import Absence, CallerId

GARBLED: Final = CallerId()
"""A report without content: there was one, but it cannot be read."""

_NUMBER_KEYS: Final = frozenset(("NMBR", "NBR", "NDID", "DDN_NMBR", "CALLER'S NUMBER"))
_REASON_KEYS: Final = frozenset(("REASON FOR NO CALLER NUMBER", "REASON FOR NO NUMBER"))
_REASONS: Final[dict[str, Absence]] = {
    **dict.fromkeys(("P", "PRIVATE", "WITHHELD", "ANONYMOUS", "非通知", "ヒツウチ"), "P"),
    **dict.fromkeys(("O", "OUT OF AREA", "OUT_OF_AREA", "UNAVAILABLE", "表示圏外", "ヒョウジケンガイ"), "O"),
    **dict.fromkeys(("通知不可", "通知不可能"), "O"),
    **dict.fromkeys(("C", "COIN", "公衆電話", "コウシュウデンワ"), "C"),
    "S": "S",
}
"""The letters are NTT's, the Japanese words what telephones show for them (Sharp's and NTT's service pages)."""
_OTHER_LINE: Final = re.compile(r"(DATE|TIME|NAME|DRON|DROF|MESG|REASON NO NAME) ?[=:]", re.I)
_NUMBER: Final = re.compile(r"\+?[0-9]{3,20}")

_SINGLE: Final = 0x04
"""Message type: date and time in 8 digits, then the number."""
_MULTIPLE: Final = 0x80
"""Message type: parameters of type, length, data."""
_HEX: Final = re.compile(r"(?:[0-9A-F]{2} ?)+", re.I)
_HEX_REPORT: Final = re.compile(r"(?:04|80) ?(?:[0-9A-F]{2} ?){4,}", re.I)
"""Long enough not to be taken for an answer such as a product code (`56000`)."""

NUMBER: Final = 0x02
DIALABLE_NUMBER: Final = 0x03
ABSENCE: Final = 0x04


def parse_report_line(text: str) -> CallerId | None:
    """The caller, if this line of a report tells one; `GARBLED` when the number is; None for any other line.

    `KEY=` and `KEY = ` both occur, and some modems use a colon; whatever follows the first of them is the value.
    """
    if _HEX_REPORT.fullmatch(text):
        return _message(bytes.fromhex(text))
    key, separator, value = _split(text)
    if key == "MESG":
        return _unformatted(value)
    if not separator or (key not in _NUMBER_KEYS and key not in _REASON_KEYS):
        return None
    return caller_from(value)


def is_report_line(text: str) -> bool:
    """Whether this is a line of a ring or caller report that tells no number (cadence, date, time, name)."""
    return _OTHER_LINE.match(text) is not None


def caller_from(value: str) -> CallerId:
    """The caller whom a value names by digits, by one of the letters P, O, C, S, or by a word; otherwise `GARBLED`."""
    value = unicodedata.normalize("NFKC", value).strip().strip('"').upper()
    if value in _REASONS:
        return CallerId(absence=_REASONS[value])
    digits = re.sub(r"[-() ]", "", value)
    return CallerId(number=digits) if _NUMBER.fullmatch(digits) else GARBLED


def parameters(data: bytes) -> dict[int, bytes] | None:
    """Data by type, of `<type><length><data>` one after the other; None when a length does not fit."""
    found: dict[int, bytes] = {}
    while data:
        if len(data) < 2 or len(data) < 2 + data[1]:
            return None
        found.setdefault(data[0], data[2 : 2 + data[1]])
        data = data[2 + data[1] :]
    return found


def caller_of(found: dict[int, bytes] | None) -> CallerId:
    """The caller whom parameters tell; the dialled number and everything else in them is not the caller's."""
    for kind in (NUMBER, DIALABLE_NUMBER, ABSENCE):
        if found is not None and kind in found:
            return caller_from(found[kind].decode("ascii", errors="replace"))
    return GARBLED


def _split(text: str) -> tuple[str, str, str]:
    match = re.match(r"([^=:]*)([=:])(.*)", text, re.S)
    return (match[1].strip().upper(), match[2], match[3]) if match else ("", "", "")


def _message(message: bytes) -> CallerId:
    """A whole message, with or without the checksum that makes the sum of all bytes 0 modulo 256."""
    end = 2 + message[1]
    if not end <= len(message) <= end + 1 or (len(message) > end and sum(message) % 256):
        return GARBLED
    body = message[2:end]
    if message[0] == _MULTIPLE:
        return caller_of(parameters(body))
    return caller_from(body[8:].decode("ascii", errors="replace"))


def _unformatted(value: str) -> CallerId | None:
    """What a modem prints as `MESG` because it does not know it: a whole message, or a single parameter of one."""
    value = value.strip()
    if not _HEX.fullmatch(value):
        return None
    data = bytes.fromhex(value)
    if data[0] in (_SINGLE, _MULTIPLE) and len(data) >= 2 and data[1] >= 3:
        return _message(data)
    return caller_of(parameters(data)) if data[0] in (NUMBER, DIALABLE_NUMBER, ABSENCE) else None
