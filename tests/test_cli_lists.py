"""`denwaban lists`: what is put on a list is there, counts, and comes off again; files go in and out."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from denwaban.cli import main
from denwaban.config import load_config
from denwaban.events import CallerId
from denwaban.paths import database_path
from denwaban.rules_watch import configured_rules, with_stored
from denwaban.screening import decide
from denwaban.store.lists import RulesReader

DAY_S = 86_400.0
STOP = ("--source", "police", "--issued", "2026-01-01", "--signed-off-by", "officer")


class Box:
    """A configuration in a folder of its own, and the commands on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.config = folder / "config.toml"
        self.config.write_text(
            f'[unit]\ndata_dir = "{folder / "data"}"\n[screening]\nallow = ["0355556666"]\nblock = ["0570*"]\n'
        )
        self.out = self.err = ""

    def run(self, *arguments: str, status: int = 0) -> str:
        assert main(["lists", *arguments, "--config", str(self.config)]) == status, self._capsys.readouterr()
        self.out, self.err = self._capsys.readouterr()
        return self.out

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("list", *arguments, "--json").splitlines()]

    def patterns(self, name: str) -> set[str]:
        return {row["pattern"] + ("*" if row["kind"] == "prefix" else "") for row in self.rows(name)}

    def file(self, name: str, content: str, encoding: str = "utf-8") -> str:
        path = self.folder / name
        path.write_text(content, encoding)
        return str(path)

    def reason(self, number: str, after: float = 0.0) -> str:
        """How a box that starts now would decide on a call."""
        config = load_config(self.config)
        reader = RulesReader(database_path(config))
        stored = reader.poll()
        reader.close()
        assert stored is not None
        rules = with_stored(configured_rules(config), stored)
        return decide(rules, CallerId(number), time.time() + after).reason


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Box:
    monkeypatch.setenv("COLUMNS", "200")  # so that no table is wrapped
    return Box(tmp_path, capsys)


def test_a_number_goes_on_a_list_counts_and_comes_off_again(box: Box) -> None:
    assert "0312345678 is on the list allow" in box.run("add", "allow", "03-1234-5678", "--name", "娘 [b]")
    assert box.reason("0312345678") == "allow:known"
    (row,) = [row for row in box.rows("allow") if row["source"] == "by hand"]
    assert (row["label"], row["expires_at"]) == ("娘 [b]", None)
    assert "娘 [b]" in box.run("list")
    assert "off the list" in box.run("remove", "allow", "+81 3 1234 5678")
    assert box.reason("0312345678") == "screen:domestic"
    box.run("remove", "allow", "0312345678", status=1)
    assert "is not on the list allow" in box.err


def test_a_beginning_is_written_with_a_star(box: Box) -> None:
    box.run("add", "block", "0120*")
    assert box.patterns("block") == {"0120*", "0570*"}
    assert box.reason("0120111222") == "refuse:blocked:prefix:0120"
    box.run("remove", "block", "0120", status=1)
    box.run("remove", "block", "0120*")
    assert box.patterns("block") == {"0570*"}


def test_who_was_called_rings_through_for_some_days(box: Box) -> None:
    assert "until" in box.run("add", "called", "0312345678")
    assert box.reason("0312345678", 6.9 * DAY_S) == "allow:called"
    assert box.reason("0312345678", 7.1 * DAY_S) == "screen:domestic"
    box.run("add", "allow", "0312345678", "--days", "1")
    assert box.reason("0312345678", 1.1 * DAY_S) == "allow:called"


def test_numbers_of_the_configuration_are_shown_and_come_off_there_only(box: Box) -> None:
    assert [(row["pattern"], row["source"]) for row in box.rows("allow")] == [("0355556666", "configuration")]
    assert not (box.folder / "data").exists(), "looking makes no database"
    box.run("remove", "allow", "0355556666", status=1)
    assert "[screening] allow" in box.err


