"""Files of telephone numbers: CSV and vCard in, CSV and vCard out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Literal

from denwaban.errors import ListError
from denwaban.rules import JST_OFFSET_S, PatternKind
from denwaban.screening import pattern_of

JST: Final = timezone(timedelta(seconds=JST_OFFSET_S))
Encoding = Literal["utf-8", "utf-8-sig", "cp932"]
MOST_BYTES: Final = 20_000_000
"""A telephone's whole address book with pictures is smaller."""
LONGEST_LABEL: Final = 60
_NUMBER_HEADS: Final = frozenset(("number", "phone", "tel", "telephone", "番号", "電話", "電話番号"))
_NAME_HEADS: Final = frozenset(("name", "label", "名前", "氏名", "なまえ"))
_EXPIRES_HEADS: Final = frozenset(("expires", "期限"))


@dataclass(frozen=True, slots=True)
class Listed:
    """A number, or the beginning of numbers, of a file. `expires_at` in seconds since the epoch, None for never."""

    pattern: str
    kind: PatternKind
    label: str = ""
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """What could not be used: the line of the file, counted from 1, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Phonebook:
    """What a file holds, in its order, each pattern once."""

    good: tuple[Listed, ...]
    bad: tuple[BadRow, ...]


def read_phonebook(data: bytes, name: str) -> Phonebook:
    """Read CSV or vCard in UTF-8 (with or without a mark) or cp932. Raises ListError, also where no row is good."""
    text = _decoded(data, name)
    rows = _cards(text) if "BEGIN:VCARD" in text.upper() else _csv_rows(text)
    good: dict[tuple[str, str], Listed] = {}
    bad: list[BadRow] = []
    for row in rows:
        if isinstance(row, BadRow):
            bad.append(row)
        else:
            good.setdefault((row.pattern, row.kind), row)
    if not good:
        why = "\n".join(f"  line {row.line}: {row.why}" for row in bad[:5]) or "  it is empty"
        raise ListError(f"{name}: no telephone number could be read:\n{why}")
    return Phonebook(tuple(good.values()), tuple(bad))


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MOST_BYTES:
        raise ListError(f"{name}: is larger than {MOST_BYTES // 1_000_000} MB; is it a list of numbers?")
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ListError(f"{name}: is neither UTF-8 nor cp932 (Shift_JIS) text; save it as CSV or vCard")


# --- CSV -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where number, name and end of time stand; None for a column that is not there."""

    number: int = 0
    name: int | None = 1
    expires: int | None = None


def _csv_rows(text: str) -> Iterator[Listed | BadRow]:
    reader = csv.reader(io.StringIO(text, newline=""))
    columns: _Columns | None = None
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield BadRow(reader.line_num, f"is no CSV ({error})")
            continue
        if row is None:
            return
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if columns is None:
            columns = _headed(cells)
            if columns is not None:
                continue
            columns = _Columns() if _is_pattern(cells[0]) or len(cells) < 2 else _guessed(cells)
        yield _csv_row(cells, columns, reader.line_num)


def _headed(cells: Sequence[str]) -> _Columns | None:
    """The columns by their heads; None if this is no row of heads."""
    heads = [cell.casefold() for cell in cells]

    def column(names: frozenset[str]) -> int | None:
        return next((i for i, head in enumerate(heads) if head in names), None)

    number = column(_NUMBER_HEADS)
    return None if number is None else _Columns(number, column(_NAME_HEADS), column(_EXPIRES_HEADS))


def _guessed(cells: Sequence[str]) -> _Columns:
    """Without heads: name first where the second cell is the number."""
    return _Columns(1, 0) if _is_pattern(cells[1]) else _Columns()


def _is_pattern(cell: str) -> bool:
    try:
        pattern_of(cell)
    except ValueError:
        return False
    return True


def _csv_row(cells: Sequence[str], columns: _Columns, line: int) -> Listed | BadRow:
    def cell(at: int | None) -> str:
        return cells[at] if at is not None and at < len(cells) else ""

    try:
        pattern, kind = pattern_of(cell(columns.number))
    except ValueError as error:
        return BadRow(line, f"the number {error}")
    try:
        expires = cell(columns.expires)
        until = datetime.fromisoformat(expires) if expires else None
        ends = None if until is None else (until if until.tzinfo else until.replace(tzinfo=JST)).timestamp()
    except (ValueError, OverflowError):
        return BadRow(line, "the end of its time is no date such as 2027-03-31")
    return Listed(pattern, kind, cell(columns.name)[:LONGEST_LABEL], ends)


def csv_text(rows: Iterable[Listed]) -> str:
    """CSV with a row of heads, as `read_phonebook` reads it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(("number", "name", "expires"))
    for row in rows:
        expires = "" if row.expires_at is None else datetime.fromtimestamp(row.expires_at, JST).isoformat()
        writer.writerow((row.pattern + ("*" if row.kind == "prefix" else ""), row.label, expires))
    return out.getvalue()


# --- vCard ---------------------------------------------------------------------------------------------------------


def _cards(text: str) -> Iterator[Listed | BadRow]:
    """The numbers of all cards. A card that cannot be read costs the others nothing."""
    begun, lines = 0, list[str]()
    for n, line in enumerate(text.splitlines(), 1):
        mark = line.strip().upper()
        if mark == "BEGIN:VCARD":
            if begun:
                yield BadRow(begun, "the card has no end")
            begun, lines = n, []
        if begun:
            lines.append(line)
        if mark == "END:VCARD" and begun:
            yield from _card(lines, begun)
            begun = 0
    if begun:
        yield BadRow(begun, "the card has no end")


def _card(lines: Sequence[str], begun: int) -> Iterator[Listed | BadRow]:
    import vobject  # noqa: PLC0415 - only these commands need it

    try:
        # vCard 2.1 of older Japanese telephones: quoted-printable, each value with a character set of its own.
        card: Any = vobject.readOne("\r\n".join(lines), allowQP=True, transform=False)
        values = {name: [str(line.value) for line in card.contents.get(name, [])] for name in ("fn", "n", "org", "tel")}
    except (vobject.base.VObjectError, ValueError, LookupError, AttributeError, TypeError, StopIteration):
        yield BadRow(begun, "the card cannot be read")
        return
    names = (*values["fn"], *(" ".join(filter(None, n.split(";"))) for n in values["n"]), *values["org"])
    label = next((name.strip() for name in names if name.strip()), "")[:LONGEST_LABEL]
    if not values["tel"]:
        yield BadRow(begun, "the card has no telephone number")
    for number in values["tel"]:
        try:
            yield Listed(*pattern_of(number.removeprefix("tel:").partition(";")[0]), label)
        except ValueError as error:
            yield BadRow(begun, f"a number of the card {error}")


def vcard_text(rows: Iterable[Listed]) -> str:
    """vCard 3.0, one card each. Beginnings of numbers have no place in it and are left out."""
    import vobject  # noqa: PLC0415 - only these commands need it

    cards: list[str] = []
    for row in rows:
        if row.kind == "exact":
            card: Any = vobject.vCard()
            card.add("fn").value = row.label or row.pattern
            card.add("n").value = vobject.vcard.Name(family=row.label or row.pattern)
            card.add("tel").value = row.pattern
            cards.append(card.serialize())
    return "".join(cards)
