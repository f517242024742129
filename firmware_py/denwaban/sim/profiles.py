"""Emulated modems, as tables. Each plays its family as far as makers' manuals and users' reports tell.

Where they do not, a row takes the side that is harder on the driver.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Final, Literal

from denwaban.sim.codec import Coding


@dataclass(frozen=True, slots=True)
class VoiceFormat:
    """One row of `+VSM=?`. A row without coding is advertised but cannot be used here."""

    cml: int
    name: str
    bits: int
    coding: Coding | None
    rates: str = ""
    """As printed by makers who leave out the bits; empty: the full form of V.253."""

    @property
    def row(self) -> str:
        rest = self.rates or f"{self.bits},0,8000,0,0"
        return f'{self.cml},"{self.name}",{rest}'


@dataclass(frozen=True, slots=True)
class ModemProfile:
    """What a modem says about itself, and what it can do."""

    name: str
    identity: tuple[str, ...]
    """Answers to ATI, ATI1, …; a higher number is an error."""
    manufacturer: str
    model: str
    revision: str
    formats: tuple[VoiceFormat, ...]
    default_cml: int
    voice: bool = True
    """False: old firmware, class 8 is an error."""
    format_parameters: Container[int] = range(1, 5)
    """How many `+VSM=` may have."""
    silence_levels: Container[int] = range(256)
    """First value `+VSD=` takes."""
    inactivity_s: int = 0
    """`+VIT` until it is set: seconds without a byte from the host, after which it lets go of the line."""
    countries: tuple[str, ...] = ("00", "09", "3D", "B4", "B5")
    own_commands: frozenset[str] = frozenset()
    """Commands that only this family knows."""
    unknown: frozenset[str] = frozenset()
    """Commands of the standard that it does not know."""
    extension: bool = True
    """Reports a lifted telephone, if `-STE` (where it has that) allows."""
    busy_code: Literal["always", "not while recording", "never"] = "always"
    labels: tuple[int, ...] = (0, 1, 5)
    """What `+VLS` accepts."""
    label_rows: tuple[str, ...] = (
        '0,"",B0804100,B0804100,B0804100',
        '1,"T",0B8433C1,0FE431C1,0B8431C1',
        '5,"ST",0B8433C1,0FE431C1,0B8431C1',
    )

    def format(self, cml: int) -> VoiceFormat | None:
        return next((row for row in self.formats if row.cml == cml), None)


GENERIC: Final = ModemProfile(
    name="generic",
    identity=("56000", "255", "OK", "Virtual V.253 voice modem", "", "", "", "", "", "B5"),
    manufacturer="Denwaban",
    model="Virtual voice modem",
    revision="1.0",
    formats=(
        VoiceFormat(0, "SIGNED PCM", 8, Coding.SIGNED_8),
        VoiceFormat(1, "UNSIGNED PCM", 8, Coding.UNSIGNED_8),
        VoiceFormat(4, "ULAW", 8, Coding.ULAW),
        VoiceFormat(5, "ALAW", 8, Coding.ALAW),
        VoiceFormat(128, "8-BIT LINEAR", 8, Coding.UNSIGNED_8),
        VoiceFormat(129, "16-BIT LINEAR", 16, Coding.SIGNED_16),
    ),
    default_cml=1,
)

CONEXANT: Final = ModemProfile(
    name="conexant",
    identity=("56000", "255", "OK", "CX93001-EIS_V0.2002-V92", "", "", "", "", "", "B5"),
    manufacturer="CONEXANT",
    model="CX93001",
    revision="0.2002",
    formats=(
        VoiceFormat(1, "UNSIGNED PCM", 8, Coding.UNSIGNED_8),
        VoiceFormat(129, "IMA ADPCM", 4, None),
        VoiceFormat(130, "UNSIGNED PCM", 8, Coding.UNSIGNED_8),
        VoiceFormat(140, "2 Bit ADPCM", 2, None),
        VoiceFormat(141, "4 Bit ADPCM", 4, None),
    ),
    default_cml=1,
    format_parameters=(4,),
    silence_levels=(0, 127, 128, 129),
    own_commands=frozenset({"-STE", "-SCID"}),
    unknown=frozenset({"+IFC"}),
)
"""As the maker's command references list it; 129 is not linear here."""

