"""The box knows whether there is anybody to tell, also when that changes while it runs."""

from __future__ import annotations

from pathlib import Path

from denwaban.alert.compose import Contacts
from denwaban.alert.desk import Desk, FamilyEvent
from denwaban.alert.outbox import SpillingOutbox
from denwaban.alert.settings import Contact, Patience
from denwaban.events import ContactsChanged
from denwaban.store.outbox import SqliteOutbox
from tests.fakes.ports import FakeClock


def test_the_first_contact_that_pairs_and_the_last_one_that_goes_are_noticed(tmp_path: Path) -> None:
    contacts: list[Contact] = []
    told: list[FamilyEvent] = []
    clock, outbox = FakeClock(), SqliteOutbox(tmp_path / "box.sqlite")
    desk = Desk("box-1", Contacts(lambda: contacts), SpillingOutbox(outbox), clock, Patience(), drill=False)
    desk.tell = told.append
    for now_there in ([], [Contact("musume")], [Contact("musume"), Contact("musuko")], []):
        contacts[:] = now_there
        clock.advance(10.0)
        desk.tick()
    outbox.close()
    assert told == [ContactsChanged(anybody=True), ContactsChanged(anybody=False)]
