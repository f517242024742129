"""`contacts`: who is told, on the box's side: list, pair, revoke, test."""

from __future__ import annotations

import argparse
import secrets
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path

from jwcrypto.jwk import JWK
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from denwaban.alert.apprise_sender import apprise_sender
from denwaban.alert.keys import UnitKey, public_text, thumbprint
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.notify import addresses, send_to_first, test_note
from denwaban.alert.pair_link import invite
from denwaban.alert.pairing import Invitation, new_code
from denwaban.alert.settings import Contact
from denwaban.alert.webpush import public_key
from denwaban.alerting import contacts_of, mqtt_settings, push_key, push_sender, start_alerts
from denwaban.cli.common import Commands, add_command, add_config, add_json, config_of, print_json
from denwaban.clock import SystemClock
from denwaban.config import Config
from denwaban.config_limits import MOST_TURNS
from denwaban.drill import lend_subscriptions
from denwaban.effects import SendAlert
from denwaban.errors import ConfigError, StoreError, WireError
from denwaban.events import Level
from denwaban.paths import database_path, unit_key_path
from denwaban.rules import parse_quiet_hours
from denwaban.store.contacts import ContactBook
from denwaban.store.outbox import SqliteOutbox
from denwaban.store.rows import PairedContact


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "contacts",
        "who is told: list, pair, revoke, test",
        "  denwaban contacts list\n  denwaban contacts pair daughter --role 娘さん\n"
        "  denwaban contacts test daughter\n  denwaban contacts revoke daughter",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listed = add_command(actions, "list", "all contacts, in the order in which they are told")
    add_json(listed)
    _register_pair(actions)
    revoked = add_command(
        actions,
        "revoke",
        "forget a contact: nothing more goes there, nothing is obeyed from there",
        description="For a contact whose phone is lost. The running box follows at once. Those of the configuration "
        "are taken out there.",
    )
    tested = add_command(
        actions,
        "test",
        "send a test message to one contact and wait for its receipt",
        description="Marked as a drill. Exit status 0 only when the contact's program has confirmed it; for a contact "
        "who gets notes only, when a service has taken one.",
    )
    tested.add_argument("--seconds", type=float, default=30.0, metavar="N", help="how long to wait (default 30)")
    for action, command in ((revoked, _revoke), (tested, _test)):
        action.add_argument("name", help="from `contacts list`")
        action.set_defaults(command=command)
    listed.set_defaults(command=_list)
    for action in (listed, revoked, tested):
        add_config(action)


def _register_pair(actions: Commands) -> None:
    paired = add_command(
        actions,
        "pair",
        "show a code by which a contact's program makes itself known",
        description="Shows a QR code and the same as an address, good for some minutes and for one contact. On the "
        "contact's side: `denwaban contact pair ADDRESS`. Show it to nobody else.",
    )
    paired.add_argument("name", help="an id for the contact, which the broker sees: letters, digits, hyphens")
    paired.add_argument("--role", default="", help="how the household calls this person, for example 娘さん")
    paired.add_argument("--detail", choices=["minimal", "words", "transcript"], default="transcript")
    paired.add_argument("--language", choices=["ja", "en"], default="ja")
    paired.add_argument("--hours", default="", metavar="HH:MM-HH:MM", help="told last outside these (Japanese time)")
    paired.add_argument("--turn", type=int, default=1, metavar="N", help="1: at once; 2: when nobody of 1 answers")
    paired.add_argument(
        "--broker-password",
        type=Path,
        metavar="FILE",
        help="its first line, the contact's password at the broker (user NAME), goes into the code",
    )
    paired.add_argument("--minutes", type=float, default=10.0, metavar="N", help="life of the code (default 10)")
    add_config(paired)
    paired.set_defaults(command=_pair)


def _list(options: argparse.Namespace) -> int:
    config = config_of(options)
    paired = {one.name for one in ContactBook(database_path(config)).contacts()}
    contacts = sorted(contacts_of(config)(), key=lambda one: one.turn)
    if options.json:
        for one in contacts:
            notes = {"notify_file": str(one.notify_file) if one.notify_file else None}
            print_json({**asdict(one), **notes, "paired": one.name in paired})
        return 0
    table = Table("name", "role", "turn", "detail", "notes", "hours", "language", "from")
    for one in contacts:
        origin = "pairing" if one.name in paired else "configuration"
        detail = one.detail if one.public_jwk else "none (no key)"
        told = (detail, "yes" if one.notify_file else "-")
        table.add_row(one.name, escape(one.role), str(one.turn), *told, one.hours, one.language, origin)
    Console().print(table)
    return 0


