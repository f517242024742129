"""paho-mqtt, wrapped: one `Link` is one connection and is never reused.

paho keeps unacknowledged messages itself and sends them again on reconnection; so does the outbox, which survives a
restart. Two memories would send twice, so each connection gets a fresh paho client and the outbox alone remembers.
paho's callbacks run on its network thread and only enqueue.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from denwaban.alert.settings import MqttSettings

_INBOX_LENGTH: Final = 1000


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted the connection."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection was refused or has ended."""

    reason: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """PUBACK for message `mid`; `refusal` says why the broker would not have it (MQTT 5)."""

    mid: int
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Woken:
    """Somebody wants the thread to look at the outbox."""


LinkEvent = Connected | Lost | Acknowledged | Woken
Inbox = queue.Queue[LinkEvent]
Item = TypeVar("Item")


def new_inbox() -> Inbox:
    """A bounded queue for link events."""
    return queue.Queue(_INBOX_LENGTH)


def put_or_drop(inbox: queue.Queue[Item], item: Item) -> bool:
    """Enqueue without waiting; False when the queue is full and the item was dropped."""
    try:
        inbox.put_nowait(item)
    except queue.Full:
        return False
    return True


def new_client(settings: MqttSettings, client_id: str, *, clean: bool, reconnects: bool) -> paho.Client:
    """A paho client with identity, password and TLS set. OSError when the password or CA file cannot be read.

    `clean` False asks the broker to keep the session of an absent client (MQTT 3.1.1; for 5: `connect_options`).
    """
    five = settings.protocol == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if five else clean,
        protocol=paho.MQTTv5 if five else paho.MQTTv311,
        reconnect_on_failure=reconnects,
    )
    client.connect_timeout = settings.connect_timeout_s
    if settings.username is not None:
        client.username_pw_set(settings.username, _password(settings))
    if settings.tls:
        client.tls_set_context(ssl.create_default_context(cafile=settings.ca_file))
    return client


def connect_options(settings: MqttSettings, *, clean: bool, keep_session_s: int = 0) -> dict[str, Any]:
    """What `Client.connect` wants beyond host and port; for MQTT 5 how long the broker keeps the session."""
    options: dict[str, Any] = {"keepalive": settings.keepalive_s}
    if settings.protocol == "5":
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = keep_session_s
        options |= {"clean_start": clean, "properties": properties}
    return options


def _password(settings: MqttSettings) -> str | None:
    if settings.password_file is None:
        return None
    lines = settings.password_file.read_text("utf-8").splitlines()
    return lines[0] if lines else ""


class Link:
    """One connection for publishing. Events go to `inbox`. Opened, used and closed by one thread."""

    def __init__(self, settings: MqttSettings, client_id: str, will: tuple[str, bytes], inbox: Inbox) -> None:
        """Raises OSError when a file of `settings` cannot be read."""
        self._settings = settings
        self._inbox = inbox
        self._client = new_client(settings, client_id, clean=True, reconnects=False)
        topic, payload = will
        self._client.will_set(topic, payload, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish

    def open(self) -> None:
        """Connect; `Connected` or `Lost` follows. OSError when nobody answers at host and port, or TLS fails."""
        options = connect_options(self._settings, clean=True)
        self._client.connect(self._settings.host, self._settings.port, **options)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Hand a message to paho, QoS 1; returns the mid that `Acknowledged` will name."""
        return int(self._client.publish(topic, payload, qos=1, retain=retain).mid)

    def disconnect(self) -> None:
        """Take leave in good order, so that the broker does not publish the last will; `Lost` follows."""
        self._client.disconnect()

    def drop(self) -> None:
        """End the connection, whatever it is doing, and paho's thread."""
        # loop_stop alone would wait until paho has written what is queued, which a dead peer may never take.
        sock = self._client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]  # a real socket: no websockets here
        self._client.loop_stop()

    def _on_connect(self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        put_or_drop(self._inbox, Lost(f"the broker refused: {code}") if code.is_failure else Connected())

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        put_or_drop(self._inbox, Lost(f"connection lost: {code}"))

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        put_or_drop(self._inbox, Acknowledged(mid, str(code) if code.is_failure else None))
