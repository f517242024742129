"""Publishes alerts: outbox first, then MQTT. The broker's acknowledgement means “sent”; what counts is the receipt."""

from __future__ import annotations

import itertools
import logging
import math
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from denwaban.alert import wire
from denwaban.alert.compose import Contacts, compose, compose_health
from denwaban.alert.desk import Desk, FamilyEvent
from denwaban.alert.home import Home, PhoneState
from denwaban.alert.keys import UnitKey
from denwaban.alert.link import (
    Acknowledged,
    Connected,
    Link,
    LinkEvent,
    Lost,
    Unheard,
    Woken,
    client_id,
    clock_is_to_blame,
    new_inbox,
    put_or_drop,
)
from denwaban.alert.notify import Notifier, Send
from denwaban.alert.outbox import HEALTH, Outbox, SpillingOutbox
from denwaban.alert.settings import Contact, MqttSettings, Patience, Protocol
from denwaban.alert.webpush import Subscription
from denwaban.alert.window import Window
from denwaban.effects import Hearing, ReportHealth, SendAlert
from denwaban.events import Level
from denwaban.ports import Clock

_log = logging.getLogger(__name__)

_POLL_S: Final = 1.0
_GOODBYE_S: Final = 2.0
_FIVE_S: Final = 5.0
"""Some brokers never answer a request for MQTT 5."""
_ECHO_S: Final = 10.0
"""Mosquitto grants a subscription that its access rules forbid, and then delivers nothing: our own echo tells."""
_CLOCK_SET_S: Final = 60.0
"""A wall clock that moves so far against the monotonic one has been set."""
_LESSER_LIFE_S: Final = 7 * 86400.0
"""News of a caution is worth nothing after a week; an alert never expires before a broker has taken it."""

_UNHEARD: Final = "the broker does not let the box hear its contacts; check its access rules"


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """For `doctor` and the lamp: is the broker there, how many messages wait, what went wrong last (None: nothing)."""

    connected: bool
    pending: int
    last_error: str | None


