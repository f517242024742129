"""Whether the box hears its line and listens to calls; says once when it does not, and once that this is over. Pure.

That all is well it says every hour.

A box that nobody notices is dead is worse than none: the household relies on it. One failed call may be chance; but
many households get no second one that day, so a failure that no call has disproved for a day counts as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from denwaban.effects import Effect, ReportHealth, Warn
from denwaban.events import Event, LineFailed, LineReady, ListenerFailed, TranscriptFinished

DEAF_AFTER_S: Final = 180.0
"""A modem that is unplugged for a moment, or comes back after its power was cut, is nobody's concern."""
WELL_AFTER_S: Final = 60.0
"""A modem that comes back and fails again at once has not come back."""
PROVEN_EVERY_S: Final = 3600.0
"""So often a box that hears says so again: who looks from afar sees when that was last proven."""
UNHEARD_CALLS: Final = 2
"""So many calls in a row whose listening failed are no chance."""
UNHEARD_S: Final = 86_400.0
"""Nor is a single one, when no call has been heard for so long since."""


@dataclass(frozen=True, slots=True)
class Health:
    """Times are those of the box's clock."""

    failing_since: float | None = None
    ready_since: float | None = None
    unheard: int = 0
    """Calls whose listening failed since the last one that was heard."""
    unheard_since: float = 0.0
    told: ReportHealth | None = None
    """What was reported last; nothing yet since the program began."""
    told_at: float = 0.0

    @property
    def deaf(self) -> bool:
        """Whether that was reported last, or is known before anything is."""
        return self.unheard >= UNHEARD_CALLS if self.told is None else self.told.hearing == "deaf"


HEALTHY: Final = Health()
HUNG: Final = Health(unheard=UNHEARD_CALLS)
"""The listening hung before this program began: it is deaf until it has heard a call."""


def noted(health: Health, event: Event, now: float) -> Health:
    """Take in what the line and the listener say about themselves."""
    match event:
        case LineFailed():
            since = now if health.failing_since is None else health.failing_since
            return replace(health, failing_since=since, ready_since=None)
        case LineReady():
            return replace(health, ready_since=now)
        case ListenerFailed():
            since = health.unheard_since if health.unheard else now
            return replace(health, unheard=health.unheard + 1, unheard_since=since)
        case TranscriptFinished(heard=True):
            return replace(health, unheard=0)
    return health


def due(health: Health, now: float) -> tuple[Health, tuple[Effect, ...]]:
    """What is to be said by now; to be asked again and again between calls, for it must not burst into a talk."""
    if health.ready_since is None:
        failing = health.failing_since is not None and now - health.failing_since >= DEAF_AFTER_S
        return _told(health, ReportHealth("deaf", "line"), now) if failing else (health, ())
    if now - health.ready_since < WELL_AFTER_S:
        return health, ()
    health = replace(health, failing_since=None)
    if health.unheard >= UNHEARD_CALLS or (health.unheard and now - health.unheard_since >= UNHEARD_S):
        return _told(health, ReportHealth("deaf", "speech"), now)
    return _told(health, ReportHealth("well", health.told.reason if health.told else "line"), now)


def _told(health: Health, report: ReportHealth, now: float) -> tuple[Health, tuple[Effect, ...]]:
    if report == health.told and (health.deaf or now - health.told_at < PROVEN_EVERY_S):
        return health, ()
    known = health.told is not None and health.deaf
    aloud = (Warn("line_fault"),) if report.hearing == "deaf" and not known else ()
    return replace(health, told=report, told_at=now), (report, *aloud)
