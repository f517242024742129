"""Messages are offered again with growing waits, and silence moves on to the next contacts. Time is the test's."""

from __future__ import annotations

from denwaban.alert.patience import Offers, Turns
from denwaban.alert.settings import Patience

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
