"""`calls`: what the box has recorded."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from denwaban.cli.common import Commands, add_command, add_config, add_json, config_of, print_json
from denwaban.clock import SystemClock
from denwaban.errors import ConfigError, StoreError
from denwaban.paths import database_path, recording_of
from denwaban.phone_number import describe
from denwaban.reasons import explain, short
from denwaban.store.feedback import mark
from denwaban.store.keeping import delete, keep
from denwaban.store.reading import CallReader
from denwaban.store.rows import Feedback, Opinion, StoredCall

OPINIONS: Final[dict[str, Opinion | None]] = {"false-alarm": "false_alarm", "scam": "scam", "none": None}
_ABSENT: Final = {"P": "非通知", "O": "表示圏外", "C": "公衆電話", "S": "表示圏外"}
"""What Japanese telephones show instead of a number."""
LEVEL_STYLE = {"quiet": "green", "caution": "yellow", "alert": "bold red"}


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "calls",
        "list calls, show one, say what it was, keep or delete it",
        "  denwaban calls list\n  denwaban calls show 68f1c2-1 --json\n  denwaban calls mark 68f1c2-1 false-alarm",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listed = add_command(actions, "list", "the latest calls, newest first")
    listed.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default 20)")
    shown = add_command(actions, "show", "one call with its words and scores")
    shown.add_argument("id", help="a call's id, from `calls list`")
    marked = add_command(
        actions,
        "mark",
        "say what a call was: the box warns this household a little later or sooner from then on",
        description="A false alarm raises this household's threshold a little, a scam that was missed lowers it; "
        "all marks together move it within fixed bounds, and marks fade within months.",
    )
    marked.add_argument("id", help="a call's id, from `calls list`")
    marked.add_argument("opinion", choices=list(OPINIONS), help="none takes the mark back")
    given = add_command(actions, "feedback", "export the marks as JSON lines, to improve the detector")
    given.add_argument(
        "--words", action="store_true", help="with what was said; wants [detector] share_words in the configuration"
    )
    kept = add_command(actions, "keep", "keep a call and its recording for good, or no longer")
    kept.add_argument("id", help="a call's id, from `calls list`")
    kept.add_argument("--off", action="store_true", help="no longer")
    deleted = add_command(actions, "delete", "delete a call, its words and its recording")
    deleted.add_argument("id", help="a call's id, from `calls list`")
    for action, command in (
        *((listed, _list), (shown, _show), (marked, _mark)),
        *((given, _feedback), (kept, _keep), (deleted, _delete)),
    ):
        add_config(action)
        action.set_defaults(command=command)
    for action in (listed, shown):
        add_json(action)


def _reader(path: Path) -> CallReader:
    if not path.is_file():
        raise StoreError(f"{path}: no calls yet; the box writes this file when it runs (`denwaban run`)")
    return CallReader(path)


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def _list(options: argparse.Namespace) -> int:
    reader = _reader(database_path(config_of(options)))
    calls, marks = reader.calls(options.limit), {one.call_id: one for one in reader.feedback(0.0)}
    if options.json:
        for call in calls:
            print_json({**asdict(call), "caller": _described(call), "feedback": _opinion(marks.get(call.id))})
        return 0
    table = Table(
        "id", "when", "caller", "decision", "outcome", "level", "kind", "score", *(["marked"] if marks else [])
    )
    for call in calls:
        level = call.level or "quiet"
        table.add_row(
            call.id,
            _when(call.opened_at),
            _caller(call),
            short(call.decision),
            call.outcome or "…",
            f"[{LEVEL_STYLE[level]}]{level}[/]",
            call.category or "-",
            f"{call.score or 0:.2f}",
            *([_opinion(marks.get(call.id)) or ""] if marks else []),
        )
    Console().print(table)
    return 0


def _show(options: argparse.Namespace) -> int:
    config = config_of(options)
    detail = _reader(database_path(config)).call(options.id)
    if detail is None:
        raise StoreError(f"no call is called {options.id!r}; `denwaban calls list` names them")
    recording = recording_of(config, options.id)
    if options.json:
        sound = str(recording) if recording.is_file() else None
        why = asdict(explain(detail.call.decision))
        print_json({**asdict(detail), "caller": _described(detail.call), "why": why, "recording": sound})
        return 0
    console = Console()
    call = detail.call
    console.print(f"[bold]{call.id}[/]  {_when(call.opened_at)}  {call.decision} → {call.outcome or 'still going on'}")
    console.print(f"caller: {_caller(call)}", highlight=False)
    reason = explain(call.decision)
    console.print(f"{reason.en}\n{reason.ja}", highlight=False, markup=False)
    console.print(f"level [{LEVEL_STYLE[call.level or 'quiet']}]{call.level or 'quiet'}[/]  {call.category or ''}")
    console.print(f"recording: {recording if recording.is_file() else 'none'}")
    for said in detail.utterances:
        score = "" if said.score is None else f"{said.score:.2f}"
        console.print(f"{said.t0:7.1f}  {said.side:8}{score:5} {said.text}", highlight=False, markup=False)
    return 0


def _caller(call: StoredCall) -> str:
    """As people read it: the number and where it belongs, or why there is none."""
    if call.number is None:
        return _ABSENT.get(call.absence or "", "-")
    info = describe(call.number)
    return f"{info.written} {info.label_ja}"


def _described(call: StoredCall) -> dict[str, Any] | None:
    if call.number is None:
        return None
    info = describe(call.number)
    return {**asdict(info), "flags": sorted(info.flags)}


def _opinion(given: Feedback | None) -> str | None:
    """As the command line spells it."""
    return None if given is None else given.opinion.replace("_", "-")


def _mark(options: argparse.Namespace) -> int:
    path = database_path(config_of(options))
    _reader(path)
    mark(path, options.id, OPINIONS[options.opinion], SystemClock().wall())
    print(f"{options.id}: {'mark taken back' if options.opinion == 'none' else f'marked {options.opinion}'}")
    return 0


def _keep(options: argparse.Namespace) -> int:
    keep(database_path(config_of(options)), options.id, not options.off, SystemClock().wall())
    print(f"{options.id}: {'deleted when its time is over' if options.off else 'kept for good'}")
    return 0


def _delete(options: argparse.Namespace) -> int:
    config = config_of(options)
    delete(database_path(config), recording_of(config, options.id), options.id, SystemClock().wall())
    print(f"{options.id}: deleted")
    return 0


def _feedback(options: argparse.Namespace) -> int:
    config = config_of(options)
    if options.words and not config.detector.share_words:
        raise ConfigError(
            "configuration",
            ("detector.share_words: is false; ask the household, set it to true if they agree, or leave out --words",),
        )
    reader = _reader(database_path(config))
    for given in reader.feedback(0.0):
        print_json(_exported(reader, given, words=options.words))
    return 0


def _exported(reader: CallReader, given: Feedback, *, words: bool) -> dict[str, Any]:
    """A mark with the course of its call, while the box still has it. Never a number, a name or a time of day."""
    detail = reader.call(given.call_id)
    turns = [
        {"side": said.side, "score": said.score, "stage": said.stage, "level": said.level}
        | ({"text": said.text} if words else {})
        for said in (detail.utterances if detail else ())
    ]
    return {"opinion": _opinion(given), "level": given.level, "category": given.category, "turns": turns}
