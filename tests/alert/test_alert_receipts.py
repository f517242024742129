"""Delivered means that the contact's own client says so; and what contacts answer is obeyed once, if it is genuine."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from denwaban.alert import wire
from denwaban.alert.contact import ContactClient
from denwaban.alert.embedded import EmbeddedBroker
from denwaban.alert.keys import new_private_key, public_text
from denwaban.alert.memory import ContactMemory, ReceivedAlert
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.replies import ContactSays, reply_message
from denwaban.alert.settings import Contact, Patience
from denwaban.errors import WireError
from denwaban.events import FamilyAnswered, FamilyTold, Level
from denwaban.family import RECENT_S
from denwaban.store.contacts import ContactBook
from denwaban.store.outbox import SqliteOutbox
from tests.alert.alert_desk import Desk, Listener, an_alert, certificate
from tests.fakes.ports import FakeClock
from tests.fixtures_broker import Mosquitto, free_port, until

pytestmark = pytest.mark.broker
QUICK = Patience(receipt_s=0.3, reply_s=0.3)
DAY_S = 86_400.0


def _book(desk: Desk) -> ContactBook:
    return ContactBook(desk.folder / "calls.sqlite")


def _ended(desk: Desk, contact: str = "musume") -> list[str | None]:
    return [row.ended for row in _book(desk).deliveries() if row.contact == contact]


def _refusals(desk: Desk) -> dict[str, int]:
    return {one.reason: one.n for one in _book(desk).refusals()}


def _two(desk: Desk, other_key: object) -> list[Contact]:
    return [
        Contact("musume", "娘さん", public_text(desk.contact_key), turn=1),
        Contact("musuko", "息子さん", public_text(other_key), turn=2),
    ]


# --- receipts ------------------------------------------------------------------------------------------------------


def test_a_message_is_done_when_the_contact_says_so_and_the_household_hears_who(
    desk: Desk, mosquitto: Mosquitto
) -> None:
    settings = desk.settings(mosquitto.port)
    alerts = desk.alerts(settings)
    alerts.submit(an_alert(), 1.0)
    until(lambda: alerts.status().pending == 0, "the broker's acknowledgement")
    assert _ended(desk) == [None], "sent is not delivered"
    desk.contact(settings)
    # The broker did not know this contact when the alert came: only offering again can reach it.
    alerts._desk.offers.all_now()
    desk.wait_received(1)
    until(lambda: _ended(desk) == ["received"], "the receipt")
    until(lambda: desk.told, "the event")
    (told,) = desk.told
    assert isinstance(told, FamilyTold)
    assert (told.alert_id, told.role) == ("alert-1", "daughter")
    with closing(sqlite3.connect(desk.folder / "calls.sqlite")) as db:
        assert db.execute("SELECT DISTINCT payload FROM outbox").fetchall() == [(b"",)], "content goes with the receipt"


def test_an_alert_survives_a_broker_killed_after_its_acknowledgement_while_the_contact_is_away(
    desk: Desk, mosquitto: Mosquitto
) -> None:
    settings = desk.settings(mosquitto.port)
    desk.contact(settings).close()  # the broker knows the contact, and keeps its messages in memory
    alerts = desk.alerts(settings, patience=QUICK)
    alerts.submit(an_alert(), 1.0)
    until(lambda: alerts.status().pending == 0, "the broker's acknowledgement")
    mosquitto.kill()
    mosquitto.start()
    desk.contact(settings)
    desk.wait_received(1)
    until(lambda: _ended(desk) == ["received"], "the receipt")
    assert [got.id for got in desk.received] == ["alert-1"]


def test_a_contact_who_restarts_shows_nothing_twice_and_confirms_again(
    desk: Desk, mosquitto: Mosquitto, listen: Callable[[int, str], Listener]
) -> None:
    settings = desk.settings(mosquitto.port)
    eavesdropper = listen(mosquitto.port, wire.contact_topic("box-1", "musume"))
    answers = listen(mosquitto.port, wire.reply_topic("box-1"))
    first = desk.contact(settings, memory=ContactMemory(desk.folder / "phone.sqlite"))
    alerts = desk.alerts(settings)
    alerts.submit(an_alert(), 1.0)
    payload = eavesdropper.next().payload
    answers.next()
    first.close()
    desk.contact(settings, memory=ContactMemory(desk.folder / "phone.sqlite"))
    eavesdropper.client.publish(wire.contact_topic("box-1", "musume"), payload, 1).wait_for_publish(60)
    answers.next()
    alerts.submit(an_alert(2), 2.0)
    desk.wait_received(2)
    assert [got.id for got in desk.received] == ["alert-1", "alert-2"]
    until(lambda: _ended(desk) == ["received"] * 2, "both receipts")
    alerts.close()
    assert _refusals(desk) == {}, "a second receipt is no offence"


def test_news_that_was_overtaken_is_confirmed_and_not_shown(
    desk: Desk, mosquitto: Mosquitto, listen: Callable[[int, str], Listener]
) -> None:
    settings = desk.settings(mosquitto.port)
    topic = wire.contact_topic("box-1", "musume")
    eavesdropper, answers = listen(mosquitto.port, topic), listen(mosquitto.port, wire.reply_topic("box-1"))
    alerts = desk.alerts(settings)
    alerts.submit(an_alert(event="new"), 1.0)
    alerts.submit(an_alert(event="end"), 2.0)
    new, end = eavesdropper.next().payload, eavesdropper.next().payload
    desk.contact(settings)
    for payload in (end, new):
        eavesdropper.client.publish(topic, payload, 1).wait_for_publish(60)
        answers.next()
    assert [got.event for got in desk.received] == ["end"]
    until(lambda: _ended(desk) == ["received"] * 2, "both receipts")


def test_alerts_of_a_day_without_broker_arrive_in_order(desk: Desk, mosquitto: Mosquitto) -> None:
    settings, clock = desk.settings(mosquitto.port), FakeClock()
    desk.contact(settings)
    mosquitto.stop()
    alerts = desk.alerts(settings, clock=clock)
    for hour in range(24):
        alerts.submit(an_alert(hour), clock.wall())
        clock.advance(DAY_S / 24)
    mosquitto.start()
    desk.wait_received(24)
    assert [got.id for got in desk.received] == [f"alert-{n}" for n in range(24)]
    until(lambda: _ended(desk) == ["received"] * 24, "all receipts")


def test_a_contact_that_never_confirms_is_offered_again_and_given_up_in_the_end(
    desk: Desk, mosquitto: Mosquitto, listen: Callable[[int, str], Listener]
) -> None:
    offered = listen(mosquitto.port, wire.contact_topic("box-1", "musume"))
    clock = FakeClock()
    alerts = desk.alerts(desk.settings(mosquitto.port), clock=clock, patience=Patience(receipt_s=30.0, offers=4))
    alerts.submit(an_alert(), 1.0)
    payloads = []
    for n in range(1, 5):
        payloads.append(offered.next().payload)
        until(lambda n=n: [one[1] for one in alerts._desk.offers._due.values()] == [n], "the broker's acknowledgement")
        clock.advance(300.0)
    assert len(set(payloads)) == 1
    until(lambda: _ended(desk) == ["expired"], "the end of patience")


# --- turns ---------------------------------------------------------------------------------------------------------


def test_the_next_contact_is_told_only_when_the_first_is_silent(desk: Desk, mosquitto: Mosquitto) -> None:
    settings, clock, other_key = desk.settings(mosquitto.port), FakeClock(), new_private_key()
    second: list[ReceivedAlert] = []
    desk.contact(settings, "musuko", other_key, on_alert=second.append)
    alerts = desk.alerts(settings, contacts=_two(desk, other_key), clock=clock, patience=Patience(receipt_s=30.0))
    alerts.submit(an_alert(), 1.0)
    until(lambda: alerts.status().pending == 0, "the first turn to leave")
    clock.advance(29.0)
    alerts.submit(an_alert(event="update"), 2.0)
    until(lambda: alerts.status().pending == 0, "the update to leave")
    assert second == []
    clock.advance(2.0)
    until(lambda: len(second) == 2, "the second contact")
    assert [(got.id, got.event) for got in second] == [("alert-1", "new"), ("alert-1", "update")]


def test_an_answer_keeps_the_next_contact_in_peace(desk: Desk, mosquitto: Mosquitto) -> None:
    settings, clock, other_key = desk.settings(mosquitto.port), FakeClock(), new_private_key()
    client = desk.contact(settings)
    alerts = desk.alerts(settings, contacts=_two(desk, other_key), clock=clock)
    alerts.submit(an_alert(), 1.0)
    desk.wait_received(1)
    client.answer(desk.received[0], "calling")
    until(lambda: any(isinstance(event, FamilyAnswered) for event in desk.told), "the answer")
    assert _ended(desk, "musuko") == ["answered"]
    clock.advance(DAY_S)
    alerts.submit(an_alert(event="end"), 2.0)
    desk.wait_received(2)
    assert _ended(desk, "musuko") == ["answered"], "nor is the end told to whoever does not know the beginning"


def test_the_next_turn_comes_although_the_box_was_restarted_meanwhile(desk: Desk, mosquitto: Mosquitto) -> None:
    settings, other_key = desk.settings(mosquitto.port), new_private_key()
    second: list[ReceivedAlert] = []
    contacts = _two(desk, other_key)
    first = desk.alerts(settings, contacts=contacts, clock=FakeClock())
    first.submit(an_alert(), 1.0)
    until(lambda: first.status().pending == 0, "the first turn to leave")
    first.close()
    desk.contact(settings, "musuko", other_key, on_alert=second.append)
    desk.alerts(settings, contacts=contacts, patience=QUICK)
    until(lambda: second, "the second contact")


def test_a_contact_asleep_is_told_last(desk: Desk, mosquitto: Mosquitto) -> None:
    noon = 1_750_042_800.0  # 12:00 in Japan
    contacts = [Contact("musume", "", public_text(desk.contact_key), hours="22:00-06:00"), Contact("musuko")]
    alerts = desk.alerts(desk.settings(mosquitto.port), contacts=contacts, clock=FakeClock())
    alerts.submit(an_alert(1), noon)
    alerts.submit(an_alert(2), noon + DAY_S / 2)
    turns = [row.turn for row in _book(desk).deliveries() if row.contact == "musume"]
    assert turns == [1001, 0]


# --- answers -------------------------------------------------------------------------------------------------------


def _answered(desk: Desk) -> list[FamilyAnswered]:
    return [event for event in desk.told if isinstance(event, FamilyAnswered)]


def _asked(desk: Desk, mosquitto: Mosquitto, **more: object) -> tuple[MqttAlerts, ContactClient, ReceivedAlert]:
    settings = desk.settings(mosquitto.port)
    client = desk.contact(settings)
    alerts = desk.alerts(settings, **more)
    alerts.submit(an_alert(), 1.0)
    desk.wait_received(1)
    return alerts, client, desk.received[0]


def test_a_call_can_be_cut_from_afar_only_where_the_line_can_cut_and_only_while_it_lasts(
    desk: Desk, mosquitto: Mosquitto
) -> None:
    alerts, client, alert = _asked(desk, mosquitto)
    assert set(dict(alert.choices)) == {"calling", "false_alarm", "call_later", "ask_hang_up"}
    with pytest.raises(WireError, match="hang_up cannot"):
        client.answer(alert, "hang_up")
    alerts.close()
    cutting = desk.alerts(desk.settings(mosquitto.port), can_cut=True)
    cutting.submit(an_alert(2), 1.0)
    cutting.submit(an_alert(2, "end"), 2.0)
    desk.wait_received(3)
    assert "hang_up" in dict(desk.received[1].choices)
    assert set(dict(desk.received[2].choices)) == {"calling", "false_alarm", "call_later"}


def test_an_answer_is_obeyed_once_and_two_contacts_may_answer_at_once(desk: Desk, mosquitto: Mosquitto) -> None:
    other_key, second = new_private_key(), list[ReceivedAlert]()
    settings = desk.settings(mosquitto.port)
    son = desk.contact(settings, "musuko", other_key, on_alert=second.append)
    contacts = [replace(contact, turn=1) for contact in _two(desk, other_key)]
    alerts, daughter, alert = _asked(desk, mosquitto, contacts=contacts)
    until(lambda: second, "the son, too")
    for _ in range(3):
        daughter.answer(alert, "calling")
    son.answer(second[0], "false_alarm")
    until(lambda: len(_answered(desk)) == 2, "both answers")
    until(lambda: sum(alerts._desk._refused.values()) + sum(_refusals(desk).values()) == 2, "the replays")
    alerts.close()
    assert {(event.role, event.reply) for event in _answered(desk)} == {
        ("娘さん", "calling"),
        ("息子さん", "false_alarm"),
    }
    assert _refusals(desk) == {"replayed": 2}


def test_what_is_not_genuine_is_counted_and_not_obeyed(
    desk: Desk, mosquitto: Mosquitto, listen: Callable[[int, str], Listener]
) -> None:
    alerts, _client, alert = _asked(desk, mosquitto)
    nonce = dict(alert.choices)["false_alarm"]
    good = ContactSays("box-1", "musume", alert.id, alert.sequence, "false_alarm", nonce, False)
    lies = [
        (b"{", "musume"),
        (b"x" * 5000, "musume"),
        (reply_message(good, new_private_key()), "musume"),
        (reply_message(replace(good, unit="box-2"), desk.contact_key), "musume"),
        (reply_message(good, desk.contact_key), "stranger"),
        (reply_message(replace(good, nonce="made-up"), desk.contact_key), "musume"),
        (reply_message(replace(good, said="calling"), desk.contact_key), "musume"),
        (reply_message(replace(good, id="alert-2"), desk.contact_key), "musume"),
        (reply_message(replace(good, said="received"), desk.contact_key), "musume"),
    ]
    attacker = listen(mosquitto.port, "nothing")
    for payload, contact in lies:
        attacker.client.publish(f"denwaban/v1/box-1/reply/{contact}", payload, 1).wait_for_publish(60)
    until(lambda: sum(alerts._desk._refused.values()) + sum(_refusals(desk).values()) == len(lies), "all counted")
    alerts.close()
    assert _answered(desk) == []
    assert _refusals(desk) == {
        **{"malformed": 1, "oversized": 1, "wrong_signature": 1, "wrong_unit": 1},
        **{"unknown_contact": 1, "unknown_nonce": 4},
    }


def test_an_answer_that_comes_half_a_day_late_is_stale_whatever_the_wall_clock_says(
    desk: Desk, mosquitto: Mosquitto
) -> None:
    clock = FakeClock()
    alerts, client, alert = _asked(desk, mosquitto, clock=clock)
    clock._wall_at_zero -= 365 * DAY_S  # somebody set the clock back by a year
    clock.advance(12 * 3600.0 + 1)
    client.answer(alert, "false_alarm")
    until(lambda: sum(alerts._desk._refused.values()) + sum(_refusals(desk).values()) == 1, "the refusal")
    alerts.close()
    assert _refusals(desk) == {"stale": 1}
    assert _answered(desk) == []


def test_an_answer_given_while_the_box_restarts_is_obeyed_after(desk: Desk, mosquitto: Mosquitto) -> None:
    alerts, client, alert = _asked(desk, mosquitto)
    alerts.close()
    client.answer(alert, "calling")
    assert _answered(desk) == []
    desk.alerts(desk.settings(mosquitto.port))
    until(lambda: _answered(desk), "the answer that the broker kept")
    (answered,) = (event for event in desk.told if isinstance(event, FamilyAnswered))
    assert answered.age_s > RECENT_S, "nobody knows how old it is: nothing is spoken in the room"


def test_a_revoked_contact_gets_nothing_more_and_is_not_heard(desk: Desk, mosquitto: Mosquitto) -> None:
    contacts = [Contact("musume", "daughter", public_text(desk.contact_key))]
    settings = desk.settings(mosquitto.port)
    client = desk.contact(settings)
    alerts = desk.alerts(settings, contacts=contacts)
    alerts.submit(an_alert(1), 1.0)
    desk.wait_received(1)
    until(lambda: _ended(desk) == ["received"], "the receipt")
    contacts.clear()
    client.answer(desk.received[0], "calling")
    until(lambda: sum(alerts._desk._refused.values()) + sum(_refusals(desk).values()) == 1, "the refusal")
    alerts.submit(an_alert(2), 2.0)
    until(lambda: alerts.status().pending == 0, "the second alert to leave")
    assert {row.contact for row in _book(desk).deliveries("alert-2")} == {None}
    assert _answered(desk) == []


@pytest.mark.parametrize(("level", "number", "words"), [("minimal", None, False), ("words", "0312345678", True)])
def test_a_contact_hears_no_more_than_its_level_of_detail(
    desk: Desk, mosquitto: Mosquitto, level: str, number: str | None, words: bool
) -> None:
    contact = Contact("musume", "", public_text(desk.contact_key), detail=level, language="en")
    _alerts, _client, alert = _asked(desk, mosquitto, contacts=[contact])
    assert (alert.number, bool(alert.evidence), alert.transcript) == (number, words, ())
    assert alert.kind == "refund at the ATM"
    assert alert.level is Level.ALERT


# --- what brokers do -----------------------------------------------------------------------------------------------


def test_mqtt_5_is_spoken_where_the_broker_has_it_and_3_1_1_elsewhere(desk: Desk, mosquitto: Mosquitto) -> None:
    desk.alerts(desk.settings(mosquitto.port)).wait_connected(60)
    assert "as denwaban-box-1 (p5, c0" in mosquitto.log()
    broker = EmbeddedBroker()
    broker.start()
    desk.stack.callback(broker.stop)
    older = desk.alerts(desk.settings(broker.port), outbox=SqliteOutbox(desk.folder / "other.sqlite"))
    assert older.wait_connected(60)
    assert older._spoken == "3.1.1"


def test_a_broker_that_lets_the_box_write_nothing_is_told_and_all_arrives_once_it_does(
    desk: Desk, stopped_mosquitto: Mosquitto
) -> None:
    rules = desk.folder / "acl"
    rules.write_text("topic read denwaban/#\ntopic write denwaban/v1/box-1/reply/#\n")
    rules.chmod(0o600)
    stopped_mosquitto._extra = f"allow_anonymous true\nacl_file {rules}\n"
    stopped_mosquitto.start()
    settings = desk.settings(stopped_mosquitto.port)
    alerts = desk.alerts(settings)
    alerts.submit(an_alert(), 1.0)
    until(lambda: "access rules" in str(alerts.status().last_error), "the refusal in the status")
    assert alerts.status().pending == 2
    stopped_mosquitto.stop()
    rules.write_text("topic readwrite denwaban/#\n")
    stopped_mosquitto.start()
    desk.contact(settings)
    desk.wait_received(1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_that_is_not_valid_yet_is_told_as_a_wrong_clock_and_tried_when_the_time_is_set(
    desk: Desk, stopped_mosquitto: Mosquitto
) -> None:
    broker_pem, key = certificate(desk.folder, begins=timedelta(days=1))
    stopped_mosquitto._extra = f"certfile {broker_pem}\nkeyfile {key}\nallow_anonymous true\n"
    stopped_mosquitto.start()
    clock = FakeClock(wall=86_400.0)  # 2 January 1970: a Pi without network
    far = {"reconnect_min_s": 10_000.0, "reconnect_max_s": 10_000.0}
    settings = desk.settings(stopped_mosquitto.port, tls=True, ca_file=broker_pem, **far)
    alerts = desk.alerts(settings, clock=clock)
    until(lambda: "wrong clock" in str(alerts.status().last_error), "the reason in the status")
    assert "1970-01-02" in str(alerts.status().last_error)
    stopped_mosquitto.stop()
    certificate(desk.folder)  # now it is valid
    stopped_mosquitto.start()
    assert not alerts.wait_connected(0.2), "it waits"
    clock._wall_at_zero += 1_700_000_000.0
    assert alerts.wait_connected(60), "the time was set"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_that_wants_a_certificate_gets_the_box_s(desk: Desk, stopped_mosquitto: Mosquitto) -> None:
    broker_pem, broker_key = certificate(desk.folder)
    box_pem, box_key = certificate(desk.folder, "box")
    stopped_mosquitto._extra = (
        f"certfile {broker_pem}\nkeyfile {broker_key}\ncafile {box_pem}\n"
        "require_certificate true\nallow_anonymous true\n"
    )
    stopped_mosquitto.start()
    settings = desk.settings(stopped_mosquitto.port, tls=True, ca_file=broker_pem)
    stranger = desk.alerts(settings)
    until(lambda: stranger.status().last_error, "the refusal")
    stranger.close()
    known = desk.alerts(replace(settings, cert_file=box_pem, key_file=box_key))
    assert known.wait_connected(60)


def test_silence_after_connecting_is_a_failure_and_loses_nothing(desk: Desk) -> None:
    """A half-open connection: somebody accepts and never speaks."""
    program = (
        "import socket,sys,time\ns=socket.create_server(('127.0.0.1', int(sys.argv[1])))\nprint(1,flush=True)\nk=[]\n"
    )
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-c", program + "while True: k.append(s.accept())", str(port)], stdout=subprocess.PIPE
    )
    desk.stack.callback(lambda: (server.kill(), server.communicate()))
    assert server.stdout is not None
    server.stdout.readline()
    alerts = desk.alerts(desk.settings(port, connect_timeout_s=0.3))
    alerts.submit(an_alert(), 1.0)
    until(lambda: "did not answer" in str(alerts.status().last_error), "the silence in the status")
    assert alerts.status().pending == 2


# --- the box dies --------------------------------------------------------------------------------------------------

_DYING = """
import os, signal, sys, threading
from pathlib import Path
from denwaban.alert.keys import UnitKey
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.settings import Contact, MqttSettings
from denwaban.store.outbox import SqliteOutbox
from tests.alert.alert_desk import UNIT, WallClock, an_alert
step, when, folder, port, jwk = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5]

