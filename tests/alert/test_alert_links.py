"""Zero alerts lost and none shown twice, whatever broker, way, clock or mains do. With a real Mosquitto."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from pathlib import Path

import pytest

from denwaban.alert import mqtt
from denwaban.alert.keys import public_text
from denwaban.alert.memory import ContactMemory
from denwaban.alert.settings import Contact, Patience
from denwaban.events import FamilyAnswered
from denwaban.store.contacts import ContactBook
from denwaban.store.outbox import SqliteOutbox
from tests.alert.alert_desk import Desk, an_alert, certificate
from tests.alert.bad_link import BadLink
from tests.fakes.ports import FakeClock
from tests.fixtures_broker import Mosquitto, until

pytestmark = pytest.mark.broker
QUICK = Patience(receipt_s=0.3, reply_s=0.3)


def _link(desk: Desk, mosquitto: Mosquitto, **how: object) -> BadLink:
    link = BadLink(mosquitto.port, **how)
    desk.stack.callback(link.close)
    return link


def _all_received(desk: Desk) -> bool:
    rows = ContactBook(desk.folder / "calls.sqlite").deliveries()
    return all(row.ended == ("received" if row.contact else "sent") for row in rows)


def _shown(desk: Desk) -> list[str]:
    return [alert.id for alert in desk.received]


def test_a_slow_link_makes_alerts_late_and_nothing_else(desk: Desk, mosquitto: Mosquitto) -> None:
    link = _link(desk, mosquitto, bytes_per_s=8000.0, delay_s=0.05)
    desk.contact(desk.settings(link.port))
    alerts = desk.alerts(desk.settings(link.port), patience=QUICK)
    for n in range(1, 6):
        alerts.submit(an_alert(n), float(n))
    desk.wait_received(5)
    until(lambda: _all_received(desk), "every receipt")
    assert _shown(desk) == [f"alert-{n}" for n in range(1, 6)]


@pytest.mark.parametrize("silent_before", [True, False])
def test_a_connection_that_dies_without_a_word_is_noticed_and_everything_goes_over_the_next(
    desk: Desk, mosquitto: Mosquitto, silent_before: bool
) -> None:
    """As behind a router that has forgotten the connection: writing works, nothing ever comes back."""
    link = _link(desk, mosquitto)
    desk.contact(desk.settings(mosquitto.port))
    alerts = desk.alerts(desk.settings(link.port, keepalive_s=1))
    alerts.submit(an_alert(1), 1.0)
    until(lambda: _all_received(desk) and _shown(desk), "the first alert")
    link.swallows = silent_before
    alerts.submit(an_alert(2), 2.0)
    link.swallows = True
    until(lambda: not alerts.status().connected, "the silence to be noticed")
    link.swallows = False
    desk.wait_received(2)
    until(lambda: _all_received(desk), "both receipts")
    assert _shown(desk) == ["alert-1", "alert-2"]
    assert link.connections >= 2


@pytest.mark.parametrize("after", [1, 30, 75, 120, 700, 1500, 2300, 3000])
def test_a_connection_cut_after_any_number_of_bytes_loses_nothing_and_repeats_nothing(
    desk: Desk, mosquitto: Mosquitto, after: int
) -> None:
    link = _link(desk, mosquitto, cut_after=after)
    desk.contact(desk.settings(mosquitto.port))
    alerts = desk.alerts(desk.settings(link.port))
    alerts.submit(an_alert(1), 1.0)
    alerts.submit(an_alert(2), 2.0)
    desk.wait_received(2)
    until(lambda: _all_received(desk), "both receipts")
    assert _shown(desk) == ["alert-1", "alert-2"]
    assert link.connections == 2


def test_a_contact_whose_connection_is_cut_anywhere_shows_everything_once(desk: Desk, mosquitto: Mosquitto) -> None:
    alerts = desk.alerts(desk.settings(mosquitto.port), patience=QUICK)
    memory = ContactMemory(desk.folder / "phone.sqlite")
    desk.stack.callback(memory.close)
    for n, after in enumerate((250, 400, 800, 1200), 1):
        link = _link(desk, mosquitto, cut_after=after)
        client = desk.contact(desk.settings(link.port), memory=memory)
        alerts.submit(an_alert(2 * n - 1), 1.0)
        alerts.submit(an_alert(2 * n), 2.0)
        desk.wait_received(2 * n)
        until(lambda: _all_received(desk), "the receipts")
        client.close()
    assert _shown(desk) == [f"alert-{n}" for n in range(1, 9)]


# --- certificates and rights ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_for_another_name_is_refused_and_nothing_is_sent(
    desk: Desk, stopped_mosquitto: Mosquitto
) -> None:
    pem, key = certificate(desk.folder)  # for 127.0.0.1 only
    stopped_mosquitto._extra = f"certfile {pem}\nkeyfile {key}\nallow_anonymous true\n"
    stopped_mosquitto.start()
    settings = desk.settings(stopped_mosquitto.port, host="localhost", tls=True, ca_file=pem)
    alerts = desk.alerts(settings)
    alerts.submit(an_alert(), 1.0)
    until(lambda: "ostname mismatch" in str(alerts.status().last_error), "the reason in the status")
    assert not alerts.status().connected
    assert alerts.status().pending == 2


def _rules(desk: Desk, broker: Mosquitto, text: str) -> Path:
    rules = desk.folder / "acl"
    rules.write_text(text)
    rules.chmod(0o600)
    broker._extra = f"allow_anonymous true\nacl_file {rules}\n"
    return rules


def test_a_broker_that_drops_alerts_without_a_word_is_found_out_by_the_missing_receipt(
    desk: Desk, stopped_mosquitto: Mosquitto
) -> None:
    """MQTT 3.1.1 has no way to refuse a message: the broker acknowledges what its rules forbid (§3.3.5)."""
    rules = _rules(desk, stopped_mosquitto, "topic read denwaban/#\ntopic write denwaban/v1/box-1/reply/#\n")
    stopped_mosquitto.start()
    settings = desk.settings(stopped_mosquitto.port, protocol="3.1.1")
    desk.contact(settings)
    alerts = desk.alerts(settings, patience=QUICK)
    alerts.submit(an_alert(), 1.0)
    book = ContactBook(desk.folder / "calls.sqlite")
    until(lambda: any(row.offers >= 2 for row in book.deliveries()), "a second offer")
    assert [row.ended for row in book.deliveries() if row.contact] == [None]
    rules.write_text("topic readwrite denwaban/#\n")
    assert stopped_mosquitto._process is not None
    os.kill(stopped_mosquitto._process.pid, signal.SIGHUP)
    desk.wait_received(1)
    until(lambda: [row.ended for row in book.deliveries() if row.contact] == ["received"], "the receipt")


def test_a_box_that_may_not_hear_its_contacts_says_so_and_alerts_all_the_same(
    desk: Desk, stopped_mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "_ECHO_S", 0.5)
    _rules(desk, stopped_mosquitto, "topic read denwaban/v1/box-1/alert/#\ntopic write denwaban/#\n")
    stopped_mosquitto.start()
    settings = desk.settings(stopped_mosquitto.port)
    alerts = desk.alerts(settings)
    alerts.submit(an_alert(), 1.0)
    until(lambda: "hear its contacts" in str(alerts.status().last_error), "the reason in the status")
    assert alerts.status().connected


# --- power cuts ----------------------------------------------------------------------------------------------------


class PhotographedOutbox(SqliteOutbox):
    """Copies database and log, as they are on the card, before and after every transaction."""

    def __init__(self, path: Path, album: Path) -> None:
        self._album, self.pictures = album, list[Path]()
        super().__init__(path)
        self._connection.set_trace_callback(self._seen)

    def _seen(self, statement: str) -> None:
        if statement == "COMMIT":
            self.photograph()

    def photograph(self) -> None:
        folder = self._album / str(len(self.pictures))
        folder.mkdir(parents=True)
        for part in (self._path, self._path.with_name(self._path.name + "-wal")):
            if part.exists():
                shutil.copyfile(part, folder / part.name)
        self.pictures.append(folder)


def test_a_box_that_starts_from_any_moment_before_a_power_cut_loses_nothing_and_shows_nothing_twice(
    desk: Desk, mosquitto: Mosquitto
) -> None:
    settings = desk.settings(mosquitto.port)
    contact = [Contact("musume", "娘さん", public_text(desk.contact_key))]
    outbox = PhotographedOutbox(desk.folder / "calls.sqlite", desk.folder / "album")
    desk.contact(settings)
    first = desk.alerts(settings, outbox=outbox, contacts=contact)
    first.submit(an_alert(1), 1.0)
    first.submit(an_alert(1, "end"), 2.0)
    desk.wait_received(2)
    until(lambda: _all_received(desk), "both receipts")
    first.close()
    outbox.photograph()
    outbox.close()
    assert len(outbox.pictures) >= 7, "two decisions, four acknowledgements and two receipts"
    for picture in outbox.pictures:
        database = picture / "calls.sqlite"
        again = desk.alerts(settings, outbox=SqliteOutbox(database), contacts=contact, patience=QUICK)
        written = {row.sequence for row in ContactBook(database).deliveries()}
        until(lambda db=database: _nothing_open(db), "everything to be done with")
        again.close()
        assert written <= {1, 2}
    assert [(alert.id, alert.event) for alert in desk.received] == [("alert-1", "new"), ("alert-1", "end")]


def _nothing_open(database: Path) -> bool:
    try:
        return all(row.ended for row in ContactBook(database).deliveries())
    except sqlite3.Error:
        return False


# --- the clock -----------------------------------------------------------------------------------------------------


def test_a_clock_that_is_years_off_at_boot_and_set_in_the_middle_costs_nothing(
    desk: Desk, mosquitto: Mosquitto
) -> None:
    """A Raspberry Pi has no clock of its own; what counts is what the box gave out, not when the world says it did."""
    settings, clock = desk.settings(mosquitto.port), FakeClock(wall=86_400.0)
    client = desk.contact(settings)
    alerts = desk.alerts(settings, clock=clock)
    alerts.submit(an_alert(1), clock.wall())
    desk.wait_received(1)
    clock._wall_at_zero += 1_700_000_000.0
    client.answer(desk.received[0], "calling")
    until(
        lambda: [event.reply for event in desk.told if isinstance(event, FamilyAnswered)] == ["calling"], "the answer"
    )
    clock._wall_at_zero -= 40_000_000.0  # and back by more than a year
    alerts.submit(an_alert(1, "end"), clock.wall())
    desk.wait_received(2)
    until(lambda: _all_received(desk), "both receipts")
    assert ContactBook(desk.folder / "calls.sqlite").refusals() == ()
