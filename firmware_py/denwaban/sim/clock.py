"""Line time: the sum of the ticks of the virtual line, at most `speed` times as fast as the world's."""

from __future__ import annotations

import time
from typing import Final

LONGEST_SLEEP_S: Final = 0.02
"""One tick at speed 1; a waiter that sleeps longer would act late in line time."""
SHORTEST_SLEEP_S: Final = 0.001


class LineClock:
    """Implements `ports.Clock`. Only the virtual line's pump calls `advance`; anyone may read from any thread.

    A starved machine makes line time slow; it never jumps.
    """

    def __init__(self, speed: float = 1.0, wall_start: float | None = None) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self.speed = speed
        self._wall_start = time.time() if wall_start is None else wall_start
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._wall_start + self._now

    def wait_hint(self, deadline: float) -> float:
        return max(SHORTEST_SLEEP_S, min(LONGEST_SLEEP_S, (deadline - self._now) / self.speed))

    def advance(self, seconds: float) -> None:
        """Let line time pass."""
        if seconds < 0:
            raise ValueError("line time cannot run backwards")
        self._now += seconds