def test_blocking_a_known_number_says_that_it_will_not_help(box: Box) -> None:
    box.run("add", "block", "0355556666")
    assert "allow" in box.err
    assert box.reason("0355556666") == "allow:known"


@pytest.mark.parametrize("number", ["abc", "12", "312345678"])
def test_what_is_no_number_changes_nothing(box: Box, number: str) -> None:
    box.run("add", "allow", number, status=1)
    assert repr(number) in box.err
    assert not (box.folder / "data").exists()


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "vcard"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_an_exported_list_can_be_imported(box: Box, form: str, encoding: str, tmp_path: Path) -> None:
    box.run("add", "allow", "0312345678", "--name", "娘")
    box.run("add", "allow", "+15551234567", "--name", "Tom, abroad")
    out = tmp_path / "list.txt"
    box.run("export", "allow", "--format", form, "--encoding", encoding, "--output", str(out))
    for number in ("0312345678", "+15551234567"):
        box.run("remove", "allow", number)
    assert "2 numbers are new on the list allow, 1 were there" in box.run("import", str(out), "--to", "allow")
    labels = {row["pattern"]: row["label"] for row in box.rows("allow") if row["source"] == "list.txt"}
    assert labels["0312345678"] == "娘"
    assert labels["+15551234567"] == "Tom, abroad"


def test_a_vcard_leaves_beginnings_out_and_says_so(box: Box) -> None:
    assert "0570" not in box.run("export", "block", "--format", "vcard")
    assert "1 entries with * left out" in box.err
    assert "0570*" in box.run("export", "block")


def test_a_name_that_the_encoding_lacks_is_an_error(box: Box) -> None:
    box.run("add", "allow", "0312345678", "--name", "😀")
    box.run("export", "allow", "--encoding", "cp932", status=1)
    assert "--encoding utf-8-sig" in box.err


def test_bad_rows_are_named_and_a_dry_run_changes_nothing(box: Box) -> None:
    path = box.file("a.csv", "0312345678,娘\nnonsense,x\n0355556666,b\n", "cp932")
    assert "1 numbers would be new on the list allow, 1 were there, 1 rows left out" in box.run(
        "import", path, "--to", "allow", "--dry-run"
    )
    assert f"{path}:2: left out: the number is no telephone number" in box.err
    assert box.patterns("allow") == {"0355556666"}
    box.run("import", path, "--to", "allow")
    assert box.patterns("allow") == {"0355556666", "0312345678"}
    assert "0 numbers are new on the list allow, 2 were there" in box.run("import", path, "--to", "allow")


def test_a_file_without_a_good_row_changes_nothing(box: Box) -> None:
    box.run("import", box.file("a.csv", "nonsense,x\n"), "--to", "allow", status=1)
    assert "line 1" in box.err
    box.run("import", str(box.folder / "none.csv"), "--to", "allow", status=1)
    assert "none.csv" in box.err
    box.run("export", "allow", "--output", str(box.folder / "none" / "a.csv"), status=1)
    assert "cannot be written" in box.err


# --- stop-lists ----------------------------------------------------------------------------------------------------


def test_a_stop_list_is_dated_signed_off_and_can_be_removed(box: Box) -> None:
    path = box.file("stop.csv", "0312345678\n+1800*\nx\n")
    told = box.run("import-stoplist", path, *STOP, "--expires", "2099-12-31")
    assert "2 numbers of police count until 2100-01-01 00:00 JST, 1 rows left out" in told
    assert box.reason("0312345678") == "screen:stop_list"
    (row,) = box.rows("stop")
    assert (row["source"], row["signed_off_by"], row["numbers"]) == ("police", "officer", 2)
    assert "signed off by officer" in box.run("list", "stop")
    box.run("remove", "stop", "nobody", status=1)
    assert "'nobody'" in box.err
    box.run("remove", "stop", "police")
    assert box.rows("stop") == []
    assert box.reason("0312345678") == "screen:domestic"


