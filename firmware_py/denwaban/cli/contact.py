"""`contact`: the contact's side, for the command line: pair, listen, reply."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, get_args

import platformdirs

from denwaban.alert.contact import ContactClient, send_answer
from denwaban.alert.memory import ContactMemory, ReceivedAlert
from denwaban.alert.pair_link import accept
from denwaban.alert.pairing import read_invitation
from denwaban.alert.profile import Profile, load_profile
from denwaban.alert.settings import MqttSettings
from denwaban.alert.wire import Reader
from denwaban.cli.common import Commands, add_command, add_json, print_json
from denwaban.errors import StoreError, WireError
from denwaban.events import Reply

_TIMEOUT_S: Final = 30.0


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "contact",
        "the contact's side: pair, listen, reply",
        "  denwaban contact pair 'denwaban:pair?…'\n  denwaban contact listen\n  denwaban contact reply calling",
        "A contact's program for the command line. It confirms every alert it shows.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    paired = add_command(actions, "pair", "make a key pair and exchange keys with the box that shows the address")
    paired.add_argument("url", help="the whole address, in quotes")
    paired.add_argument("--ca", type=Path, metavar="FILE", help="authority of the broker (default: the system's)")
    paired.add_argument("--username", help="this contact's user at the broker")
    paired.add_argument("--password-file", type=Path, metavar="FILE", help="its first line is the password")
    listened = add_command(actions, "listen", "show alerts as they come, until interrupted")
    listened.add_argument("--reply", choices=get_args(Reply), help="answer every new alert with this")
    add_json(listened)
    replied = add_command(actions, "reply", "answer an alert")
    replied.add_argument("reply", choices=get_args(Reply))
    replied.add_argument("--alert", metavar="ID", help="default: the last one")
    default = Path(platformdirs.user_data_dir("denwaban")) / "contact"
    for action, command in ((paired, _pair), (listened, _listen), (replied, _reply)):
        action.add_argument("--profile", type=Path, default=default, metavar="DIR", help="folder of keys and alerts")
        action.set_defaults(command=command)


def _profile(folder: Path) -> Path:
    return folder / "profile.json"


def _memory(folder: Path) -> ContactMemory:
    return ContactMemory(folder / "received.sqlite")


def _pair(options: argparse.Namespace) -> int:
    invitation = read_invitation(options.url)
    settings = MqttSettings(
        host=invitation.host,
        port=invitation.port,
        username=options.username,
        password_file=options.password_file.absolute() if options.password_file else None,
        tls=invitation.tls,
        ca_file=options.ca.absolute() if options.ca else None,
    )
    key, unit_key = accept(settings, invitation, _TIMEOUT_S)
    Profile(Reader(invitation.unit, unit_key, invitation.contact, key), settings).save(_profile(options.profile))
    print(f"paired with {invitation.unit} as {invitation.contact}; now:  denwaban contact listen")
    return 0


def _listen(options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    profile = load_profile(_profile(options.profile))
    memory = _memory(options.profile)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())

    def show(alert: ReceivedAlert) -> Reply | None:
        if options.json:
            print_json(asdict(alert))
        else:
            print(_text(alert), flush=True)
        wanted: Reply | None = options.reply if alert.event == "new" else None
        return wanted if wanted in dict(alert.choices) else None

    client = ContactClient(profile.settings, profile.reader, show, memory=memory)
    client.start()
    try:
        while not client.wait_subscribed(1.0) and not ended.is_set():
            pass
        if options.json:
            print_json({"event": "listening"})
        else:
            print(f"listening for alerts of {profile.reader.unit}; Ctrl-C ends", flush=True)
        ended.wait()
    finally:
        client.close()
        memory.close()
    return 0


def _reply(options: argparse.Namespace) -> int:
    profile, memory = load_profile(_profile(options.profile)), _memory(options.profile)
    alert = memory.latest(options.alert)
    memory.close()
    if alert is None:
        raise StoreError("no such alert was received; `denwaban contact listen` shows them")
    settings = replace(profile.settings, protocol="3.1.1")
    try:
        sent = send_answer(settings, profile.reader, alert, options.reply, _TIMEOUT_S)
    except OSError as error:
        raise WireError(f"{settings.host}:{settings.port}: {error}") from error
    if not sent:
        raise WireError("the broker did not take the answer; try again, or telephone")
    print(f"sent: {options.reply}")
    return 0


def _text(alert: ReceivedAlert) -> str:
    when = datetime.fromtimestamp(alert.at, UTC).astimezone().strftime("%H:%M:%S")
    lines = [f"{'[drill] ' if alert.drill else ''}{when}  {alert.level} {alert.event}  {alert.id}"]
    if alert.detailed:
        lines.append(f"  {alert.kind}   {alert.number or alert.absence or ''}")
        lines += [f"  「{phrase}」" for phrase in alert.evidence]
        lines += [f"    {side}: {text}" for side, text in alert.transcript]
        lines.append(f"  {alert.advice}")
    if alert.choices:
        lines.append(f"  denwaban contact reply {{{','.join(dict(alert.choices))}}}")
    return "\n".join(lines)
