"""Lets contacts ask for a drill: each report of health offers one nonce for it. Kept in memory only."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from denwaban.alert.home import PhoneState
from denwaban.alert.replies import ContactSays, Refused

ABOUT: Final = "health"
"""What such a message is about, in place of an alert's id."""
_KEPT: Final = 3
"""Reports come once an hour: a contact that was away for a while may still hold the one before the last."""


class DrillOffers:
    """The nonces given out, each good for one drill, whoever asks. `nonce` may be called from any thread."""

    def __init__(self, start: Callable[[], bool] | None) -> None:
        """`start` says whether a drill has begun; None: this box runs none for its contacts."""
        self._start = start
        self._used: OrderedDict[tuple[int, str], bool] = OrderedDict()
        self._lock = threading.Lock()
        self.phone: Callable[[], PhoneState] = PhoneState
        self.begun: Callable[[], None] = lambda: None

    def nonce(self, sequence: int) -> str:
        """A fresh one for the report with this sequence; empty where no drill can be asked for."""
        if self._start is None:
            return ""
        nonce = secrets.token_urlsafe(16)
        with self._lock:
            self._used[sequence, nonce] = False
            if len(self._used) > _KEPT:
                self._used.popitem(last=False)
        return nonce

    def obey(self, says: ContactSays) -> None:
        """Start a drill, as Home Assistant's button does: not often, and none during a call. Raises Refused."""
        asked = (says.sequence, says.nonce)
        with self._lock:
            if says.id != ABOUT or asked not in self._used:
                raise Refused("unknown_nonce")
            if self._used[asked]:
                raise Refused("replayed")
            self._used[asked] = True
        if self._start is not None and self.phone().call == "idle" and self._start():
            self.begun()
