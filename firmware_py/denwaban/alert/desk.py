"""Takes what contacts send: receipts, answers, that a drill is wanted. What is not genuine, fresh and asked for is
counted, not obeyed."""

from __future__ import annotations

import logging
import math
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final

from denwaban.alert.compose import Contacts
from denwaban.alert.drill_offers import DrillOffers
from denwaban.alert.outbox import SpillingOutbox
from denwaban.alert.patience import Offers, Turns
from denwaban.alert.replies import ContactSays, Refused, read_reply
from denwaban.alert.settings import Contact, Patience
from denwaban.alert.webpush import Subscription, is_subscription, read_subscription
from denwaban.events import ContactsChanged, FamilyAnswered, FamilyTold, Reply
from denwaban.ports import Clock

_log = logging.getLogger(__name__)

_REMEMBERED: Final = 500
_LOOK_EVERY_S: Final = 5.0
"""How soon a contact who pairs first is known to the household's warnings and button."""
_COUNT_EVERY_S: Final = 5.0
"""Refusals are written down at most so often: a flood of them must not wear out the card."""

FamilyEvent = FamilyTold | FamilyAnswered | ContactsChanged


class Desk:
    """One unit's desk for messages of its contacts. For the alerts thread; `sent` may be called from any."""

    def __init__(
        self,
        unit: str,
        contacts: Contacts,
        outbox: SpillingOutbox,
        clock: Clock,
        patience: Patience,
        *,
        drill: bool,
        start_drill: Callable[[], bool] | None = None,
    ) -> None:
        self._unit = unit
        self._contacts = contacts
        self._outbox = outbox
        self._clock = clock
        self._patience = patience
        self._drill = drill
        self._started = clock.now()
        self._sent_at: OrderedDict[str, float] = OrderedDict()
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._refused: Counter[str] = Counter()
        self._count_due = 0.0
        self._anybody = bool(contacts.now())
        self._look_due = 0.0
        self.turns = Turns(patience)
        self.drills = DrillOffers(start_drill)
        self.offers = Offers((), self._started, patience)
        self.tell: Callable[[FamilyEvent], None] = lambda _event: None
        self.subscribe: Callable[[Subscription], None] = lambda _subscription: None

    def resume(self) -> None:
        """Take up what an earlier run of the program left."""
        now = self._clock.now()
        self.offers = Offers(self._outbox.unreceived(), now, self._patience)
        self.turns.resumed(self._outbox.waiting(), now)

    def sent(self, alert_id: str) -> None:
        """An alert goes out now; its choices are fresh from here on."""
        self._sent_at[alert_id] = self._clock.now()
        if len(self._sent_at) > _REMEMBERED:
            self._sent_at.popitem(last=False)

    def tick(self) -> bool:
        """Whatever is due by the clock; True when messages have come to their turn."""
        now = self._clock.now()
        for seq in self.offers.hopeless(now):
            _log.error("a contact has not confirmed a message in %d offers; it is given up", self._patience.offers)
            self._outbox.give_up(seq)
            self.offers.done(seq)
        if self._refused and now >= self._count_due:
            self.count()
        if now >= self._look_due:
            self._look_due = now + _LOOK_EVERY_S
            self._look()
        come = self.turns.due(now)
        for alert_id, turn in come:
            _log.warning("nobody has answered an alert; the next contacts are told")
            self._outbox.release(alert_id, turn)
        return bool(come)

    def _look(self) -> None:
        anybody = bool(self._contacts.now())
        if anybody != self._anybody:
            self._anybody = anybody
            self.tell(ContactsChanged(anybody))

    def count(self) -> None:
        """Write down what was refused."""
        if self._refused:
            self._outbox.refused(dict(self._refused), self._clock.wall())
            self._refused.clear()
            self._count_due = self._clock.now() + _COUNT_EVERY_S

    def take(self, topic: str, payload: bytes) -> None:
        """A message came on the topic of a contact."""
        try:
            found = self._contacts.key_of(topic.rpartition("/")[2])
            if found is None:
                raise Refused("unknown_contact")
            contact, key = found
            if is_subscription(payload):
                self.subscribe(read_subscription(payload, self._unit, contact.name, key))
                return
            says = read_reply(payload, self._unit, contact.name, key)
            if says.drill != self._drill:
                return  # a drill and the box at work share the topic
            match says.said:
                case "received":
                    self._received(contact, says)
                case "drill":
                    self.drills.obey(says)
                case reply:
                    self._answered(contact, says, reply)
        except Refused as refused:
            self._refused[refused.why] += 1
            _log.warning("%s", refused)

    def _received(self, contact: Contact, says: ContactSays) -> None:
        receipt = (contact.name, says.id, says.sequence, says.nonce)
        seq = self._outbox.receive(*receipt, self._clock.wall())
        if seq is None:
            if not self._outbox.knows_receipt(*receipt):
                raise Refused("unknown_nonce")
            return  # a contact confirms again what it gets again
        self.offers.done(seq)
        self.turns.received(says.id)
        if self._first(contact.name, says.id):
            self.tell(FamilyTold(says.id, contact.role, self._known_age(says.id)))

    def _answered(self, contact: Contact, says: ContactSays, reply: Reply) -> None:
        choice = self._outbox.choice(says.nonce)
        if choice is None or choice[:3] != (says.id, contact.name, reply):
            raise Refused("unknown_nonce")
        if choice[3]:
            raise Refused("replayed")
        if self._age(says.id) > self._patience.choices_s:
            raise Refused("stale")
        if not self._outbox.use_choice(says.nonce, self._clock.wall()):
            raise Refused("replayed")
        if reply == "call_later":
            self.turns.hurry(says.id)
        else:
            self.turns.answered(says.id)
            self._outbox.withdraw(says.id)
        self.tell(FamilyAnswered(says.id, contact.role, reply, self._known_age(says.id)))

    def _first(self, contact: str, alert_id: str) -> bool:
        if (contact, alert_id) in self._told:
            return False
        self._told[contact, alert_id] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return True

    def _age(self, alert_id: str) -> float:
        """Of an alert of an earlier run it is only known that it is older than this run."""
        return self._clock.now() - self._sent_at.get(alert_id, self._started)

    def _known_age(self, alert_id: str) -> float:
        """For what is spoken in the room: of an alert of an earlier run nothing is said, it may be days old."""
        return self._age(alert_id) if alert_id in self._sent_at else math.inf
