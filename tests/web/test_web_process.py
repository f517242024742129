"""The page as a process of its own: in nobody's way."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra `web` is not installed")
pytest.importorskip("argon2", reason="the extra `web` is not installed")

from denwaban.checks import run_checks
from denwaban.cli import main
from denwaban.config import load_config
from denwaban.paths import page_secrets
from denwaban.web.pin import PinFile
from tests.fixtures_broker import free_port

FIRMWARE = Path(__file__).parents[2] / "firmware_py"


def config_file(folder: Path, port: int) -> Path:
    path = folder / "config.toml"
    path.write_text(f'[unit]\ndata_dir = "{folder / "data"}"\n[web]\nhost = "127.0.0.1"\nport = {port}\n')
    return path


def until(what: object, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(port: int) -> bool:
    try:
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/setup", timeout=5).status == 200)
    except OSError:
        return False


def is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def started(path: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "denwaban", "web", "--config", str(path)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(FIRMWARE), **environment})
    try:
        yield process
    finally:
        process.terminate()
        process.wait(15)


def test_the_command_serves_and_ends_at_sigterm_without_recogniser_or_detector(tmp_path: Path) -> None:
    port = free_port()
    with started(config_file(tmp_path, port)) as process:
        until(lambda: answers(port))
        loaded = Path(f"/proc/{process.pid}/maps").read_text("utf-8")
        assert "onnxruntime" not in loaded
        assert "sudachi" not in loaded
        process.terminate()
        assert process.wait(15) in (0, -15)
    assert is_free(port)


def test_a_port_in_use_is_an_error_that_ends(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with started(config_file(tmp_path, taken.getsockname()[1])) as process:
            assert process.wait(30) == 1


def test_the_code_is_printed_for_the_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config_file(tmp_path, 8080)
    codes = []
    for _ in range(2):
        assert main(["web", "code", "--config", str(path)]) == 0
        codes.append(capsys.readouterr().out.strip())
    assert codes[0] != codes[1]
    assert all(len(code) == 9 and code[4] == "-" and code.replace("-", "").isdigit() for code in codes)


def test_doctor_says_whether_a_pin_opens_the_page(tmp_path: Path) -> None:
    config = load_config(config_file(tmp_path, 8080))

    def found() -> str:
        return next(finding.state for finding in run_checks(config) if finding.what == "page")

    assert found() == "note"
    config.data_dir.mkdir()
    PinFile(page_secrets(config)).choose("274913")
    assert found() == "ok"
