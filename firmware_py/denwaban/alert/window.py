"""Which messages are under way on one connection, and which go next."""

from __future__ import annotations

from typing import Final

from denwaban.alert.outbox import NOTE_PREFIX, PendingMessage, SpillingOutbox
from denwaban.alert.patience import Offers

_IN_FLIGHT: Final = 16
"""Unacknowledged messages at a time; below paho's own window of 20."""

_ACK_S: Final = 30.0
"""A broker that takes longer for a PUBACK is not well; a new connection is the only remedy."""

_RESCAN_S: Final = 60.0
"""How often messages that a broker refused are offered again."""


class Window:
    """The messages of one connection. Times are of the machine's monotonic clock."""

    def __init__(self, now: float) -> None:
        self._under_way: dict[int, PendingMessage] = {}
        self._since: dict[int, float] = {}
        self._after = 0
        self._scanned_at = now

    def rewind(self) -> None:
        """Messages before those that went last may have come to their turn."""
        self._after = 0

    def choose(
        self, outbox: SpillingOutbox, offers: Offers, wall: float, now: float, real: float
    ) -> list[PendingMessage]:
        """The next messages to publish, as many as there is room for: new ones, then those offered again.

        `wall` and `now` are of the program's clock, `real` of the machine's.
        """
        room = _IN_FLIGHT - len(self._under_way)
        if room <= 0:
            return []
        if not self._under_way and real - self._scanned_at >= _RESCAN_S:
            self._after, self._scanned_at = 0, real
        busy = {message.seq for message in self._under_way.values()}
        spilled = (message for message in outbox.spilled() if not message.topic.startswith(NOTE_PREFIX))
        chosen = [message for message in spilled if message.seq not in busy]
        if len(chosen) < room:
            chosen += [one for one in outbox.pending(wall, self._after, room + len(busy)) if one.seq not in busy]
        for seq in offers.due(now) if len(chosen) < room else ():
            message = outbox.message(seq) if seq not in busy else None
            if message is not None:
                chosen.append(message)
            elif seq not in busy:
                offers.done(seq)
            if len(chosen) >= room:
                break
        return chosen[:room]

    def add(self, mid: int, message: PendingMessage, real: float) -> None:
        self._under_way[mid] = message
        self._since[mid] = real
        self._after = max(self._after, message.seq)

    def take(self, mid: int) -> PendingMessage | None:
        """The acknowledged message; None for one that is not of the outbox."""
        self._since.pop(mid, None)
        return self._under_way.pop(mid, None)

    def overdue(self, real: float) -> bool:
        return any(real - since > _ACK_S for since in self._since.values())