class MqttAlerts:
    """Delivers alerts at least once (a `ports.AlertSink`). Call `submit` from one thread only, `status` from any.

    Raises WireError when unit, a contact's name or key cannot be used. `contacts`: asked anew for each alert. They may
    ask for the call to be cut (`can_cut`), for a drill (`start_drill`). A drill sends neither availability nor health.
    Without a host in `settings` there is no broker, and contacts get notes only, by way of `send_note`.
    """

    def __init__(
        self,
        *,
        settings: MqttSettings,
        unit: str,
        contacts: Callable[[], Sequence[Contact]],
        key: UnitKey,
        outbox: Outbox,
        clock: Clock,
        drill: bool = False,
        can_cut: bool = False,
        patience: Patience | None = None,
        home: Home | None = None,
        start_drill: Callable[[], bool] | None = None,
        send_note: Send | None = None,
    ) -> None:
        self._settings = settings
        self._health = wire.health_topic(unit)
        self._unit = unit
        self._drill, self._can_cut = drill, can_cut
        self._key = key.jwk
        self._contacts = Contacts(contacts)
        self._outbox = SpillingOutbox(outbox)
        self._sequences = itertools.count(outbox.last_sequence() + 1)  # each thread may take one
        self._home = home
        self._last_alert = outbox.last_alert() if home else None
        self._hearing: Hearing | None = None
        self._clock = clock
        desk = (unit, self._contacts, self._outbox, clock, patience or Patience())
        self._desk = Desk(*desk, drill=drill, start_drill=start_drill)
        self._notifier = None
        if send_note is not None:
            self._notifier = Notifier(self._outbox, lambda: [one for one, _ in self._contacts.now()], clock, send_note)
        self._inbox = new_inbox()
        self._closing, self._connected = threading.Event(), threading.Event()
        self._last_error: str | None = None
        self._spoken: Protocol | None = None if settings.protocol == "auto" else settings.protocol
        self._clock_at_refusal: float | None = None
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(
        self,
        tell: Callable[[FamilyEvent], None] = lambda _event: None,
        subscribe: Callable[[Subscription], None] = lambda _subscription: None,
        phone: Callable[[], PhoneState] = PhoneState,
    ) -> None:
        """Begin to connect and publish, what an earlier run left included. What contacts do is told on our thread,
        where `phone` is asked, too: what Home Assistant is shown of the telephone."""
        self._desk.tell, self._desk.subscribe = tell, subscribe
        self._desk.drills.phone = phone
        if self._home is not None:
            self._home.phone = phone
        self._desk.resume()
        self._thread.start()
        if self._notifier is not None:
            self._notifier.start()

    def submit(self, alert: SendAlert, at: float) -> None:
        """Write the alert to the outbox and have it sent. Durable on return; in memory should the disk fail."""
        sequence = next(self._sequences)
        envelope = wire.Envelope(self._unit, alert.alert_id, alert.event, alert.level, at, sequence, self._drill)
        contacts, now = self._contacts.now(), self._clock.now()
        messages = compose(
            *(envelope, alert, contacts, self._key, self._desk.turns, now),
            began=self._outbox.began(alert.alert_id),
            can_cut=self._can_cut,
            broker=bool(self._settings.host),
        )
        self._desk.sent(alert.alert_id)
        if alert.event == "new" and alert.level is Level.ALERT:
            self._last_alert = at
        self._outbox.put(
            alert_id=alert.alert_id,
            event=alert.event,
            level=alert.level,
            sequence=sequence,
            messages=messages,
            created_at=at,
            expires_at=None if alert.level is Level.ALERT else at + _LESSER_LIFE_S,
        )
        self._wake()

    def report(self, health: ReportHealth, at: float) -> None:
        """The same for a report of the box's health, which the broker keeps for whoever looks later."""
        if self._drill:
            return
        before, self._hearing = self._hearing, health.hearing
        self._desk.drills.begun = partial(self._put_health, health, at, notes=False)  # with another nonce
        self._put_health(health, at, notes="deaf" in (before, health.hearing))

    def _put_health(self, health: ReportHealth, at: float, *, notes: bool) -> None:
        sequence = next(self._sequences)
        nonce = self._desk.drills.nonce(sequence)
        report = wire.Health(self._unit, health.hearing, health.reason, at, sequence, self._drill, nonce)
        broker = bool(self._settings.host)
        self._outbox.put(
            alert_id=HEALTH,
            event=health.hearing,
            level=Level.ALERT,
            sequence=sequence,
            messages=compose_health(report, self._contacts.now(), self._key, broker=broker, notes=notes),
            created_at=at,
            expires_at=None,
        )
        self._wake()

    def status(self) -> AlertStatus:
        pending = self._outbox.pending_count(self._clock.wall())
        noted = self._notifier.last_error if self._notifier else None
        return AlertStatus(self._connected.is_set(), pending, self._last_error or self._outbox.last_error or noted)

    def wait_connected(self, timeout: float) -> bool:
        """True as soon as the broker has accepted us; False after `timeout` seconds."""
        return self._connected.wait(timeout)

    def close(self, timeout: float = 20.0) -> None:
        """Say `offline`, end the thread. What is unsent stays in the outbox for the next run."""
        self._closing.set()
        put_or_drop(self._inbox, Woken())
        if self._notifier is not None:
            self._notifier.close(timeout)
        if self._thread.ident is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                _log.error("the alert thread did not end in %g s", timeout)

    def _wake(self) -> None:
        put_or_drop(self._inbox, Woken())
        if self._notifier is not None:
            self._notifier.wake()

    # --- the alerts thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        while not self._settings.host and not self._closing.is_set():
            self._next(_POLL_S)
            self._tick()
        while not self._closing.is_set():
            worked = any(self._serve_one_connection(protocol) for protocol in self._protocols())
            failures = 1 if worked else failures + 1
            self._rest(failures)
        self._desk.count()

    def _protocols(self) -> tuple[Protocol, ...]:
        return ("5", "3.1.1") if self._spoken is None else (self._spoken,)

    def _serve_one_connection(self, protocol: Protocol) -> bool:
        """Connect and publish until the connection ends; False when it never came about."""
        self._drain()
        link = self._open(protocol)
        if link is None:
            return False
        try:
            accepted = self._accepted(protocol)
            if accepted is None:
                if self._settings.protocol == "auto":
                    self._spoken = None
                return False
            if not accepted.remembered:
                self._desk.offers.all_now()
            self._spoken = protocol
            self._connected.set()
            self._last_error = self._clock_at_refusal = None
            _log.info("broker connected (MQTT %s)", protocol)
            if not self._drill:
                link.publish(wire.availability_topic(self._unit), wire.ONLINE, retain=True)
            self._publish_until_lost(link)
            return True
        finally:
            self._connected.clear()
            link.drop()

    def _open(self, protocol: Protocol) -> Link | None:
        name = client_id(self._unit, drill=self._drill)
        will = None if self._drill else (wire.availability_topic(self._unit), wire.OFFLINE)
        settings = replace(self._settings, protocol=protocol)
        try:
            hear = (wire.reply_topic(self._unit), *(self._home.filters if self._home else ()))
            link = Link(settings, name, will, self._inbox, hear, keeps_session=not self._drill)
            link.open()
        except (OSError, ValueError) as error:  # ValueError: what ssl and paho say to unusable settings
            where = f"{self._settings.host}:{self._settings.port}"
            if isinstance(error, OSError) and clock_is_to_blame(error):
                self._clock_at_refusal = self._clock.wall() - self._clock.now()
                today = datetime.fromtimestamp(self._clock.wall(), UTC).date()
                self._failed(
                    f"{where}: the broker's certificate is not valid on {today}, which is what this box takes for "
                    f"today; wrong clock? Tried again as soon as the time is set ({error})"
                )
            else:
                self._failed(f"{where}: {error}")
            return None
        return link

    def _accepted(self, protocol: Protocol) -> Connected | None:
        limit = self._settings.connect_timeout_s
        if protocol == "5" and self._settings.protocol == "auto":
            limit = min(limit, _FIVE_S)
        deadline = time.monotonic() + limit
        while not self._closing.is_set() and (left := deadline - time.monotonic()) > 0:
            match self._next(min(left, _POLL_S)):
                case Connected() as connected:
                    return connected
                case Lost(reason):
                    self._failed(reason)
                    return None
        if not self._closing.is_set():
            self._failed("the broker did not answer the connection request")
        return None

    def _publish_until_lost(self, link: Link) -> None:
        window, echo_due = Window(time.monotonic()), time.monotonic() + _ECHO_S
        link.publish(wire.echo_topic(self._unit), b"")
        if self._home is not None:
            self._home.begin()
        while not self._closing.is_set():
            self._fill(link, window)
            self._show(link)
            match self._next(_POLL_S):
                case Acknowledged(mid, refusal):
                    self._acknowledged(window, mid, refusal)
                case Unheard(reason):
                    self._failed(f"{_UNHEARD} ({reason})")
                case Lost(reason):
                    self._failed(reason)
                    return
            if window.overdue(time.monotonic()):
                self._failed("the broker did not acknowledge an alert")
                return
            if self._read(link):
                echo_due = math.inf
            if time.monotonic() > echo_due:
                self._failed(_UNHEARD)
                echo_due = math.inf
            if self._tick():
                window.rewind()
        self._say_goodbye(link, window)

    def _read(self, link: Link) -> bool:
        """True when our echo was there."""
        heard = False
        while not link.letters.empty():
            topic, payload = link.letters.get_nowait()
            if topic == wire.echo_topic(self._unit):
                heard = True
            elif self._home is None or not self._home.take(topic, payload):
                self._desk.take(topic, payload)
        return heard

    def _fill(self, link: Link, window: Window) -> None:
        clock, real = self._clock, time.monotonic()
        for message in window.choose(self._outbox, self._desk.offers, clock.wall(), clock.now(), real):
            retain = message.topic == self._health
            window.add(link.publish(message.topic, message.payload, retain=retain), message, real)

    def _show(self, link: Link) -> None:
        if self._home is not None:
            for topic, payload in self._home.due(self._last_alert, self._hearing):
                self._home.sent(link.publish(topic, payload, retain=True))

    def _acknowledged(self, window: Window, mid: int, refusal: str | None) -> None:
        message = window.take(mid)
        if message is None:
            if self._home is not None and refusal is None:
                self._home.acknowledged(mid)
            return
        if refusal is not None:
            self._failed(f"the broker refused an alert: {refusal}; check its access rules")
            return
        self._outbox.mark_sent(message.seq, self._clock.wall())
        if message.wants_receipt:
            self._desk.offers.sent(message.seq, self._clock.now())

    def _say_goodbye(self, link: Link, window: Window) -> None:
        if self._drill:
            link.disconnect()
            return
        last = link.publish(wire.availability_topic(self._unit), wire.OFFLINE, retain=True)
        deadline = time.monotonic() + _GOODBYE_S
        while (left := deadline - time.monotonic()) > 0:
            match self._next(left):
                case Acknowledged(mid, _) if mid == last:
                    link.disconnect()
                case Acknowledged(mid, refusal):
                    self._acknowledged(window, mid, refusal)
                case Lost() | None:
                    return

    def _rest(self, failures: int) -> None:
        """Back off before the next attempt; a new alert ends the wait, and a clock that was wrong and has been set."""
        longest = min(self._settings.reconnect_max_s, self._settings.reconnect_min_s * 2.0 ** min(failures - 1, 16))
        deadline = time.monotonic() + longest * random.uniform(0.5, 1.0)
        while not self._closing.is_set() and (left := deadline - time.monotonic()) > 0:
            if isinstance(self._next(min(left, _POLL_S)), Woken) or self._clock_was_set():
                return
            self._tick()

    def _tick(self) -> bool:
        """True when messages have come to their turn."""
        come = self._desk.tick()
        if come and self._notifier is not None:
            self._notifier.wake()
        return come

    def _clock_was_set(self) -> bool:
        before = self._clock_at_refusal
        return before is not None and abs(self._clock.wall() - self._clock.now() - before) > _CLOCK_SET_S

    def _next(self, timeout: float) -> LinkEvent | None:
        try:
            return self._inbox.get(timeout=timeout)
        except queue.Empty:
            return None

    def _drain(self) -> None:
        """Forget events of the former connection. Wakes are forgotten too: a new connection scans the whole outbox."""
        while self._next(0) is not None:
            pass

    def _failed(self, reason: str) -> None:
        self._last_error = reason
        _log.warning("alerts: %s", reason)
