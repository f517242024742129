"""`calls`: what the box has recorded."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from denwaban.app import database_path, recordings_dir
from denwaban.cli.common import Commands, add_command, add_config, add_json, config_of, print_json
from denwaban.errors import StoreError
from denwaban.store.reading import CallReader

LEVEL_STYLE = {"quiet": "green", "caution": "yellow", "alert": "bold red"}


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "calls", "list calls or show one", "  denwaban calls list\n  denwaban calls show 68f1c2-1 --json"
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listed = add_command(actions, "list", "the latest calls, newest first")
    listed.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default 20)")
    shown = add_command(actions, "show", "one call with its words and scores")
    shown.add_argument("id", help="a call's id, from `calls list`")
    for action, command in ((listed, _list), (shown, _show)):
        add_config(action)
        add_json(action)
        action.set_defaults(command=command)


def _reader(path: Path) -> CallReader:
    if not path.is_file():
        raise StoreError(f"{path}: no calls yet; the box writes this file when it runs (`denwaban run`)")
    return CallReader(path)


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def _list(options: argparse.Namespace) -> int:
    calls = _reader(database_path(config_of(options))).calls(options.limit)
    if options.json:
        for call in calls:
            print_json(asdict(call))
        return 0
    table = Table("id", "when", "caller", "decision", "outcome", "level", "kind", "score")
    for call in calls:
        level = call.level or "quiet"
        table.add_row(
            call.id,
            _when(call.opened_at),
            call.number or call.absence or "-",
            call.decision,
            call.outcome or "…",
            f"[{LEVEL_STYLE[level]}]{level}[/]",
            call.category or "-",
            f"{call.score or 0:.2f}",
        )
    Console().print(table)
    return 0


def _show(options: argparse.Namespace) -> int:
    config = config_of(options)
    detail = _reader(database_path(config)).call(options.id)
    if detail is None:
        raise StoreError(f"no call is called {options.id!r}; `denwaban calls list` names them")
    recording = recordings_dir(config) / f"{options.id}.flac"
    if options.json:
        print_json({**asdict(detail), "recording": str(recording) if recording.is_file() else None})
        return 0
    console = Console()
    call = detail.call
    console.print(f"[bold]{call.id}[/]  {_when(call.opened_at)}  {call.decision} → {call.outcome or 'still going on'}")
    console.print(f"level [{LEVEL_STYLE[call.level or 'quiet']}]{call.level or 'quiet'}[/]  {call.category or ''}")
    console.print(f"recording: {recording if recording.is_file() else 'none'}")
    for said in detail.utterances:
        score = "" if said.score is None else f"{said.score:.2f}"
        console.print(f"{said.t0:7.1f}  {said.side:8}{score:5} {said.text}", highlight=False, markup=False)
    return 0
