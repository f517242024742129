"""What differs between modems, as a table. One profile so far; a new modem is a new row, not new code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Profile:
    """One family of voice modems."""

    name: str
    init: tuple[str, ...]
    """Sent after every open and reset. Country and caller id are forgotten by some modems on ATZ, so they come last."""
    optional_init: tuple[str, ...]
    """The same, but ERROR is no failure: some modems lack the command."""
    off_hook: str
    silence: str
    """`+VSD`: 0 as second value turns the modem's own silence detection off."""


GENERIC: Final = Profile(
    name="generic",
    init=("ATE0", "ATV1"),
    optional_init=("AT&D2", "AT+GCI=00", "AT+VCID=1"),
    off_hook="AT+VLS=1",
    silence="AT+VSD=128,0",
)

PROFILES: Final = {profile.name: profile for profile in (GENERIC,)}