def _pair(options: argparse.Namespace) -> int:
    config = config_of(options)
    _check(options, config)
    config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    unit_key, mqtt = UnitKey.load_or_create(unit_key_path(config)), mqtt_settings(config)
    kid = thumbprint(unit_key.jwk)
    username, password = _access(options)
    invitation = Invitation(
        *(config.unit.name, kid, options.name, mqtt.host, mqtt.port, mqtt.tls, new_code()),
        websocket=config.alerts.websocket,
        username=username,
        password=password,
    )
    book, push = ContactBook(database_path(config)), push_key(config)
    known_by = public_key(push.jwk) if push is not None else ""
    limit_s = options.minutes * 60.0

    def keep(key: JWK) -> None:
        terms = (options.detail, options.language, options.hours, options.turn)
        book.put(PairedContact(options.name, options.role, public_text(key), *terms, SystemClock().wall()))

    def show() -> None:
        _show(invitation.url(config.alerts.page))

    if not invite(mqtt, invitation, unit_key, limit_s, show, keep, known_by):
        raise WireError(f"nobody came within {options.minutes:g} minutes; the code is no longer good")
    print(f"{options.name} is paired; try it:  denwaban contacts test {options.name}")
    return 0


def _access(options: argparse.Namespace) -> tuple[str, str]:
    """The contact's user and password at the broker, for the invitation."""
    if options.broker_password is None:
        return "", ""
    try:
        lines = options.broker_password.read_text("utf-8").splitlines()
    except OSError as error:
        raise ConfigError(
            "contacts pair", (f"--broker-password: {options.broker_password}: {error.strerror}",)
        ) from error
    return options.name, lines[0] if lines else ""


def _check(options: argparse.Namespace, config: Config) -> None:
    problems = []
    if not options.name or not all(c.isascii() and (c.isalnum() or c == "-") for c in options.name):
        problems.append(f"name: letters, digits and hyphens only, not {options.name!r}")
    if not 1 <= options.turn <= MOST_TURNS:
        problems.append(f"--turn: must be 1 to {MOST_TURNS}")
    if not config.alerts.host:
        problems.append("alerts.host: is empty; pairing goes through the broker")
    try:
        parse_quiet_hours(options.hours)
    except ValueError as error:
        problems.append(f"--hours: {error}")
    if problems:
        raise ConfigError("contacts pair", tuple(problems))


def _show(url: str) -> None:
    try:
        import segno  # noqa: PLC0415  # an optional dependency
    except ImportError:
        print("(no QR code: pip install 'denwaban[qr]')")
    else:
        segno.make(url, error="l").terminal(compact=True)
    print(url, flush=True)


def _revoke(options: argparse.Namespace) -> int:
    config = config_of(options)
    if any(contact.name == options.name for contact in config.contacts):
        raise ConfigError("contacts revoke", (f"{options.name} stands in [[contacts]]: take it out there",))
    if not ContactBook(database_path(config)).remove(options.name):
        raise StoreError(f"no contact is called {options.name!r}; `denwaban contacts list` names them")
    print(f"{options.name} is no longer a contact")
    return 0


def _test(options: argparse.Namespace) -> int:
    config = config_of(options)
    found = [one for one in contacts_of(config)() if one.name == options.name]
    if not found:
        raise StoreError(f"no contact is called {options.name!r}; `denwaban contacts list` names them")
    if found[0].notify_file is not None:
        send_to_first(apprise_sender(), addresses(found[0].notify_file), test_note(found[0].language))
        print(f"a service has taken a note for {options.name}; ask whether it has arrived")
    if found[0].public_jwk is None or not config.alerts.host:
        if found[0].notify_file is None:
            raise StoreError(f"{options.name} has no key, so it cannot confirm anything; pair it")
        return 0
    began = SystemClock().now()
    if not _confirmed(config, found[0], options.seconds):
        raise WireError(f"{options.name} did not confirm within {options.seconds:g} s: is its program running?")
    print(f"{options.name} confirmed after {SystemClock().now() - began:.1f} s")
    return 0


def _confirmed(config: Config, contact: Contact, limit_s: float) -> bool:
    confirmed = threading.Event()
    with tempfile.TemporaryDirectory(prefix="denwaban-test-") as folder:
        database = Path(folder) / "test.sqlite"
        outbox = SqliteOutbox(database)
        sink = MqttAlerts(
            settings=mqtt_settings(config),
            unit=config.unit.name,
            contacts=lambda: [contact],
            key=UnitKey.load_or_create(unit_key_path(config)),
            outbox=outbox,
            clock=SystemClock(),
            drill=True,
        )
        push = push_sender(config, SystemClock(), database)
        if push is not None:
            lend_subscriptions(config, database)
        start_alerts(sink, push, lambda _event: confirmed.set())
        try:
            test_id = f"test-{secrets.token_hex(6)}"
            sink.submit(SendAlert(test_id, "", "end", Level.QUIET, "test", 0.0, None, (), ()), SystemClock().wall())
            came = confirmed.wait(limit_s)
            if not came and (reason := sink.status().last_error):
                raise WireError(reason)
            return came
        finally:
            if push is not None:
                push.close()
            sink.close()
            outbox.close()
