"""Configuration: every mistake at once, in words that say the way out; nothing undocumented."""

from __future__ import annotations

import dataclasses
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.cli import main
from denwaban.config import (
    CONFIG_ENV,
    AlertsConfig,
    Config,
    ContactConfig,
    find_config,
    load_config,
    parse_config,
)
from denwaban.config_text import example, show
from denwaban.errors import ConfigError

PINS = ("listening_pin", "alarm_pin", "family_pin", "stop_pin", "fine_pin")
EXAMPLE = Path(__file__).parents[1] / "config.example.toml"


def problems(table: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_config(table, "here")
    return caught.value.problems


def all_keys() -> Iterator[tuple[str, dataclasses.Field[Any]]]:
    for section, kind in typing.get_type_hints(Config).items():
        table = typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else kind
        yield from ((section, item) for item in dataclasses.fields(table))


def test_example_file_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "example"]) == 0
    assert capsys.readouterr().out == EXAMPLE.read_text("utf-8"), "run: denwaban config example > config.example.toml"


def test_example_file_holds_the_defaults() -> None:
    assert load_config(EXAMPLE) == Config()


def test_example_of_a_contact_loads_when_its_marks_are_removed() -> None:
    text = example()
    head, contact = text.split("# [[contacts]]\n")
    lines = [line.removeprefix("# ") for line in contact.splitlines() if " = " in line]
    table = tomllib.loads(head + "[[contacts]]\n" + "\n".join(lines))
    table["contacts"][0]["name"] = "musume"
    assert parse_config(table, "here").contacts == (ContactConfig(name="musume"),)


@pytest.mark.parametrize(("section", "item"), list(all_keys()), ids=lambda value: getattr(value, "name", value))
def test_every_key_has_a_meaning(section: str, item: dataclasses.Field[Any]) -> None:
    meaning = item.metadata["meaning"]
    assert len(meaning) > 10
    assert meaning in EXAMPLE.read_text("utf-8")


def test_every_key_that_counts_seconds_or_days_says_so_in_its_name() -> None:
    for section, item in all_keys():
        meaning = item.metadata["meaning"]
        if meaning.startswith("Seconds"):
            assert item.name.endswith("_s"), f"{section}.{item.name}"
        if meaning.startswith("Days"):
            assert item.name.endswith("_days"), f"{section}.{item.name}"


def test_all_mistakes_are_told_at_once() -> None:
    found = problems(
        {
            "unit": {"name": 5},
            "line": {"prot": "/dev/x", "number_service": "yes"},
            "screening": {"withheld": "refuze", "allow": [3]},
            "alert": {},
        }
    )
    text = "\n".join(found)
    assert len(found) == 6
    assert "unknown key line.prot (did you mean port?)" in text
    assert "unknown key alert (did you mean alerts?)" in text
    assert "unit.name: must be text in quotes, not 5" in text
    assert "line.number_service: must be true or false" in text
    assert "did you mean refuse?" in text
    assert "screening.allow[0]" in text


def test_all_values_out_of_range_are_told_at_once() -> None:
    found = problems(
        {
            "unit": {"name": "my box"},
            "speech": {"threads": 0},
            "alerts": {"port": 70000},
            "screening": {"handset_wait_s": 1, "max_call_s": 5.0, "allow": ["", "abc"]},
            "recording": {"keep_days": 0},
            "contacts": [{"name": "a"}, {"name": "a"}],
        }
    )
    assert len(found) == 9
    for key in (
        "unit.name",
        "speech.threads",
        "alerts.port",
        "handset_wait_s",
        "max_call_s",
        "keep_days",
        "screening.allow: ''",
        "screening.allow: 'abc'",
        "used twice",
    ):
        assert any(key in problem for problem in found), key


