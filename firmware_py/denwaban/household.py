"""What the household's page shows and changes: answers its port from the store, the lists and the configuration."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from denwaban.advice import ADVICE
from denwaban.alert.words import known_categories, words_for
from denwaban.clock import SystemClock
from denwaban.config import Config
from denwaban.config_text import show
from denwaban.household_family import contact_lines
from denwaban.household_ready import ready
from denwaban.paths import database_path, recording_of, recordings_dir, state_socket
from denwaban.phone_number import describe
from denwaban.reasons import Words, explain, explain_outcome
from denwaban.rules import QUIET_HOURS, CallerClass
from denwaban.screening import pattern_of
from denwaban.store.feedback import mark
from denwaban.store.keeping import RUNNING_S, delete, keep
from denwaban.store.lists import ListEditor, read_lists
from denwaban.store.reading import CallReader
from denwaban.store.rows import Feedback, NumberEntry, StoredCall
from denwaban.transcribe.engine import AUTO, MODELS
from denwaban.vitals import ask
from denwaban.web.port import (
    BoxState,
    Call,
    CallLine,
    ListedNumber,
    ListName,
    Lists,
    Opinion,
    PolicyLine,
    Refused,
    Said,
    Status,
    StopListHead,
    Unavailable,
    Utterance,
)

BUTTON_S: Final = 120.0
"""So long after a press of a button a PIN may be chosen without the code."""
BY_PAGE: Final = "household's page"
_BUILT_AFTER: Final = 1_767_225_600.0
"""2026-01-01: a clock that shows less has not been set."""
_DEAF_BEAT_S: Final = 10.0
_NOTHING: Final = Said("", "")
_ABSENT: Final = {
    "P": Said("非通知", "withheld"),
    "C": Said("公衆電話", "payphone"),
    "O": Said("表示圏外", "no number (network)"),
    "S": Said("表示圏外", "no number (network)"),
}
_NO_NUMBER: Final = Said("番号なし", "no number")
_CLASSES: Final[dict[CallerClass, Said]] = {
    "domestic": Said("知らない国内の番号", "unknown numbers in Japan"),
    "withheld": Said("非通知", "withheld numbers"),
    "international": Said("海外から", "calls from abroad"),
    "reported_abroad": Said("迷惑電話の報告が多い国から", "countries with reports of abuse"),
    "payphone": Said("公衆電話", "payphones"),
    "out_of_area": Said("表示圏外", "networks that pass no number"),
    "no_report": Said("番号の知らせがない電話", "calls without a report"),
}


@dataclass(frozen=True, slots=True)
class _Known:
    """What else is known of calls: marks, ids of kept ones, names of numbers, the time."""

    marks: Mapping[str, Feedback]
    kept: frozenset[str]
    names: Mapping[str, str]
    now: float


class StoredHousehold:
    """A `web.port.Household`. Reads through connections that cannot write; changes by the functions of the commands."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._path = database_path(config)
        self._reader = CallReader(self._path)
        self._wall = SystemClock().wall

    # --- reading ---------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        config, trouble = self._config, None
        last, pending, contacts = None, 0, len(self._config.contacts)
        try:
            with ready(self._path):
                pending, contacts = self._reader.pending_alerts(), len(contact_lines(config))
                lines, _ = self.calls(0, 1)
                last = lines[0] if lines else None
        except Unavailable as error:
            trouble = error.why
        box, proven_at = self._box()
        model = MODELS.get(AUTO if config.speech.engine == "auto" else config.speech.engine, config.speech.engine)
        return Status(
            box=box,
            proven_at=proven_at,
            last_call=last,
            free_mb=_free_mb(config.data_dir),
            recordings_mb=_recordings_mb(recordings_dir(config)),
            broker=config.alerts.host,
            pending_alerts=pending,
            model=model,
            model_there=(config.models_dir / model).is_dir(),
            clock_ok=self._wall() > _BUILT_AFTER,
            contacts=contacts,
            trouble=trouble,
        )

    def _box(self) -> tuple[BoxState, float | None]:
        vitals = ask(state_socket(self._config))
        if vitals is None:
            return "stopped", None
        if vitals.beat_s is None:
            return "starting", None
        proven_at = self._wall() - vitals.beat_s
        if vitals.line == "failed" or vitals.beat_s > _DEAF_BEAT_S:
            return "deaf", proven_at
        if vitals.line == "unheard":
            return "unheard", proven_at
        return ("listening" if vitals.line == "ready" else "starting"), proven_at

    def calls(self, skip: int, limit: int) -> tuple[tuple[CallLine, ...], int]:
        with ready(self._path):
            found, total = self._reader.calls(limit, skip), self._reader.count()
            known = self._known()
        return tuple(_line(call, known) for call in found), total

    def call(self, call_id: str) -> Call | None:
        with ready(self._path):
            detail = self._reader.call(call_id)
            if detail is None:
                return None
            line = _line(detail.call, self._known())
        said = tuple(
            Utterance(one.n, one.t0, one.t1, one.side, one.text, one.call_score, one.level, one.evidence)
            for one in detail.utterances
        )
        # The id is one that stands in the database, so the name is one the box has made.
        recording = recording_of(self._config, detail.call.id)
        return Call(line, said, recording if recording.is_file() else None)

    def _marks(self) -> Mapping[str, Feedback]:
        return {one.call_id: one for one in self._reader.feedback(0.0)}

    def _known(self) -> _Known:
        names = {one.pattern: one.label for one in read_lists(self._path).entries if one.kind == "exact" and one.label}
        return _Known(self._marks(), self._reader.kept(), names, self._wall())

    def lists(self) -> Lists:
        screening = self._config.screening
        with ready(self._path):
            read = read_lists(self._path)
        now, decided = self._wall(), dict(read.policy)
        numbers = [*self._configured(), *(_listed(entry) for entry in read.entries if (entry.expires_at or now) >= now)]
        wish = read.let_through_until
        return Lists(
            numbers=tuple(numbers),
            stop=tuple(StopListHead(one.source, one.expires_at, one.numbers) for one in read.stop_lists),
            let_through_until=wish if wish is not None and wish > now else None,
            quiet_hours=decided.get(QUIET_HOURS, screening.quiet_hours),
            number_service=self._config.line.number_service,
            policy=tuple(
                PolicyLine(name, said, decided.get(name, getattr(screening, name))) for name, said in _CLASSES.items()
            ),
        )

    def _configured(self) -> Iterator[ListedNumber]:
        name: ListName
        for name in ("allow", "block"):
            for text in getattr(self._config.screening, name):
                pattern, kind = pattern_of(text)
                yield _shown(name, pattern, kind == "prefix", "", None, removable=False)

    def settings(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        tables = {name: table for name, table in show(self._config).items() if isinstance(table, dict)}
        # Who is on the lists stands on the page of the lists.
        hidden = {("screening", "allow"), ("screening", "block")}
        return tuple(
            (name, tuple((key, _plain(value)) for key, value in table.items() if (name, key) not in hidden))
            for name, table in tables.items()
        )

    def button_pressed(self) -> bool:
        vitals = ask(state_socket(self._config))
        return vitals is not None and vitals.button_s is not None and vitals.button_s < BUTTON_S

    # --- changing --------------------------------------------------------------------------------------------------

    def mark(self, call_id: str, opinion: Opinion | None) -> None:
        with ready(self._path):
            self._must_exist(call_id)
            if opinion is not None or call_id in self._marks():
                mark(self._path, call_id, opinion, self._wall())

    def keep(self, call_id: str, wanted: bool) -> None:
        with ready(self._path):
            self._must_exist(call_id)
            keep(self._path, call_id, wanted, self._wall())

    def delete(self, call_id: str) -> None:
        with ready(self._path):
            found = self._reader.call(call_id)
            if found is None:
                return  # another tab was quicker
            if _runs(found.call, self._wall()):
                raise Refused("call_running")
            delete(self._path, recording_of(self._config, call_id), call_id, self._wall())

    def _must_exist(self, call_id: str) -> None:
        if self._reader.call(call_id) is None:
            raise Refused("call_gone")

    def add(self, name: ListName, number: str, label: str) -> str:
        try:
            pattern, kind = pattern_of(number)
        except ValueError:
            return ""
        with ready(self._path):
            ListEditor(self._path).add([NumberEntry(name, pattern, kind, label, self._wall(), BY_PAGE, None)])
        return _shown(name, pattern, kind == "prefix", label, None, removable=True).written

    def remove(self, name: ListName, pattern: str) -> bool:
        try:
            plain, kind = pattern_of(pattern)
        except ValueError:
            return False
        with ready(self._path):
            return ListEditor(self._path).remove(name, plain, kind)

    def let_through(self, minutes: int) -> None:
        with ready(self._path):
            at = self._wall()
            ListEditor(self._path).let_through(at + 60.0 * minutes, at)

    def set_policy(self, values: Mapping[str, str]) -> None:
        with ready(self._path):
            editor, at = ListEditor(self._path), self._wall()
            for name, value in values.items():
                # Where both say the same the configuration counts, also a later one.
                same = value == getattr(self._config.screening, name)
                editor.set_policy(name, None if same else value, at)


def _said(words: Words) -> Said:
    return Said(words.ja, words.en)


def _runs(call: StoredCall, now: float) -> bool:
    return call.closed_at is None and now - call.opened_at < RUNNING_S


def _who(call: StoredCall, names: Mapping[str, str]) -> tuple[Said, Said]:
    """The name the household gave the number, else the number, and where it belongs; or why there is none."""
    if call.number is None:
        return _ABSENT.get(call.absence or "", _NO_NUMBER), _NOTHING
    info = describe(call.number)
    if name := names.get(info.number):
        return Said(name, name), Said(info.written, info.written)
    return Said(info.written, info.written), Said(info.label_ja, info.name.en)


def _line(call: StoredCall, known: _Known) -> CallLine:
    who, place = _who(call, known.names)
    given, has_words = known.marks.get(call.id), call.category in known_categories()
    words = words_for(call.category)
    return CallLine(
        id=call.id,
        at=call.opened_at,
        seconds=None if call.closed_at is None else call.closed_at - call.opened_at,
        running=_runs(call, known.now),
        who=who,
        place=place,
        level=call.level,
        listened=call.level != "quiet" or call.outcome in ("screened", "message"),
        kind=Said(words.kind, words.kind_en) if has_words else _NOTHING,
        outcome=_said(explain_outcome(call.outcome)) if not _runs(call, known.now) else _NOTHING,
        reason=_said(explain(call.decision)),
        opinion=None if given is None else given.opinion,
        kept=call.id in known.kept,
        number=call.number,
        advice=_advice(call.category) if call.level == "alert" else "",
    )


def _advice(category: str) -> str:
    """What the box says in the room for this kind of call. The family's advice speaks of the household as of others."""
    table = tomllib.loads((Path(__file__).parent / "prompts" / "prompts.toml").read_text("utf-8"))
    return str(table[ADVICE[category]]["text"]) if category in ADVICE else ""


def _listed(entry: NumberEntry) -> ListedNumber:
    return _shown(entry.list, entry.pattern, entry.kind == "prefix", entry.label, entry.expires_at, removable=True)


def _shown(
    name: ListName, pattern: str, prefix: bool, label: str, until: float | None, *, removable: bool
) -> ListedNumber:
    if prefix:
        return ListedNumber(name, f"{pattern}*", f"{pattern}…", _NOTHING, label, until, removable)
    info = describe(pattern)
    place = Said(info.label_ja, info.name.en)
    return ListedNumber(name, pattern, info.written, place, label, until, removable)


def _plain(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return " ".join(map(str, value))
        case _:
            return str(value)


def _free_mb(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free // 10**6


def _recordings_mb(folder: Path) -> int:
    total = 0
    for file in folder.glob("*.flac"):
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            continue  # deleted meanwhile
    return total // 10**6
