"""`alerts`: what became of the alerts; who was told, who confirmed, who answered."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from denwaban.cli.common import Commands, add_command, add_config, add_json, config_of, print_json
from denwaban.errors import StoreError
from denwaban.paths import database_path
from denwaban.store.contacts import ContactBook
from denwaban.store.rows import Delivery


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "alerts",
        "list alerts, or show who was told and who answered",
        "  denwaban alerts list\n  denwaban alerts show 68f1c2-1 --json",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listed = add_command(actions, "list", "the latest alerts, newest first, and how many messages were refused")
    listed.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default 20)")
    shown = add_command(actions, "show", "every message of one alert, and the answers to it")
    shown.add_argument("id", help="an alert's id, from `alerts list`")
    for action, command in ((listed, _list), (shown, _show)):
        add_config(action)
        add_json(action)
        action.set_defaults(command=command)


def _book(options: argparse.Namespace) -> ContactBook:
    path = database_path(config_of(options))
    if not path.is_file():
        raise StoreError(f"{path}: no alerts yet; the box writes this file when it runs (`denwaban run`)")
    return ContactBook(path)


def _when(at: float | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _state(one: Delivery) -> str:
    """What stands in the way of this message, or how it ended."""
    if one.ended is not None:
        return one.ended
    if one.turn > 0:
        return "waits for its turn"
    if one.channel == "note":
        return "waits for its service"
    return "waits for the broker" if one.sent_at is None else f"sent {one.offers}×, not confirmed"


def _list(options: argparse.Namespace) -> int:
    book = _book(options)
    alerts: dict[str, list[Delivery]] = {}
    for one in book.deliveries():
        alerts.setdefault(one.alert_id, []).append(one)
    answers = {one.alert_id: one for one in book.answers()}
    newest = list(reversed(alerts.items()))[: max(options.limit, 0)]
    refusals = book.refusals()
    if options.json:
        for alert_id, rows in newest:
            answer = answers.get(alert_id)
            print_json({**_summary(alert_id, rows), "answer": asdict(answer) if answer else None})
        print_json({"refused": {one.reason: one.n for one in refusals}})
        return 0
    table = Table("id", "decided", "level", "confirmed by", "waits", "last answer")
    for alert_id, rows in newest:
        answer = answers.get(alert_id)
        said = f"{answer.contact}: {answer.reply}" if answer else "-"
        who = ", ".join(_received(rows)) or "-"
        table.add_row(alert_id, _when(rows[0].created_at), rows[-1].level, who, str(_open(rows)), said)
    Console().print(table)
    if refusals:
        print("refused messages: " + ", ".join(f"{one.reason} {one.n}" for one in refusals))
    return 0


def _received(rows: Sequence[Delivery]) -> list[str]:
    """Who has confirmed something of this alert."""
    return list(dict.fromkeys(one.contact for one in rows if one.received_at is not None and one.contact))


def _open(rows: Sequence[Delivery]) -> int:
    return sum(one.ended is None for one in rows)


def _summary(alert_id: str, rows: Sequence[Delivery]) -> dict[str, object]:
    head = {"id": alert_id, "at": rows[0].created_at, "level": rows[-1].level}
    return {**head, "received": _received(rows), "open": _open(rows)}


def _show(options: argparse.Namespace) -> int:
    book = _book(options)
    rows = book.deliveries(options.id)
    if not rows:
        raise StoreError(f"no alert is called {options.id!r}; `denwaban alerts list` names them")
    answers = [one for one in book.answers() if one.alert_id == options.id]
    if options.json:
        messages = [{**asdict(one), "state": _state(one)} for one in rows]
        print_json({"id": options.id, "messages": messages, "answers": [asdict(one) for one in answers]})
        return 0
    table = Table("event", "for", "decided", "sent", "confirmed", "state")
    for one in rows:
        times = (_when(one.created_at), _when(one.sent_at), _when(one.received_at))
        who = f"{one.contact or 'everybody'}{' (note)' if one.channel == 'note' else ''}"
        table.add_row(one.event, who, *times, _state(one))
    Console().print(table)
    for answer in answers:
        print(f"{_when(answer.at)}  {answer.contact} answered {answer.reply}")
    return 0
