"""Recognised text, tidied: one spelling of every character, no stray spaces, no endless repetitions."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_NO_GAP: Final = re.compile(r"(?<=[^\x00-\x7f]) +| +(?=[^\x00-\x7f])")
_SPACES: Final = re.compile(r"\s+")
_UNKNOWN_WORD: Final = re.compile(r"\[unk\]|<unk>")

SURE_REPEATS: Final = 5
"""So many repetitions of one unit at the end of a text are the recogniser's loop; people say もしもしもしもし."""

CAPPED_REPEATS: Final = 2
CAPPED_UNIT: Final = 4
"""In a text that was broken off by the length guard, two repetitions of at least four characters are a loop too."""


def tidy(text: str) -> str:
    """NFKC, one space at most between words, neither control nor replacement characters."""
    known = _UNKNOWN_WORD.sub(" ", unicodedata.normalize("NFKC", text))
    kept = (char for char in known if char.isspace() or not _is_noise(char))
    return _SPACES.sub(" ", "".join(kept)).strip()


def _is_noise(char: str) -> bool:
    return char == "\ufffd" or unicodedata.category(char) in ("Cc", "Cf")


def join_japanese(text: str) -> str:
    """Take out the spaces between words except between words in Latin letters."""
    return _NO_GAP.sub("", text)


def unloop(text: str, *, capped: bool) -> str:
    """Keep a unit that repeats to the end of the text once. `capped`: the length guard ended the text."""
    for unit in range(1, len(text) // CAPPED_REPEATS + 1):
        run = _periodic_tail(text, unit)
        sure = run >= SURE_REPEATS * unit
        if sure or (capped and unit >= CAPPED_UNIT and run >= CAPPED_REPEATS * unit):
            return text[: len(text) - run + unit].rstrip()  # of words with spaces, the unit ends in one
    return text


def _periodic_tail(text: str, unit: int) -> int:
    """The length of the longest ending of `text` in which every character equals the one `unit` before it."""
    start = len(text) - unit
    while start > 0 and text[start - 1] == text[start - 1 + unit]:
        start -= 1
    return len(text) - start
