"""Alerts reach the contact through a real Mosquitto, whatever happens to broker, box and disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from denwaban.alert import wire
from denwaban.alert.contact import ContactClient
from denwaban.alert.embedded import EmbeddedBroker
from denwaban.alert.keys import public_part, public_text
from denwaban.alert.settings import Contact
from denwaban.effects import ReportHealth
from denwaban.errors import WireError
from denwaban.events import Level
from denwaban.store.outbox import SqliteOutbox
from tests.alert.alert_desk import UNIT, BrokenOutbox, Desk, Listener, certificate
from tests.alert.alert_desk import an_alert as alert
from tests.fixtures_broker import Mosquitto, free_port, until


@pytest.mark.broker
@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_contact_receives_the_alert_and_what_to_do(desk: Desk, mosquitto: Mosquitto, protocol: str) -> None:
    settings = desk.settings(mosquitto.port, protocol=protocol)
    desk.contact(settings)
    alerts = desk.alerts(settings)
    alerts.submit(alert(), 1_750_000_000.5)
    desk.wait_received(1)
    (got,) = desk.received
    assert (got.unit, got.id, got.event, got.level, got.at, got.sequence, got.drill) == (
        *(UNIT, "alert-1", "new", Level.ALERT),
        *(1_750_000_000.5, 1, False),
    )
    assert (got.detailed, got.category, got.number) == (True, "refund", "0312345678")
    assert got.evidence == ("還付金", "ATM")
    assert got.transcript == (("far", "還付金があります"), ("near", "はい"))
    assert "還付金" in got.kind
    assert "ATM" in got.advice
    until(lambda: alerts.status().pending == 0, "nothing pending after the broker's acknowledgement")
    assert alerts.status().connected
    assert alerts.status().last_error is None


@pytest.mark.broker
def test_everybody_gets_the_envelope_and_a_contact_without_key_no_more(
    desk: Desk, mosquitto: Mosquitto, listen: Callable[[int, str], Listener]
) -> None:
    everything = listen(mosquitto.port, "denwaban/#")
    settings = desk.settings(mosquitto.port)
    contacts = [Contact("musume", "daughter", public_text(desk.contact_key)), Contact("musuko")]
    alerts = desk.alerts(settings, contacts=contacts, drill=True)
    assert alerts.wait_connected(60)
    alerts.submit(alert(), 1_750_000_000.0)
    seen = {message.topic: message.payload for message in (everything.next() for _ in range(4))}
    assert seen.keys() == {  # no availability: a drill speaks for itself only
        "denwaban/v1/box-1/alert",
        "denwaban/v1/box-1/alert/musume",
        "denwaban/v1/box-1/alert/musuko",
        "denwaban/v1/box-1/reply/_echo",
    }
    assert json.loads(seen["denwaban/v1/box-1/alert/musuko"]).keys() == {"v", "signed"}
    assert json.loads(seen["denwaban/v1/box-1/alert"]).keys() == {"v", "signed"}
    assert wire.read_envelope(seen["denwaban/v1/box-1/alert"], UNIT, public_part(desk.unit_key.jwk)).drill
    assert all(b"0312345678" not in payload for payload in seen.values())


@pytest.mark.broker
def test_keyless_client_is_told_that_there_is_analert(desk: Desk, mosquitto: Mosquitto) -> None:
    settings = desk.settings(mosquitto.port)
    desk.contact(settings, "musuko", key=None)
    desk.alerts(settings, contacts=[Contact("musuko")]).submit(alert(), 1.0)
    desk.wait_received(1)
    assert (desk.received[0].detailed, desk.received[0].level, desk.received[0].number) == (False, Level.ALERT, None)


@pytest.mark.broker
def test_alert_decided_without_a_broker_is_delivered_when_it_comes(desk: Desk, mosquitto: Mosquitto) -> None:
    settings = desk.settings(mosquitto.port)
    desk.contact(settings)  # the broker knows this contact, and keeps messages for it
    mosquitto.stop()
    alerts = desk.alerts(settings)
    for n in range(1, 41):
        alerts.submit(alert(n), float(n))
    until(lambda: alerts.status().last_error, "the missing broker in the status")
    assert str(mosquitto.port) in str(alerts.status().last_error)
    assert alerts.status().pending == 80
    assert not alerts.status().connected
    assert desk.received == []
    mosquitto.start()
    desk.wait_received(40)
    assert [got.sequence for got in desk.received] == list(range(1, 41))
    until(lambda: alerts.status().pending == 0, "the outbox to empty")
    assert alerts.status().last_error is None


@pytest.mark.broker
def test_alerts_wait_out_a_broker_restart_in_order(desk: Desk, mosquitto: Mosquitto) -> None:
    settings = desk.settings(mosquitto.port)
    client = desk.contact(settings)
    alerts = desk.alerts(settings)
    alerts.submit(alert(1), 1.0)
    desk.wait_received(1)
    mosquitto.stop()
    until(lambda: not alerts.status().connected, "the unit to notice")
    alerts.submit(alert(2, "update"), 2.0)
    alerts.submit(alert(2, "end"), 3.0)
    until(lambda: not client._subscribed.is_set(), "the contact to notice")
    mosquitto.start()
    desk.wait_received(3)
    assert [(got.id, got.event, got.sequence) for got in desk.received] == [
        ("alert-1", "new", 1),
        ("alert-2", "update", 2),
        ("alert-2", "end", 3),
    ]


@pytest.mark.broker
def test_availability_is_retained_and_offline_after_a_good_end(
    desk: Desk, mosquitto: Mosquitto, listen: Callable[[int, str], Listener]
) -> None:
    alerts = desk.alerts(desk.settings(mosquitto.port))
    assert alerts.wait_connected(60)
    topic = "denwaban/v1/box-1/availability"
    until(lambda: listen(mosquitto.port, topic).next().payload == b"online", "retained online")
    alerts.close()
    late = listen(mosquitto.port, topic).next()
    assert (late.payload, late.retain) == (b"offline", True)
    assert f"denwaban-{UNIT} closed its connection" not in mosquitto.log(), "it took its leave; no will was needed"


_UNIT_PROGRAM = """
import os, signal, sys, threading
from pathlib import Path
from denwaban.alert.keys import UnitKey
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.settings import Contact, MqttSettings
from tests.alert.alert_desk import UNIT, WallClock, an_alert as alert
from denwaban.store.outbox import SqliteOutbox