class Dying(SqliteOutbox):
    pass

def dies(self, *values, **named):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    getattr(SqliteOutbox, step)(self, *values, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(Dying, step, dies)
alerts = MqttAlerts(
    settings=MqttSettings(port=port), unit=UNIT, contacts=lambda: [Contact("musume", "", jwk)],
    key=UnitKey.load_or_create(folder / "unit.jwk"), outbox=Dying(folder / "calls.sqlite"), clock=WallClock(),
)
alerts.start()
assert alerts.wait_connected(60)
alerts.submit(an_alert(), 5.0)
threading.Event().wait(120)
"""


@pytest.mark.parametrize(
    "step", ["put after", "pending after", "mark_sent before", "mark_sent after", "receive before", "receive after"]
)
def test_a_box_killed_between_decision_and_receipt_loses_nothing_and_shows_nothing_twice(
    desk: Desk, mosquitto: Mosquitto, step: str
) -> None:
    settings = desk.settings(mosquitto.port)
    desk.contact(settings)
    command = [sys.executable, "-c", _DYING, *step.split(), str(desk.folder), str(mosquitto.port)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    killed = subprocess.run(
        [*command, public_text(desk.contact_key)], env=environment, timeout=120, check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = desk.alerts(settings, patience=QUICK)
    if step == "pending after" and not _book(desk).deliveries():
        again.submit(an_alert(), 5.0)  # it died before the decision was written
    desk.wait_received(1)
    until(lambda: _ended(desk) == ["received"], "the receipt")
    again.submit(an_alert(2), 6.0)
    desk.wait_received(2)
    assert [got.id for got in desk.received] == ["alert-1", "alert-2"]


def test_nothing_waits_for_the_receipt_of_a_contact_without_a_key(desk: Desk, mosquitto: Mosquitto) -> None:
    alerts = desk.alerts(desk.settings(mosquitto.port), contacts=[Contact("musuko")])
    alerts.submit(an_alert(), time.time())
    until(lambda: _ended(desk, "musuko") == ["sent"], "the broker's acknowledgement")


def test_a_call_for_help_can_be_answered_with_what_makes_sense(desk: Desk, mosquitto: Mosquitto) -> None:
    alerts = desk.alerts(desk.settings(mosquitto.port), can_cut=True)
    desk.contact(desk.settings(mosquitto.port))
    alerts.submit(replace(an_alert(), category="help"), 1000.0)
    desk.wait_received(1)
    assert [reply for reply, _nonce in desk.received[0].choices] == ["calling", "call_later"]