_RATES: Final = "(7200,8000,11025)"

USR: Final = ModemProfile(
    name="usr5637",
    identity=("5601", "1234", "OK", "U.S. Robotics 56K FAX USB V1.2.23", "", "", "", "", "", "B5"),
    manufacturer="U.S. Robotics",
    model="56K FAX USB",
    revision="1.2.23",
    formats=(
        VoiceFormat(128, "8-BIT LINEAR", 8, Coding.UNSIGNED_8, _RATES),
        VoiceFormat(129, "16-BIT LINEAR", 16, Coding.SIGNED_16, _RATES),
        VoiceFormat(130, "8-BIT ALAW", 8, Coding.ALAW, "(8000)"),
        VoiceFormat(131, "8-BIT ULAW", 8, Coding.ULAW, "(8000)"),
        VoiceFormat(132, "IMA ADPCM", 4, None, _RATES),
    ),
    default_cml=129,
    extension=False,
    label_rows=('0,""', '1,"T"', '5,"ST"'),
)
"""130 is A-law and 131 µ-law here; codes rows by name only. Its list of events is not published: it lists none."""

USR_OLD: Final = replace(
    USR,
    name="usr5637-old",
    identity=("5601", "1234", "OK", "U.S. Robotics 56K FAX USB V1.2.20"),
    revision="1.2.20",
    voice=False,
)
"""Before 1.2.21, which by the release notes brought voice."""

MULTITECH: Final = ModemProfile(
    name="multitech",
    identity=("MT9234MU", "12AB", "OK", "MT9234MU", "94", "1.32", "", "", "", "B5"),
    manufacturer="Multi-Tech Systems, Inc.",
    model="MT9234MU",
    revision="1.32",
    formats=USR.formats,
    default_cml=129,
    format_parameters=(2,),
    inactivity_s=10,
    extension=False,
    busy_code="not while recording",
    labels=(0, 1, 2, 3, 4, 5, 6, 7),
    label_rows=('0,"",0A000100,0E601800,1A803840', '1,"T",0A000100,0E601800,1A803840'),
)
"""Lists busy tone among what it reports while recording, and does not report it then. The timer is a guess."""

SI24XX: Final = ModemProfile(
    name="si24xx",
    identity=("D", "255", "OK", "", "", "", "2457"),
    manufacturer="Silicon Labs",
    model="Si2457",
    revision="D",
    formats=(
        VoiceFormat(0, "SIGNED PCM", 8, Coding.SIGNED_8),
        VoiceFormat(1, "UNSIGNED PCM", 8, Coding.UNSIGNED_8),
        VoiceFormat(4, "G.711U", 8, Coding.ULAW),
        VoiceFormat(5, "G.711A", 8, Coding.ALAW),
        VoiceFormat(129, "ADPCM", 2, None),
        VoiceFormat(131, "ADPCM", 4, None),
    ),
    default_cml=4,
    silence_levels=range(118, 139),
    own_commands=frozenset({"+VCDT"}),
    extension=False,
    busy_code="never",
    label_rows=('0,"",B8000000,B8000000,B8000000', '1,"T",08000100,0C200000,08000000'),
)
"""Formats and `+VCDT` as in AN93; its texts and event masks are guesses."""

CONEXANT_WITHOUT_JAPAN: Final = replace(CONEXANT, name="conexant-no-japan", countries=("B4", "B5"))

PROFILES: Final = {
    profile.name: profile for profile in (GENERIC, USR, USR_OLD, CONEXANT, CONEXANT_WITHOUT_JAPAN, MULTITECH, SI24XX)
}
