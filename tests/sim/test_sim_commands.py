from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_desk import Desk

from denwaban.sim.commands import Command, LineReader, parse_line
from denwaban.sim.faults import CommandDelays, Faults
from denwaban.sim.profiles import (
    CONEXANT,
    CONEXANT_WITHOUT_JAPAN,
    GENERIC,
    MULTITECH,
    SI24XX,
    USR,
    USR_OLD,
    ModemProfile,
)


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("AT", []),
        ("ATZ", [("Z", "")]),
        ("ATE0V1", [("E", "0"), ("V", "1")]),
        ("at+vcid=1;+fclass=8", [("+VCID", "=1"), ("+FCLASS", "=8")]),
        ("ATE0+VCID=1", [("E", "0"), ("+VCID", "=1")]),
        ("AT+VLS=1+VTX", [("+VLS", "=1"), ("+VTX", "")]),
        ("AT&FE0", [("&F", ""), ("E", "0")]),
        ("ATS0=2S7?", [("S0", "=2"), ("S7", "?")]),
        ("AT+VSM=?", [("+VSM", "=?")]),
        ("AT+VSM=128, 8000", [("+VSM", "=128,8000")]),
        ("AT+VTS=[933,0,120]", [("+VTS", "=[933,0,120]")]),
        ("AT-STE=3", [("-STE", "=3")]),
        ("AT$$", [("?", "")]),
        ("XYZ", None),
        ("", None),
    ],
)
def test_command_lines(line: str, commands: list[tuple[str, str]] | None) -> None:
    parsed = parse_line(line)
    assert parsed == (None if commands is None else [Command(name, rest) for name, rest in commands])


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80))
@settings(deadline=None)
def test_no_line_breaks_the_parser(rest: str) -> None:
    assert parse_line("AT" + rest) is not None


@given(st.binary(max_size=2000))
@settings(deadline=None)
def test_no_bytes_break_the_modem(data: bytes) -> None:
    desk = Desk()
    for at in range(0, len(data), 50):
        desk.modem.receive(data[at : at + min(50, desk.modem.room())])
        desk.tick()
    assert desk.modem.room() >= 0
    assert len(desk.modem.take_output()) <= 65536 + 5000


def test_backspace_and_overlong_lines() -> None:
    reader = LineReader()
    assert [reader.push(byte) for byte in b"ATX\x08Z\r"][-1] == "ATZ"
    line = [reader.push(byte) for byte in b"AT" + b"E" * 300 + b"\r"][-1]
    assert line is not None
    assert parse_line(line) == [Command("?")]


def test_echo_and_result_codes() -> None:
    desk = Desk()
    assert desk.command("AT") == b"AT\r\r\nOK\r\n"
    assert desk.command("ATE0") == b"ATE0\r\r\nOK\r\n"
    assert desk.command("AT") == b"\r\nOK\r\n"
    assert desk.command("ATI0") == b"\r\n56000\r\n\r\nOK\r\n"


def test_numeric_and_quiet_results() -> None:
    desk = Desk()
    desk.command("ATE0")
    desk.modem.receive(b"ATV0\r")
    assert desk.run(0.2) == b"0\r"
    desk.modem.receive(b"AT+NOSUCH\r")
    assert desk.run(0.2) == b"4\r"
    desk.modem.receive(b"ATV1Q1\r")
    assert desk.run(0.2) == b""


@pytest.mark.parametrize(
    "line", ["AT+NOSUCH", "AT+VSM=77,8000", "AT+VSM=129,9600", "ATI10", "AT+VGR=999", "AT+GCI=ZZ", "ATD117"]
)
def test_unknown_commands_and_values_are_errors(line: str) -> None:
    desk = Desk()
    assert desk.command(line).endswith(b"\r\nERROR\r\n")
    assert desk.command("AT").endswith(b"\r\nOK\r\n")


def test_a_bad_command_ends_its_line() -> None:
    desk = Desk()
    assert desk.command("AT+VCID=1;+NOSUCH;+VCID=2").endswith(b"ERROR\r\n")
    assert b"\r\n1\r\n" in desk.command("AT+VCID?")


def test_settings_are_stored_and_reset() -> None:
    desk = Desk()
    desk.command("ATE0+VCID=1")
    desk.command("AT&W")
    desk.command("AT+VCID=0;+GCI=00")
    desk.command("ATZ")
    assert desk.command("AT+VCID?") == b"\r\n1\r\n\r\nOK\r\n"
    assert b"+GCI: 00" in desk.command("AT+GCI?")


def test_a_forgetful_modem_needs_its_settings_again_after_reset() -> None:
    desk = Desk(faults=Faults(forgets_on_reset=True))
    desk.command("ATE0+VCID=1;+GCI=00;&W")
    desk.command("ATZ")
    assert b"\r\n0\r\n" in desk.command("AT+VCID?")
    assert b"+GCI: B5" in desk.command("AT+GCI?")


def test_the_sampling_table_is_read_by_name() -> None:
    rows = Desk().command("AT+VSM=?").decode().splitlines()
    assert '129,"16-BIT LINEAR",16,0,8000,0,0' in rows
    assert '4,"ULAW",8,0,8000,0,0' in rows
    assert b'129,"IMA ADPCM"' in Desk(profile=CONEXANT).command("AT+VSM=?")
    assert b'131,"8-BIT ULAW"' in Desk(profile=USR).command("AT+VSM=?")


