"""Whether the box hears at all, and when to say that it does not: once, after a while, and once that it is over. Pure.

That it still hears it says every hour.

A box that nobody notices is dead is worse than none: the household relies on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from denwaban.effects import Effect, Hearing, ReportHealth, SetLamp, Warn
from denwaban.events import Event, LineFailed, LineReady

DEAF_AFTER_S: Final = 180.0
"""A modem that is unplugged for a moment, or comes back after its power was cut, is nobody's concern."""
WELL_AFTER_S: Final = 60.0
"""A modem that comes back and fails again at once has not come back."""
PROVEN_EVERY_S: Final = 3600.0
"""So often a box that hears says so again: who looks from afar sees when that was last proven."""


@dataclass(frozen=True, slots=True)
class Health:
    """Times are those of the box's clock."""

    failing_since: float | None = None
    ready_since: float | None = None
    told: Hearing | None = None
    """What was reported last; nothing yet since the program began."""
    told_at: float = 0.0


def noted(health: Health, event: Event, now: float) -> Health:
    """Take in what the line says about itself."""
    match event:
        case LineFailed():
            since = now if health.failing_since is None else health.failing_since
            return replace(health, failing_since=since, ready_since=None)
        case LineReady():
            return replace(health, ready_since=now)
    return health


def due(health: Health, now: float) -> tuple[Health, tuple[Effect, ...]]:
    """What is to be said by now; to be asked again and again."""
    if health.ready_since is not None:
        if now - health.ready_since < WELL_AFTER_S:
            return health, ()
        if health.told == "well" and now - health.told_at < PROVEN_EVERY_S:
            return replace(health, failing_since=None), ()
        return replace(health, failing_since=None, told="well", told_at=now), (ReportHealth("well", "line"),)
    failing = health.failing_since is not None and now - health.failing_since >= DEAF_AFTER_S
    if not failing or health.told == "deaf":
        return health, ()
    return replace(health, told="deaf"), (ReportHealth("deaf", "line"), Warn("line_fault"), SetLamp("fault"))
