"""`lists`: who gets through."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final, get_args

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from denwaban.cli.common import Commands, add_command, add_config, add_json, config_of, print_json
from denwaban.clock import SystemClock
from denwaban.config import Config
from denwaban.errors import ListError
from denwaban.paths import database_path
from denwaban.phonebook import JST, Encoding, Listed, Phonebook, csv_text, read_phonebook, vcard_text
from denwaban.rules import CLASSES, QUIET_HOURS, Action, parse_quiet_hours
from denwaban.screening import pattern_of
from denwaban.store.lists import ListEditor
from denwaban.store.rows import ListName, NumberEntry, StopList

DAY_S: Final = 86_400.0
CALLED_DAYS: Final = 7
"""An office calls back within a week."""
MOST_MINUTES: Final = 24 * 60
LISTS: Final[tuple[ListName, ...]] = ("allow", "block", "called")
BY_HAND: Final = "by hand"
CONFIGURED: Final = "configuration"


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "lists",
        "who gets through: known, blocked and warned-of numbers",
        "  denwaban lists add allow 0312345678 --name 娘\n"
        "  denwaban lists add block '0120*'\n"
        "  denwaban lists import contacts.vcf --to allow --dry-run\n"
        "  denwaban lists let-through --minutes 10",
        "The lists stand in the box's database; a running box obeys a change within seconds. Numbers of the "
        "configuration count as well. 0120* means all numbers that begin so.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _register_entries(actions)
    _register_files(actions)
    _register_let_through(actions)
    _register_policy(actions)


def _action(actions: Commands, name: str, summary: str, command: Any, description: str = "") -> argparse.ArgumentParser:
    parser = add_command(actions, name, summary, description=description)
    add_config(parser)
    parser.set_defaults(command=command)
    return parser


def _register_entries(actions: Commands) -> None:
    listed = _action(actions, "list", "what is on the lists", _list)
    listed.add_argument("name", nargs="?", choices=[*LISTS, "stop"], help="only this list")
    add_json(listed)
    added = _action(
        actions,
        "add",
        "put a number on a list",
        _add,
        "allow: rings through, always. block: is refused. called: the household telephoned it itself, so it rings "
        f"through for {CALLED_DAYS} days.",
    )
    added.add_argument("list", choices=LISTS)
    added.add_argument("number", help="a number, or the beginning of numbers and a *")
    added.add_argument("--name", default="", help="whose number it is")
    added.add_argument("--days", type=_days, metavar="N", help="take it off again after N days")
    removed = _action(actions, "remove", "take a number, or a whole stop-list, off again", _remove)
    removed.add_argument("list", choices=[*LISTS, "stop"])
    removed.add_argument("number", help="as `lists list` shows it; of a stop-list its source")


def _register_files(actions: Commands) -> None:
    imported = _action(
        actions,
        "import",
        "put the numbers of a CSV or vCard file on a list",
        _import,
        "CSV: number and name, with or without a row of heads. UTF-8 or cp932. Rows that cannot be used are named and "
        "left out.",
    )
    imported.add_argument("--to", choices=LISTS, required=True, help="the list")
    exported = _action(actions, "export", "write a list as CSV or vCard", _export)
    exported.add_argument("list", choices=LISTS)
    exported.add_argument("--format", choices=["csv", "vcard"], default="csv")
    exported.add_argument("--encoding", choices=["utf-8", "utf-8-sig", "cp932"], default="utf-8")
    exported.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")
    stop = _action(
        actions,
        "import-stoplist",
        "import a dated list of numbers that police or carriers warn of",
        _import_stoplist,
        "A call from such a number is screened and judged with more suspicion; it is no proof. A new issue replaces "
        "the earlier one of the same source. After its last day a list no longer counts.",
    )
    stop.add_argument("--source", required=True, help="who publishes it")
    stop.add_argument("--issued", required=True, type=_day, metavar="DATE", help="2026-10-01")
    stop.add_argument("--expires", required=True, type=_day, metavar="DATE", help="its last day")
    stop.add_argument("--signed-off-by", required=True, metavar="NAME", help="who answers for this import")
    for action in (imported, stop):
        action.add_argument("file", type=Path)
        action.add_argument("--dry-run", action="store_true", help="read and report, change nothing")


def _register_let_through(actions: Commands) -> None:
    wished = _action(
        actions,
        "let-through",
        "let the next unknown caller ring through, once",
        _let_through,
        "For one call that is expected, whatever its number. Blocked numbers and those of a stop-list are excepted.",
    )
    how_long = wished.add_mutually_exclusive_group()
    how_long.add_argument("--minutes", type=_minutes, default=10, metavar="N", help="at most so long (default 10)")
    how_long.add_argument("--off", action="store_true", help="no longer")


def _register_policy(actions: Commands) -> None:
    decided = _action(
        actions,
        "policy",
        "what is done with callers on no list; show it or change it",
        _policy,
        "NAME is a class of callers or quiet_hours; VALUE is allow, screen or refuse, of quiet_hours a span such as "
        "22:00-06:30, or 'off'. 'config' goes back to the configuration. Without them all is shown.",
    )
    decided.add_argument("name", nargs="?", choices=[*CLASSES, QUIET_HOURS], metavar="NAME")
    decided.add_argument("value", nargs="?", metavar="VALUE")


def _days(text: str) -> int:
    return _within(text, 3660)


def _minutes(text: str) -> int:
    return _within(text, MOST_MINUTES)


def _within(text: str, most: int) -> int:
    value = int(text)
    if not 1 <= value <= most:
        raise argparse.ArgumentTypeError(f"want 1 to {most}")
    return value


def _day(text: str) -> float:
    """The beginning of a day in Japan, seconds since the epoch."""
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=JST).timestamp()


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, JST).strftime("%Y-%m-%d %H:%M JST")


def _editor(config: Config) -> ListEditor:
    config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return ListEditor(database_path(config))


def _pattern(text: str) -> tuple[str, Any]:
    try:
        return pattern_of(text)
    except ValueError as error:
        raise ListError(f"{text!r} {error}") from error


def _written(entry: NumberEntry) -> str:
    return entry.pattern + ("*" if entry.kind == "prefix" else "")


# --- entries -------------------------------------------------------------------------------------------------------


def _entries(config: Config) -> Iterator[NumberEntry]:
    """All entries, those of the configuration first."""
    name: ListName
    for name in ("allow", "block"):
        for text in getattr(config.screening, name):
            yield NumberEntry(name, *pattern_of(text), "", 0.0, CONFIGURED, None)
    if database_path(config).is_file():
        yield from _editor(config).entries()


def _stop_lists(config: Config) -> Sequence[StopList]:
    return _editor(config).stop_lists() if database_path(config).is_file() else ()


def _list(options: argparse.Namespace) -> int:
    config = config_of(options)
    entries = [entry for entry in _entries(config) if options.name in (None, entry.list)]
    stop = _stop_lists(config) if options.name in (None, "stop") else ()
    if options.json:
        for entry in entries:
            print_json(asdict(entry))
        for one in stop:
            print_json({"list": "stop", **asdict(one)})
        return 0
    table = Table("list", "number", "name", "since", "until", "source")
    for entry in entries:
        since = _date(entry.added_at) if entry.added_at else ""
        table.add_row(
            entry.list, _written(entry), escape(entry.label), since, _until(entry.expires_at), escape(entry.source)
        )
    for one in stop:
        signed = f"signed off by {one.signed_off_by}"
        row = (f"{one.numbers} numbers", escape(signed), _date(one.issued_at), _until(one.expires_at))
        table.add_row("stop", *row, escape(one.source))
    Console().print(table)
    return 0


def _until(expires_at: float | None) -> str:
    if expires_at is None:
        return ""
    return _date(expires_at) + (" (over)" if expires_at <= SystemClock().wall() else "")


def _add(options: argparse.Namespace) -> int:
    config, at = config_of(options), SystemClock().wall()
    pattern, kind = _pattern(options.number)
    days = options.days or (CALLED_DAYS if options.list == "called" else None)
    until = None if days is None else at + days * DAY_S
    entry = NumberEntry(options.list, pattern, kind, options.name, at, BY_HAND, until)
    _editor(config).add([entry])
    print(f"{_written(entry)} is on the list {options.list}" + (f" until {_date(until)}" if until else ""))
    if options.list != "allow" and any(e.list == "allow" and e.pattern == pattern for e in _entries(config)):
        print("it is on the list allow, too, which wins", file=sys.stderr)
    return 0


def _remove(options: argparse.Namespace) -> int:
    config = config_of(options)
    if options.list == "stop":
        if not _editor(config).remove_stop_list(options.number):
            raise ListError(f"no stop-list has the source {options.number!r}; `denwaban lists list stop` shows them")
        print(f"the stop-list of {options.number} is gone")
        return 0
    pattern, kind = _pattern(options.number)
    removed = _editor(config).remove(options.list, pattern, kind)
    stays = any((e.list, e.pattern, e.kind) == (options.list, pattern, kind) for e in _entries(config))
    if stays:
        raise ListError(f"{options.number} stands in the configuration, [screening] {options.list}: take it out there")
    if not removed:
        raise ListError(f"{options.number} is not on the list {options.list}; `denwaban lists list` shows what is")
    print(f"{options.number} is off the list {options.list}")
    return 0


# --- policy --------------------------------------------------------------------------------------------------------


def _policy(options: argparse.Namespace) -> int:
    config = config_of(options)
    if options.value is not None:
        _editor(config).set_policy(options.name, _decided(options.name, options.value), SystemClock().wall())
    decided = dict(_editor(config).policy()) if database_path(config).is_file() else {}
    for name in (*CLASSES, QUIET_HOURS):
        if options.name in (None, name):
            origin = "decided here" if name in decided else CONFIGURED
            print(f"{name}: {decided.get(name, getattr(config.screening, name)) or 'off'}  ({origin})")
    return 0


def _decided(name: str, value: str) -> str | None:
    """What is kept; None for the configuration's. Raises ListError."""
    if value == "config":
        return None
    if name != QUIET_HOURS and value in get_args(Action):
        return value
    if name == QUIET_HOURS:
        text = "" if value == "off" else value
        try:
            parse_quiet_hours(text)
        except ValueError as error:
            raise ListError(f"quiet_hours: {error}, or 'off', or 'config'") from error
        return text
    raise ListError(f"{name}: want allow, screen, refuse or config, not {value!r}")


