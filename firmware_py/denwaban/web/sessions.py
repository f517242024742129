"""Who is logged in: kept in memory, so a restart of the page asks for the PIN again."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

IDLE_S: Final = 12 * 3600.0
MOST: Final = 50
"""A home has fewer devices; the one unused longest goes."""


@dataclass(frozen=True, slots=True)
class Session:
    """`csrf` stands in every form; `pin` is the version of the PIN it was opened with."""

    id: str
    csrf: str
    pin: str
    used_at: float


class Sessions:
    """Open sessions. Each method is one step for the interpreter or harmless when interleaved."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._open: dict[str, Session] = {}

    def begin(self, pin: str) -> Session:
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), pin, self._now())
        self._open[session.id] = session
        for old in sorted(self._open.values(), key=lambda one: one.used_at)[:-MOST]:
            self._open.pop(old.id, None)
        return session

    def find(self, session_id: str | None, pin: str) -> Session | None:
        """The session of a cookie, if it was used lately and the PIN is still the same."""
        session = self._open.get(session_id or "")
        if session is None:
            return None
        if session.pin != pin or self._now() - session.used_at > IDLE_S:
            self.end(session)
            return None
        self._open[session.id] = replace(session, used_at=self._now())
        return session

    def end_all(self) -> None:
        """Whoever wants to look again needs the PIN."""
        self._open.clear()

    def end(self, session: Session) -> None:
        self._open.pop(session.id, None)