mode, folder, port, contact_jwk = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

class DiesBeforeMarking(SqliteOutbox):
    def mark_sent(self, seq, at):
        os.kill(os.getpid(), signal.SIGKILL)

class DiesAfterPut(SqliteOutbox):
    def put(self, **alert):
        super().put(**alert)
        os.kill(os.getpid(), signal.SIGKILL)

kind = {"after_put": DiesAfterPut, "before_mark": DiesBeforeMarking, "stay": SqliteOutbox}[mode]
outbox = kind(folder / "calls.sqlite")
alerts = MqttAlerts(
    settings=MqttSettings(port=port), unit=UNIT, contacts=lambda: [Contact("musume", "", contact_jwk)],
    key=UnitKey.load_or_create(folder / "unit.jwk"), outbox=outbox, clock=WallClock(),
)
alerts.start()
assert alerts.wait_connected(60)
if mode == "stay":
    print("connected", flush=True)
else:
    alerts.submit(alert(), 5.0)
threading.Event().wait(120)
"""


def _unit_process(desk: Desk, mode: str, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _UNIT_PROGRAM, mode, str(desk.folder), str(port), public_text(desk.contact_key)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    def end() -> None:
        process.kill()
        process.communicate(timeout=60)

    desk.stack.callback(end)
    return process


@pytest.mark.broker
@pytest.mark.parametrize("mode", ["after_put", "before_mark"])
def test_alert_survives_kill_9_between_outbox_and_acknowledgement(desk: Desk, mosquitto: Mosquitto, mode: str) -> None:
    settings = desk.settings(mosquitto.port)
    desk.contact(settings)
    assert _unit_process(desk, mode, mosquitto.port).wait(120) == -signal.SIGKILL
    if mode == "before_mark":
        desk.wait_received(1)  # the broker had it; the box did not get to know
    alerts = desk.alerts(settings)
    until(lambda: alerts.status().pending == 0, "the outbox to empty after the restart")
    # What the restart sent is in order before this one: when it arrives, all duplicates have.
    alerts.submit(alert(2), 6.0)
    desk.wait_received(2)
    assert [(got.id, got.sequence) for got in desk.received] == [("alert-1", 1), ("alert-2", 2)]


@pytest.mark.broker
def test_last_will_says_offline_after_kill_9(
    desk: Desk, mosquitto: Mosquitto, listen: Callable[[int, str], Listener]
) -> None:
    availability = listen(mosquitto.port, "denwaban/v1/+/availability")
    unit = _unit_process(desk, "stay", mosquitto.port)
    assert availability.next().payload == b"online"
    unit.kill()
    assert availability.next().payload == b"offline"
    assert listen(mosquitto.port, "denwaban/v1/box-1/availability").next().retain


@pytest.mark.broker
def test_malformed_messages_never_stop_the_contact(desk: Desk, mosquitto: Mosquitto) -> None:
    settings = desk.settings(mosquitto.port)
    client = desk.contact(settings)
    topic = wire.contact_topic(UNIT, "musume")
    garbage = [b"", b"{", b"[]", b"\xff" * 100, b'{"v":1}', b'{"v":1,"signed":"a.b.c"}', b'{"v":9,"signed":""}']
    garbage += [b"[" * 60_000, b"x" * 100_000, b'{"v":1,"signed":["a"]}', b'{"v":1,"signed":null,"detail":{}}']
    attacker = paho.Client(CallbackAPIVersion.VERSION2)
    attacker.connect("127.0.0.1", mosquitto.port)
    attacker.loop_start()
    for payload in garbage:
        attacker.publish(topic, payload, 1).wait_for_publish(60)
    attacker.publish(wire.availability_topic(UNIT), b"\xff\xff", 1).wait_for_publish(60)
    attacker.disconnect()
    attacker.loop_stop()
    until(lambda: client.rejected == len(garbage), "every malformed message to be counted")
    desk.alerts(settings).submit(alert(), 1.0)
    desk.wait_received(1)
    assert [got.id for got in desk.received] == ["alert-1"]


@pytest.mark.broker
def test_replayed_message_is_shown_once(
    desk: Desk, mosquitto: Mosquitto, listen: Callable[[int, str], Listener]
) -> None:
    settings = desk.settings(mosquitto.port)
    topic = wire.contact_topic(UNIT, "musume")
    desk.contact(settings)
    eavesdropper = listen(mosquitto.port, topic)
    alerts = desk.alerts(settings)
    alerts.submit(alert(1), 1.0)
    payload = eavesdropper.next().payload
    eavesdropper.client.publish(topic, payload, 1).wait_for_publish(60)
    alerts.submit(alert(2), 2.0)
    desk.wait_received(2)
    assert [got.id for got in desk.received] == ["alert-1", "alert-2"]


@pytest.mark.broker
def test_alert_goes_out_although_the_disk_is_full(desk: Desk, mosquitto: Mosquitto) -> None:
    settings = desk.settings(mosquitto.port)
    desk.contact(settings)
    alerts = desk.alerts(settings, outbox=BrokenOutbox())
    alerts.submit(alert(1), 1.0)
    alerts.submit(alert(2), 2.0)
    desk.wait_received(2)
    assert [got.id for got in desk.received] == ["alert-1", "alert-2"]
    until(lambda: alerts.status().pending == 0, "nothing left in memory")
    assert alerts.status().last_error == "disk full"


@pytest.mark.broker
def test_sequence_goes_on_after_a_restart(desk: Desk, mosquitto: Mosquitto) -> None:
    settings = desk.settings(mosquitto.port)
    desk.contact(settings)
    first = desk.alerts(settings)
    first.submit(alert(1), 1.0)
    desk.wait_received(1)
    first.close()
    desk.alerts(settings).submit(alert(2), 2.0)
    desk.wait_received(2)
    assert [got.sequence for got in desk.received] == [1, 2]


@pytest.mark.broker
def test_drills_beside_each_other_and_the_box_stay_connected(desk: Desk, mosquitto: Mosquitto) -> None:
    settings = desk.settings(mosquitto.port)
    boxes = [
        desk.alerts(settings, outbox=SqliteOutbox(desk.folder / f"{n}.sqlite"), drill=drill)
        for n, drill in enumerate((False, True, True))
    ]
    assert all(box.wait_connected(60) for box in boxes)
    for n, box in enumerate(boxes):
        box.submit(alert(n), float(n))
    until(lambda: all(box.status().pending == 0 for box in boxes), "every alert to leave")
    assert [box.status().last_error for box in boxes] == [None] * 3, "nobody was thrown out"


@pytest.mark.broker
def test_wrong_password_is_told_and_the_right_one_works_without_a_restart(
    desk: Desk, stopped_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "box", "right"], check=True, timeout=60)
    stopped_mosquitto._extra = f"allow_anonymous false\npassword_file {passwords}\n"
    stopped_mosquitto.start()
    password_file = tmp_path / "password"
    password_file.write_text("wrong\n")
    settings = desk.settings(stopped_mosquitto.port, username="box", password_file=password_file)
    alerts = desk.alerts(settings)
    until(lambda: "refused" in str(alerts.status().last_error), "the refusal in the status")
    password_file.write_text("right\n")
    assert alerts.wait_connected(60)


def test_missing_password_file_is_told(desk: Desk) -> None:
    settings = desk.settings(free_port(), username="box", password_file=desk.folder / "none")
    alerts = desk.alerts(settings)
    until(lambda: "none" in str(alerts.status().last_error), "the missing file in the status")


@pytest.mark.parametrize(
    "contact", [Contact("a/b"), Contact("musume", "", "{}"), Contact("m", "", "not json"), Contact("")]
)
def test_unusable_contact_is_refused_at_start(desk: Desk, contact: Contact) -> None:
    with pytest.raises(WireError, match="contact"):
        desk.alerts(desk.settings(free_port()), contacts=[contact])


def test_close_without_a_broker_is_quick_and_keeps_thealert(desk: Desk) -> None:
    settings = desk.settings(free_port(), reconnect_min_s=1000.0, reconnect_max_s=1000.0)
    alerts = desk.alerts(settings)
    alerts.submit(alert(), 1.0)
    alerts.close(timeout=30)
    assert not alerts._thread.is_alive()
    assert alerts.status().pending == 2


def test_embedded_broker_delivers_too(desk: Desk) -> None:
    broker = EmbeddedBroker()
    broker.start()
    desk.stack.callback(broker.stop)
    settings = desk.settings(broker.port)
    client = desk.contact(settings)
    alerts = desk.alerts(settings)
    for n in range(1, 21):
        alerts.submit(alert(n), float(n))
    desk.wait_received(20)
    assert [got.sequence for got in desk.received] == list(range(1, 21))
    until(lambda: client.available, "the unit's availability")
    until(lambda: alerts.status().pending == 0, "every acknowledgement")


def test_embedded_broker_ends_with_clients_connected(desk: Desk) -> None:
    broker = EmbeddedBroker()
    broker.start()
    desk.contact(desk.settings(broker.port))
    broker.stop(timeout=60)
    assert not broker._thread.is_alive()


@pytest.mark.broker
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho leaves the refused socket to the GC
def test_alert_travels_over_tls_and_only_to_a_trusted_broker(
    desk: Desk, stopped_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    broker_pem, key = certificate(tmp_path)
    stopped_mosquitto._extra = f"certfile {broker_pem}\nkeyfile {key}\nallow_anonymous true\n"
    stopped_mosquitto.start()
    distrustful = desk.alerts(desk.settings(stopped_mosquitto.port, tls=True))
    until(lambda: "CERTIFICATE" in str(distrustful.status().last_error).upper(), "the untrusted broker in the status")
    distrustful.close()
    settings = desk.settings(stopped_mosquitto.port, tls=True, ca_file=broker_pem)
    desk.contact(settings)
    desk.alerts(settings).submit(alert(), 1.0)
    desk.wait_received(1)


@pytest.mark.broker
def test_a_deaf_box_is_told_to_contacts_and_to_whoever_looks_later(desk: Desk, mosquitto: Mosquitto) -> None:
    settings = desk.settings(mosquitto.port)
    told: list[wire.Health] = []
    reader = wire.Reader(UNIT, public_part(desk.unit_key.jwk), "musume", desk.contact_key)

    def contact() -> ContactClient:
        client = ContactClient(settings, reader, desk.received.append, told.append)
        client.start()
        desk.stack.callback(client.close)
        assert client.wait_subscribed(60)
        return client

    first = contact()
    alerts = desk.alerts(settings)
    alerts.report(ReportHealth("well", "line"), 1_750_000_000.0)
    alerts.report(ReportHealth("deaf", "line"), 1_750_000_060.0)
    until(lambda: told, "the contact is told")
    assert [(one.hearing, one.sequence) for one in told] == [("deaf", 2)], "a box that starts and is well is no news"
    first.close()
    contact()
    until(lambda: len(told) == 2, "the next to look finds the report at the broker")
    alerts.report(ReportHealth("well", "line"), 1_750_000_120.0)
    until(lambda: len(told) == 3, "the end is told")
    assert [one.hearing for one in told] == ["deaf", "deaf", "well"]
    assert desk.received == []


@pytest.mark.broker
def test_an_old_report_of_health_changes_nothing(desk: Desk, mosquitto: Mosquitto) -> None:
    settings = desk.settings(mosquitto.port)
    told: list[wire.Health] = []
    reader = wire.Reader(UNIT, public_part(desk.unit_key.jwk), "musume", desk.contact_key)
    client = ContactClient(settings, reader, desk.received.append, told.append)
    client.start()
    desk.stack.callback(client.close)
    assert client.wait_subscribed(60)
    replayer = paho.Client(CallbackAPIVersion.VERSION2)
    replayer.connect("127.0.0.1", mosquitto.port)
    replayer.loop_start()
    desk.stack.callback(replayer.loop_stop)
    for sequence, hearing in ((5, "deaf"), (4, "well"), (5, "deaf"), (6, "well")):
        report = wire.Health(UNIT, hearing, "line", 1_750_000_000.0 + sequence, sequence, False)
        replayer.publish(wire.health_topic(UNIT), wire.health_message(report, desk.unit_key.jwk), qos=1)
    until(lambda: len(told) == 2, "both news")
    assert [one.sequence for one in told] == [5, 6]
