"""Messages are offered again with growing waits, and silence moves on to the next contacts. Time is the test's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from denwaban.alert.keys import UnitKey, new_private_key, public_text
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.patience import Offers, Turns
from denwaban.alert.settings import Contact, MqttSettings, Patience
from denwaban.store.outbox import SqliteOutbox
from denwaban.store.reading import CallReader
from tests.alert.alert_desk import an_alert
from tests.fakes.ports import FakeClock

PATIENCE = Patience(receipt_s=30.0, reply_s=120.0, longest_s=600.0, offers=8)


def test_the_wait_for_a_receipt_doubles_up_to_the_longest() -> None:
    offers, now, waits = Offers((), 0.0, PATIENCE), 0.0, []
    for _ in range(7):
        offers.sent(1, now)
        before = now
        while not offers.due(now):
            now += 1.0
        waits.append(now - before)
    assert waits == [30.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0]


def test_a_message_is_given_up_after_so_many_offers_and_never_before_the_broker_took_it() -> None:
    offers = Offers([(1, 0), (2, 7)], 0.0, PATIENCE)
    assert offers.hopeless(1e9) == []
    offers.sent(2, 100.0)
    assert offers.hopeless(101.0) == [], "the last offer has its time, too"
    assert offers.hopeless(1e9) == [2]
    assert list(offers.due(1e9)) == [1]


def test_a_received_message_is_never_offered_again() -> None:
    offers = Offers([(1, 1), (2, 1)], 0.0, PATIENCE)
    offers.done(1)
    assert list(offers.due(31.0)) == [2]


def test_a_broker_that_forgot_is_told_everything_at_once() -> None:
    offers = Offers((), 0.0, PATIENCE)
    for seq in (5, 3, 4):
        offers.sent(seq, 0.0)
    assert list(offers.due(1.0)) == []
    offers.all_now()
    assert list(offers.due(1.0)) == [3, 4, 5]


def test_without_receipt_the_next_turn_comes_soon_and_with_one_there_is_time_to_answer() -> None:
    turns = Turns(PATIENCE)
    assert turns.began("silent", (1, 2, 3), 0.0) == (1, False)
    assert turns.began("seen", (1, 2, 3), 0.0) == (1, False)
    turns.received("seen")
    assert turns.due(29.0) == []
    assert turns.due(30.0) == [("silent", 2)]
    assert turns.due(60.0) == [("silent", 3)]
    assert turns.due(120.0) == [("seen", 2)]
    assert turns.due(150.0) == [("seen", 3)], "each turn has its own time"
    assert turns.due(1e9) == []


def test_an_answer_ends_the_climb_and_later_news_knows_it() -> None:
    turns = Turns(PATIENCE)
    turns.began("a", (1, 2), 0.0)
    turns.answered("a")
    assert turns.due(1e9) == []
    assert turns.began("a", (1, 2), 5.0) == (1, True)


def test_who_can_only_call_later_passes_it_on_at_once() -> None:
    turns = Turns(PATIENCE)
    turns.began("a", (1, 2), 0.0)
    turns.received("a")
    turns.hurry("a")
    assert turns.due(1.0) == [("a", 2)]
    assert turns.began("a", (1, 2), 2.0) == (2, False), "news of it goes to both turns"


def test_turns_that_waited_when_the_box_stopped_come_after_it_starts() -> None:
    turns = Turns(PATIENCE)
    turns.resumed([("a", 2), ("a", 3)], 1000.0)
    assert turns.due(1029.0) == []
    assert turns.due(1030.0) == [("a", 2)]
    assert turns.due(1060.0) == [("a", 3)]


def test_a_turn_that_came_up_during_the_alert_comes_to_its_end_too() -> None:
    turns = Turns(PATIENCE)
    turns.began("a", (1,), 0.0)
    assert turns.began("a", (1, 5), 10.0) == (1, False)
    assert turns.due(29.0) == []
    assert turns.due(30.0) == [("a", 5)]
    assert turns.due(1e9) == []


def test_an_alert_that_begins_without_contacts_begins_anew_with_the_first_of_them() -> None:
    turns = Turns(PATIENCE)
    assert turns.began("a", (), 0.0) == (0, False)
    assert turns.began("a", (3, 4), 60.0) == (3, False)
    assert turns.due(90.0) == [("a", 4)]


def test_who_was_told_before_the_box_stopped_need_not_wait_after_it_starts() -> None:
    turns = Turns(PATIENCE)
    turns.resumed([("a", 1001), ("a", 3)], 1000.0)
    assert turns.began("a", (1, 2, 3, 1001), 1001.0) == (2, False)
    assert turns.due(1030.0) == [("a", 3)]
    assert turns.due(1060.0) == [("a", 1001)]


# --- a contact whose hours end while an alert lasts ------------------------------------------------------------------

_BEFORE_TEN = datetime(2026, 11, 26, 21, 59, 30, tzinfo=timezone(timedelta(hours=9))).timestamp()
"""Half a minute before ten in the evening in Japan."""


@dataclass
class Evening:
    """A box without a network, a daughter to be told until ten in the evening, and perhaps a son, told at any hour."""

    folder: Path
    son: bool = False

    def __post_init__(self) -> None:
        self.disk = SqliteOutbox(self.folder / "box.sqlite")
        keys = [public_text(new_private_key()) for _ in range(2)]
        self.contacts = [Contact("musume", "娘さん", keys[0], hours="07:00-22:00")]
        if self.son:
            self.contacts.append(Contact("musuko", "息子さん", keys[1]))
        self.start()

    def start(self) -> None:
        """As after a restart; the clock begins at nought again."""
        self.clock = FakeClock()
        self.alerts = MqttAlerts(
            settings=MqttSettings(),
            unit="box-1",
            contacts=lambda: self.contacts,
            key=UnitKey(new_private_key()),
            outbox=self.disk,
            clock=self.clock,
            patience=PATIENCE,
        )
        self.alerts._desk.resume()

    def waiting(self, contact: str) -> list[int]:
        """The counters of what may go to the contact now."""
        sql = "SELECT sequence FROM outbox WHERE contact = ? AND turn = 0 AND ended IS NULL ORDER BY seq"
        return [sequence for (sequence,) in self.disk._connection.execute(sql, (contact,))]


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[Evening]:
    made = Evening(tmp_path)
    yield made
    made.disk.close()


@pytest.mark.parametrize("restarted", [False, True])
def test_what_follows_a_message_goes_to_the_contact_though_her_hours_have_ended(
    evening: Evening, restarted: bool
) -> None:
    evening.alerts.submit(an_alert(1), _BEFORE_TEN)
    if restarted:
        evening.start()
    evening.alerts.submit(an_alert(1, "update"), _BEFORE_TEN + 60.0)
    evening.alerts.submit(an_alert(1, "end"), _BEFORE_TEN + 300.0)
    assert evening.waiting("musume") == [1, 2, 3]
    assert evening.disk.waiting() == ()


@pytest.mark.parametrize("restarted", [False, True])
def test_what_follows_a_message_that_waits_goes_with_it_though_the_hours_have_begun(
    tmp_path: Path, restarted: bool
) -> None:
    evening = Evening(tmp_path, son=True)
    early = _BEFORE_TEN + 9 * 3600.0  # 06:59:30
    evening.alerts.submit(an_alert(1), early)
    if restarted:
        evening.start()
    evening.alerts.submit(an_alert(1, "end"), early + 60.0)
    assert evening.waiting("musuko") == [1, 2]
    assert evening.waiting("musume") == []
    assert CallReader(tmp_path / "box.sqlite").pending_alerts() == evening.disk.pending_count(early) == 4
    evening.clock.advance(31.0)
    assert evening.alerts._desk.tick()
    assert evening.waiting("musume") == [1, 2]
    assert CallReader(tmp_path / "box.sqlite").pending_alerts() == evening.disk.pending_count(early) == 6
    evening.disk.close()
