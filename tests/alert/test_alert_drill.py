"""A contact may ask for a drill: with the nonce of a report of health, once, and not often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from denwaban.alert import wire
from denwaban.alert.compose import Contacts
from denwaban.alert.desk import Desk
from denwaban.alert.drill_offers import ABOUT
from denwaban.alert.home import PhoneState
from denwaban.alert.keys import new_private_key, public_text
from denwaban.alert.outbox import SpillingOutbox
from denwaban.alert.replies import ContactSays, reply_message
from denwaban.alert.settings import Contact, Patience
from denwaban.drill_button import EVERY_S, DrillButton
from denwaban.effects import ReportHealth
from denwaban.store.contacts import ContactBook
from denwaban.store.outbox import SqliteOutbox
from tests.alert.alert_desk import Desk as Table
from tests.fakes.ports import FakeClock
from tests.fixtures_broker import Mosquitto, until

UNIT = "box-1"
KEY, OTHER = new_private_key(), new_private_key()


class CountedErrands:
    """Starts nothing."""

    def __init__(self) -> None:
        self.started: list[tuple[str, ...]] = []

    def start(self, _kind: str, _about: tuple[str, str], words: tuple[str, ...]) -> bool:
        self.started.append(words)
        return True


class Box:
    """A desk with the real button. `refused` counts as the box does."""

    def __init__(self, folder: Path, outbox: SqliteOutbox) -> None:
        self.clock, self.errands, self.renewed = FakeClock(), CountedErrands(), list[str]()
        self._book, self._outbox = ContactBook(folder / "box.sqlite"), outbox
        self.desk = self.with_button(DrillButton(self.clock, self.errands))

    def with_button(self, button: DrillButton | None, *, drill: bool = False) -> Desk:
        contacts = [Contact("musume", "", public_text(KEY)), Contact("musuko", "", public_text(OTHER))]
        start = button.press if button else None
        spilling = SpillingOutbox(self._outbox)
        contacts_now = Contacts(lambda: contacts)
        desk = Desk(UNIT, contacts_now, spilling, self.clock, Patience(), drill=drill, start_drill=start)
        desk.drills.begun = lambda: self.renewed.append("report")
        return desk

    def ask(self, nonce: str, name: str = "musume", key: object = KEY, **changes: object) -> None:
        says = replace(ContactSays(UNIT, name, ABOUT, 7, "drill", nonce, False), **changes)
        self.desk.take(wire.reply_topic(UNIT, name), reply_message(says, key))

    @property
    def refused(self) -> dict[str, int]:
        self.desk.count()
        return {one.reason: one.n for one in self._book.refusals()}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    outbox = SqliteOutbox(tmp_path / "box.sqlite")
    yield Box(tmp_path, outbox)
    outbox.close()


def test_a_contact_starts_one_drill_and_the_next_nonce_is_given_out(box: Box) -> None:
    box.ask(box.desk.drills.nonce(7))
    assert box.errands.started == [("drill", "--json")]
    assert box.renewed == ["report"]
    assert box.refused == {}


def test_a_nonce_is_good_once_for_all_contacts(box: Box) -> None:
    nonce = box.desk.drills.nonce(7)
    box.ask(nonce)
    box.clock.advance(EVERY_S + 1)
    box.ask(nonce)
    box.ask(nonce, "musuko", OTHER)
    assert len(box.errands.started) == 1
    assert box.refused == {"replayed": 2}


def test_a_used_nonce_stays_used_as_long_as_it_is_known(box: Box) -> None:
    first, second = box.desk.drills.nonce(7), box.desk.drills.nonce(8)
    box.ask(second, sequence=8)
    box.ask(first)
    box.clock.advance(EVERY_S + 1)
    box.desk.drills.nonce(9)
    box.desk.drills.nonce(10)
    box.ask(second, sequence=8)
    box.ask(first)
    assert len(box.errands.started) == 1
    assert box.refused == {"replayed": 1, "unknown_nonce": 1}


def test_only_the_last_three_reports_count(box: Box) -> None:
    old, *_ = [box.desk.drills.nonce(sequence) for sequence in (7, 8, 9, 10)]
    box.ask(old)
    assert box.errands.started == []
    assert box.refused == {"unknown_nonce": 1}


def test_a_guess_a_stranger_another_key_and_another_unit_are_refused(box: Box) -> None:
    nonce = box.desk.drills.nonce(7)
    box.ask("a guess")
    box.ask(nonce, sequence=8)
    box.ask(nonce, id="alert-1")
    box.ask(nonce, "stranger")
    box.ask(nonce, key=OTHER)
    box.ask(nonce, unit="box-2")
    assert box.errands.started == []
    assert box.refused == {"unknown_nonce": 3, "unknown_contact": 1, "wrong_signature": 1, "wrong_unit": 1}


def test_there_is_at_most_one_drill_in_ten_minutes_whoever_asks(box: Box) -> None:
    for _ in range(3):
        box.ask(box.desk.drills.nonce(7))
    box.ask(box.desk.drills.nonce(7), "musuko", OTHER)
    assert (len(box.errands.started), len(box.renewed)) == (1, 1)
    box.clock.advance(EVERY_S + 1)
    box.ask(box.desk.drills.nonce(7), "musuko", OTHER)
    assert (len(box.errands.started), len(box.renewed)) == (2, 2)


def test_none_starts_during_a_call(box: Box) -> None:
    box.desk.drills.phone = lambda: PhoneState("listening")
    box.ask(box.desk.drills.nonce(7))
    assert box.errands.started == []


def test_a_drill_offers_none_and_hears_none(box: Box) -> None:
    nonce = box.desk.drills.nonce(7)
    box.desk = box.with_button(None, drill=True)
    assert box.desk.drills.nonce(7) == ""
    box.ask(nonce)
    assert (box.errands.started, box.refused) == ([], {})


@pytest.mark.broker
def test_the_report_of_health_offers_a_drill_and_once_more_after_it(desk: Table, mosquitto: Mosquitto) -> None:
    settings, drills, told = desk.settings(mosquitto.port), list[str](), list[wire.Health]()

    def start() -> bool:
        drills.append("drill")
        return True

    client = desk.contact(settings, on_health=told.append)
    desk.alerts(settings, start_drill=start).report(ReportHealth("deaf", "line"), 1_750_000_000.0)
    until(lambda: told, "the report")
    first = told[0]
    client._publish(
        reply_message(
            ContactSays(UNIT, "musume", ABOUT, first.sequence, "drill", first.drill_nonce, False), desk.contact_key
        )
    )
    until(lambda: drills, "the drill")
    until(lambda: client.health is not None and client.health.sequence > first.sequence, "the report again")
    assert client.health == replace(first, sequence=first.sequence + 1, drill_nonce=client.health.drill_nonce)
    assert client.health.drill_nonce not in ("", first.drill_nonce)
