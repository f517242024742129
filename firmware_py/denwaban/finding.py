"""One line of the report of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from denwaban.line.probe import ModemFacts

State = Literal["ok", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: `bad` means that the box cannot work, `note` that something is worth knowing."""

    what: str
    state: State
    found: str
    do: str = ""
    facts: ModemFacts | None = None
    """What the modem said, for programs; with the finding `modem` only."""
