"""What differs between families of voice modems, as a table. A new modem is a new row, not new code.

A row claims only what its source says; whether a unit really does it, `probe.py` asks the unit. Equal on purpose:
`+VLS=1` takes the line (V.253; label 2, which some examples use, is on-hook on others); gains stay at the nominal 128,
since no manual names a better one; the modem's silence detection is off, since nothing here listens for its reports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Version = tuple[int, int, int]
NumberDisplay = Literal["documented", "unproven"]
"""Whether the maker documents the Japanese caller number. Accepting the country Japan does not prove it."""


@dataclass(frozen=True, slots=True)
class FirmwareFix:
    """What the firmware could not do before `since`, by the maker's release notes."""

    since: Version
    what: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One family of voice modems."""

    name: str
    title: str
    recognised_by: re.Pattern[str] | None
    """Found in the answers to ATI0, ATI3, +GMI, +GMM, +FMR."""
    optional_init: tuple[str, ...]
    """Sent once after opening; ERROR is no failure, some modems lack the command."""
    off_hook: str
    sound: tuple[str, ...]
    """Sent once the line is held, in voice mode. ERROR is no failure."""
    remembered: tuple[str, ...]
    """Country, caller id and line sensing. Some modems forget them on a reset, a new class or after a call, so they are
    sent after each of these and now and then in between. ERROR is no failure, but noted."""
    number_display: NumberDisplay
    extension_switch: str = ""
    """The one of `remembered` without which a lifted telephone is not reported."""
    busy_while_recording: bool | None = None
    """What users report about the codes for busy tone, where it contradicts the modem's own list (`+VLS=?`)."""
    firmware_fixes: tuple[FirmwareFix, ...] = ()
    notes: tuple[str, ...] = ()
    """For people: what this family cannot do, or has not been seen to do."""


COUNTRY: Final = "AT+GCI=00"
"""Japan, by ITU-T T.35."""
_NO_TIMER: Final = "AT+VIT=0"
"""Otherwise a modem that hears nothing from us for some seconds of a recording lets go of the line (V.253)."""

GENERIC: Final = Profile(
    name="generic",
    title="unknown family",
    recognised_by=None,
    optional_init=("AT&D2",),
    off_hook="AT+VLS=1",
    sound=("AT+VSD=128,0", _NO_TIMER),
    remembered=(COUNTRY, "AT+VCID=1"),
    number_display="unproven",
    notes=("this modem is not in our table: it is driven by what it says about itself, as V.253 describes",),
)

USR5637: Final = Profile(
    name="usr5637",
    title="USRobotics USR5637",
    recognised_by=re.compile(r"\b5601\b|\b56K FAX USB\b|\b5637\b", re.I),
    optional_init=("AT&D2",),
    off_hook="AT+VLS=1",
    sound=("AT+VSD=128,0", _NO_TIMER),
    remembered=(COUNTRY, "AT+VCID=1"),
    number_display="unproven",
    firmware_fixes=(
        FirmwareFix((1, 2, 21), "has no voice mode (AT+FCLASS=8 answers ERROR)"),
        FirmwareFix((1, 2, 23), "can fail to detect the ringing and the caller's number"),
    ),
)
"""Recognised as callattendant does; firmware by the maker's release notes."""

CONEXANT: Final = Profile(
    name="conexant",
    title="Conexant CX930xx (StarTech, Zoom, Dell)",
    recognised_by=re.compile(r"\bCX\d{5}|CONEXANT", re.I),
    optional_init=("AT&D2",),
    off_hook="AT+VLS=1",
    # Its manual allows 0, 127, 128 and 129; 0,0 is what callattendant uses.
    sound=("AT+VSD=0,0", _NO_TIMER),
    # -SCID forces +VCID and a bit of -STE, so it comes before them. It reads caller ids meant for a telephone beside
    # the modem, by the manual those of call waiting; whether it helps with Number Display is unproven (callattendant
    # sends it). -STE bit 1 reports `<DLE>P` in voice mode; in data mode it would drop the line, but this driver holds
    # the line in voice mode only.
    remembered=(COUNTRY, "AT-SCID=1", "AT+VCID=1", "AT-STE=3"),
    number_display="unproven",
    extension_switch="AT-STE=3",
    notes=("units of this family report a lifted telephone only if they have the parts for it, whatever they say",),
)
"""Conexant, AT Commands for CX930xx, 102752B. ATI0 says 56000, as other chips do, so only names count."""

MULTITECH: Final = Profile(
    name="multitech",
    title="Multi-Tech MT9234",
    recognised_by=re.compile(r"\bMT9234", re.I),
    optional_init=("AT&D2",),
    off_hook="AT+VLS=1",
    sound=("AT+VSD=128,0", _NO_TIMER),
    remembered=(COUNTRY, "AT+VCID=1"),
    number_display="unproven",
    busy_while_recording=False,
)
"""Multi-Tech, AT Commands for the MT9234 Series, S000434; missing codes by users' reports (CallAttendantNext)."""

SI24XX: Final = Profile(
    name="si24xx",
    title="Silicon Labs Si24xx",
    recognised_by=re.compile(r"\bSi24\d\d\b|Silicon Lab", re.I),
    optional_init=("AT&D2",),
    off_hook="AT+VLS=1",
    sound=("AT+VSD=128,0", _NO_TIMER),
    remembered=(COUNTRY, "AT+VCDT=3", "AT+VCID=1"),
    number_display="documented",
)
"""Silicon Labs AN93: `+VCDT=3` is caller id of the type Japan, `+VSD` 118 to 138."""

PROFILES: Final = {profile.name: profile for profile in (USR5637, CONEXANT, MULTITECH, SI24XX, GENERIC)}


def recognise(identity: str) -> Profile | None:
    """The family whose mark stands in what the modem says about itself; None if there is none."""
    for profile in PROFILES.values():
        if profile.recognised_by is not None and profile.recognised_by.search(identity):
            return profile
    return None
