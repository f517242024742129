"""The tables behind `phone_number.py`: names of areas and countries, codes with reported abuse. Read once, when needed.

The files tell their sources, licences and dates.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "numbering"


@dataclass(frozen=True, slots=True)
class Name:
    """What people call a place; `en` is empty where no English name is known."""

    ja: str
    en: str


@cache
def areas() -> dict[str, Name]:
    """Area by national prefix of a Japanese number, 2 to 6 digits; the longest one that fits counts."""
    return _table("areas.tsv")


@cache
def countries() -> dict[str, Name]:
    """Country by ISO 3166 code; by `+` and calling code where that belongs to no country."""
    return _table("countries.tsv")


@cache
def abuse_reported() -> frozenset[int]:
    """Calling codes from which abuse was reported."""
    return frozenset(tomllib.loads((_FOLDER / "abuse.toml").read_text("utf-8"))["codes"])


def _table(file: str) -> dict[str, Name]:
    lines = (_FOLDER / file).read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {key: Name(japanese, english) for key, japanese, english in rows}
