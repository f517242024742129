"""A drill at the press of a button from afar."""

from __future__ import annotations

import logging
from typing import Final

from denwaban.errands import Errands
from denwaban.ports import Clock

_log = logging.getLogger(__name__)

EVERY_S: Final = 600.0
"""Whoever may write the topic could keep the family's telephones ringing; nobody needs more drills than this."""


class DrillButton:
    """Starts `denwaban drill`, one at a time and not often, whoever asks. `press` never waits; for one thread."""

    def __init__(self, clock: Clock, errands: Errands) -> None:
        self._clock = clock
        self._errands = errands
        self._pressed_at: float | None = None

    def press(self) -> bool:
        """Whether a drill has begun."""
        now = self._clock.now()
        if self._pressed_at is not None and now - self._pressed_at < EVERY_S:
            _log.warning("a drill was asked for again within %.0f minutes: not done", EVERY_S / 60)
            return False
        self._pressed_at = now
        try:
            return self._errands.start("drill", ("", ""), ("drill", "--json"))
        except OSError as error:
            _log.error("the drill cannot be started: %s", error)
            return False
