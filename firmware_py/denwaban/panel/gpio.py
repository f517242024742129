"""Lamps and buttons at the GPIO pins of a Raspberry Pi, through gpiozero; lgpio is its way to the kernel.

One thread, `panel`, drives the lamps; presses come on threads of gpiozero and lgpio.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
import threading
from collections.abc import Callable
from typing import Any, Final

from denwaban.config import PanelConfig
from denwaban.effects import Lamp
from denwaban.errors import PanelError
from denwaban.events import Button, ButtonPressed
from denwaban.ports import Emit

_log = logging.getLogger(__name__)

HOLD_S: Final = 1.0
"""A button held so long was meant."""
BOUNCE_S: Final = 0.05
"""Contacts of cheap buttons chatter for up to some 10 ms; long wires catch shorter pulses."""
STEP_S: Final = 0.125
"""Length of one element of a pattern."""
IDLE_S: Final = 5.0

PATTERNS: Final[dict[Lamp, tuple[bool, ...]]] = {
    "off": (False,),
    "listening": (False,),
    "caution": (True,) * 8 + (False,) * 8,
    "alert": (True,) * 2 + (False,) * 2,
    "fault": (True, False, True, *(False,) * 13),
}
"""The alarm lamp, over and over: slow (every 2 s), fast (twice a second; three flashes and more may cause seizures,
WCAG 2.2 §2.3.1), double (every 2 s)."""


class NoPanel:
    """Neither lamp nor button is fitted."""

    def start(self, emit: Emit) -> None:
        del emit

    def show(self, lamp: Lamp, *, listening: bool) -> None:
        del lamp, listening

    def close(self) -> None:
        pass


class GpioPanel:
    """What the configuration names, at the pins of `gpio`, a pin factory of gpiozero. Raises PanelError.

    `step_s` and `hold_s` are for tests.
    """

    def __init__(self, config: PanelConfig, gpio: Any, *, step_s: float = STEP_S, hold_s: float = HOLD_S) -> None:
        self._gpio = gpio
        self._step_s = step_s
        self._emit: Emit | None = None
        self._wanted: tuple[Lamp, bool] = ("off", False)
        self._changed = threading.Event()
        self._closing = threading.Event()
        zero = load_gpiozero()
        lamps = {key: _claim(key, pin, zero.LED, gpio) for key, pin in _pins(config) if key in _LAMPS}
        self._listening, self._alarm = (lamps.get(key) for key in _LAMPS)
        self._buttons = [
            _Button(
                _BUTTONS[key], _claim(key, pin, zero.Button, gpio, bounce_time=BOUNCE_S, hold_time=hold_s), self._tell
            )
            for key, pin in _pins(config)
            if key in _BUTTONS
        ]
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)
        self._thread.start()

    def start(self, emit: Emit) -> None:
        self._emit = emit

    def show(self, lamp: Lamp, *, listening: bool) -> None:
        self._wanted = (lamp, listening)
        self._changed.set()

    def close(self) -> None:
        self._emit = None
        self._closing.set()
        self._changed.set()
        self._thread.join(timeout=5)
        for button in self._buttons:
            button.close()
        self._gpio.close()

    def _tell(self, pressed: ButtonPressed) -> None:
        if self._emit is not None:
            self._emit(pressed)

    def _run(self) -> None:
        shown, step = None, 0
        while not self._closing.is_set():
            wanted = self._wanted
            step = step + 1 if wanted == shown else 0
            shown, (lamp, listening) = wanted, wanted
            pattern = PATTERNS[lamp]
            _light(self._listening, listening)
            _light(self._alarm, pattern[step % len(pattern)])
            self._changed.wait(self._step_s if len(pattern) > 1 else IDLE_S)
            self._changed.clear()
        _light(self._listening, False)
        _light(self._alarm, False)


class _Button:
    """Makes one event of a press: at once when it is held long enough, else when it is let go."""

    def __init__(self, name: Button, device: Any, tell: Callable[[ButtonPressed], None]) -> None:
        self._name = name
        self._device = device
        self._tell = tell
        self._held = False
        device.when_pressed = self._pressed
        device.when_held = self._hold
        device.when_released = self._released

    def close(self) -> None:
        self._device.close()

    def _pressed(self) -> None:
        self._held = False

    def _hold(self) -> None:
        self._held = True
        self._tell(ButtonPressed(self._name, long=True))

    def _released(self) -> None:
        if not self._held:
            self._tell(ButtonPressed(self._name))


_LAMPS: Final = ("listening_pin", "alarm_pin")
_BUTTONS: Final[dict[str, Button]] = {"family_pin": "family", "stop_pin": "stop", "fine_pin": "fine"}
_NAMES: Final = {
    "listening_pin": "listening lamp",
    "alarm_pin": "alarm lamp",
    "family_pin": "button family",
    "stop_pin": "button stop",
    "fine_pin": "button fine",
}


def fitted(config: PanelConfig) -> dict[str, int]:
    """Name and GPIO number of each lamp and button that the configuration names."""
    return {_NAMES[key]: pin for key, pin in _pins(config)}


def load_gpiozero() -> Any:
    """The gpiozero module. Raises PanelError that says what to install."""
    try:
        import gpiozero  # noqa: PLC0415 - optional, and a box without lamps needs none
    except ImportError as error:
        raise PanelError("[panel] names pins, but gpiozero is not installed; install denwaban[panel]") from error
    return gpiozero


def open_gpio() -> Any:
    """gpiozero's way to the pins of this computer. Raises PanelError that says what to do."""
    load_gpiozero()
    try:
        # lgpio makes a pipe in the working folder as soon as it is imported, and the folder of a service is read-only.
        with tempfile.TemporaryDirectory(prefix="denwaban-") as folder, contextlib.chdir(folder):
            from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415 - see above
        return LGPIOFactory()
    except ImportError as error:
        raise PanelError(f"[panel] names pins, but lgpio cannot be used ({error}); install denwaban[panel]") from error
    except Exception as error:  # lgpio and gpiozero have errors of their own
        raise PanelError(
            f"[panel] names pins, but there is no GPIO to use ({error}); on a Raspberry Pi: is the box's user in the "
            "group gpio? elsewhere set the pins to 0"
        ) from error


def _pins(config: PanelConfig) -> list[tuple[str, int]]:
    return [(key, pin) for key, pin in dataclasses.asdict(config).items() if pin]


def _claim(key: str, pin: int, kind: Any, gpio: Any, **settings: float) -> Any:
    try:
        return kind(pin, pin_factory=gpio, **settings)
    except Exception as error:
        raise PanelError(
            f"[panel] {key} = {pin}: this pin cannot be used ({error}); does another program use it? 0 leaves it out"
        ) from error


def _light(lamp: Any, on: bool) -> None:
    if lamp is None or bool(lamp.value) == on:
        return
    try:
        lamp.value = on
    except Exception as error:  # noqa: BLE001 - a lamp must not stop a call, whatever is wrong with it
        _log.error("a lamp cannot be switched: %s", error)
