"""What is pushed hangs on the message it goes with: its turn, its receipt, its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from denwaban.alert.outbox import Message
from denwaban.events import Level
from denwaban.store.contacts import ContactBook
from denwaban.store.outbox import SqliteOutbox
from denwaban.store.push import PushBook
from denwaban.store.rows import PairedContact, StoredSubscription

AT = 1_750_000_000.0
MUSUME = StoredSubscription("musume", "https://push.example/1", "key", "auth", 1000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


@pytest.fixture
def outbox(path: Path) -> Iterator[SqliteOutbox]:
    outbox = SqliteOutbox(path)
    yield outbox
    outbox.close()


@pytest.fixture
def book(path: Path, outbox: SqliteOutbox) -> Iterator[PushBook]:
    book = PushBook(path)
    book.subscribe(MUSUME)
    yield book
    book.close()


def put(outbox: SqliteOutbox, sequence: int, *, alert: str = "alert-1", contact: str = "musume", turn: int = 0) -> None:
    message = Message(f"to/{contact}", b"whole", contact, f"receipt-{sequence}", turn, push=b"push %d" % sequence)
    outbox.put(
        **{"alert_id": alert, "event": "new", "level": Level.ALERT, "sequence": sequence},
        **{"messages": [message], "created_at": AT, "expires_at": None},
    )


def due(book: PushBook) -> list[bytes]:
    return [row.message for row in book.due(AT - 1)]


def test_only_the_newest_of_an_alert_is_pushed_and_what_came_before_is_done_with_it(
    book: PushBook, outbox: SqliteOutbox
) -> None:
    put(outbox, 1)
    put(outbox, 2)
    put(outbox, 3, alert="alert-2")
    first, second = book.due(AT - 1)
    assert (first.message, first.subscription) == (b"push 2", MUSUME)
    assert (second.message, second.alert_id) == (b"push 3", "alert-2")
    book.done(first.seq)
    assert due(book) == [b"push 3"]


def test_what_comes_while_a_push_is_under_way_stays_due(book: PushBook, outbox: SqliteOutbox) -> None:
    put(outbox, 1)
    (row,) = book.due(AT - 1)
    put(outbox, 2)
    book.done(row.seq)
    assert due(book) == [b"push 2"]


def test_a_contact_whose_turn_has_not_come_is_not_woken(book: PushBook, outbox: SqliteOutbox) -> None:
    put(outbox, 1, turn=2)
    assert due(book) == []
    outbox.release("alert-1", 2)
    assert due(book) == [b"push 1"]


def test_a_receipt_ends_the_pushing(book: PushBook, outbox: SqliteOutbox) -> None:
    put(outbox, 1)
    assert outbox.receive("musume", "alert-1", 1, "receipt-1", AT) is not None
    assert due(book) == []


def test_what_is_older_than_asked_for_is_not_pushed(book: PushBook, outbox: SqliteOutbox) -> None:
    put(outbox, 1)
    assert list(book.due(AT)) == []


def test_a_subscription_that_is_sent_again_does_not_replace_a_later_one(book: PushBook, path: Path) -> None:
    later = StoredSubscription("musume", "https://push.example/2", "key", "auth", 2000)
    book.subscribe(later)
    book.subscribe(MUSUME)
    assert ContactBook(path).subscriptions() == (later,)
    book.unsubscribe("musume", MUSUME.endpoint)
    assert ContactBook(path).subscriptions() == (later,)
    book.unsubscribe("musume", later.endpoint)
    assert ContactBook(path).subscriptions() == ()


def test_a_contact_on_another_telephone_and_one_who_is_revoked_are_woken_no_more(book: PushBook, path: Path) -> None:
    contacts = ContactBook(path)
    contact = PairedContact("musume", "娘さん", "{}", "words", "ja", "", 1, AT)
    contacts.put(contact)
    assert not contacts.contacts()[0].push
    book.subscribe(MUSUME)
    assert contacts.contacts()[0].push
    assert contacts.remove("musume")
    assert contacts.subscriptions() == ()


def test_words_of_a_push_do_not_stay_in_the_file(book: PushBook, outbox: SqliteOutbox, path: Path) -> None:
    put(outbox, 1)
    outbox.give_up(book.due(AT - 1)[0].seq)
    book.close()
    outbox.close()
    assert b"push 1" not in path.read_bytes()
