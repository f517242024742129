"""`denwaban setup` as it is typed: screen, JSON, exit status; never a stack trace."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from denwaban.cli import main
from denwaban.config import load_config
from denwaban.setup.steps import STEPS
from denwaban.sim.clock import LineClock
from denwaban.sim.faults import Faults
from denwaban.sim.profiles import SI24XX
from denwaban.sim.simulation import LineSetup
from denwaban.sim.virtual_line import VirtualLine

EXERCISE = ["setup", "--virtual", "--speed", "15"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "xdg"))
    monkeypatch.delenv("DENWABAN_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Text on standard input, and then its end."""
    read_end, write_end = os.pipe()

    def type_text(text: str) -> None:
        os.write(write_end, text.encode())
        os.close(write_end)

    with open(read_end, encoding="utf-8") as file:
        monkeypatch.setattr("sys.stdin", file)
        yield type_text


def results(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_exercise_goes_through_and_leaves_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*EXERCISE, "--yes"]) == 0
    told = capsys.readouterr()
    for number in range(1, 9):
        assert f"[{number}/8]" in told.out
    assert "相手の番号が出ました(終わりの4けた: 5678)" in told.out
    assert "練習は、これで終わりです。" in told.out
    assert list(home.iterdir()) == []


def test_json_is_one_line_per_step_and_the_screen_is_apart(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*EXERCISE, "--yes", "--json", "--config", "made.toml"]) == 0
    told = capsys.readouterr()
    steps = results(told.out)
    assert [(step["n"], step["step"]) for step in steps] == list(enumerate(STEPS, 1))
    assert all({"what", "state", "said", "do", "values"} == set(found) for step in steps for found in step["findings"])
    assert "[1/8]" in told.err
    assert load_config(home / "made.toml").line.port.startswith("/dev/")
    assert "--config" in told.err, "the next commands must find this file"


def test_a_person_answers_in_japanese(
    home: Path, typed: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    typed("たぶん\nはい\n\n")
    assert main([*EXERCISE, "--config", "made.toml"]) == 0
    told = capsys.readouterr().out
    assert "のどれかを入れてください" in told
    assert "録音のお知らせが、相手に聞こえました。" in told
    assert (home / "made.toml").exists()


def test_english_is_spoken_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*EXERCISE, "--yes", "--lang", "en", "--skip-call"]) == 0
    told = capsys.readouterr().out
    assert "Finding the modem" in told
    assert "[3/8]" not in told


def test_input_that_ends_stops_it_and_writes_nothing(
    home: Path, typed: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    typed("")
    assert main([*EXERCISE, "--config", "made.toml"]) == 1
    assert "--yes" in capsys.readouterr().out
    assert not (home / "made.toml").exists()


def test_ctrl_c_says_what_became_of_line_and_settings(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_arguments: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("denwaban.cli.terminal.Terminal.ask", interrupted)
    assert main([*EXERCISE, "--config", "made.toml"]) == 130
    assert "回線は放しました。設定は変えていません。" in capsys.readouterr().out
    assert not (home / "made.toml").exists()


def test_a_real_port_without_questions(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--skip-call --yes` writes where the program looks by itself, so the next commands need no option."""
    with VirtualLine(LineClock(1.0), setup=LineSetup(SI24XX)) as line:
        assert main(["setup", "--port", line.port, "--skip-call", "--yes"]) == 0
        port = line.port
    written = home / "xdg" / "denwaban" / "config.toml"
    assert load_config(written).line.port == port
    assert "  denwaban doctor    全体の点検" in capsys.readouterr().out


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_failures_are_sentences_with_a_way_out(lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    with VirtualLine(LineClock(20.0), setup=LineSetup(faults=Faults(mute=True))) as line:
        for port in ("/dev/serial/by-id/none", line.port):
            assert main(["setup", "--port", port, "--yes", "--lang", lang]) == 1
            told = capsys.readouterr()
            assert "✗" in told.out
            assert "→" in told.out
            assert "Traceback" not in told.out + told.err


@pytest.mark.parametrize("content", ["[line]\nprot = 1\n", None])
def test_an_unusable_configuration_is_told_before_anybody_has_to_call(
    home: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / "config.toml"
    path.write_text(content or "")
    given = path if content else path / "inside.toml"
    assert main([*EXERCISE, "--yes", "--config", str(given)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert str(given) in told.err
