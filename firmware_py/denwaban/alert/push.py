"""Hands alerts to the push services of contacts' browsers, beside MQTT: it wakes a telephone whose page is closed.

A push is a call to wake up, not a delivery: what counts is the contact's receipt, and that ends the pushing as well.
"""

from __future__ import annotations

import http.client
import logging
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from jwcrypto.jwk import JWK

from denwaban.alert.keys import UnitKey
from denwaban.alert.webpush import Address, Request, Subscription, request
from denwaban.effects import ReportHealth, SendAlert
from denwaban.errors import StoreError
from denwaban.ports import AlertSink, Clock

_log = logging.getLogger(__name__)

_POLL_S: Final = 1.0
_ANSWER_S: Final = 10.0
_FIRST_WAIT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 3600.0
_LIFE_S: Final = 86_400.0
"""A telephone that was unreachable for a day is woken by what is new, not by what is old."""
_GONE: Final = (404, 410)
"""The subscription is no more (RFC 8030 §7.3)."""


class DuePush(Protocol):
    """One message to push."""

    @property
    def seq(self) -> int: ...
    @property
    def contact(self) -> str: ...
    @property
    def alert_id(self) -> str: ...
    @property
    def message(self) -> bytes: ...
    @property
    def subscription(self) -> Address: ...


class PushQueue(Protocol):
    """Keeps what is to be pushed. Thread-safe; methods raise StoreError."""

    def due(self, since: float) -> Sequence[DuePush]:
        """What is to be pushed of alerts decided after `since`, oldest first."""

    def done(self, seq: int) -> None:
        """Nothing more is pushed of this, and of what came before it of the same alert and contact."""

    def subscribe(self, one: Subscription) -> None:
        """Keep it, unless a later one of the contact is known."""

    def unsubscribe(self, contact: str, endpoint: str) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Failures:
    count: int
    not_before: float


class PushSender:
    """One unit's thread for pushing. `key`: its VAPID key; `sender`: see `webpush.request`."""

    def __init__(self, queue: PushQueue, key: UnitKey, sender: str, clock: Clock) -> None:
        self._queue = queue
        self._key: JWK = key.jwk
        self._sender = sender
        self._clock = clock
        self._context = ssl.create_default_context()
        self._failures: dict[tuple[str, str], _Failures] = {}
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="push", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier run left."""
        self._thread.start()

    def subscribe(self, one: Subscription) -> None:
        """A contact has told where to wake it."""
        try:
            self._queue.subscribe(one)
        except StoreError as error:
            _log.error("a contact cannot be woken by push: %s", error)

    def wake(self) -> None:
        """There is something new."""
        self._woken.set()

    def close(self, timeout: float = 2 * _ANSWER_S) -> None:
        """End the thread. What is not pushed yet stays in the queue for the next run."""
        self._closing.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        self._queue.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            # The turn of a message comes without a word to us: hence the look every second.
            self._woken.wait(_POLL_S)
            self._woken.clear()
            try:
                self._push_all()
            except StoreError as error:
                _log.error("nothing can be pushed now: %s", error)

    def _push_all(self) -> None:
        rows = self._queue.due(self._clock.wall() - _LIFE_S)
        waiting = {(row.contact, row.alert_id) for row in rows}
        self._failures = {place: failures for place, failures in self._failures.items() if place in waiting}
        for row in rows:
            failures = self._failures.get((row.contact, row.alert_id))
            if self._closing.is_set():
                return
            if failures is None or failures.not_before <= self._clock.now():
                self._push(row)

    def _push(self, row: DuePush) -> None:
        try:
            made = request(row.subscription, row.message, row.alert_id, self._key, self._sender, self._clock.wall())
            status, retry_s = post(made, _ANSWER_S, self._context)
        except (OSError, http.client.HTTPException) as error:
            self._failed(row, f"the push service cannot be reached ({type(error).__name__})", 0.0)
            return
        except ValueError:
            # Kept before addresses were looked at so closely; it must not end the thread, and with it the box.
            _log.error("a contact's push address cannot be used; it is forgotten")
            self._queue.unsubscribe(row.contact, row.subscription.endpoint)
            return
        if 200 <= status < 300:
            self._queue.done(row.seq)
        elif status in _GONE:
            _log.warning("a contact's telephone has given up its subscription; its page asks for a new one")
            self._queue.unsubscribe(row.contact, row.subscription.endpoint)
        elif status == 429 or status >= 500:
            self._failed(row, f"the push service answered {status}", retry_s)
        else:
            _log.error("the push service refused an alert: %d; it goes by MQTT alone", status)
            self._queue.done(row.seq)

    def _failed(self, row: DuePush, why: str, retry_s: float) -> None:
        count = getattr(self._failures.get((row.contact, row.alert_id)), "count", 0) + 1
        wait = min(max(_FIRST_WAIT_S * 2.0 ** min(count - 1, 16), retry_s), _LONGEST_WAIT_S)
        self._failures[row.contact, row.alert_id] = _Failures(count, self._clock.now() + wait)
        _log.warning("%s; tried again in %g s", why, wait)


class PushingAlerts:
    """Another `ports.AlertSink`, whose alerts are pushed as soon as it has written them down."""

    def __init__(self, sink: AlertSink, sender: PushSender) -> None:
        self._sink = sink
        self._sender = sender

    def submit(self, alert: SendAlert, at: float) -> None:
        self._sink.submit(alert, at)
        self._sender.wake()

    def report(self, health: ReportHealth, at: float) -> None:
        self._sink.report(health, at)


def post(made: Request, timeout: float, context: ssl.SSLContext) -> tuple[int, float]:
    """(status, seconds of its Retry-After or 0). Follows no redirection. OSError or HTTPException without an answer."""
    parts = urlsplit(made.endpoint)
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout, context=context)
    try:
        connection.request("POST", parts._replace(scheme="", netloc="", fragment="").geturl(), made.body, made.headers)
        answer = connection.getresponse()
        retry = answer.getheader("Retry-After", "")
        return answer.status, float(retry) if retry.isascii() and retry.isdigit() and len(retry) < 9 else 0.0
    finally:
        connection.close()
