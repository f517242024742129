"""What systemd is told about the box, by the real supervisor with small workers in place of the box."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from denwaban.supervise import CANNOT_START, HEARTBEAT_ENV, UNHEARD_ENV, Supervisor
from denwaban.systemd import notifier

BEAT = f"import os; os.write(int(os.environ['{HEARTBEAT_ENV}']), b'.')"
ENDS_AFTER_A_BEAT = BEAT
CANNOT = f"import sys; sys.exit({CANNOT_START})"
CRASHES_ONCE = """
import os, pathlib, signal, sys
seen = pathlib.Path(sys.argv[1])
if not seen.exists():
    seen.touch()
    os.kill(os.getpid(), signal.SIGKILL)
{beat}
"""

UNHEARD_THEN_WELL = """
import os, pathlib, signal, sys
seen = pathlib.Path(sys.argv[1])
with seen.open("a") as told:
    print(os.environ.get("{unheard}"), file=told)
lives = len(seen.read_text().split())
fd = int(os.environ["{heartbeat}"])
os.write(fd, {{1: b"ru", 2: b".f", 3: b"uur"}}.get(lives, b"r"))
if lives == 2:
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(0 if lives == 4 else 79)
"""


@pytest.fixture(autouse=True)
def signals_as_before() -> object:
    """The supervisor takes over signals of this process."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def told_by(code: str, *arguments: str) -> tuple[list[str], int]:
    """The lines systemd gets while a worker runs this code, and the supervisor's exit status."""
    told: list[str] = []
    status = Supervisor([sys.executable, "-c", code, *arguments], told.append).run()
    return [line for lines in told for line in lines.splitlines()], status


def test_systemd_hears_ready_with_the_first_beat_and_stopping_at_the_end() -> None:
    lines, status = told_by(ENDS_AFTER_A_BEAT)
    assert status == 0
    assert lines[0] == "STATUS=loading"
    assert lines.count("READY=1") == 1
    assert "WATCHDOG=1" in lines[: lines.index("READY=1")], "the watchdog must be fed while the models load"
    assert lines[-1] == "STOPPING=1"


def test_a_box_that_cannot_start_is_never_called_ready() -> None:
    lines, status = told_by(CANNOT)
    assert status == 1
    assert "READY=1" not in lines


def test_systemd_hears_that_the_box_is_started_again(tmp_path: Path) -> None:
    lines, status = told_by(CRASHES_ONCE.format(beat=BEAT), str(tmp_path / "seen"))
    assert status == 0
    assert "STATUS=the box ended with status -9; starting it again" in lines
    assert "READY=1" in lines


def test_a_box_that_could_not_listen_knows_it_through_any_restart_until_it_was_well(tmp_path: Path) -> None:
    code = UNHEARD_THEN_WELL.format(unheard=UNHEARD_ENV, heartbeat=HEARTBEAT_ENV)
    _lines, status = told_by(code, str(tmp_path / "seen"))
    assert status == 0
    assert (tmp_path / "seen").read_text().split() == ["None", "1", "1", "None"]


@pytest.mark.parametrize("abstract", [False, True])
def test_the_message_arrives_at_the_socket_and_children_do_not_inherit_it(tmp_path: Path, abstract: bool) -> None:
    name = f"@denwaban-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        systemd.settimeout(10)
        environ = {"NOTIFY_SOCKET": name, "HOME": "/"}
        notifier(environ)("READY=1\nSTATUS=電話番")
        assert systemd.recv(1000).decode() == "READY=1\nSTATUS=電話番"
        assert environ == {"HOME": "/"}


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "/nowhere/notify"])
def test_without_a_socket_that_listens_nothing_happens(address: str) -> None:
    notifier({"NOTIFY_SOCKET": address})("READY=1")


def test_a_systemd_that_does_not_listen_holds_nothing_up(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(name)
        notify = notifier({"NOTIFY_SOCKET": name})
        done = threading.Event()

        def flood() -> None:
            for _ in range(2000):  # more than any queue of the kernel holds
                notify("WATCHDOG=1")
            done.set()

        threading.Thread(target=flood, daemon=True).start()
        assert done.wait(60)
