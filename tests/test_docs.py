"""What the documentation names must be there: commands, options, make targets, files; in both languages alike."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from denwaban.cli import main

ROOT = Path(__file__).parents[1]
FOLDERS_WITH_DOCS = ("docs", "training", "firmware_py", "models", "hardware")
DOCS = sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS_WITH_DOCS for path in (ROOT / folder).rglob("*.md"))])

WITH_ACTIONS = frozenset(("calls", "lists", "contacts", "contact", "alerts", "models", "config", "web"))

_CODE = re.compile(r"^```\w*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
_MAKE = re.compile(r"(?:^|&& |; )make ([a-z][a-z-]*)")
_DENWABAN = re.compile(r"(?:^|\s|/)denwaban((?: +[\w./:=-]+)+)")
_BENCH = re.compile(r"bench/\w+\.py")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_of(text: str) -> list[str]:
    """Lines of code blocks and inline code."""
    return [line for block, inline in _CODE.findall(text) for line in (block or inline).splitlines()]


def commands(text: str) -> list[str]:
    """Commands of ours that a reader would type, in order of appearance."""
    return [
        match.group().strip(" /")
        for line in code_of(text)
        for pattern in (_MAKE, _DENWABAN, _BENCH)
        for match in pattern.finditer(line)
    ]


def each_doc() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", DOCS, ids=named)


def help_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The help text of a command line; empty if there is no such command."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    return capsys.readouterr().out if ended.value.code == 0 else ""


@each_doc()
def test_every_make_target_in_the_docs_exists(path: Path) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text("utf-8")))
    mentioned = {target for line in code_of(path.read_text("utf-8")) for target in _MAKE.findall(line)}
    assert mentioned <= targets


@each_doc()
def test_every_command_and_option_in_the_docs_exists(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in code_of(path.read_text("utf-8")):
        for match in _DENWABAN.finditer(line):
            words = match.group(1).split()
            options = [word.split("=")[0] for word in words if word.startswith("--")]
            plain = [word for word in words if not word.startswith("-")]
            shown = help_of(plain[:2] if WITH_ACTIONS.intersection(plain[:1]) else plain[:1], capsys)
            assert shown, f"no such command: {match.group().strip()}"
            assert all(option in shown for option in options), f"no such option: {match.group().strip()}"


@each_doc()
def test_every_relative_link_resolves(path: Path) -> None:
    links = [link.split("#")[0] for link in _LINK.findall(path.read_text("utf-8"))]
    broken = [link for link in links if link and "://" not in link and not (path.parent / link).exists()]
    assert not broken


@each_doc()
def test_every_benchmark_in_the_docs_exists(path: Path) -> None:
    scripts = set(_BENCH.findall(path.read_text("utf-8")))
    assert not [script for script in scripts if not (ROOT / script).is_file()]


def test_both_readmes_name_the_same_commands() -> None:
    english, japanese = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.ja.md"))
    assert commands(english), "the pattern finds nothing any more"
    assert set(commands(english)) == set(commands(japanese))


def test_the_commands_of_a_readme_are_found() -> None:
    text = "Type `make demo` or\n```\n.venv/bin/denwaban calls list --json\n```\nthen make tea."
    assert commands(text) == ["make demo", "denwaban calls list --json"]


def test_every_decision_is_short_and_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text("utf-8")
    records = sorted(folder.glob("[0-9]*.md"))
    assert records
    for record in records:
        text = record.read_text("utf-8")
        assert len(text.splitlines()) <= 25, f"{record.name} is longer than a record should be"
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequence")), record.name
        assert f"({record.name})" in index, f"{record.name} is not in the index"


def test_every_direct_dependency_is_documented() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    missing = [name for name in (re.split(r"[<>=~]", one)[0] for one in wanted) if not re.search(rf"\b{name} \d", text)]
    assert not missing
