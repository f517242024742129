"""What a modem's answers are taken for, at a port that answers by a table or with anything."""

from __future__ import annotations

import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from denwaban.config import LineConfig
from denwaban.errors import LineError
from denwaban.line.at import Reply
from denwaban.line.dialogue import Dialogue
from denwaban.line.encoding import Encoding
from denwaban.line.probe import TEXT_LENGTH, ModemFacts, probe
from denwaban.line.profiles import CONEXANT, PROFILES, SI24XX, recognise

ERROR = "ERROR"
ORDINARY = {
    "AT+GMM": "Nobody's modem",
    "AT+FCLASS=?": "0,1,8",
    "AT+VSM=?": '129,"16-BIT LINEAR",16,0,8000,0,0',
    "AT+VLS=?": '1,"T",0B8433C1,0FE431C1,0B8431C1',
    "AT+GCI?": "+GCI: 00",
    "AT+VCID?": "1",
    "AT+VCDT=3": ERROR,
}


class Time:
    """Passes only while somebody waits for the port."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return self.seconds

    def wait_hint(self, deadline: float) -> float:
        return deadline - self.seconds


class TablePort:
    """Answers commands by `answers` and OK, ERROR alone, and what is not listed with OK."""

    def __init__(self, time: Time, answers: dict[str, str], bare: bool = False) -> None:
        self._time = time
        self._answers = answers
        self._bare = bare
        self._out = b""
        self.commands: list[str] = []

    @property
    def in_waiting(self) -> int:
        return len(self._out)

    def read(self, size: int = 1, /) -> bytes:
        if not self._out:
            self._time.seconds += 0.5
        out, self._out = self._out[:size], self._out[size:]
        return out

    def write(self, data: bytes, /) -> int:
        command = data.decode("ascii").rstrip("\r")
        self.commands.append(command)
        answer = self._answers.get(command, "")
        end = "" if self._bare or answer == ERROR else "\r\nOK\r\n"
        self._out += f"\r\n{answer}\r\n{end}".encode("utf-8", errors="replace")
        return len(data)


def ask(answers: dict[str, str], forced: str = "auto", bare: bool = False) -> tuple[ModemFacts, list[str]]:
    time = Time()
    port = TablePort(time, answers, bare)
    dialogue = Dialogue(port, time, lambda: None, lambda item: not isinstance(item, Reply))
    _profile, facts = probe(dialogue, PROFILES.get(forced))
    return facts, port.commands


def facts_of(**changes: str) -> ModemFacts:
    """Keys are commands without AT, `_` for what cannot stand in a name."""
    return ask({**ORDINARY, **{"AT" + key: text for key, text in changes.items()}})[0]


texts = st.one_of(
    st.text(max_size=60),
    st.sampled_from([ERROR, "OK", "CONNECT", "RING", "8", "0,1,8", *ORDINARY.values()]),
    st.from_regex(r'\A\d{0,30},"[^"]*",?[0-9A-Fa-f,]{0,40}\Z'),
    st.from_regex(r"\A\+G?CI: ?\(?[0-9A-F,٠-٩-]{0,20}\)?\Z"),
)
questions = st.sampled_from(ask({**ORDINARY, "AT+FMR": ERROR, "AT+GCI?": ERROR, "AT+VCDT=3": "", "ATI3": "CX93001"})[1])
answers = st.dictionaries(questions, texts)


@given(answers, st.sampled_from(["auto", *PROFILES]))
@settings(deadline=None, max_examples=200)
def test_whatever_a_modem_answers_there_are_facts_or_a_line_error(said: dict[str, str], forced: str) -> None:
    try:
        facts, _ = ask({**ORDINARY, **said}, forced)
    except LineError:
        return
    assert facts.family in PROFILES
    assert (facts.encoding is None) == bool(facts.unusable)
    assert len(facts.name) <= TEXT_LENGTH
    assert len(facts.revision) <= TEXT_LENGTH


@given(answers)
@settings(deadline=None, max_examples=30)
def test_a_modem_that_never_says_ok_is_a_line_error(said: dict[str, str]) -> None:
    never = {command: text for command, text in said.items() if "OK" not in text}
    with pytest.raises(LineError):
        ask(never, bare=True)


# --- the family -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "family"),
    [
        ("5601", "usr5637"),
        ("U.S. Robotics 56K FAX USB V1.2.23", "usr5637"),
        ("CX93001-EIS_V0.2002-V92", "conexant"),
        ("CONEXANT ACF", "conexant"),
        ("MT9234MU", "multitech"),
        ("Si2457", "si24xx"),
        ("Silicon Laboratories", "si24xx"),
    ],
)
def test_a_family_is_recognised_by_what_it_prints(identity: str, family: str) -> None:
    found = recognise(f"V92\n{identity}\n1.0")
    assert found is not None
    assert found.name == family
    assert ask({**ORDINARY, "ATI3": identity})[0].family == family


@pytest.mark.parametrize("identity", ["", "56000", "V92", "LT V.92 1.0 MT5634", "15601", "Rockwell"])
def test_an_unknown_modem_is_generic(identity: str) -> None:
    facts = ask({**ORDINARY, "ATI0": identity})[0]
    assert facts.family == "generic"
    assert facts.encoding == Encoding(129, "linear16")


def test_a_chip_without_a_name_is_recognised_by_the_command_that_only_it_has() -> None:
    known = {**ORDINARY, "AT+VCDT=3": "", "AT+VCDT?": "+VCDT: 3"}
    assert ask(known)[0].caller_id == "documented"
    says_ok_to_everything = {**ORDINARY, "AT+VCDT=3": ""}
    assert ask(says_ok_to_everything)[0].family == "generic"


def test_the_configuration_may_force_a_family() -> None:
    facts, commands = ask({**ORDINARY, "ATI3": "CX93001"}, forced="usr5637")
    assert facts.family == "usr5637"
    assert "AT-STE=3" not in commands


def test_the_configuration_names_every_family() -> None:
    assert set(typing.get_args(typing.get_type_hints(LineConfig)["profile"])) == {"auto", *PROFILES}


# --- country and caller id --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers_to_gci", "japan"),
    [
        ({"+GCI?": "+GCI: 00"}, "set"),
        ({"+GCI?": "00"}, "set"),
        ({"+GCI?": "+GCI: B5"}, "unavailable"),
        ({"+GCI?": ERROR, "+GCI=?": "+GCI: (09,3D,B5)"}, "unavailable"),
        ({"+GCI?": ERROR, "+GCI=?": "+GCI: (00,B5)", "+GCI=00": ERROR}, "unavailable"),
        ({"+GCI?": ERROR, "+GCI=?": "+GCI: (00,B5)"}, "unknown"),
        ({"+GCI?": ERROR, "+GCI=?": ERROR, "+GCI=00": ERROR}, "unknown"),
    ],
)
def test_the_country_is_believed_only_when_read_back(answers_to_gci: dict[str, str], japan: str) -> None:
    facts = facts_of(**answers_to_gci)
    assert facts.japan == japan
    assert facts.shows_caller == (japan != "unavailable")


@pytest.mark.parametrize("refusal", [{"+VCID=1": ERROR}, {"+VCID?": "+VCID: 0"}])
def test_a_modem_without_caller_id_shows_none(refusal: dict[str, str]) -> None:
    facts = facts_of(**refusal)
    assert facts.caller_id == "none"
    assert not facts.shows_caller


def test_a_refused_japanese_type_makes_a_documented_family_unproven() -> None:
    assert facts_of(I3="Si2457", **{"+VCDT=3": ""}).caller_id == "documented"
    assert facts_of(I3="Si2457", **{"+VCDT=3": ERROR}).caller_id == "unproven"


# --- events -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "senses", "busy"),
    [
        ('1,"T",0B8433C1,0FE431C1,0B8431C1', True, True),
        ('+VLS: 1, "T", 00000000, 00000080, 00000000', True, False),
        ('1,"T",0A000100,0E601800,1A803840', False, True),
        ('1,"T",FFFFFFFF,00000000,FFFFFFFF', False, False),
        ('4,"S",0B8433C1,0FE431C1,0B8431C1', None, None),
        ('1, "T", 0A0001000,0E601800,1A803840', None, None),
        ('1,"T"', None, None),
        (ERROR, None, None),
    ],
)
def test_events_are_those_of_recording_with_the_line_held(row: str, senses: bool | None, busy: bool | None) -> None:
    """Event 24 is the extension, 19 busy tone, the highest bit event 0 (V.253). A mask of nine digits is a misprint."""
    facts = facts_of(**{"+VLS=?": row})
    assert (facts.senses_extension, facts.reports_busy) == (senses, busy)


def test_line_sensing_that_is_refused_senses_nothing() -> None:
    assert facts_of(I3="CX93001").senses_extension is True
    assert facts_of(I3="CX93001", **{"-STE=3": ERROR}).senses_extension is False
    assert facts_of(I3="CX93001", **{"+VLS=?": '1,"T"'}).senses_extension is True
    assert facts_of(I3="CX93001", **{"+VLS=?": '1,"T",00000000,00000000,00000000'}).senses_extension is False


def test_users_reports_outweigh_the_modems_list() -> None:
    assert facts_of(I0="MT9234MU").reports_busy is False


# --- voice and firmware -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", [{"+FCLASS=?": "0,1"}, {"+FCLASS=?": ERROR}, {"+FCLASS=8": ERROR}])
def test_a_modem_without_voice_says_so_and_what_to_do(refusal: dict[str, str]) -> None:
    assert facts_of(**refusal).unusable.endswith("another or updated one is needed")
    old = facts_of(I0="5601", I3="U.S. Robotics 56K FAX USB V1.2.20", **refusal)
    assert "no voice mode" in old.unusable
    assert "update its firmware to 1.2.23 or newer" in old.unusable
    assert "this one has 1.2.20" in old.unusable
    assert "does not tell its version" in facts_of(I0="5601", **refusal).unusable


@pytest.mark.parametrize(
    ("revision", "notes"), [("1.2.20", 2), ("1.2.21", 1), ("V1.2.22 2008", 1), ("1.2.23", 0), ("2.0.1", 0), ("x", 0)]
)
def test_old_firmware_is_noted(revision: str, notes: int) -> None:
    facts = facts_of(I0="5601", **{"+FMR": revision})
    assert len(facts.notes) == notes
    assert all("update it to 1.2.2" in note for note in facts.notes)


def test_every_fix_of_a_family_is_in_order() -> None:
    for profile in PROFILES.values():
        versions = [fix.since for fix in profile.firmware_fixes]
        assert versions == sorted(versions)


def test_two_parameters_are_tried_before_four() -> None:
    facts, commands = ask({**ORDINARY, "AT+VSM=129,8000": ERROR})
    assert facts.select_audio == "AT+VSM=129,8000,0,0"
    assert commands.index("AT+VSM=129,8000") < commands.index(facts.select_audio)


def test_country_and_caller_id_are_set_after_the_last_change_of_class() -> None:
    for identity in ("", "CX93001", "Si2457"):
        _, commands = ask({**ORDINARY, "ATI3": identity, "AT+VCDT=3": ""})
        for text in ("AT+GCI=00", "AT+VCID=1"):
            assert commands.index("AT+FCLASS=0") < len(commands) - 1 - commands[::-1].index(text)


def test_a_switch_is_among_what_is_sent() -> None:
    assert CONEXANT.extension_switch in CONEXANT.remembered
    assert "AT+VCDT=3" in SI24XX.remembered
