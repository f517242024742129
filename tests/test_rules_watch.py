"""The running box obeys a change of the lists, and a broken database takes no rule away."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from denwaban import events as ev
from denwaban.config import Config, LineConfig, ScreeningConfig
from denwaban.events import CallerId
from denwaban.ports import Clock
from denwaban.rules import LetThrough, QuietHours, ScreeningRules
from denwaban.rules_watch import RulesWatch, configured_rules
from denwaban.screening import decide
from denwaban.store.lists import ListEditor, RulesReader
from denwaban.store.rows import NumberEntry, StopList
from tests.fakes.ports import FakeClock, Gathered

NUMBER = "0312345678"
STRANGER = CallerId(NUMBER)


class MovableClock(FakeClock):
    """A clock whose wall time can be set, as a Pi's is when it finds the network."""

    def set_wall(self, by: float) -> None:
        self._wall_at_zero += by


@pytest.fixture
def editor(tmp_path: Path) -> ListEditor:
    return ListEditor(tmp_path / "box.sqlite")


def watch_of(tmp_path: Path, clock: Clock, rules: ScreeningRules | None = None) -> RulesWatch:
    return RulesWatch(rules or ScreeningRules(), RulesReader(tmp_path / "box.sqlite"), clock)


def entry(name: str, pattern: str = NUMBER, until: float | None = None) -> NumberEntry:
    return NumberEntry(name, pattern, "exact", "", 0.0, "by hand", until)  # type: ignore[arg-type]


def reason(changed: ev.RulesChanged | None, at: float = 0.0) -> str:
    assert changed is not None, "no change was seen"
    return decide(changed.rules, STRANGER, changed.wall_offset + at).reason


def test_the_configuration_becomes_rules() -> None:
    screening = ScreeningConfig(
        allow=("03-9999-8888", "0312345*"),
        block=("0120*",),
        domestic="allow",
        no_report="refuse",
        quiet_hours="22:00-06:30",
    )
    rules = configured_rules(Config(line=LineConfig(number_service=False), screening=screening))
    assert set(rules.allow.exact) == {"0399998888"}
    assert set(rules.allow.prefixes) == {"0312345"}
    assert set(rules.block.prefixes) == {"0120"}
    assert (rules.domestic, rules.no_report, rules.number_service) == ("allow", "refuse", False)
    assert rules.quiet == QuietHours(22 * 60, 6 * 60 + 30)


def test_lists_are_joined_with_the_configuration(tmp_path: Path, editor: ListEditor) -> None:
    rules = configured_rules(Config(screening=ScreeningConfig(allow=("0399998888",))))
    watch = watch_of(tmp_path, FakeClock(), rules)
    editor.add([entry("allow", until=2_000_000_000.0), entry("called", "0355556666", 2_000_000_000.0)])
    editor.let_through(1_900_000_000.0, 1_800_000_000.0)
    changed = watch.look()
    assert changed is not None
    assert changed.rules.allow.exact == {"0399998888": float("inf"), NUMBER: 2_000_000_000.0}
    assert changed.rules.called.exact == {"0355556666": 2_000_000_000.0}
    assert changed.rules.let_through == LetThrough(1, 1_900_000_000.0)
    assert watch.now is changed
    assert watch.look() is None


def test_removing_an_entry_leaves_what_the_configuration_says(tmp_path: Path, editor: ListEditor) -> None:
    watch = watch_of(tmp_path, FakeClock(), configured_rules(Config(screening=ScreeningConfig(allow=(NUMBER,)))))
    editor.add([entry("allow", until=5.0)])
    assert reason(watch.look()) == "allow:known"
    editor.remove("allow", NUMBER, "exact")
    assert reason(watch.look()) == "allow:known"


def test_an_expired_stop_list_no_longer_counts(tmp_path: Path, editor: ListEditor) -> None:
    clock = FakeClock()
    watch = watch_of(tmp_path, clock)
    head = StopList("police", 0.0, clock.wall() + 100, "officer", 0.0, 1)
    editor.replace_stop_list(head, [(NUMBER, "exact")])
    changed = watch.look()
    assert reason(changed, at=99.0) == "screen:stop_list"
    assert reason(changed, at=100.0) == "screen:domestic"


def test_a_clock_that_is_set_moves_the_moments_of_the_rules(tmp_path: Path, editor: ListEditor) -> None:
    clock = MovableClock()
    watch = watch_of(tmp_path, clock)
    assert watch.look() is not None, "the first look reads the lists"
    clock.advance(3600.0)
    clock.set_wall(1.0)
    assert watch.look() is None, "a second's correction is none"
    clock.set_wall(86_400.0)
    changed = watch.look()
    assert changed is not None
    assert changed.wall_offset == clock.wall() - clock.now()


def test_a_broken_database_keeps_the_last_rules_and_is_told_once(
    tmp_path: Path, editor: ListEditor, caplog: pytest.LogCaptureFixture
) -> None:
    watch = watch_of(tmp_path, FakeClock())
    editor.add([entry("allow")])
    before = watch.look()
    for old in tmp_path.iterdir():
        old.unlink()
    watch._reader.close()
    (tmp_path / "box.sqlite").write_bytes(b"the card went bad" * 300)
    with caplog.at_level(logging.ERROR):
        assert [watch.look(), watch.look()] == [None, None]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert NUMBER not in caplog.text
    assert watch.now is before
    assert reason(watch.now) == "allow:known"


def test_the_watching_thread_tells_what_changed_and_ends(tmp_path: Path, editor: ListEditor) -> None:
    watch = watch_of(tmp_path, FakeClock())
    told = Gathered()
    watch.start(told)
    try:
        told.wait_for(ev.RulesChanged)
        editor.add([entry("block")])
        changed = told.wait_for(ev.RulesChanged, 2)[-1]
    finally:
        watch.close()
    assert isinstance(changed, ev.RulesChanged)
    assert reason(changed) == "refuse:blocked"
    assert watch._thread is not None
    assert not watch._thread.is_alive()
