"""The circuit that holds the bypass relay, computed: constant diode drops, 1 kΩ at the pin, worst tolerances."""

from __future__ import annotations

import itertools
import math

import pytest

from hardware.drawings.bypass import C1_UF, C2_UF, GATE_V, HEARTBEAT_HZ, R1_KOHM

STEP = 1e-5
PIN_OHM = 1000.0
CORNERS = list(itertools.product((0.8, 1.2), (0.8, 1.2), (0.4, 0.6)))
"""C1, C2 as parts of their values, drop of a diode in volts."""


def gate(pin: list[float], c1: float, c2: float, drop: float, start: float = 0.0) -> list[float]:
    """Voltage at the gate, for a voltage at the pin at every step."""
    c1, c2, leak = c1 * C1_UF * 1e-6, c2 * C2_UF * 1e-6, R1_KOHM * 1e3
    across, level, levels = 0.0, start, []
    for volts in pin:
        middle = min(max(volts - across, -drop), level + drop)
        current = (volts - across - middle) / PIN_OHM
        across += current * STEP / c1
        level += (max(current, 0.0) - level / leak) * STEP / c2
        levels.append(level)
    return levels


def heartbeat(seconds: float, hz: float = HEARTBEAT_HZ) -> list[float]:
    return [3.3 * (math.floor(2 * hz * step * STEP) % 2) for step in range(int(seconds / STEP))]


def steady(volts: float, seconds: float) -> list[float]:
    return [volts] * int(seconds / STEP)


@pytest.mark.parametrize("corner", CORNERS)
def test_the_heartbeat_opens_the_transistor(corner: tuple[float, float, float]) -> None:
    assert min(gate(heartbeat(1.0), *corner)[-2000:]) > 1.3 * GATE_V[1]


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("stuck", [0.0, 3.3])
def test_the_relay_falls_within_two_seconds_of_the_last_beat(corner: tuple[float, float, float], stuck: float) -> None:
    levels = gate(heartbeat(1.0) + steady(stuck, 2.0), *corner)
    assert levels[-1] < GATE_V[0]
    assert levels[100_000 + 25_000] > GATE_V[1], "it must not fall because one beat is 0.25 s late"


@pytest.mark.parametrize("corner", CORNERS)
def test_a_pin_that_goes_high_once_moves_nothing(corner: tuple[float, float, float]) -> None:
    assert max(gate(steady(3.3, 0.5), *corner)) < GATE_V[0]
