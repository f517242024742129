"""What a modem says about itself, asked once after opening. Finds out and sets up; decides nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from denwaban.events import SAMPLE_RATE
from denwaban.line.dialogue import Dialogue
from denwaban.line.encoding import Encoding, usable_encodings
from denwaban.line.profiles import COUNTRY, GENERIC, SI24XX, NumberDisplay, Profile, Version, recognise

TEXT_LENGTH: Final = 80
"""Names and revisions are cut here."""
Japan = Literal["set", "unavailable", "unknown"]

_BUSY: Final = 19
_EXTENSION: Final = 24
"""Event numbers of V.253 (events detectable in voice mode); number 0 is the highest of the 32 bits of a mask."""
_LABEL_ROW: Final = re.compile(
    r'^(?:\+VLS:)?\s*(?P<label>\d+)\s*,\s*"[^"]*"\s*,\s*[0-9A-F]{8}\s*,\s*(?P<receive>[0-9A-F]{8})\s*,', re.I | re.A
)
_COUNTRY: Final = re.compile(r"\b[0-9A-F]{2}\b", re.I | re.A)
_VERSION: Final = re.compile(r"(?<![\d.])(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?![\d.])", re.A)


@dataclass(frozen=True, slots=True)
class ModemFacts:
    """One modem, as it describes itself, and what is known of its family. None: it does not say."""

    name: str
    family: str
    title: str
    revision: str
    unusable: str
    """Why it cannot serve and what to do, as a sentence; empty when it can."""
    encoding: Encoding | None
    select_audio: str
    """The command that chooses `encoding`."""
    japan: Japan
    caller_id: NumberDisplay | Literal["none"]
    """The caller's number in Japan: none (the modem refuses +VCID), or what is known of the family."""
    senses_extension: bool | None
    """Reports a telephone beside it that is lifted while the modem holds the line."""
    reports_busy: bool | None
    """Reports busy tone while recording."""
    notes: tuple[str, ...]

    @property
    def shows_caller(self) -> bool:
        """Whether a caller's number may come at all. A modem set to another country does not understand Japan's."""
        return self.caller_id != "none" and self.japan != "unavailable"


@dataclass(frozen=True, slots=True)
class _Identity:
    name: str
    revision: str
    everything: str

    @property
    def version(self) -> Version | None:
        """The first number like 1.2.23, the revision's before all others."""
        found = _VERSION.search(self.revision) or _VERSION.search(self.everything)
        return (int(found[1]), int(found[2]), int(found[3])) if found else None


@dataclass(frozen=True, slots=True)
class _Voice:
    unusable: str = ""
    encoding: Encoding | None = None
    select_audio: str = ""
    events: int | None = None
    """Mask of what is reported while recording off-hook."""

    def reports(self, event: int) -> bool | None:
        return None if self.events is None else bool(self.events >> (31 - event) & 1)


def probe(dialogue: Dialogue, forced: Profile | None) -> tuple[Profile, ModemFacts]:
    """Ask an on-hook modem in command mode and set it up; `forced` replaces the recognised family.

    Raises LineError when it stops answering, and for nothing that it may answer.
    """
    for text in ("ATE0", "ATV1"):
        dialogue.command(text)
    identity = _identity(dialogue)
    profile = forced or recognise(identity.everything) or _recognise_by_command(dialogue)
    for text in profile.optional_init:
        dialogue.try_command(text)
    voice = _voice(dialogue, profile, identity)
    refused = remind(dialogue, profile)
    senses = voice.reports(_EXTENSION)
    if profile.extension_switch:
        senses = profile.extension_switch not in refused and senses is not False
    busy = voice.reports(_BUSY)
    return profile, ModemFacts(
        name=identity.name,
        family=profile.name,
        title=profile.title,
        revision=identity.revision,
        unusable=voice.unusable,
        encoding=voice.encoding,
        select_audio=voice.select_audio,
        japan=_japan(dialogue, refused),
        caller_id=_caller_id(dialogue, profile, refused),
        senses_extension=senses,
        reports_busy=busy if profile.busy_while_recording is None else profile.busy_while_recording,
        notes=(*_firmware_notes(profile, identity.version), *profile.notes),
    )


def remind(dialogue: Dialogue, profile: Profile) -> frozenset[str]:
    """Send what modems forget; the commands that were refused."""
    return frozenset(text for text in profile.remembered if dialogue.try_command(text) is None)


