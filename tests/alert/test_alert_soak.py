"""Everything goes wrong, again and again and in any order: still every alert is shown, and once. Real Mosquitto."""

from __future__ import annotations

import random
import threading
from collections import Counter

import pytest

from denwaban.alert.contact import ContactClient
from denwaban.alert.memory import ContactMemory
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.settings import Patience
from denwaban.store.contacts import ContactBook
from tests.alert.alert_desk import Desk, an_alert
from tests.alert.bad_link import BadLink
from tests.fixtures_broker import Mosquitto, until

pytestmark = pytest.mark.broker
STEPS = 25
HASTY = Patience(receipt_s=0.4, reply_s=0.4, longest_s=2.0, offers=1000)


class World:
    """A box, a contact, a broker and the ways between them, with everything that may happen to them."""

    def __init__(self, desk: Desk, broker: Mosquitto, chance: random.Random) -> None:
        self._desk, self._broker, self._chance = desk, broker, chance
        self._pause = threading.Event()
        self._near, self._far = BadLink(broker.port), BadLink(broker.port)
        for link in (self._near, self._far):
            desk.stack.callback(link.close)
        self._memory = ContactMemory(desk.folder / "phone.sqlite")
        desk.stack.callback(self._memory.close)
        self._box, self._contact = self._new_box(), self._new_contact()
        self.decided = 0
        self.happened: list[str] = []

    def step(self) -> None:
        """Something happens; most often an alert."""
        events = [self.alert] * 6 + [
            self.broker_dies,
            self.broker_restarts,
            self.box_restarts,
            self.contact_restarts,
            self.silence,
            self.way_is_cut,
        ]
        event = self._chance.choice(events)
        self.happened.append(event.__name__)
        event()
        self._pause.wait(self._chance.choice((0.0, 0.02, 0.2)))

    def alert(self) -> None:
        self.decided += 1
        self._box.submit(an_alert(self.decided), float(self.decided))

    def broker_dies(self) -> None:
        self._broker.kill()
        self._broker.start()

    def broker_restarts(self) -> None:
        self._broker.stop()
        self._broker.start()

    def box_restarts(self) -> None:
        self._box.close()
        self._box = self._new_box()

    def contact_restarts(self) -> None:
        self._contact.close()
        self._contact = self._new_contact()

    def silence(self) -> None:
        """A way swallows what goes over it; connections of that time never work again."""
        link = self._chance.choice((self._near, self._far))
        link.swallows = True
        self._pause.wait(self._chance.random() * 0.3)
        link.swallows = False

    def way_is_cut(self) -> None:
        link = self._chance.choice((self._near, self._far))
        link.connections, link.cut_after = 0, self._chance.randrange(1, 4000)

    def heal(self) -> None:
        for link in (self._near, self._far):
            link.cut_after, link.swallows = None, False
        self.contact_restarts()
        self.box_restarts()

    def _new_box(self) -> MqttAlerts:
        return self._desk.alerts(self._desk.settings(self._near.port, keepalive_s=1), patience=HASTY)

    def _new_contact(self) -> ContactClient:
        reader = self._desk.reader()
        settings = self._desk.settings(self._far.port, keepalive_s=1)
        client = ContactClient(settings, reader, self._desk.received.append, memory=self._memory)
        client.start()
        self._desk.stack.callback(client.close)
        return client


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_every_alert_is_shown_once(desk: Desk, mosquitto: Mosquitto, seed: int) -> None:
    world = World(desk, mosquitto, random.Random(seed))
    for _ in range(STEPS):
        world.step()
    world.heal()
    book = ContactBook(desk.folder / "calls.sqlite")

    def all_received() -> bool:
        return all(row.ended == ("received" if row.contact else "sent") for row in book.deliveries())

    until(all_received, f"every receipt after {world.happened}", 120)
    shown = Counter(alert.id for alert in desk.received)
    assert shown == {f"alert-{n}": 1 for n in range(1, world.decided + 1)}, world.happened
