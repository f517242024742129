"""The sentences of the guided start, by key and language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, get_args

from denwaban.setup.steps import Cue, Finding, Question, Step, Value

Language = Literal["ja", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
_FILE: Final = Path(__file__).with_name("words.toml")

Table = Mapping[str, Mapping[str, Mapping[str, str]]]


def read_words() -> Table:
    """Kind → key → language → sentence."""
    return tomllib.loads(_FILE.read_text("utf-8"))


class Words:
    """One language's sentences. A key that is not there is our mistake: KeyError."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._table = read_words()

    def say(self, key: str, **values: Value) -> str:
        return self._table["say"][key][self._language].format(**values)

    def step(self, step: Step) -> str:
        return self._table["step"][step][self._language]

    def cue(self, cue: Cue) -> str:
        """Empty where there is nothing to do but to wait."""
        return self._table["cue"][cue].get(self._language, "")

    def waiting(self, cue: Cue) -> str:
        return self._table["cue"][cue][f"wait_{self._language}"]

    def question(self, question: Question) -> str:
        return self._table["ask"][question.name][self._language].format(**question.values)

    def finding(self, finding: Finding) -> str:
        return self._table["found"][finding.what][self._language].format(**finding.values)

    def way_out(self, finding: Finding) -> str:
        """What to do about it; empty where there is nothing to do."""
        return self._table["found"][finding.what].get(f"do_{self._language}", "").format(**finding.values)
