"""Caller-id reports of modems, line by line. Only the number counts: in Japan no name, date or time comes for sure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from denwaban.events import Absence, CallerId

_NUMBER_KEYS: Final = frozenset(("NMBR", "NBR", "NDID", "DDN_NMBR", "CALLER'S NUMBER"))
_REASON_KEYS: Final = frozenset(("REASON FOR NO CALLER NUMBER", "REASON FOR NO NUMBER"))
_REASONS: Final[dict[str, Absence]] = {
    "P": "P",
    "PRIVATE": "P",
    "WITHHELD": "P",
    "O": "O",
    "OUT OF AREA": "O",
    "OUT_OF_AREA": "O",
    "UNAVAILABLE": "O",
    "C": "C",
    "COIN": "C",
    "S": "S",
}
_OTHER_LINE: Final = re.compile(r"(DATE|TIME|NAME|DRON|DROF|MESG|REASON NO NAME) ?[=:]", re.I)
_NUMBER: Final = re.compile(r"\+?[0-9]{3,20}")


def parse_report_line(text: str) -> CallerId | None:
    """The caller, if this line of a report tells one; `CallerId()` when the number is garbled; None for any other line.

    Accepts `NMBR=0312345678`, `NMBR = P` and the like: `KEY=` and `KEY = ` both occur, and some modems use a colon.
    """
    key, separator, value = text.partition("=")
    if not separator:
        key, separator, value = text.partition(":")
    key = key.strip().upper()
    value = unicodedata.normalize("NFKC", value).strip().strip('"').upper()
    if not separator or (key not in _NUMBER_KEYS and key not in _REASON_KEYS):
        return None
    if value in _REASONS:
        return CallerId(absence=_REASONS[value])
    digits = re.sub(r"[-() ]", "", value)
    return CallerId(number=digits) if _NUMBER.fullmatch(digits) else CallerId()


def is_report_line(text: str) -> bool:
    """Whether this is a line of a ring or caller report that tells no number (cadence, date, time, name)."""
    return _OTHER_LINE.match(text) is not None
