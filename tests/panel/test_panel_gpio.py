"""Lamps and buttons at the mock pins of gpiozero: what the household sees, and what a press tells the box."""

from __future__ import annotations

import itertools
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from denwaban.config import PanelConfig
from denwaban.effects import Lamp
from denwaban.errors import PanelError
from denwaban.events import ButtonPressed, Event
from denwaban.panel.gpio import PATTERNS, GpioPanel, NoPanel, fitted, open_gpio
from tests.fixtures_broker import until

mock = pytest.importorskip("gpiozero.pins.mock")

ALL = PanelConfig(listening_pin=17, alarm_pin=22, family_pin=5, stop_pin=6, fine_pin=13)
STEP_S = 0.005
HOLD_S = 0.05


@pytest.fixture
def gpio() -> Iterator[Any]:
    factory = mock.MockFactory()
    yield factory
    factory.close()


class Panel:
    def __init__(self, gpio: Any, config: PanelConfig = ALL) -> None:
        self.gpio = gpio
        self.events: list[Event] = []
        self.panel = GpioPanel(config, gpio, step_s=STEP_S, hold_s=HOLD_S)
        self.panel.start(self.events.append)

    def eventually(self, condition: Callable[[], bool]) -> None:
        end, tick = time.monotonic() + 20.0, threading.Event()
        while not condition():
            assert time.monotonic() < end, self.events
            tick.wait(0.002)

    def lit(self, pin: int) -> bool:
        return bool(self.gpio.pin(pin).state)

    def push(self, pin: int) -> None:
        self.gpio.pin(pin).drive_low()

    def let_go(self, pin: int) -> None:
        self.gpio.pin(pin).drive_high()


@pytest.fixture
def panel(gpio: Any) -> Iterator[Panel]:
    made = Panel(gpio)
    yield made
    made.panel.close()


def test_the_listening_lamp_is_lit_steadily_while_the_box_listens(panel: Panel) -> None:
    panel.panel.show("listening", listening=True)
    panel.eventually(lambda: panel.lit(17))
    assert not panel.lit(22)
    panel.panel.show("off", listening=False)
    panel.eventually(lambda: not panel.lit(17))


@pytest.mark.parametrize("lamp", ["caution", "alert", "fault"])
def test_the_alarm_lamp_blinks_and_rests_again(panel: Panel, lamp: Lamp) -> None:
    panel.panel.show(lamp, listening=True)
    for _ in range(2):
        panel.eventually(lambda: panel.lit(22))
        panel.eventually(lambda: not panel.lit(22))
    assert panel.lit(17)
    panel.panel.show("off", listening=False)
    panel.eventually(lambda: not panel.lit(22) and not panel.lit(17))


def test_no_pattern_flashes_three_times_a_second() -> None:
    """WCAG 2.2, 2.3.1: three flashes and more within a second may cause seizures."""
    for lamp, pattern in PATTERNS.items():
        twice = pattern * 16
        for start in range(len(pattern)):
            second = twice[start : start + 8]
            assert sum(on and not before for before, on in itertools.pairwise(second)) < 3, lamp


@pytest.mark.parametrize(("pin", "name"), [(5, "family"), (6, "stop"), (13, "fine")])
def test_a_short_press_is_told_when_the_button_is_let_go(panel: Panel, pin: int, name: Any) -> None:
    panel.panel._buttons[[5, 6, 13].index(pin)]._device.hold_time = 30.0  # the machine may be slow
    panel.push(pin)
    panel.let_go(pin)
    panel.eventually(lambda: panel.events == [ButtonPressed(name)])


def test_a_button_that_is_held_is_told_once_as_meant(panel: Panel) -> None:
    panel.push(5)
    panel.eventually(lambda: panel.events == [ButtonPressed("family", long=True)])
    panel.let_go(5)
    panel.push(6)
    panel.eventually(lambda: len(panel.events) == 2)
    assert panel.events == [ButtonPressed("family", long=True), ButtonPressed("stop", long=True)]


def test_what_is_not_fitted_is_not_touched(gpio: Any) -> None:
    only_lamp = Panel(gpio, PanelConfig(listening_pin=17))
    only_lamp.panel.show("alert", listening=True)
    only_lamp.eventually(lambda: only_lamp.lit(17))
    only_lamp.panel.close()
    assert fitted(PanelConfig(listening_pin=17)) == {"listening lamp": 17}
    assert fitted(PanelConfig()) == {}


def test_a_pin_in_use_is_named(gpio: Any) -> None:
    Panel(gpio, PanelConfig(alarm_pin=22))
    with pytest.raises(PanelError, match=r"alarm_pin = 22: this pin cannot be used"):
        GpioPanel(PanelConfig(alarm_pin=22), gpio)


def test_a_closed_panel_is_dark_and_silent(gpio: Any) -> None:
    one = Panel(gpio)
    one.panel.show("alert", listening=True)
    one.eventually(lambda: one.lit(17))
    pin = gpio.pin(17)
    one.panel.close()
    assert not pin.state
    assert one.events == []


def test_a_box_without_panel_takes_everything() -> None:
    none = NoPanel()
    none.start(lambda _event: None)
    none.show("alert", listening=True)
    none.close()


def test_a_button_that_sticks_from_the_start_calls_nobody(gpio: Any) -> None:
    gpio.pin(5).drive_low()
    stuck = Panel(gpio)
    stuck.push(6)
    stuck.eventually(lambda: len(stuck.events) == 1)
    assert stuck.events == [ButtonPressed("stop", long=True)]
    stuck.panel.close()


def test_a_press_before_the_box_listens_for_presses_is_nobodys(gpio: Any) -> None:
    early = GpioPanel(ALL, gpio, hold_s=30.0)
    gpio.pin(5).drive_low()
    gpio.pin(5).drive_high()
    events: list[Event] = []
    early.start(events.append)
    gpio.pin(6).drive_low()
    gpio.pin(6).drive_high()
    until(lambda: bool(events), "the press is told")
    assert events == [ButtonPressed("stop")]
    early.close()


def test_a_lamp_that_fails_is_logged_and_stops_nothing(panel: Panel, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        @property
        def value(self) -> int:
            return 0

        @value.setter
        def value(self, on: bool) -> None:
            raise OSError("no such device")

    panel.panel._listening = Broken()
    caplog.set_level(logging.ERROR)
    panel.panel.show("alert", listening=True)
    panel.eventually(lambda: "no such device" in caplog.text)
    panel.eventually(lambda: panel.lit(22))


def test_without_gpiozero_pins_are_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(PanelError, match=r"install denwaban\[panel\]"):
        open_gpio()


@pytest.mark.skipif(Path("/dev/gpiochip0").exists(), reason="this computer has GPIO")
def test_without_gpio_pins_are_an_error_and_the_working_folder_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """lgpio makes a pipe in the working folder, which may be read-only, or changes it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PanelError, match="there is no GPIO to use"):
        open_gpio()
    assert Path(os.getcwd()) == tmp_path
    assert list(tmp_path.iterdir()) == []
