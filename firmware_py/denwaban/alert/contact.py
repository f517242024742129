"""The receiving side in Python: what a family contact's program does. Behind `denwaban contact`, demo and tests."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from denwaban.alert import wire
from denwaban.alert.link import SESSION_S, connect_options, new_client, put_or_drop
from denwaban.alert.memory import ContactMemory, ReceivedAlert
from denwaban.alert.replies import ContactSays, Said, reply_message
from denwaban.alert.settings import MqttSettings
from denwaban.errors import StoreError, WireError
from denwaban.events import Reply

_log = logging.getLogger(__name__)

_QUEUE_LENGTH: Final = 1000
_NO_DETAIL: Final = wire.Detail("", "", 0.0, None, None, (), (), "")

_POLL_S: Final = 1.0


class ContactClient:
    """Receives the alerts of one unit for one contact, each (id, sequence) once, and confirms each.

    A message that comes after a later one of its alert is confirmed and not shown: the later one said it all. With a
    `memory` on disk all this holds over restarts; what is there was shown.

    What `on_alert` returns is answered after the receipt. `on_alert` and, when the unit turns deaf or is well again,
    `on_health` are called on this client's own thread. What is malformed, wrongly signed or not for this contact is
    counted in `rejected` and logged, never raised. The broker keeps messages while the client is away.
    """

    def __init__(
        self,
        settings: MqttSettings,
        reader: wire.Reader,
        on_alert: Callable[[ReceivedAlert], Reply | None],
        on_health: Callable[[wire.Health], None] = lambda _health: None,
        memory: ContactMemory | None = None,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._on_alert = on_alert
        self._on_health = on_health
        self._health_topic = wire.health_topic(reader.unit)
        self._topic = wire.contact_topic(reader.unit, reader.contact)
        self._availability_topic = wire.availability_topic(reader.unit)
        self._messages: queue.Queue[tuple[str, bytes]] = queue.Queue(_QUEUE_LENGTH)
        self._memory = memory or ContactMemory()
        self._subscribed = threading.Event()
        self._closing = threading.Event()
        self._client = new_client(
            settings, f"denwaban-{reader.unit}-contact-{reader.contact}", clean=False, reconnects=True
        )
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._thread = threading.Thread(target=self._run, name=f"contact-{reader.contact}", daemon=True)
        self.health: wire.Health | None = None
        """The unit's last report; None: not heard yet."""
        self.rejected = 0
        self.available: bool | None = None
        """What the unit last said of itself; None: not heard yet."""

    def start(self) -> None:
        """Connect in the background, again and again until it works. OSError never; see `wait_subscribed`."""
        options = connect_options(self._settings, clean=False, keep_session_s=SESSION_S)
        self._client.connect_async(self._settings.host, self._settings.port, **options)
        self._client.loop_start()
        self._thread.start()

    def wait_subscribed(self, timeout: float) -> bool:
        """True as soon as the broker has confirmed the subscription; False after `timeout` seconds."""
        return self._subscribed.wait(timeout)

    def answer(self, alert: ReceivedAlert, reply: Reply) -> None:
        """Send an answer; it leaves as soon as there is a connection. WireError where it may not be given."""
        self._publish(_answer(self._reader, alert, reply))

    def close(self, timeout: float = 10.0) -> None:
        self._closing.set()
        self._client.disconnect()
        self._client.loop_stop()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    # --- paho's thread: only enqueue ---------------------------------------------------------------------------------

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if not code.is_failure:
            client.subscribe([(self._topic, 1), (self._availability_topic, 1), (self._health_topic, 1)])

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        if any(code.is_failure for code in codes):
            _log.error("the broker refused the subscription; check its access rules")
        else:
            self._subscribed.set()

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, _code: ReasonCode, _properties: Any) -> None:
        self._subscribed.clear()

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        item = (message.topic, bytes(message.payload))
        if not put_or_drop(self._messages, item):
            _log.error("more than %d messages wait; one was dropped", _QUEUE_LENGTH)

    # --- our thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                topic, payload = self._messages.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if topic == self._availability_topic:
                self.available = payload == wire.ONLINE
                continue
            try:
                self._receive(topic, payload)
            except WireError as error:
                self.rejected += 1
                _log.warning("a message was rejected: %s", error)
            except StoreError as error:
                _log.error("an alert could not be remembered, so it is not confirmed: %s", error)

    def _receive(self, topic: str, payload: bytes) -> None:
        if topic == self._health_topic:
            self._receive_health(wire.read_health(payload, self._reader.unit, self._reader.unit_key))
            return
        envelope, detail = wire.read_message(payload, self._reader)
        alert, answer = _received(envelope, detail), None
        if not self._memory.has(alert.id, alert.sequence):
            if alert.sequence > self._memory.newest(alert.id):
                answer = self._on_alert(alert)
            self._memory.remember(alert)
        if alert.receipt:
            self._publish(_message(self._reader, alert, "received", alert.receipt))
        if answer is not None:
            self.answer(alert, answer)

    def _publish(self, payload: bytes) -> None:
        self._client.publish(wire.reply_topic(self._reader.unit, self._reader.contact), payload, 1)

    def _receive_health(self, health: wire.Health) -> None:
        """A box that starts and is well is no news; a report that is older than the last one is an echo."""
        before, well = self.health, health.hearing == "well"
        if before is not None and health.sequence <= before.sequence and health.at <= before.at:
            return
        self.health = health
        if well != (before is None or before.hearing == "well"):
            self._on_health(health)


def send_answer(
    settings: MqttSettings, reader: wire.Reader, alert: ReceivedAlert, reply: Reply, timeout: float
) -> bool:
    """Send one answer beside a running client; False when the broker did not take it in `timeout` seconds.

    WireError where it may not be given, OSError where no broker answers.
    """
    payload, client_id = _answer(reader, alert, reply), f"denwaban-{reader.unit}-contact-{reader.contact}-answer"
    client = new_client(settings, client_id, clean=True, reconnects=False)
    client.connect(settings.host, settings.port, **connect_options(settings, clean=True))
    client.loop_start()
    try:
        sent = client.publish(wire.reply_topic(reader.unit, reader.contact), payload, 1)
        sent.wait_for_publish(timeout)
        return bool(sent.is_published())
    finally:
        client.disconnect()
        client.loop_stop()


def _answer(reader: wire.Reader, alert: ReceivedAlert, reply: Reply) -> bytes:
    choices = dict(alert.choices)
    if reply not in choices:
        raise WireError(f"{reply} cannot be answered to this alert; it takes {', '.join(choices) or 'no answer'}")
    return _message(reader, alert, reply, choices[reply])


def _message(reader: wire.Reader, alert: ReceivedAlert, said: Said, nonce: str) -> bytes:
    if reader.private_key is None:
        raise WireError("without a key nothing can be answered")
    says = ContactSays(reader.unit, reader.contact, alert.id, alert.sequence, said, nonce, alert.drill)
    return reply_message(says, reader.private_key)


def _received(envelope: wire.Envelope, detail: wire.Detail | None) -> ReceivedAlert:
    told = detail or _NO_DETAIL
    return ReceivedAlert(
        unit=envelope.unit,
        id=envelope.id,
        event=envelope.event,
        level=envelope.level,
        at=envelope.at,
        sequence=envelope.sequence,
        drill=envelope.drill,
        detailed=detail is not None,
        category=told.category,
        kind=told.kind,
        number=told.number,
        absence=told.absence,
        evidence=told.evidence,
        transcript=told.transcript,
        advice=told.advice,
        receipt=told.receipt,
        choices=told.choices,
    )
