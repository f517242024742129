"""Wires the alert stage: broker, contacts, notes, push, Home Assistant. A part of `app.py`, which knows everyone."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, cast

from denwaban.alert.apprise_sender import apprise_sender
from denwaban.alert.desk import FamilyEvent
from denwaban.alert.home import CallState, Home, PhoneState
from denwaban.alert.keys import UnitKey
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.push import PushingAlerts, PushSender
from denwaban.alert.queued import QueuedAlerts
from denwaban.alert.settings import Contact, DetailLevel, Language, MqttSettings, Patience
from denwaban.config import Config, ContactConfig
from denwaban.drill_button import DrillButton
from denwaban.errands import Errands
from denwaban.errors import ConfigError
from denwaban.events import Level
from denwaban.paths import database_path, push_key_path, unit_key_path
from denwaban.phases import Phase, SessionState
from denwaban.ports import Clock
from denwaban.store.contacts import ContactBook
from denwaban.store.outbox import SqliteOutbox
from denwaban.store.push import PushBook

_log = logging.getLogger(__name__)

_POLITELY: Final = ("nice", "-n", "10", sys.executable, "-m", "denwaban")
"""The box at work comes first."""


def mqtt_settings(config: Config) -> MqttSettings:
    """How to reach the broker."""
    alerts = config.alerts
    return MqttSettings(
        host=alerts.host,
        port=alerts.port,
        protocol=alerts.protocol,
        username=alerts.username or None,
        password_file=Path(alerts.password_file) if alerts.password_file else None,
        tls=bool(alerts.tls_ca or alerts.tls_cert),
        ca_file=Path(alerts.tls_ca) if alerts.tls_ca not in ("", "system") else None,
        cert_file=Path(alerts.tls_cert) if alerts.tls_cert else None,
        key_file=Path(alerts.tls_key) if alerts.tls_key else None,
    )


def phone_state(state: SessionState) -> PhoneState:
    """What Home Assistant is shown of the session."""
    return PhoneState(_CALL_STATES[state.phase], state.call.level if state.call else Level.QUIET)


_CALL_STATES: Final[dict[Phase, CallState]] = {
    Phase.IDLE: "idle",
    Phase.RINGING: "ringing",
    Phase.LEFT_ALONE: "left_alone",
    Phase.ANSWERING: "screening",
    Phase.REFUSING: "screening",
    Phase.ANNOUNCING: "screening",
    Phase.AWAITING_HANDSET: "screening",
    Phase.INVITING: "screening",
    Phase.JOINING: "listening",
    Phase.TALKING: "listening",
    Phase.RELEASING: "ending",
}


def _drill_button(clock: Clock, config_file: Path | None) -> DrillButton:
    options = () if config_file is None else ("--config", str(config_file))
    return DrillButton(clock, Errands(_POLITELY, options, clock.wall))


def _home(config: Config, button: DrillButton) -> Home:
    marker = config.data_dir / "home-assistant"
    return Home(config.unit.name, marker, shown=config.alerts.home_assistant, start_drill=button.press)


def alerts_of(
    config: Config, clock: Clock, config_file: Path | None, *, drill: bool, can_cut: bool
) -> MqttAlerts | None:
    """Who tells the family; None where nobody can be told. `config_file`: for drills that are asked for from afar.

    Raises DenwabanError."""
    if not tells_anybody(config):
        _log.warning("no broker is configured ([alerts] host): the household is warned, the family is not")
        return None
    button = None if drill else _drill_button(clock, config_file)
    return MqttAlerts(
        settings=mqtt_settings(config),
        unit=config.unit.name,
        contacts=reachable_contacts(config),
        key=UnitKey.load_or_create(unit_key_path(config)),
        outbox=SqliteOutbox(database_path(config)),
        clock=clock,
        drill=drill,
        can_cut=can_cut,
        patience=Patience(receipt_s=config.alerts.receipt_s, reply_s=config.alerts.reply_s),
        home=None if button is None else _home(config, button),
        start_drill=button.press if button is not None and config_file is not None else None,
        send_note=apprise_sender() if any(contact.notify_file for contact in config.contacts) else None,
    )


def tells_anybody(config: Config) -> bool:
    """There is a way out of the house: a broker, or a contact who gets notes."""
    return bool(config.alerts.host or any(contact.notify_file for contact in config.contacts))


def reachable_contacts(config: Config) -> Callable[[], Sequence[Contact]]:
    """The contacts who can be told. As `contacts_of`."""
    look = contacts_of(config)
    if config.alerts.host:
        return look
    return lambda: [contact for contact in look() if contact.notify_file is not None]


def push_key(config: Config) -> UnitKey | None:
    """None where the family has no page to be woken."""
    return UnitKey.load_or_create(push_key_path(config)) if config.alerts.page else None


def push_sender(config: Config, clock: Clock, database: Path) -> PushSender | None:
    """Wakes contacts whose page is closed; None where the family has no page."""
    key = push_key(config)
    return None if key is None else PushSender(PushBook(database), key, config.alerts.page, clock)


def start_alerts(
    alerts: MqttAlerts | None,
    push: PushSender | None,
    tell: Callable[[FamilyEvent], None] = lambda _event: None,
    phone: Callable[[], PhoneState] = PhoneState,
) -> None:
    """Begin to deliver, both ways."""
    if push is not None:
        push.start()
    if alerts is not None:
        alerts.start(tell, push.subscribe if push is not None else lambda _subscription: None, phone)


def queued_alerts(alerts: MqttAlerts | None, push: PushSender | None) -> QueuedAlerts | None:
    """What the main loop hands alerts to: it never waits."""
    if alerts is None:
        return None
    return QueuedAlerts(alerts if push is None else PushingAlerts(alerts, push))


def contacts_of(config: Config) -> Callable[[], Sequence[Contact]]:
    """The contacts: those of the configuration and those paired by now. Raises ConfigError now, StoreError later."""
    configured = {contact.name: _contact(contact) for contact in config.contacts}
    book = ContactBook(database_path(config))

    def now() -> Sequence[Contact]:
        paired = (
            Contact(
                *(one.name, one.role, one.public_jwk),
                detail=cast(DetailLevel, one.detail),
                language=cast(Language, one.language),
                hours=one.hours,
                notify_file=configured[one.name].notify_file if one.name in configured else None,
                turn=one.turn,
                push=one.push,
            )
            for one in book.contacts()
        )
        return tuple({**configured, **{contact.name: contact for contact in paired}}.values())

    return now


def _contact(contact: ContactConfig) -> Contact:
    key = None
    if contact.key_file:
        try:
            key = Path(contact.key_file).read_text("utf-8")
        except OSError as error:
            where = f"contacts.key_file: {contact.key_file}: {error.strerror}"
            raise ConfigError("configuration", (where,)) from error
    return Contact(
        *(contact.name, contact.role, key),
        detail=contact.detail,
        language=contact.language,
        hours=contact.hours,
        notify_file=Path(contact.notify_file) if contact.notify_file else None,
        turn=contact.turn,
    )
