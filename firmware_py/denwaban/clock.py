"""The clock of a real line."""

from __future__ import annotations

import time


class SystemClock:
    """Implements the port `Clock`. The only place that reads wall time: a Pi may not know it at boot."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def wait_hint(self, deadline: float) -> float:
        return max(0.0, deadline - time.monotonic())
