"""When a message is offered again, and when the next contacts are told. Times are those of the caller's clock. Pure."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from denwaban.alert.settings import Patience

_REMEMBERED: Final = 500
"""Alerts of which the turn is remembered; a call's alert is over long before so many others."""


class Offers:
    """Messages that the broker has taken but whose receipt is due. For one thread."""

    def __init__(self, unreceived: Iterable[tuple[int, int]], now: float, patience: Patience) -> None:
        self._patience = patience
        # What an earlier run of the program sent may just be on its way back.
        self._due = {seq: (now + patience.receipt_s, offers) for seq, offers in unreceived}

    def sent(self, seq: int, now: float) -> None:
        """The broker has taken it (again)."""
        offers = self._due.get(seq, (0.0, 0))[1] + 1
        wait = min(self._patience.receipt_s * 2.0 ** min(offers - 1, 32), self._patience.longest_s)
        self._due[seq] = (now + wait, offers)

    def done(self, seq: int) -> None:
        """Nothing more is due for it."""
        self._due.pop(seq, None)

    def all_now(self) -> None:
        """The broker has forgotten what it had taken."""
        self._due = {seq: (float("-inf"), offers) for seq, (_, offers) in self._due.items()}

    def due(self, now: float) -> Sequence[int]:
        """What is to be offered again, oldest first."""
        return sorted(seq for seq, (at, offers) in self._due.items() if at <= now and offers < self._patience.offers)

    def hopeless(self, now: float) -> Sequence[int]:
        """What was offered often enough, the last wait included."""
        return [seq for seq, (at, offers) in self._due.items() if at <= now and offers >= self._patience.offers]


@dataclass(slots=True)
class _Climb:
    turn: int
    later: list[int]
    since: float
    received: bool = False
    answered: bool = False


class Turns:
    """Whose turn it is, for each alert: the next contacts are told when those before are silent. Thread-safe."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._climbs: OrderedDict[str, _Climb] = OrderedDict()

    def began(self, alert_id: str, turns: Iterable[int], now: float) -> tuple[int, bool]:
        """(turn that has come, whether somebody has answered) of an alert that goes to contacts of these turns."""
        with self._lock:
            climb = self._climbs.get(alert_id)
            if climb is None:
                if not (rest := sorted(set(turns))):
                    return 0, False  # begins with the first contact
                climb = self._climbs[alert_id] = _Climb(rest[0], rest[1:], now)
                while len(self._climbs) > _REMEMBERED:
                    self._climbs.popitem(last=False)
            elif not climb.answered:  # a contact may be new, or have been given another turn
                climb.later = sorted({*climb.later, *(turn for turn in turns if turn > climb.turn)})
            return climb.turn, climb.answered

    def resumed(self, waiting: Iterable[tuple[str, int]], now: float) -> None:
        """Messages that wait for their turn since an earlier run of the program."""
        with self._lock:
            for alert_id, turn in sorted(waiting):
                # Whoever comes before the first who waits has been told.
                self._climbs.setdefault(alert_id, _Climb(turn - 1, [], now)).later.append(turn)

    def received(self, alert_id: str) -> None:
        """A contact has it: there is time for an answer."""
        with self._lock:
            if climb := self._climbs.get(alert_id):
                climb.received = True

    def answered(self, alert_id: str) -> None:
        """Somebody has taken it on: nobody else need be told."""
        with self._lock:
            if climb := self._climbs.get(alert_id):
                climb.answered, climb.later = True, []

    def hurry(self, alert_id: str) -> None:
        """Somebody cannot act now: the next, at once."""
        with self._lock:
            if climb := self._climbs.get(alert_id):
                climb.since = float("-inf")

    def due(self, now: float) -> list[tuple[str, int]]:
        """(alert, turn) that has come by now."""
        come = []
        with self._lock:
            for alert_id, climb in self._climbs.items():
                wait = self._patience.reply_s if climb.received else self._patience.receipt_s
                if climb.later and now - climb.since >= wait:
                    climb.turn, climb.since, climb.received = climb.later.pop(0), now, False
                    come.append((alert_id, climb.turn))
        return come