def _identity(dialogue: Dialogue) -> _Identity:
    answers = {text: _ask(dialogue, text) for text in ("ATI0", "ATI3", "AT+GMI", "AT+GMM", "AT+FMR")}
    maker, model = answers["AT+GMI"], answers["AT+GMM"]
    name = model if maker.lower() in model.lower() else f"{maker} {model}"
    return _Identity(
        name=(name.strip() or answers["ATI3"] or answers["ATI0"] or "unknown modem")[:TEXT_LENGTH],
        revision=(answers["AT+FMR"] or _ask(dialogue, "AT+GMR"))[:TEXT_LENGTH],
        everything="\n".join(answers.values()),
    )


def _ask(dialogue: Dialogue, text: str) -> str:
    """The answer on one line, without the `+XYZ:` that some put before it; empty for ERROR."""
    prefix = text.removeprefix("AT").rstrip("?=") + ":"
    lines = dialogue.try_command(text) or ()
    return " ".join(line.removeprefix(prefix).strip() for line in lines).strip()


def _recognise_by_command(dialogue: Dialogue) -> Profile:
    """Only Silicon Labs' chips know +VCDT. It must read back: some modems say OK to everything."""
    known = dialogue.try_command("AT+VCDT=3") is not None and _ask(dialogue, "AT+VCDT?") == "3"
    return SI24XX if known else GENERIC


def _voice(dialogue: Dialogue, profile: Profile, identity: _Identity) -> _Voice:
    listed = re.search(r"\b8\b", _ask(dialogue, "AT+FCLASS=?")) is not None
    if not listed or dialogue.try_command("AT+FCLASS=8") is None:
        return _Voice(f"this modem has no voice mode (AT+FCLASS=8); {_way_out(profile, identity.version)}")
    events = _events(dialogue.try_command("AT+VLS=?") or [], profile.off_hook.removeprefix("AT+VLS="))
    found = _choose_encoding(dialogue)
    dialogue.command("AT+FCLASS=0")
    if found is None:
        return _Voice("this modem offers no audio encoding we know (AT+VSM=?); another one is needed", events=events)
    return _Voice("", *found, events)


def _way_out(profile: Profile, version: Version | None) -> str:
    if not profile.firmware_fixes:
        return "another or updated one is needed"
    has = f"this one has {_dotted(version)}" if version else "this one does not tell its version"
    first, last = profile.firmware_fixes[0], profile.firmware_fixes[-1]
    return (
        f"update its firmware to {_dotted(last.since)} or newer: before {_dotted(first.since)} it {first.what}; {has}"
    )


def _choose_encoding(dialogue: Dialogue) -> tuple[Encoding, str] | None:
    for encoding in usable_encodings(dialogue.try_command("AT+VSM=?") or []):
        for rest in ("", ",0,0"):  # some want two parameters, some all four (mgetty tries both)
            command = f"AT+VSM={encoding.number},{SAMPLE_RATE}{rest}"
            if dialogue.try_command(command) is not None:  # some refuse what they list
                return encoding, command
    return None


def _events(rows: list[str], label: str) -> int | None:
    """The mask of events reported while recording, from `label,"devices",transmit,receive,idle`."""
    for row in rows:
        match = _LABEL_ROW.match(row)
        if match and match["label"] == label:
            return int(match["receive"], 16)
    return None


def _japan(dialogue: Dialogue, refused: frozenset[str]) -> Japan:
    wanted = COUNTRY.partition("=")[2]
    current = _COUNTRY.findall(_ask(dialogue, "AT+GCI?"))
    if current:
        return "set" if current == [wanted] else "unavailable"
    offered = _COUNTRY.findall(_ask(dialogue, "AT+GCI=?"))
    return "unavailable" if offered and (wanted not in offered or COUNTRY in refused) else "unknown"


def _caller_id(dialogue: Dialogue, profile: Profile, refused: frozenset[str]) -> NumberDisplay | Literal["none"]:
    if "AT+VCID=1" in refused or _ask(dialogue, "AT+VCID?") == "0":
        return "none"
    return "unproven" if refused - {profile.extension_switch} else profile.number_display


def _firmware_notes(profile: Profile, version: Version | None) -> tuple[str, ...]:
    return tuple(
        f"its firmware {_dotted(version)} {fix.what}: update it to {_dotted(fix.since)} or newer"
        for fix in profile.firmware_fixes
        if version is not None and version < fix.since
    )


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