# --- files ---------------------------------------------------------------------------------------------------------


def _read(path: Path) -> Phonebook:
    """The file's numbers; what cannot be used is told on standard error."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ListError(f"{path}: cannot be read: {error.strerror}") from error
    book = read_phonebook(data, str(path))
    for row in book.bad:
        print(f"{path}:{row.line}: left out: {row.why}", file=sys.stderr)
    return book


def _import(options: argparse.Namespace) -> int:
    config, at = config_of(options), SystemClock().wall()
    book = _read(options.file)
    default = at + CALLED_DAYS * DAY_S if options.to == "called" else None
    new = [
        NumberEntry(options.to, row.pattern, row.kind, row.label, at, options.file.name, row.expires_at or default)
        for row in book.good
    ]
    there = {(entry.pattern, entry.kind) for entry in _entries(config) if entry.list == options.to}
    known = sum((entry.pattern, entry.kind) in there for entry in new)
    if not options.dry_run:
        _editor(config).add(new)
    done = "would be" if options.dry_run else "are"
    print(f"{len(new) - known} numbers {done} new on the list {options.to}, {known} were there, {_left_out(book)}")
    return 0


def _left_out(book: Phonebook) -> str:
    return f"{len(book.bad)} rows left out"


def _import_stoplist(options: argparse.Namespace) -> int:
    config, at = config_of(options), SystemClock().wall()
    ends = options.expires + DAY_S
    if options.issued > at:
        raise ListError("--issued: that day is still to come; check it, and the clock of this machine")
    if ends <= at:
        raise ListError("--expires: that day is over; ask the publisher for a newer issue")
    book = _read(options.file)
    if not options.dry_run:
        head = StopList(options.source, options.issued, ends, options.signed_off_by, at, len(book.good))
        _editor(config).replace_stop_list(head, [(row.pattern, row.kind) for row in book.good])
    done = "would count" if options.dry_run else "count"
    print(f"{len(book.good)} numbers of {options.source} {done} until {_date(ends)}, {_left_out(book)}")
    return 0


def _export(options: argparse.Namespace) -> int:
    rows = [
        Listed(entry.pattern, entry.kind, entry.label, entry.expires_at)
        for entry in _entries(config_of(options))
        if entry.list == options.list
    ]
    text = csv_text(rows) if options.format == "csv" else vcard_text(rows)
    beginnings = sum(row.kind == "prefix" for row in rows)
    if beginnings and options.format == "vcard":
        print(f"{beginnings} entries with * left out: a vCard holds whole numbers only", file=sys.stderr)
    data = _encoded(text, options.encoding)
    if options.output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return 0
    try:
        options.output.write_bytes(data)
    except OSError as error:
        raise ListError(f"{options.output}: cannot be written: {error.strerror}") from error
    return 0


def _encoded(text: str, encoding: Encoding) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise ListError(f"a name has letters that {encoding} lacks; use --encoding utf-8-sig") from error


# --- one call ------------------------------------------------------------------------------------------------------


def _let_through(options: argparse.Namespace) -> int:
    at = SystemClock().wall()
    until = at if options.off else at + options.minutes * 60.0
    _editor(config_of(options)).let_through(until, at)
    if options.off:
        print("unknown callers are treated as always")
    else:
        print(f"the next unknown caller rings through, until {_date(until)}")
    return 0
