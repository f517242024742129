"""paho-mqtt, wrapped: one `Link` is one connection and is never reused.

paho keeps unacknowledged messages itself and sends them again on reconnection; so does the outbox, which survives a
restart. Two memories would send twice, so each connection gets a fresh paho client and the outbox alone remembers.
paho's callbacks run on its network thread and only enqueue.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import socket
import ssl
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from denwaban.alert.settings import MqttSettings

_log = logging.getLogger(__name__)

_INBOX_LENGTH: Final = 1000
_LETTERS: Final = 200
"""Messages of contacts that wait to be read. One that is dropped comes again, or is tapped again."""
SESSION_S: Final = 7 * 86400
"""How long a broker keeps messages for a client who is away (MQTT 5; with 3.1.1 the broker decides)."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted the connection. `remembered`: it has kept what it knew of us."""

    remembered: bool


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
class Unheard:
    """The broker does not let us hear what contacts answer."""

    reason: str


@dataclass(frozen=True, slots=True)
class Woken:
    """Somebody wants the thread to look at the outbox."""


LinkEvent = Connected | Lost | Acknowledged | Unheard | Woken
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
    """A paho client with identity, password and TLS set. OSError when a file of them cannot be read.

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
    client.on_socket_open = _send_at_once
    if settings.username is not None:
        client.username_pw_set(settings.username, _password(settings))
    if settings.tls:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file is not None:
            context.load_cert_chain(settings.cert_file, settings.key_file)
        client.tls_set_context(context)
    return client


def _send_at_once(_client: paho.Client, _data: Any, sock: Any) -> None:
    """Without this a receipt waits 40 ms for the peer's TCP acknowledgement of the small packet before it."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


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


def client_id(unit: str, *, drill: bool) -> str:
    """Drills may run beside each other: under one name each would throw the other out, and answers would go astray."""
    return f"denwaban-{unit}" + (f"-drill-{secrets.token_hex(4)}" if drill else "")


class Link:
    """One connection for publishing, and for hearing contacts. Events go to `inbox`, (topic, payload) of contacts to
    `letters`. Opened, used and closed by one thread."""

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        will: tuple[str, bytes] | None,
        inbox: Inbox,
        hear: Sequence[str],
        *,
        keeps_session: bool = True,
    ) -> None:
        """`hear`: topics to subscribe, that of the contacts first. `keeps_session`: the broker keeps what contacts
        answer while we are away. OSError when a file of `settings` cannot be read."""
        self._settings = settings
        self._inbox = inbox
        self._hear = hear
        self.letters: queue.Queue[tuple[str, bytes]] = queue.Queue(_LETTERS)
        self._keeps_session = keeps_session
        self._client = new_client(settings, client_id, clean=not keeps_session, reconnects=False)
        if will is not None:
            self._client.will_set(*will, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def open(self) -> None:
        """Connect; `Connected` or `Lost` follows. OSError when nobody answers at host and port, or TLS fails."""
        kept_s = SESSION_S if self._keeps_session else 0
        options = connect_options(self._settings, clean=not self._keeps_session, keep_session_s=kept_s)
        try:
            self._client.connect(self._settings.host, self._settings.port, **options)
        except OSError as error:
            # paho leaves the socket of a failed handshake to the frames of the error: let go of it now, not some day.
            traceback.clear_frames(error.__traceback__)
            raise
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

    def _on_connect(self, client: paho.Client, _data: Any, flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            put_or_drop(self._inbox, Lost(f"the broker refused: {code}"))
            return
        client.subscribe([(topic, 1) for topic in self._hear])
        put_or_drop(self._inbox, Connected(bool(flags.session_present)))

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        put_or_drop(self._inbox, Lost(f"connection lost: {code}"))

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        put_or_drop(self._inbox, Acknowledged(mid, str(code) if code.is_failure else None))

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        if codes[0].is_failure:
            put_or_drop(self._inbox, Unheard(str(codes[0])))
        elif any(code.is_failure for code in codes):
            _log.warning("the broker does not let Home Assistant be heard; check its access rules")

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if message.retain:  # said at another time, and perhaps obeyed then
            return
        if put_or_drop(self.letters, (message.topic, bytes(message.payload))):
            put_or_drop(self._inbox, Woken())


def clock_is_to_blame(error: OSError) -> bool:
    """Whether TLS failed because by this machine's clock the certificate is not valid yet, or no longer."""
    # X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED (OpenSSL, x509_vfy.h)
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in (9, 10)
