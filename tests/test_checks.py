"""What `doctor` says of each emulated modem, word for word."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from denwaban.checks import explain_modem
from denwaban.line.modem import identify
from denwaban.line.probe import ModemFacts
from denwaban.sim.clock import LineClock
from denwaban.sim.profiles import PROFILES
from denwaban.sim.simulation import LineSetup
from denwaban.sim.virtual_line import VirtualLine

JAPAN = "✓ country: set to Japan"
UNPROVEN = (
    "! caller's number: unproven: the modem takes the commands, but we know of no manual and no test by which it reads "
    "Number Display → call from a mobile telephone and look at `denwaban calls list`; if no number stands there, set "
    "[line] number_service = false, so that nobody is refused for want of a number"
)
DEAF = "a call that the household answers first is not heard"
SENSES = f"✓ telephone: the modem says that it reports when it is lifted during a call; {DEAF}"
BY_VOICE = f"the box goes by the voices it hears; {DEAF}"
SENSES_NOT = f"! telephone: the modem does not report when it is lifted: {BY_VOICE}"
SENSES_UNKNOWN = f"! telephone: the modem does not say whether it reports when it is lifted: {BY_VOICE}"
BUSY = "✓ end of call: the modem says that it reports busy tone; the box listens for it itself"
BUSY_NOT = "✓ end of call: the modem does not report busy tone while it records; the box listens for it itself"
BUSY_UNKNOWN = "✓ end of call: the modem does not say whether it reports busy tone; the box listens for it itself"
CONEXANT = (
    "✓ modem: CONEXANT CX93001 (Conexant CX930xx (StarTech, Zoom, Dell)), firmware 0.2002, voice, audio 8-bit linear "
    "(quiet voices are recognised less well)"
)
ABOUT = "! about the modem: "
PARTS = f"{ABOUT}units of this family report a lifted telephone only if they have the parts for it, whatever they say"
SAID = {
    "generic": [
        "✓ modem: Denwaban Virtual voice modem (unknown family), firmware 1.0, voice, audio 16-bit linear",
        JAPAN,
        UNPROVEN,
        SENSES,
        BUSY,
        f"{ABOUT}this modem is not in our table: it is driven by what it says about itself, as V.253 describes",
    ],
    "usr5637": [
        "✓ modem: U.S. Robotics 56K FAX USB (USRobotics USR5637), firmware 1.2.23, voice, audio 16-bit linear",
        JAPAN,
        UNPROVEN,
        SENSES_UNKNOWN,
        BUSY_UNKNOWN,
    ],
    "usr5637-old": [
        "✗ modem: U.S. Robotics 56K FAX USB (USRobotics USR5637), firmware 1.2.20: this modem has no voice mode "
        "(AT+FCLASS=8) → update its firmware to 1.2.23 or newer: before 1.2.21 it has no voice mode (AT+FCLASS=8 "
        "answers ERROR); this one has 1.2.20"
    ],
    "conexant": [CONEXANT, JAPAN, UNPROVEN, SENSES, BUSY, PARTS],
    "conexant-no-japan": [
        CONEXANT,
        "! country: this unit cannot be set to Japan (AT+GCI): the caller's number will not come, and the short rings "
        "before it may be reported as rings → use a unit that offers Japan",
        "! caller's number: this modem cannot show it on a Japanese line → set [line] number_service = false, so that "
        "nobody is refused for want of a number",
        SENSES,
        BUSY,
        PARTS,
    ],
    "multitech": [
        "✓ modem: Multi-Tech Systems, Inc. MT9234MU (Multi-Tech MT9234), firmware 1.32, voice, audio 16-bit linear",
        JAPAN,
        UNPROVEN,
        SENSES_NOT,
        BUSY_NOT,
    ],
    "si24xx": [
        "✓ modem: Silicon Labs Si2457 (Silicon Labs Si24xx), firmware D, voice, audio µ-law",
        JAPAN,
        "✓ caller's number: documented by the maker for Japan; not tried by us on a real line",
        SENSES_NOT,
        BUSY_NOT,
    ],
}
MARK = {"ok": "✓", "note": "!", "bad": "✗"}


def facts_of(profile: str) -> ModemFacts:
    clock = LineClock(20)
    with VirtualLine(clock, setup=LineSetup(PROFILES[profile])) as line:
        return identify(line.port, clock)


def said(facts: ModemFacts, number_service: bool = True) -> list[str]:
    return [
        f"{MARK[finding.state]} {finding.what}: {finding.found}" + (f" → {finding.do}" if finding.do else "")
        for finding in explain_modem(facts, number_service)
    ]


@pytest.mark.parametrize("profile", PROFILES)
def test_doctor_explains_a_modem_in_plain_words(profile: str) -> None:
    assert said(facts_of(profile)) == SAID[profile]


def test_without_number_display_no_number_is_missed() -> None:
    told = said(facts_of("conexant-no-japan"), number_service=False)
    assert "✓ caller's number: not expected: [line] number_service = false" in told


def test_the_facts_are_for_programs_too() -> None:
    first, *others = explain_modem(facts_of("si24xx"), number_service=True)
    facts = json.loads(json.dumps(asdict(first)))["facts"]
    assert facts["family"] == "si24xx"
    assert facts["japan"] == "set"
    assert facts["caller_id"] == "documented"
    assert facts["encoding"] == {"number": 4, "law": "ulaw"}
    assert all(finding.facts is None for finding in others)
