"""Programs beside the box learn how it is, and that it does not run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from denwaban.supervise import HEARTBEAT_ENV, UNHEARD_ENV, Pulse
from denwaban.vitals import Vitals, VitalSigns, ask


class Time:
    at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_box_that_does_not_run_cannot_be_asked(tmp_path: Path) -> None:
    assert ask(tmp_path / "state.sock") is None
    (tmp_path / "state.sock").write_text("left over")
    assert ask(tmp_path / "state.sock") is None


def test_who_asks_learns_of_line_and_last_beat(tmp_path: Path) -> None:
    time = Time()
    signs = VitalSigns(time)
    signs.serve(tmp_path / "state.sock")
    assert ask(tmp_path / "state.sock") == Vitals("unknown", 0.0, None)
    time.at = 10.0
    signs.beat(b".r")
    time.at = 12.0
    assert ask(tmp_path / "state.sock") == Vitals("ready", 2.0, 2.0)
    signs.beat(b"f")
    assert ask(tmp_path / "state.sock") == Vitals("failed", 0.0, 0.0)
    signs.beat(b"fu")
    assert ask(tmp_path / "state.sock") == Vitals("unheard", 0.0, 0.0)
    signs.worker_gone()
    assert ask(tmp_path / "state.sock") == Vitals("unknown", 0.0, None)


def test_a_second_box_takes_the_name_over_and_an_impossible_one_only_warns(tmp_path: Path) -> None:
    for _ in range(2):
        VitalSigns().serve(tmp_path / "state.sock")
    assert ask(tmp_path / "state.sock") is not None
    VitalSigns().serve(tmp_path / ("x" * 200))


def test_a_pressed_button_is_told_beside_the_beats_and_says_nothing_about_the_line(tmp_path: Path) -> None:
    time = Time()
    signs = VitalSigns(time)
    signs.serve(tmp_path / "state.sock")
    signs.beat(b"r")
    time.at = 5.0
    signs.beat(b"b")
    signs.beat(b"rb")
    time.at = 7.0
    assert ask(tmp_path / "state.sock") == Vitals("ready", 7.0, 2.0, 2.0)


@pytest.mark.parametrize("at_start", [False, True])
def test_a_box_that_cannot_listen_is_not_ready_until_it_is_well(
    monkeypatch: pytest.MonkeyPatch, at_start: bool
) -> None:
    beats, end = os.pipe()
    monkeypatch.setenv(HEARTBEAT_ENV, str(end))
    if at_start:
        monkeypatch.setenv(UNHEARD_ENV, "1")
    time = Time()
    pulse = Pulse(time)
    beat = pulse.beater("main")

    def told() -> bytes:
        time.at += 1.0
        beat()
        return os.read(beats, 10)

    assert told() == b"."
    pulse.line(ready=True)
    assert told() == (b"u" if at_start else b"r")
    pulse.listening(well=False)
    assert os.read(beats, 10) == b"u", "at once"
    pulse.line(ready=True)
    assert told() == b"u", "a modem that comes back mends no ears"
    pulse.listening(well=True)
    assert told() == b"r"
    pulse.line(ready=False)
    assert told() == b"f"
    os.close(beats)
    os.close(end)
