"""Which step follows which failure, and at which port a modem is looked for."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.line.recovery import (
    POWER_CUT_EVERY_S,
    REOPEN_S,
    STEADY_S,
    PowerSwitch,
    Recovery,
    Remedy,
    UsbIdentity,
    choose_port,
    identity_of,
)


def test_steps_go_from_mild_to_drastic() -> None:
    recovery, taken = Recovery(), []
    for second in range(4):
        recovery, remedy = recovery.failed(float(second), can_cut=True)
        taken.append(remedy)
    assert taken == [Remedy.REOPEN, Remedy.RESET, Remedy.CUT_POWER, Remedy.RESET]


@given(st.lists(st.floats(0.1, 400.0), max_size=200))
def test_power_is_cut_at_most_every_ten_minutes_and_tries_never_end(gaps: list[float]) -> None:
    recovery, now, cuts = Recovery(), 0.0, []
    for gap in gaps:
        now += gap
        recovery, remedy = recovery.failed(now, can_cut=True)
        if remedy is Remedy.CUT_POWER:
            cuts.append(now)
        assert REOPEN_S[0] <= recovery.pause_s <= REOPEN_S[-1]
    assert all(later - earlier >= POWER_CUT_EVERY_S for earlier, later in pairwise(cuts))


def test_power_cuts_that_do_not_help_become_rare_but_do_not_end() -> None:
    recovery, cuts = Recovery(), 0
    for minute in range(24 * 60):
        recovery, remedy = recovery.failed(minute * 60.0, can_cut=True)
        cuts += remedy is Remedy.CUT_POWER
    assert 20 <= cuts <= 30


def test_without_a_switch_nothing_is_cut() -> None:
    recovery = Recovery()
    for second in range(100):
        recovery, remedy = recovery.failed(second * 60.0, can_cut=False)
        assert remedy is not Remedy.CUT_POWER


def test_a_modem_that_works_for_moments_only_is_not_cured() -> None:
    recovery = Recovery(failures=5)
    assert recovery.after(STEADY_S - 1) == recovery
    assert recovery.after(STEADY_S).failures == 0
    assert recovery.after(float("-inf")) == recovery, "it was never ready"


# --- the port ------------------------------------------------------------------------------------------------------

MODEM = UsbIdentity(0x0572, 0x1340, "2468")


@dataclass(frozen=True)
class Listed:
    device: str
    vid: int | None = MODEM.vid
    pid: int | None = MODEM.pid
    serial_number: str | None = MODEM.serial


OTHER = Listed("/dev/ttyACM0", 0x2341, 0x0043, "1")


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        ([Listed("/dev/ttyACM0")], "/dev/ttyACM0"),
        ([Listed("/dev/ttyACM1")], "/dev/ttyACM1"),
        ([OTHER, Listed("/dev/ttyACM1")], "/dev/ttyACM1"),
        ([Listed("/dev/ttyACM0", serial_number="9999"), Listed("/dev/ttyACM1")], "/dev/ttyACM1"),
        ([], "/dev/ttyACM0"),
        ([OTHER], "/dev/ttyACM0"),
        ([Listed("/dev/ttyACM1"), Listed("/dev/ttyACM2")], "/dev/ttyACM0"),
        ([Listed("/dev/ttyS0", None, None, None)], "/dev/ttyACM0"),
    ],
)
def test_the_modem_is_found_by_what_it_is_and_nothing_else_is_opened_for_it(listed: list[Listed], chosen: str) -> None:
    assert choose_port("/dev/ttyACM0", MODEM, listed) == chosen


def test_a_port_nothing_is_known_of_is_the_configured_one() -> None:
    assert choose_port("/dev/ttyACM0", None, [Listed("/dev/ttyACM1")]) == "/dev/ttyACM0"


def test_a_link_by_id_is_followed(tmp_path: Path) -> None:
    device, link = tmp_path / "ttyACM3", tmp_path / "usb-modem"
    device.touch()
    link.symlink_to(device)
    assert identity_of(str(link), [OTHER, Listed(str(device))]) == MODEM
    assert identity_of(str(link), [OTHER]) is None


# --- the power -----------------------------------------------------------------------------------------------------


def no_hurry(seconds: float) -> bool:
    return threading.Event().wait(seconds)


def test_the_power_command_gets_its_arguments_as_they_are(tmp_path: Path) -> None:
    told = tmp_path / "told"
    write = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    PowerSwitch((sys.executable, "-c", write, str(told), "a b;$HOME")).cut(no_hurry)
    assert told.read_text() == "a b;$HOME"


def test_a_power_command_that_hangs_is_ended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pid = tmp_path / "pid"
    hang = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    PowerSwitch((sys.executable, "-c", hang), limit_s=2.0).cut(no_hurry)
    assert "was ended" in caplog.text
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize(
    ("command", "told"), [(("/no/such/program",), "cannot be run"), ((sys.executable, "-c", "exit(3)"), "status 3")]
)
def test_a_power_command_that_fails_is_told_and_the_line_goes_on(
    command: tuple[str, ...], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    PowerSwitch(command).cut(no_hurry)
    assert told in caplog.text
    assert "power_cycle_command" in caplog.text
