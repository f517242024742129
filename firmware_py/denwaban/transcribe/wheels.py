"""Brings wheels with pip, the ordinary client: mirror, proxy, certificates and password of its settings hold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Final

from denwaban.transcribe.download import Received, Unreachable
from denwaban.transcribe.models import Archive

PROBE_S: Final = 5.0
"""How long one server of the package index may take to answer pip."""

REACH_S: Final = 45.0
"""How long pip may look for an index altogether: its start on a small machine, several indexes and addresses, twice."""

SILENCE_S: Final = 300.0
"""A download that brings no byte for this long is dead. Slow is fine: there is no limit to the whole."""

READ_S: Final = 30.0
"""pip's own patience between two bytes (its default is 15 s, short for a poor Wi-Fi)."""

TRIES: Final = 3
"""Runs of pip for a wheel whose download broke off; pip before 25.1 starts a broken wheel anew."""

_LOOK_S: Final = 0.2
_END_S: Final = 5.0
_LINE: Final = 300


def require_index(project: str) -> None:
    """See that an index answers soon, so that the download itself may be as slow as it likes. Raises Unreachable."""
    command = _pip("index", "versions", project, "--timeout", f"{PROBE_S:g}", "--retries", "1")
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, errors="replace", timeout=REACH_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"{project}: pip reached no package index within {REACH_S:g} s") from error
    if answer.returncode:
        raise Unreachable(_reason(project, answer.stderr))


def bring_wheel(archive: Archive, folder: Path, received: Received | None) -> None:
    """Have pip put the wheel into `folder`. `received` is told the bytes there; None: pip shows its own progress.

    pip shows it only where stderr is a terminal. Raises Unreachable with pip's words.
    """
    target = folder / archive.name
    for _ in range(TRIES):
        came, words = _download(archive, folder, received)
        if target.is_file():
            if received:
                received(target.stat().st_size)
            return
        if not came:
            break
    raise Unreachable(_reason(archive.name, words))


def _pip(*arguments: str) -> list[str]:
    # --no-input: a question for a password would wait for ever.
    return [sys.executable, "-m", "pip", *arguments, "--no-input", "--disable-pip-version-check"]


def _download(archive: Archive, folder: Path, received: Received | None) -> tuple[bool, str]:
    """One run of pip: whether bytes came, and what pip said where it did not say it to the terminal."""
    scratch = folder / "pip"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    shown = received is None and sys.stderr.isatty()
    try:
        with tempfile.TemporaryFile("w+", errors="replace") as words:
            came = _run(_download_command(archive, folder, shown), scratch, received, sys.stderr if shown else words)
            words.seek(0)
            return came, words.read()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _download_command(archive: Archive, folder: Path, shown: bool) -> list[str]:
    # No cache: it would hold the wheel a second time on the SD card, and older pips read it into memory whole.
    options = ["--no-deps", "--no-cache-dir", "--only-binary", ":all:", "--timeout", f"{READ_S:g}", "-d", str(folder)]
    return _pip("download", *options, *(() if shown else ("--quiet",)), f"{archive.project}=={archive.version}")


def _run(command: list[str], scratch: Path, received: Received | None, words: IO[str]) -> bool:
    """Run pip with `scratch` as its temporary folder, where its wheels grow; whether any byte of one came.

    pip copies the finished wheel from there: /tmp of a small machine may be memory, and too small.
    """
    environ = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, env=environ) as pip:
        try:
            return _watch(pip, scratch, received)
        finally:
            _end(pip)


def _watch(pip: subprocess.Popen[bytes], scratch: Path, received: Received | None) -> bool:
    have, heard = 0, time.monotonic()
    while time.monotonic() - heard < SILENCE_S:
        try:
            pip.wait(timeout=_LOOK_S)
            break
        except subprocess.TimeoutExpired:
            now_there = _wheel_bytes(scratch)
        if now_there > have:
            have, heard = now_there, time.monotonic()
            if received:
                received(have)
    return have > 0


def _end(pip: subprocess.Popen[bytes]) -> None:
    pip.terminate()
    try:
        pip.wait(timeout=_END_S)
    except subprocess.TimeoutExpired:
        pip.kill()


def _wheel_bytes(scratch: Path) -> int:
    """Size of the largest wheel below `scratch`, whose files come and go meanwhile."""
    wheels = (Path(folder, name) for folder, _, names in os.walk(scratch) for name in names if name.endswith(".whl"))
    return max(map(_size, wheels), default=0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _reason(what: str, words: str) -> str:
    """pip's last words (the cause stands in a warning before the error), without passwords."""
    if "No module named pip" in words:
        return (
            f"{what}: pip is missing; type: {sys.executable} -m ensurepip"
            " (on Raspberry Pi OS and Debian first: sudo apt install python3-venv)"
        )
    lines = [line.strip()[:_LINE] for line in words.splitlines() if line.strip()]
    said = "; ".join(lines[-3:]) or "pip brought another file, or said why above"
    return re.sub(r"//[^/@\s]*@", "//", f"{what}: {said}")
