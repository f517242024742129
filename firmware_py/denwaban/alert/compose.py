"""Which messages an alert becomes: one for each contact at its level of detail, then one for everybody."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from jwcrypto.jwk import JWK

from denwaban.alert import wire
from denwaban.alert.keys import read_public_key
from denwaban.alert.notify import alert_note, health_note, note_message
from denwaban.alert.outbox import Message
from denwaban.alert.patience import Turns
from denwaban.alert.settings import Contact
from denwaban.alert.webpush import MAX_PLAIN
from denwaban.effects import SendAlert
from denwaban.errors import DenwabanError, WireError
from denwaban.events import Reply
from denwaban.rules import parse_quiet_hours

_log = logging.getLogger(__name__)

OFF_HOURS_TURN: Final = 1000
"""Who does not want to be told at this hour is told last: when nobody else has answered."""


class Contacts:
    """The contacts as they are now. `look` is asked each time; where it fails, the last answer holds."""

    def __init__(self, look: Callable[[], Sequence[Contact]]) -> None:
        """Raises WireError when a contact's name or key cannot be used."""
        self._look = look
        self._known = tuple(_checked(contact) for contact in look())

    def now(self) -> Sequence[tuple[Contact, JWK | None]]:
        """Each contact with its public key, if it has one."""
        try:
            self._known = tuple(_checked(contact) for contact in self._look())
        except DenwabanError as error:
            _log.error("the contacts cannot be read; those known before are told: %s", error)
        return self._known

    def key_of(self, name: str) -> tuple[Contact, JWK] | None:
        """A contact with a key, by name."""
        return next(((contact, key) for contact, key in self.now() if contact.name == name and key), None)


def _checked(contact: Contact) -> tuple[Contact, JWK | None]:
    wire.checked_name(contact.name, "contact")
    if contact.public_jwk is None:
        return contact, None
    try:
        return contact, read_public_key(contact.public_jwk)
    except WireError as error:
        raise WireError(f"contact {contact.name!r}: {error}") from error


def turn_of(contact: Contact, at: float) -> int:
    """The contact's turn at that time (seconds since the epoch)."""
    hours = parse_quiet_hours(contact.hours)
    return contact.turn if hours is None or hours.contains(at) else OFF_HOURS_TURN + contact.turn


def _by_turn(contacts: Sequence[tuple[Contact, JWK | None]], began: float) -> list[tuple[int, Contact, JWK | None]]:
    """The contacts with their turn at the time of the alert's first message: they keep it though their hours end since,
    and what follows that message goes where it went."""
    return sorted(((turn_of(contact, began), contact, key) for contact, key in contacts), key=lambda one: one[0])


def compose(
    envelope: wire.Envelope,
    alert: SendAlert,
    contacts: Sequence[tuple[Contact, JWK | None]],
    unit_key: JWK,
    turns: Turns,
    now: float,
    *,
    began: float | None,
    can_cut: bool,
    broker: bool = True,
) -> list[Message]:
    """The messages in the order in which they leave: contacts are the ones in a hurry. Without a broker notes only."""
    public = wire.public_message(envelope, unit_key)
    at_turn = _by_turn(contacts, envelope.at if began is None else began)
    come, answered = turns.began(alert.alert_id, (turn for turn, _, _ in at_turn), now)
    messages = []
    for turn, contact, key in at_turn:
        if turn > come and answered:
            continue
        waits = turn if turn > come else 0
        if contact.notify_file is not None and envelope.event == "new":
            note = alert_note(alert, envelope.at, contact.language, drill=envelope.drill)
            messages.append(note_message(contact, note, waits))
        if not broker or (key is None and contact.notify_file is not None):
            continue
        topic = wire.contact_topic(envelope.unit, contact.name)
        if key is None:
            messages.append(Message(topic, public, contact.name, turn=waits))
            continue
        detail = wire.detail_of(alert, contact.detail, contact.language)
        receipt = secrets.token_urlsafe(16)
        choices = {reply: secrets.token_urlsafe(16) for reply in _replies(alert, can_cut=can_cut)}
        detail = replace(detail, receipt=receipt, choices=tuple(choices.items()))
        sealed = wire.contact_message(envelope, detail, unit_key, contact.name, key)
        given = tuple((nonce, reply) for reply, nonce in choices.items())
        push = wire.push_message(envelope, detail, unit_key, contact.name, key, MAX_PLAIN) if contact.push else None
        messages.append(Message(topic, sealed, contact.name, receipt, waits, given, push))
    return [*messages, Message(wire.alert_topic(envelope.unit), public)] if broker else messages


def compose_health(
    report: wire.Health, contacts: Sequence[tuple[Contact, JWK | None]], unit_key: JWK, *, broker: bool, notes: bool
) -> list[Message]:
    """The same for a report of health: `notes` to those who get some, and the report for everybody."""
    told = [contact for contact, _ in contacts if notes and contact.notify_file]
    messages = [note_message(contact, health_note(report.hearing, report.reason, contact.language)) for contact in told]
    public = Message(wire.health_topic(report.unit), wire.health_message(report, unit_key))
    return [*messages, public] if broker else messages


def _replies(alert: SendAlert, *, can_cut: bool) -> tuple[Reply, ...]:
    """What may be answered. While a call lasts it can be cut where the line is able to; else the household is asked."""
    if alert.category == "help":  # of the household itself, with or without a call
        return ("calling", "call_later")
    if alert.category == "test":
        return ()
    always: tuple[Reply, ...] = ("calling", "false_alarm", "call_later")
    if alert.event == "end":
        return always
    return (*always, "hang_up" if can_cut else "ask_hang_up")
