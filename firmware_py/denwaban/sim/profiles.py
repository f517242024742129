"""Emulated modems, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from denwaban.sim.codec import Coding


@dataclass(frozen=True, slots=True)
class VoiceFormat:
    """One row of `+VSM=?`. A row without coding is advertised but cannot be used here."""

    cml: int
    name: str
    bits: int
    coding: Coding | None

    @property
    def row(self) -> str:
        return f'{self.cml},"{self.name}",{self.bits},0,8000,0,0'


@dataclass(frozen=True, slots=True)
class ModemProfile:
    """What a modem says about itself, and what it can do."""

    name: str
    identity: tuple[str, ...]
    """Answers to ATI, ATI1, …; a higher number answers with the last."""
    manufacturer: str
    model: str
    revision: str
    formats: tuple[VoiceFormat, ...]
    default_cml: int
    labels: tuple[int, ...] = (0, 1, 5)
    """What `+VLS` accepts."""
    label_rows: tuple[str, ...] = (
        '0,"",00000000,00000000,00000000',
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
        VoiceFormat(140, "2 BIT ADPCM", 2, None),
        VoiceFormat(141, "4 BIT ADPCM", 4, None),
    ),
    default_cml=1,
)
"""As the serial-modem command reference of that maker lists it; 129 is not linear here."""

USR: Final = ModemProfile(
    name="usr",
    identity=("5601", "1234", "OK", "U.S. Robotics 56K FAX USB V1.2.23", "", "", "", "", "", "B5"),
    manufacturer="U.S. Robotics",
    model="56K FAX USB",
    revision="1.2.23",
    formats=(
        VoiceFormat(128, "8-BIT LINEAR", 8, Coding.UNSIGNED_8),
        VoiceFormat(129, "16-BIT LINEAR", 16, Coding.SIGNED_16),
        VoiceFormat(130, "8-BIT ALAW", 8, Coding.ALAW),
        VoiceFormat(131, "8-BIT ULAW", 8, Coding.ULAW),
        VoiceFormat(132, "IMA ADPCM", 4, None),
    ),
    default_cml=129,
)
"""130 is A-law and 131 µ-law here; codes rows by name only."""
