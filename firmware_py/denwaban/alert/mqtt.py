"""Publishes alerts: outbox first, then MQTT; a message counts as sent when the broker has acknowledged it."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jwcrypto.jwk import JWK

from denwaban.alert import wire
from denwaban.alert.keys import UnitKey, read_public_key
from denwaban.alert.link import Acknowledged, Connected, Link, LinkEvent, Lost, Woken, new_inbox, put_or_drop
from denwaban.alert.outbox import Outbox, PendingMessage, SpillingOutbox
from denwaban.alert.settings import Contact, MqttSettings
from denwaban.effects import ReportHealth, SendAlert
from denwaban.errors import WireError
from denwaban.events import Level
from denwaban.ports import Clock

_log = logging.getLogger(__name__)

_IN_FLIGHT: Final = 16
"""Unacknowledged messages at a time; below paho's own window of 20."""

_ACK_S: Final = 30.0
"""A broker that takes longer for a PUBACK is not well; a new connection is the only remedy."""

_POLL_S: Final = 1.0
_RESCAN_S: Final = 60.0
"""How often messages that a broker refused are offered again."""

_GOODBYE_S: Final = 2.0
_LESSER_LIFE_S: Final = 7 * 86400.0
"""News of a caution is worth nothing after a week; an alert never expires."""


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """For `doctor` and the lamp: is the broker there, how many messages wait, what went wrong last (None: nothing)."""

    connected: bool
    pending: int
    last_error: str | None


class MqttAlerts:
    """Delivers alerts at least once (a `ports.AlertSink`). Call `submit` from one thread only, `status` from any.

    Raises WireError when unit, a contact's name or key cannot be used.
    """

    def __init__(
        self,
        *,
        settings: MqttSettings,
        unit: str,
        contacts: Sequence[Contact],
        key: UnitKey,
        outbox: Outbox,
        clock: Clock,
        drill: bool = False,
    ) -> None:
        self._settings = settings
        self._availability = wire.availability_topic(unit)
        self._health = wire.health_topic(unit)
        self._unit = unit
        self._drill = drill
        self._key = key.jwk
        self._contacts = tuple((contact.name, _contact_key(contact)) for contact in contacts)
        self._topics = {name: wire.contact_topic(unit, name) for name, _ in self._contacts}
        self._outbox = SpillingOutbox(outbox)
        self._sequence = outbox.last_sequence()
        self._clock = clock
        self._inbox = new_inbox()
        self._closing = threading.Event()
        self._connected = threading.Event()
        self._last_error: str | None = None
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin to connect and publish, what an earlier run left unsent included."""
        self._thread.start()

    def submit(self, alert: SendAlert, at: float) -> None:
        """Write the alert to the outbox and have it sent. Durable on return; in memory should the disk fail."""
        self._sequence += 1
        envelope = wire.Envelope(self._unit, alert.alert_id, alert.event, alert.level, at, self._sequence, self._drill)
        self._outbox.put(
            alert_id=alert.alert_id,
            event=alert.event,
            level=alert.level,
            sequence=self._sequence,
            messages=self._messages(envelope, wire.detail_of(alert)),
            created_at=at,
            expires_at=None if alert.level is Level.ALERT else at + _LESSER_LIFE_S,
        )
        put_or_drop(self._inbox, Woken())

    def report(self, health: ReportHealth, at: float) -> None:
        """The same for a report of the box's health, which the broker keeps for whoever looks later."""
        self._sequence += 1
        report = wire.Health(self._unit, health.hearing, health.reason, at, self._sequence, self._drill)
        self._outbox.put(
            alert_id="health",
            event=health.hearing,
            level=Level.ALERT,
            sequence=self._sequence,
            messages=[(self._health, wire.health_message(report, self._key))],
            created_at=at,
            expires_at=None,
        )
        put_or_drop(self._inbox, Woken())

    def status(self) -> AlertStatus:
        pending = self._outbox.pending_count(self._clock.wall())
        return AlertStatus(self._connected.is_set(), pending, self._last_error or self._outbox.last_error)

    def wait_connected(self, timeout: float) -> bool:
        """True as soon as the broker has accepted us; False after `timeout` seconds."""
        return self._connected.wait(timeout)

    def close(self, timeout: float = 20.0) -> None:
        """Say `offline`, end the thread. What is unsent stays in the outbox for the next run."""
        self._closing.set()
        put_or_drop(self._inbox, Woken())
        if self._thread.ident is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                _log.error("the alert thread did not end in %g s", timeout)

    def _messages(self, envelope: wire.Envelope, detail: wire.Detail) -> list[tuple[str, bytes]]:
        # Contacts first: they are the ones in a hurry.
        public = wire.public_message(envelope, self._key)
        messages = [
            (
                self._topics[name],
                wire.contact_message(envelope, detail, self._key, name, contact_key) if contact_key else public,
            )
            for name, contact_key in self._contacts
        ]
        return [*messages, (wire.alert_topic(self._unit), public)]

    # --- the alerts thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            worked = self._serve_one_connection()
            failures = 1 if worked else failures + 1
            self._rest(failures)

    def _serve_one_connection(self) -> bool:
        """Connect and publish until the connection ends; False when it never came about."""
        self._drain()
        try:
            link = Link(self._settings, f"denwaban-{self._unit}", (self._availability, wire.OFFLINE), self._inbox)
            link.open()
        except (OSError, ValueError) as error:  # ValueError: what ssl and paho say to unusable settings
            self._failed(f"{self._settings.host}:{self._settings.port}: {error}")
            return False
        try:
            if not self._accepted():
                return False
            self._connected.set()
            self._last_error = None
            _log.info("broker connected")
            link.publish(self._availability, wire.ONLINE, retain=True)
            self._publish_until_lost(link)
            return True
        finally:
            self._connected.clear()
            link.drop()

    def _accepted(self) -> bool:
        deadline = time.monotonic() + self._settings.connect_timeout_s
        while not self._closing.is_set() and (left := deadline - time.monotonic()) > 0:
            match self._next(min(left, _POLL_S)):
                case Connected():
                    return True
                case Lost(reason):
                    self._failed(reason)
                    return False
        if not self._closing.is_set():
            self._failed("the broker did not answer the connection request")
        return False

    def _publish_until_lost(self, link: Link) -> None:
        window = _Window(time.monotonic())
        while not self._closing.is_set():
            self._fill(link, window)
            match self._next(_POLL_S):
                case Acknowledged(mid, refusal):
                    self._acknowledged(window.take(mid), refusal)
                case Lost(reason):
                    self._failed(reason)
                    return
            if window.overdue(time.monotonic()):
                self._failed("the broker did not acknowledge an alert")
                return
        self._say_goodbye(link, window)

    def _fill(self, link: Link, window: _Window) -> None:
        now = time.monotonic()
        for message in window.choose(self._outbox, self._clock.wall(), now):
            retain = message.topic == self._health
            window.add(link.publish(message.topic, message.payload, retain=retain), message.seq, now)

    def _acknowledged(self, seq: int | None, refusal: str | None) -> None:
        if seq is None:
            return
        if refusal is None:
            self._outbox.mark_sent(seq, self._clock.wall())
        else:
            self._failed(f"the broker refused an alert: {refusal}; check its access rules")

    def _say_goodbye(self, link: Link, window: _Window) -> None:
        last = link.publish(self._availability, wire.OFFLINE, retain=True)
        deadline = time.monotonic() + _GOODBYE_S
        while (left := deadline - time.monotonic()) > 0:
            match self._next(left):
                case Acknowledged(mid, _) if mid == last:
                    link.disconnect()
                case Acknowledged(mid, refusal):
                    self._acknowledged(window.take(mid), refusal)
                case Lost() | None:
                    return

    def _rest(self, failures: int) -> None:
        """Back off before the next attempt; a new alert ends the wait."""
        longest = min(self._settings.reconnect_max_s, self._settings.reconnect_min_s * 2.0 ** min(failures - 1, 16))
        deadline = time.monotonic() + longest * random.uniform(0.5, 1.0)
        while not self._closing.is_set() and (left := deadline - time.monotonic()) > 0:
            if isinstance(self._next(left), Woken):
                return

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