@pytest.mark.parametrize(
    ("dates", "says"),
    [
        (("--issued", "2020-01-01", "--expires", "2020-06-30"), "--expires"),
        (("--issued", "2098-01-01", "--expires", "2099-06-30"), "--issued"),
    ],
)
def test_a_stop_list_out_of_its_time_is_refused(box: Box, dates: tuple[str, ...], says: str) -> None:
    path = box.file("stop.csv", "0312345678\n")
    box.run("import-stoplist", path, "--source", "police", "--signed-off-by", "officer", *dates, status=1)
    assert says in box.err
    assert box.rows("stop") == []


def test_an_older_issue_does_not_replace_a_newer_one(box: Box) -> None:
    path = box.file("stop.csv", "0312345678\n")
    box.run("import-stoplist", path, *STOP, "--expires", "2099-12-31")
    older = ("--issued", "2025-01-01", "--source", "police", "--signed-off-by", "officer", "--expires", "2099-12-31")
    assert "1 numbers of police would count" in box.run("import-stoplist", path, *older, "--dry-run")
    box.run("import-stoplist", path, *older, status=1)
    assert "a newer issue" in box.err


@pytest.mark.parametrize("missing", ["--source", "--issued", "--expires", "--signed-off-by"])
def test_nobody_imports_a_stop_list_without_source_dates_and_name(box: Box, missing: str) -> None:
    given = {"--source": "p", "--issued": "2026-01-01", "--expires": "2099-01-01", "--signed-off-by": "o"}
    arguments = [part for key, value in given.items() if key != missing for part in (key, value)]
    with pytest.raises(SystemExit) as ended:
        box.run("import-stoplist", box.file("stop.csv", "0312345678\n"), *arguments)
    assert ended.value.code == 2


# --- one call ------------------------------------------------------------------------------------------------------


def test_the_next_unknown_caller_is_let_through_for_some_minutes(box: Box) -> None:
    assert "rings through, until" in box.run("let-through", "--minutes", "10")
    assert box.reason("0312345678", 9 * 60) == "allow:let_through"
    assert box.reason("0312345678", 11 * 60) == "screen:domestic"
    box.run("let-through", "--off")
    assert box.reason("0312345678") == "screen:domestic"


@pytest.mark.parametrize("minutes", ["0", "1441", "x"])
def test_minutes_have_bounds(box: Box, minutes: str) -> None:
    with pytest.raises(SystemExit) as ended:
        box.run("let-through", "--minutes", minutes)
    assert ended.value.code == 2


def test_a_decision_about_a_class_of_callers_counts_and_is_taken_back(tmp_path: Path, capsys: Any) -> None:
    box = Box(tmp_path, capsys)
    assert "withheld: refuse  (configuration)" in box.run("policy")
    assert box.run("policy", "withheld", "screen") == "withheld: screen  (decided here)\n"
    reader = RulesReader(database_path(load_config(box.config)))
    stored = reader.poll()
    reader.close()
    assert stored is not None
    rules = with_stored(configured_rules(load_config(box.config)), stored)
    assert (rules.withheld, rules.international) == ("screen", "refuse")
    assert box.run("policy", "withheld", "config") == "withheld: refuse  (configuration)\n"


@pytest.mark.parametrize(("name", "value"), [("withheld", "maybe"), ("quiet_hours", "25:00-6:00")])
def test_a_decision_that_cannot_be_meant_is_refused(tmp_path: Path, capsys: Any, name: str, value: str) -> None:
    box = Box(tmp_path, capsys)
    box.run("policy", name, value, status=1)
    assert "configuration" in box.run("policy", name)


def test_quiet_hours_are_decided_and_switched_off(tmp_path: Path, capsys: Any) -> None:
    box = Box(tmp_path, capsys)
    assert box.run("policy", "quiet_hours", "22:00-6:30") == "quiet_hours: 22:00-6:30  (decided here)\n"
    assert box.run("policy", "quiet_hours", "off") == "quiet_hours: off  (decided here)\n"
