"""Who may read and write what at the box's own broker: a real Mosquitto with the rights that `broker-users` writes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from tests.fixtures_broker import Mosquitto, mosquitto_program, until

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT, DAUGHTER, SON, HOME = "unit1", "musume", "musuko", "homeassistant"
PASSWORDS = {UNIT: "of-the-unit", DAUGHTER: "of-the-daughter", SON: "of-the-son", HOME: "of-the-house"}
TOPIC = f"denwaban/v1/{UNIT}"

pytestmark = pytest.mark.broker


@dataclass
class Client:
    """A client of the broker that asks for everything; `heard`: topics, in the order they came."""

    mqtt: paho.Client
    heard: list[str] = field(default_factory=list)
    refused: bool = False

    def say(self, topic: str) -> None:
        """Returns when the broker has it; a broker takes what it refuses, too, and drops it."""
        self.mqtt.publish(topic, "x", qos=1).wait_for_publish(30)


Connect = Callable[[str, str], Client]


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    """Connects a user with a password; every client is subscribed to all topics when it is returned."""
    mosquitto_program()
    passwords, rights = tmp_path / "passwd", tmp_path / "acl"
    passwords.write_text("".join(f"{user}:{word}\n" for user, word in PASSWORDS.items()))
    passwords.chmod(0o600)
    subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
    printed = [printed_rights("--rights", UNIT, DAUGHTER, SON), printed_rights("--home-assistant", UNIT)]
    rights.write_text("".join(printed))
    rights.chmod(0o600)
    broker = Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}\nacl_file {rights}\n")
    with ExitStack() as stack:
        broker.start()
        stack.callback(broker.stop)
        yield lambda user, word: connected(broker, stack, user, word)


def printed_rights(*arguments: str) -> str:
    return subprocess.check_output([DEPLOY / "broker-users", *arguments], text=True)


def connected(broker: Mosquitto, stack: ExitStack, user: str, word: str) -> Client:
    mqtt = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
    client, settled = Client(mqtt), []
    mqtt.username_pw_set(user, word)

    def on_connect(_client: object, _data: object, _flags: object, reason: paho.ReasonCode, _more: object) -> None:
        client.refused = reason.is_failure
        if client.refused:
            settled.append(True)
        else:
            mqtt.subscribe("#", qos=1)

    mqtt.on_connect = on_connect
    mqtt.on_subscribe = lambda *_: settled.append(True)
    mqtt.on_message = lambda _client, _data, message: client.heard.append(message.topic)
    mqtt.connect(broker.host, broker.port)
    mqtt.loop_start()
    stack.callback(mqtt.loop_stop)
    stack.callback(mqtt.disconnect)
    until(lambda: settled, f"{user} connected or refused")
    return client


def test_a_contact_reads_its_own_alerts_and_nobody_elses(connect: Connect) -> None:
    unit, daughter = connect(UNIT, PASSWORDS[UNIT]), connect(DAUGHTER, PASSWORDS[DAUGHTER])
    own = (f"alert/{DAUGHTER}", f"paired/{DAUGHTER}", "health", "availability")
    for topic in (f"alert/{SON}", f"paired/{SON}", "alert", *own):
        unit.say(f"{TOPIC}/{topic}")
    until(lambda: f"{TOPIC}/availability" in daughter.heard, "the last message")
    assert daughter.heard == [f"{TOPIC}/{topic}" for topic in own]


def test_a_contact_writes_in_its_own_name_only_and_the_unit_below_its_own_only(connect: Connect) -> None:
    unit, daughter, son = (connect(user, PASSWORDS[user]) for user in (UNIT, DAUGHTER, SON))
    others = ("availability", f"alert/{SON}", f"reply/{SON}", f"pair/{SON}")
    own = (f"reply/{DAUGHTER}", f"pair/{DAUGHTER}")
    for topic in (*others, *own):
        daughter.say(f"{TOPIC}/{topic}")
    unit.say("denwaban/v1/unit2/availability")
    unit.say(f"{TOPIC}/health")
    until(lambda: f"{TOPIC}/health" in son.heard and f"{TOPIC}/pair/{DAUGHTER}" in unit.heard, "the last messages")
    assert son.heard == [f"{TOPIC}/health"]
    assert unit.heard == [f"{TOPIC}/{topic}" for topic in own]


def test_home_assistant_sees_the_boxs_state_starts_a_drill_and_reads_no_alert(connect: Connect) -> None:
    unit, home = connect(UNIT, PASSWORDS[UNIT]), connect(HOME, PASSWORDS[HOME])
    found = (f"homeassistant/device/denwaban-{UNIT}/config", f"{TOPIC}/state", f"{TOPIC}/availability")
    for topic in ("homeassistant/device/other/config", f"{TOPIC}/alert", f"{TOPIC}/alert/{DAUGHTER}", *found):
        unit.say(topic)
    asked = ("homeassistant/status", f"{TOPIC}/command/drill")
    for topic in (f"{TOPIC}/reply/{DAUGHTER}", f"{TOPIC}/pair/{DAUGHTER}", *asked):
        home.say(topic)
    until(lambda: f"{TOPIC}/command/drill" in unit.heard and found[-1] in home.heard, "the last messages")
    assert [topic for topic in home.heard if topic not in asked] == list(found)
    assert unit.heard == list(asked)


@pytest.mark.parametrize(("user", "word"), [(UNIT, "guessed"), (UNIT, ""), ("", ""), ("stranger", "x")])
def test_without_the_right_password_nobody_gets_in(connect: Connect, user: str, word: str) -> None:
    assert connect(user, word).refused
