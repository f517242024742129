"""The person of the guided start at a terminal: sentences, marks, a countdown while waiting, and typed answers."""

from __future__ import annotations

import os
import select
import time
import unicodedata
from collections import deque
from types import TracebackType
from typing import Final, Self, TextIO

from rich.console import Console
from rich.status import Status

from denwaban.cli.common import print_json
from denwaban.setup.steps import STEPS, Cue, Finding, Question, Step, StepResult
from denwaban.setup.virtual import VirtualHousehold
from denwaban.setup.words import Words

_MARK: Final = {"ok": ("✓", "green"), "note": ("!", "yellow"), "bad": ("✗", "bold red"), "skipped": ("・", "dim")}
_LETTERS: Final = {"yes": "y", "no": "n", "unsure": "?", "none": "q"}
_ALSO: Final = {
    "yes": ("yes", "はい", "h"),
    "no": ("no", "いいえ", "i"),
    "unsure": ("わからない", "u"),
    "none": ("quit", "やめる"),
}


class InputEnded(Exception):
    """Nobody will answer any more."""


class Lines:
    """Lines typed at a file, with a limit on the wait. Not `readline`: what its buffer holds, `select` does not see."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._rest = b""
        self._lines: deque[str] = deque()

    def next(self, limit_s: float | None) -> str | None:
        """The next line; None after the limit. Raises InputEnded."""
        deadline = None if limit_s is None else time.monotonic() + limit_s
        while not self._lines:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._file.fileno()], [], [], left)[0]:
                return None
            data = os.read(self._file.fileno(), 4096)
            if not data:
                raise InputEnded
            *whole, self._rest = (self._rest + data).split(b"\n")
            self._lines.extend(line.decode(errors="replace") for line in whole)
        return self._lines.popleft()


class Terminal:
    """Implements `Person`. Use as a context manager, so that no countdown stays on the screen."""

    def __init__(
        self,
        words: Words,
        console: Console,
        lines: Lines | None,
        household: VirtualHousehold | None,
        *,
        kept: bool,
        json: bool,
    ) -> None:
        """`lines`: None takes default answers. `household`: on a virtual line, who does what people are asked for.

        `kept`: the configuration stays when all is over.
        """
        self._words = words
        self._console = console
        self._lines = lines
        self._household = household
        self._kept = kept
        self._json = json
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop_waiting()

    # --- the port ----------------------------------------------------------------------------------------------------

    def begin(self, step: Step) -> None:
        self._print(f"\n[{STEPS.index(step) + 1}/{len(STEPS)}] {self._words.step(step)}", "bold")

    def please(self, cue: Cue) -> None:
        self._print(f"  ▶ {self._words.cue(cue)}", "bold cyan")
        if self._household is not None:
            self._household.act(cue)

    def waiting(self, cue: Cue, left_s: float) -> None:
        text = f"{self._words.waiting(cue)} … {self._words.say('left', seconds=round(left_s))}"
        if self._status is None:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def ask(self, question: Question) -> str:
        self._print(f"  ? {self._words.question(question)}", "bold")
        if self._lines is None:
            assumed = question.default if self._household is None else self._household.answer(question)
            self._print(f"    → {self._named(assumed)}", "dim")
            return assumed
        self._print(f"    {self._choices(question)}", "dim")
        while True:
            line = self._lines.next(question.limit_s)
            if line is None:
                self._print(f"    {self._words.say('no_answer_in_time', default=self._named(question.default))}")
                return question.default
            answer = understood(line, question)
            if answer is not None:
                return answer
            self._print(f"    {self._words.say('not_an_answer', keys=' '.join(map(_letter, question.answers)))}")

    def show(self, result: StepResult) -> None:
        for finding in result.findings:
            mark, style = _MARK[finding.state]
            self._print(f"  {mark} {self._words.finding(finding)}", style)
            if way_out := self._words.way_out(finding):
                self._print(f"      → {way_out}")
        if self._json:
            number = STEPS.index(result.step) + 1
            findings = [self._plain(finding) for finding in result.findings]
            print_json({"step": result.step, "n": number, "state": result.state, "findings": findings})

    # --- around the steps --------------------------------------------------------------------------------------------

    def hello(self) -> None:
        self._print(self._words.say("hello"))
        if self._household is not None:
            self._print(self._words.say("virtual"), "yellow")
            if not self._kept:
                self._print(self._words.say("virtual_config"), "yellow")

    def stopped(self, why: str) -> None:
        self._print("\n" + self._words.say(why), "yellow")

    def goodbye(self, well: bool, written: bool, option: str) -> None:
        """`option` leads the next commands to the configuration."""
        if not written:
            self._print("\n" + self._words.say("not_done"), "bold yellow")
        elif not self._kept:
            self._print("\n" + self._words.say("exercise_over"), "bold")
        else:
            self._next(well, option)

    def _next(self, well: bool, option: str) -> None:
        self._print("\n" + self._words.say("done" if well else "done_with_problems"), "bold")
        for command in ("doctor", "run"):
            self._print(f"  denwaban {command}{option}    {self._words.say(f'next_{command}')}")

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _print(self, text: str, style: str = "") -> None:
        self._stop_waiting()
        # rich would break Japanese only at its few blanks; the terminal breaks it anywhere.
        self._console.print(text, style=style, markup=False, soft_wrap=True)

    def _stop_waiting(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _named(self, answer: str) -> str:
        return self._words.say(answer) if answer in _LETTERS else answer

    def _choices(self, question: Question) -> str:
        named = [f"{_letter(one)}={self._named(one)}" if one in _LETTERS else one for one in question.answers]
        return f"{'  '.join(named)}  ({self._words.say('enter', default=self._named(question.default))})"

    def _plain(self, finding: Finding) -> dict[str, object]:
        said = {"said": self._words.finding(finding), "do": self._words.way_out(finding)}
        return {"what": finding.what, "state": finding.state, **said, "values": dict(finding.values)}


def understood(line: str, question: Question) -> str | None:
    """Which answer was typed, in any width and case; None if none of them. An empty line is the default."""
    text = unicodedata.normalize("NFKC", line).strip().lower()
    if not text:
        return question.default
    return next((one for one in question.answers if text == _letter(one) or text in _ALSO.get(one, ())), None)


def _letter(answer: str) -> str:
    return _LETTERS.get(answer, answer)