class _Window:
    """Which messages are under way on one connection."""

    def __init__(self, now: float) -> None:
        self._seq_of: dict[int, int] = {}
        self._since: dict[int, float] = {}
        self._after = 0
        self._scanned_at = now

    def choose(self, outbox: SpillingOutbox, wall: float, now: float) -> list[PendingMessage]:
        """The next messages to publish, as many as there is room for."""
        room = _IN_FLIGHT - len(self._seq_of)
        if room <= 0:
            return []
        if not self._seq_of and now - self._scanned_at >= _RESCAN_S:
            self._after, self._scanned_at = 0, now
        under_way = set(self._seq_of.values())
        spilled = [message for message in outbox.spilled() if message.seq not in under_way][:room]
        return [*spilled, *(outbox.pending(wall, self._after, room - len(spilled)) if room > len(spilled) else ())]

    def add(self, mid: int, seq: int, now: float) -> None:
        self._seq_of[mid] = seq
        self._since[mid] = now
        self._after = max(self._after, seq)

    def take(self, mid: int) -> int | None:
        """The outbox place of an acknowledged message; None for one that is not of the outbox."""
        self._since.pop(mid, None)
        return self._seq_of.pop(mid, None)

    def overdue(self, now: float) -> bool:
        return any(now - since > _ACK_S for since in self._since.values())


def _contact_key(contact: Contact) -> JWK | None:
    wire.checked_name(contact.name, "contact")
    if contact.public_jwk is None:
        return None
    try:
        return read_public_key(contact.public_jwk)
    except WireError as error:
        raise WireError(f"contact {contact.name!r}: {error}") from error
