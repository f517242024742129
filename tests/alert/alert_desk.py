"""One unit, its contacts and whoever listens: what the alert tests put on the table."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import paho.mqtt.client as paho
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from denwaban.alert import wire
from denwaban.alert.contact import ContactClient
from denwaban.alert.desk import FamilyEvent
from denwaban.alert.home import PhoneState
from denwaban.alert.keys import UnitKey, new_private_key, public_part, public_text
from denwaban.alert.memory import ReceivedAlert
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.settings import Contact, MqttSettings
from denwaban.effects import SendAlert
from denwaban.errors import StoreError
from denwaban.events import CallerId, Evidence, Level
from denwaban.store.outbox import SqliteOutbox
from tests.fixtures_broker import until

UNIT = "box-1"


class WallClock:
    """Real time."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def wait_hint(self, deadline: float) -> float:
        return max(0.0, deadline - time.monotonic())


class BrokenOutbox:
    """An outbox on a full disk."""

    def last_sequence(self) -> int:
        return 0

    def __getattr__(self, _name: str) -> Callable[..., object]:
        def fail(*_values: object, **_named: object) -> object:
            raise StoreError("disk full")

        return fail


@dataclass
class Desk:
    """One unit and one contact with keys, and everything they opened."""

    folder: Path
    stack: ExitStack
    contact_key: object = field(default_factory=new_private_key)

    def __post_init__(self) -> None:
        self.unit_key = UnitKey.load_or_create(self.folder / "unit.jwk")
        self.received: list[ReceivedAlert] = []
        self.told: list[FamilyEvent] = []

    def settings(self, port: int, **changes: object) -> MqttSettings:
        return replace(MqttSettings(port=port, reconnect_min_s=0.05, reconnect_max_s=0.5), **changes)

    def alerts(
        self, settings: MqttSettings, outbox: object = None, contacts: object = None, **more: object
    ) -> MqttAlerts:
        if outbox is None:
            outbox = SqliteOutbox(self.folder / "calls.sqlite")
            self.stack.callback(outbox.close)
        phone = more.pop("phone", PhoneState)
        contacts = contacts or [Contact("musume", "daughter", public_text(self.contact_key))]
        alerts = MqttAlerts(
            settings=settings,
            unit=UNIT,
            contacts=lambda: contacts,
            key=self.unit_key,
            outbox=outbox,
            **{"clock": WallClock()} | more,
        )
        alerts.start(self.told.append, phone=phone)
        self.stack.callback(alerts.close)
        return alerts

    def reader(self, name: str = "musume", key: object = "own") -> wire.Reader:
        return wire.Reader(UNIT, public_part(self.unit_key.jwk), name, self.contact_key if key == "own" else key)

    def contact(
        self, settings: MqttSettings, name: str = "musume", key: object = "own", **more: object
    ) -> ContactClient:
        reader = self.reader(name, key)
        client = ContactClient(settings, reader, **{"on_alert": self.received.append} | more)
        client.start()
        self.stack.callback(client.close)
        assert client.wait_subscribed(60)
        return client

    def wait_received(self, count: int) -> None:
        until(lambda: len(self.received) >= count, f"{count} alerts at the contact, {len(self.received)} came")


def an_alert(n: int = 1, event: str = "new", level: Level = Level.ALERT) -> SendAlert:
    return SendAlert(
        *(f"alert-{n}", "call-1", event, level, "refund", 0.93, CallerId("0312345678")),
        evidence=(Evidence("還付金", 0.6), Evidence("ATM", 0.3)),
        transcript=(("far", "還付金があります"), ("near", "はい")),
    )


@dataclass
class Listener:
    """A plain MQTT client that notes what comes on a topic filter."""

    client: paho.Client
    messages: queue.Queue[paho.MQTTMessage]

    def next(self) -> paho.MQTTMessage:
        return self.messages.get(timeout=60)


def certificate(folder: Path, name: str = "broker", begins: timedelta = timedelta(days=-1)) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, valid for two days, and its key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test {name}")])
    start = datetime.now(UTC) + begins
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.pem").write_bytes(made.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(private)
    return folder / f"{name}.pem", folder / f"{name}.key"
