"""A broker as a family's should be: TLS, WebSocket, passwords and access rules, and everybody gets through to the right
one. Real Mosquitto."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from denwaban.alert import wire
from denwaban.alert.keys import UnitKey, new_private_key, public_part, public_text, thumbprint
from denwaban.alert.mosquitto import LocalMosquitto, access_rules, find_mosquitto
from denwaban.alert.pair_link import accept, invite
from denwaban.alert.pairing import Invitation, new_code
from denwaban.alert.replies import ContactSays, reply_message
from denwaban.alert.settings import Contact
from denwaban.events import FamilyAnswered, FamilyTold
from denwaban.store.contacts import ContactBook
from tests.alert.alert_desk import UNIT, Desk, an_alert
from tests.fixtures_broker import SKIP, until

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalMosquitto]:
    if os.environ.get(SKIP) == "1":
        pytest.skip(f"{SKIP}=1")
    program = find_mosquitto()
    assert program, "sudo apt-get install -y mosquitto"
    running = LocalMosquitto(program, tmp_path / "broker", UNIT, ["musume", "musuko"], time.time())
    running.start()
    yield running
    running.stop()


class WebSocketContact:
    """A contact as a page in a browser is one: MQTT over a secure WebSocket. Confirms and answers every alert."""

    def __init__(self, broker: LocalMosquitto, reader: wire.Reader, topic: str, stack: ExitStack) -> None:
        self._reader = reader
        self.received: list[wire.Envelope] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, transport="websockets")
        settings = broker.settings(reader.contact)
        assert settings.password_file is not None
        self.client.username_pw_set(reader.contact, settings.password_file.read_text().strip())
        self.client.tls_set(str(settings.ca_file))
        subscribed: queue.Queue[None] = queue.Queue()
        self.client.on_subscribe = lambda *_: subscribed.put(None)
        self.client.on_message = lambda _client, _data, message: (
            "/alert/" in message.topic and self._take(message.payload)
        )
        self.client.connect("127.0.0.1", broker.websocket_port)
        self.client.subscribe(topic, 1)
        self.client.loop_start()
        stack.callback(self.client.loop_stop)
        stack.callback(self.client.disconnect)
        subscribed.get(timeout=60)

    def _take(self, payload: bytes) -> None:
        envelope, detail = wire.read_message(payload, self._reader)
        assert detail is not None
        self.received.append(envelope)
        for said, nonce in (("received", detail.receipt), ("calling", dict(detail.choices)["calling"])):
            says = ContactSays(UNIT, self._reader.contact, envelope.id, envelope.sequence, said, nonce, envelope.drill)
            topic = wire.reply_topic(UNIT, self._reader.contact)
            self.client.publish(topic, reply_message(says, self._reader.private_key), 1)


def test_contacts_over_tls_and_over_websocket_confirm_and_answer(desk: Desk, broker: LocalMosquitto) -> None:
    son_key = new_private_key()
    family = [
        Contact("musume", "娘さん", public_text(desk.contact_key)),
        Contact("musuko", "息子さん", public_text(son_key)),
    ]
    desk.contact(broker.settings("musume"))
    reader = wire.Reader(UNIT, public_part(desk.unit_key.jwk), "musuko", son_key)
    son = WebSocketContact(broker, reader, wire.contact_topic(UNIT, "musuko"), desk.stack)
    alerts = desk.alerts(broker.settings(UNIT), contacts=family)
    alerts.submit(an_alert(), 1.0)
    desk.wait_received(1)
    until(
        lambda: {event.role for event in desk.told if isinstance(event, FamilyTold)} == {"娘さん", "息子さん"},
        "receipts",
    )
    until(
        lambda: [event.role for event in desk.told if isinstance(event, FamilyAnswered)] == ["息子さん"], "the answer"
    )
    assert [envelope.id for envelope in son.received] == ["alert-1"]
    assert alerts.status().last_error is None


def test_pairing_goes_through_the_access_rules(desk: Desk, broker: LocalMosquitto) -> None:
    settings = broker.settings("musume")
    unit_key = UnitKey.load_or_create(desk.folder / "unit.jwk")
    kid = thumbprint(unit_key.jwk)
    invitation = Invitation(UNIT, kid, "musume", settings.host, settings.port, tls=True, code=new_code())
    shown, kept = threading.Event(), list[object]()
    box = threading.Thread(
        target=invite, args=(broker.settings(UNIT), invitation, unit_key, 60.0, shown.set, kept.append)
    )
    box.start()
    assert shown.wait(60)
    key, pinned = accept(settings, invitation, 60.0)
    box.join(60)
    assert thumbprint(pinned) == kid
    assert [thumbprint(one) for one in kept] == [thumbprint(key)]


def test_a_contact_neither_hears_nor_says_what_is_another_s(desk: Desk, broker: LocalMosquitto) -> None:
    reader = wire.Reader(UNIT, public_part(desk.unit_key.jwk), "musume", desk.contact_key)
    spy = WebSocketContact(broker, replace(reader, contact="musuko"), "denwaban/#", desk.stack)
    desk.contact(broker.settings("musume"))
    alerts = desk.alerts(broker.settings(UNIT))
    spy.client.publish(wire.contact_topic(UNIT, "musume"), b"forged", 1).wait_for_publish(60)
    spy.client.publish(wire.reply_topic(UNIT, "musume"), b"forged", 1).wait_for_publish(60)
    alerts.submit(an_alert(), 1.0)
    desk.wait_received(1)
    until(lambda: any(isinstance(event, FamilyTold) for event in desk.told), "the receipt")
    assert spy.received == []
    alerts.close()
    assert ContactBook(desk.folder / "calls.sqlite").refusals() == (), "what may not be said does not even arrive"


def test_the_installed_broker_has_the_same_rules() -> None:
    command = [ROOT / "deploy" / "broker-users", "--rights", UNIT, "musume", "musuko"]
    written = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert written.splitlines()[1:] == access_rules(UNIT, ["musume", "musuko"]).splitlines()