def test_voice_needs_class_8_and_the_line() -> None:
    desk = Desk()
    assert b"ERROR" in desk.command("AT+VLS=1")
    assert b"ERROR" in desk.command("AT+VTX")
    desk.command("AT+FCLASS=8")
    assert b"ERROR" in desk.command("AT+VRX")
    assert b"ERROR" in desk.command("AT+VLS=2")
    assert b"OK" in desk.command("AT+VLS=1")
    assert b"CONNECT" in desk.command("AT+VRX")


def test_an_advertised_but_unusable_coding_is_refused_at_recording() -> None:
    desk = Desk(profile=CONEXANT)
    desk.command("AT+FCLASS=8")
    assert b"OK" in desk.command("AT+VSM=129,8000,0,0")
    desk.command("AT+VLS=1")
    assert b"ERROR" in desk.command("AT+VRX")


def test_answers_take_their_time_and_the_same_seed_the_same_time() -> None:
    def times(seed: int) -> list[float]:
        desk = Desk(delays=CommandDelays(seed=seed))
        taken = []
        for line in ("AT", "AT+FCLASS=8", "AT+VLS=1", "ATH", "ATZ"):
            before = desk.clock.now()
            desk.command(line)
            taken.append(desk.clock.now() - before)
        return taken

    plain, cls, vls, hang_up, reset = times(3)
    assert max(plain, cls) <= 0.08
    assert 0.1 <= vls <= 0.5
    assert 0.2 <= hang_up <= 1.1
    assert 0.3 <= reset <= 1.6
    assert times(3) == [plain, cls, vls, hang_up, reset]
    assert times(4) != [plain, cls, vls, hang_up, reset]


def test_commands_behind_a_slow_one_wait_their_turn() -> None:
    desk = Desk(delays=CommandDelays())
    desk.modem.receive(b"ATE0Z\rAT+FCLASS?\r")
    out = desk.run(0.2)
    assert b"OK" not in out
    assert desk.run(3.0).endswith(b"AT+FCLASS?\r\r\n0\r\n\r\nOK\r\n")


@pytest.mark.parametrize("faults", [Faults(mute=True), Faults(mute_after=0)])
def test_a_mute_modem_says_nothing(faults: Faults) -> None:
    desk = Desk(faults=faults)
    desk.modem.receive(b"AT\r")
    assert b"OK" not in desk.run(5.0)


def test_old_firmware_refuses_voice() -> None:
    desk = Desk(faults=Faults(error_to_fclass8=True))
    assert b"ERROR" in desk.command("AT+FCLASS=8")
    assert b"8" not in desk.command("AT+FCLASS=?").replace(b"AT+FCLASS", b"")


def test_16_bit_may_be_refused_although_advertised() -> None:
    desk = Desk(faults=Faults(no_16_bit=True))
    assert b"ERROR" in desk.command("AT+VSM=129,8000")
    assert b"OK" in desk.command("AT+VSM=4,8000")


@pytest.mark.parametrize(
    ("profile", "refused", "accepted"),
    [
        (GENERIC, "AT-STE=3 AT-SCID=1 AT+VCDT=3", "AT+IFC=2,2 AT+VSD=0,0 AT+GCI=00"),
        (USR, "AT-STE=3 AT+VCDT=3", "AT+VSM=131,8000 AT+FCLASS=8"),
        (USR_OLD, "AT+FCLASS=8", "AT+VCID=1"),
        (CONEXANT, "AT+IFC=2,2 AT+VCDT=3 AT+VSD=130,0 AT+VSM=1,8000", "AT-STE=3 AT-SCID=1 AT+VSM=1,8000,0,0"),
        (CONEXANT_WITHOUT_JAPAN, "AT+GCI=00", "AT+GCI=B5"),
        (MULTITECH, "AT-STE=3 AT+VSM=129,8000,0,0", "AT+VSM=129,8000"),
        (SI24XX, "AT-SCID=1 AT+VSM=128,8000 AT+VSD=0,0", "AT+VCDT=3 AT+VSM=4 AT+VSD=138,0"),
    ],
)
def test_a_family_refuses_what_it_does_not_know(profile: ModemProfile, refused: str, accepted: str) -> None:
    desk = Desk(profile=profile)
    for line in refused.split():
        assert desk.command(line).endswith(b"ERROR\r\n"), line
    for line in accepted.split():
        assert desk.command(line).endswith(b"OK\r\n"), line


def test_snooping_forces_caller_id_and_one_bit_of_line_sensing() -> None:
    """Conexant, AT Commands for CX930xx: -SCID sets +VCID and the line-in-use bit and leaves the others alone."""
    desk = Desk(profile=CONEXANT)
    desk.command("ATE0")
    desk.command("AT-STE=2")
    desk.command("AT-SCID=2")
    assert b"\r\n2\r\n" in desk.command("AT+VCID?")
    assert b"\r\n3\r\n" in desk.command("AT-STE?")
    desk.command("AT-SCID=0")
    assert b"\r\n2\r\n" in desk.command("AT+VCID?")
