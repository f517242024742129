"""The rules in force: those of the configuration and those of the box's lists, which may change while it runs."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, get_args

from denwaban.config import Config
from denwaban.errors import StoreError
from denwaban.events import RulesChanged
from denwaban.ports import Clock, Emit
from denwaban.rules import (
    CLASSES,
    NEVER,
    QUIET_HOURS,
    Action,
    LetThrough,
    NumberList,
    PatternKind,
    ScreeningRules,
    parse_quiet_hours,
)
from denwaban.screening import pattern_of
from denwaban.store.lists import RulesReader
from denwaban.store.rows import StoredRules

_log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
CLOCK_SET_S: Final = 2.0
"""A wall clock that leaps by more was set: moments of the rules have moved for the session."""


def configured_rules(config: Config) -> ScreeningRules:
    """What the configuration alone says. It was checked when it was loaded."""
    screening = config.screening
    return ScreeningRules(
        allow=_forever(screening.allow),
        block=_forever(screening.block),
        domestic=screening.domestic,
        international=screening.international,
        reported_abroad=screening.reported_abroad,
        withheld=screening.withheld,
        payphone=screening.payphone,
        out_of_area=screening.out_of_area,
        no_report=screening.no_report,
        quiet=parse_quiet_hours(screening.quiet_hours),
        number_service=config.line.number_service,
    )


def with_stored(rules: ScreeningRules, stored: StoredRules) -> ScreeningRules:
    """The configuration's rules and the lists', together."""
    lists = {
        name: _list((e.pattern, e.kind, e.expires_at) for e in stored.entries if e.list == name)
        for name in ("allow", "block", "called")
    }
    return replace(
        rules,
        allow=rules.allow.joined(lists["allow"]),
        block=rules.block.joined(lists["block"]),
        called=lists["called"],
        stop=_list(stored.stop),
        let_through=None if stored.let_through is None else LetThrough(*stored.let_through),
        **_policy(stored),
    )


def _policy(stored: StoredRules) -> dict[str, Any]:
    """Fields of the rules that the household has decided otherwise; what this program does not know stays out."""
    changed: dict[str, Any] = {
        name: value for name, value in stored.policy if name in CLASSES and value in get_args(Action)
    }
    for name, value in stored.policy:
        if name == QUIET_HOURS:
            with contextlib.suppress(ValueError):
                changed["quiet"] = parse_quiet_hours(value)
    return changed


class RulesWatch:
    """Looks for changed lists on a thread of its own, so no disk ever delays the line. Trouble keeps the last rules."""

    def __init__(self, configured: ScreeningRules, reader: RulesReader, clock: Clock) -> None:
        self._configured = configured
        self._reader = reader
        self._clock = clock
        self._told = RulesChanged(configured, clock.wall() - clock.now())
        self._failing = False
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def now(self) -> RulesChanged:
        """The rules in force, as told last (any thread)."""
        return self._told

    def look(self) -> RulesChanged | None:
        """What is new since the last look, if anything."""
        rules, offset = self._read(), self._clock.wall() - self._clock.now()
        if rules is None and abs(offset - self._told.wall_offset) < CLOCK_SET_S:
            return None
        self._told = RulesChanged(self._told.rules if rules is None else rules, offset)
        return self._told

    def start(self, emit: Emit) -> None:
        self._thread = threading.Thread(target=self._run, args=(emit,), name="rules", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self, emit: Emit) -> None:
        while not self._closing.wait(LOOK_EVERY_S):
            changed = self.look()
            if changed is not None:
                emit(changed)
        self._reader.close()

    def _read(self) -> ScreeningRules | None:
        try:
            stored = self._reader.poll()
        except StoreError as error:
            if not self._failing:
                _log.error("the last rules stay in force: %s", error)
            self._failing = True
            return None
        self._failing = False
        return None if stored is None else with_stored(self._configured, stored)


def _forever(written: Iterable[str]) -> NumberList:
    return _list((*pattern_of(text), None) for text in written)


def _list(patterns: Iterable[tuple[str, PatternKind, float | None]]) -> NumberList:
    exact: dict[str, float] = {}
    prefixes: dict[str, float] = {}
    for pattern, kind, expires_at in patterns:
        until = NEVER if expires_at is None else expires_at
        into = exact if kind == "exact" else prefixes
        into[pattern] = max(until, into.get(pattern, until))
    return NumberList(exact, prefixes)
