from __future__ import annotations

import pytest

from denwaban.sim import LineClock


def test_line_time_is_the_sum_of_its_ticks() -> None:
    clock = LineClock(speed=50, wall_start=1_700_000_000.0)
    for _ in range(100):
        clock.advance(0.02)
    assert clock.now() == pytest.approx(2.0)
    assert clock.wall() == pytest.approx(1_700_000_002.0)


@pytest.mark.parametrize(("deadline", "hint"), [(100.0, 0.02), (0.5, 0.01), (0.0, 0.001), (-5.0, 0.001)])
def test_wait_hint_is_short_and_never_zero(deadline: float, hint: float) -> None:
    assert LineClock(speed=50).wait_hint(deadline) == pytest.approx(hint)


def test_impossible_speeds_are_refused() -> None:
    for speed in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="speed"):
            LineClock(speed)


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        LineClock().advance(-0.1)