@pytest.mark.parametrize(
    ("panel", "said"),
    [
        ({"listening_pin": 1}, ["panel.listening_pin: must be 2 to 27"]),
        ({"alarm_pin": 28, "stop_pin": -1}, ["panel.alarm_pin: must be 2 to 27", "panel.stop_pin: must be 2 to 27"]),
        ({"listening_pin": 17, "family_pin": 17}, ["panel.family_pin: GPIO 17 is taken by panel.listening_pin"]),
        ({"family_pin": 5, "stop_pin": 5, "fine_pin": 5}, ["panel.stop_pin: GPIO 5", "panel.fine_pin: GPIO 5"]),
        ({"fine_pin": "17"}, ["panel.fine_pin: must be a whole number"]),
    ],
)
def test_a_pin_that_is_none_or_taken_is_named(panel: dict[str, Any], said: list[str]) -> None:
    found = problems({"panel": panel})
    assert len(found) == len(said)
    assert all(problem.startswith(start) for problem, start in zip(found, said, strict=True))


def test_every_lamp_and_button_may_be_missing_and_all_may_be_there() -> None:
    assert parse_config({"panel": dict.fromkeys(PINS, 0)}, "here") == Config()
    pins = {key: pin for pin, key in enumerate(PINS, 2)}
    assert dataclasses.asdict(parse_config({"panel": pins}, "here").panel) == pins


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("speech", "threads", True),
        ("recording", "enabled", 1),
        ("alerts", "port", 1883.0),
        ("alerts", "port", "1883"),
        ("screening", "handset_wait_s", True),
        ("screening", "handset_wait_s", float("nan")),
        ("screening", "max_call_s", float("inf")),
        ("screening", "allow", "0312345678"),
        ("detector", "sensitivity", 1),
        ("unit", "name", ["a"]),
    ],
)
def test_a_value_of_the_wrong_kind_names_its_key(section: str, key: str, value: object) -> None:
    (problem,) = problems({section: {key: value}})
    assert f"{section}.{key}" in problem


def test_a_whole_number_is_fine_where_a_number_is_wanted() -> None:
    assert parse_config({"screening": {"handset_wait_s": 30}}, "here").screening.handset_wait_s == 30.0


@pytest.mark.parametrize("table", [{"unit": 5}, {"unit": []}, {"contacts": {}}, {"contacts": [5]}, {"line": "x"}])
def test_a_table_of_the_wrong_shape_is_named(table: dict[str, Any]) -> None:
    assert any(next(iter(table)) in problem for problem in problems(table))


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SECTIONS = st.sampled_from([field.name for field in dataclasses.fields(Config)])
KEYS = st.sampled_from([item.name for _section, item in all_keys()]) | st.text(max_size=5)


@given(
    st.dictionaries(SECTIONS | st.text(max_size=5), JSONISH | st.dictionaries(KEYS, JSONISH, max_size=3), max_size=4)
)
def test_any_table_gives_a_configuration_or_a_list_of_problems(table: dict[str, Any]) -> None:
    problems_found: tuple[str, ...] = ("none",)
    try:
        parse_config(table, "here")
    except ConfigError as error:
        problems_found = error.problems
    assert problems_found
    assert all(problems_found)


def test_secrets_are_masked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[alerts]\nhost = "broker"\npassword_file = "/secret/place"\n')
    assert show(Config(alerts=AlertsConfig(password_file="/secret/place")))["alerts"]["password_file"] == "***"
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        assert main([*arguments, "--config", str(path)]) == 0
        shown = capsys.readouterr().out
        assert "broker" in shown
        assert "/secret" not in shown


def test_check_prints_every_mistake_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[lin]\nport = "x"\n[alerts]\nport = 0.5\n')
    assert main(["config", "check", "--config", str(path)]) == 1
    error = capsys.readouterr().err
    assert str(path) in error
    assert "did you mean line?" in error
    assert "alerts.port" in error


@pytest.mark.parametrize("content", [b"[unit", b"\xff\xfe", b"unit = "])
def test_what_is_no_toml_says_where(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"config.toml.*\n.*TOML"):
        load_config(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        load_config(tmp_path / "nowhere.toml")


def test_the_file_given_wins_then_the_environment_then_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv(CONFIG_ENV, raising=False)
    assert find_config(None) is None
    users = tmp_path / "xdg" / "denwaban" / "config.toml"
    users.parent.mkdir(parents=True)
    users.touch()
    assert find_config(None) == users
    Path("config.toml").touch()
    assert find_config(None) == Path("config.toml")
    monkeypatch.setenv(CONFIG_ENV, "from-env.toml")
    assert find_config(None) == Path("from-env.toml")
    assert find_config(Path("given.toml")) == Path("given.toml")
