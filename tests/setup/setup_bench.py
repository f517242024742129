"""The wizard at the real driver and the virtual line, with a person who answers by the book."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from denwaban.audio.prompts import PromptLibrary
from denwaban.setup.config_file import ConfigFile
from denwaban.setup.line import SerialBench
from denwaban.setup.steps import Cue, Question, State, Step, StepResult
from denwaban.setup.virtual import VirtualHousehold
from denwaban.setup.wizard import Plan, Wizard
from denwaban.sim.audio_path import AgcSettings, LineLevels
from denwaban.sim.clock import LineClock
from denwaban.sim.faults import NO_FAULTS, Faults
from denwaban.sim.profiles import GENERIC, ModemProfile
from denwaban.sim.simulation import LineSetup
from denwaban.sim.virtual_line import VirtualLine

SPEED = 15.0
"""At most: a driver that is starved for ten seconds of line time lets go of the line."""
GOOD_LINE = LineLevels(far_db=-9.0, near_db=0.0)


class ByTheBook:
    """Answers questions in the order in which they were prepared, then as the household would, and remembers all."""

    def __init__(self, household: VirtualHousehold, answers: Mapping[str, list[str]]) -> None:
        self._household = household
        self._answers = {name: list(prepared) for name, prepared in answers.items()}
        self.begun: list[Step] = []
        self.cues: list[Cue] = []
        self.asked: list[Question] = []
        self.results: list[StepResult] = []

    def begin(self, step: Step) -> None:
        self.begun.append(step)

    def please(self, cue: Cue) -> None:
        self.cues.append(cue)
        self._household.act(cue)

    def waiting(self, cue: Cue, left_s: float) -> None:
        assert left_s > 0

    def ask(self, question: Question) -> str:
        self.asked.append(question)
        prepared = self._answers.get(question.name)
        answer = prepared.pop(0) if prepared else self._household.answer(question)
        assert answer in question.answers
        return answer

    def show(self, result: StepResult) -> None:
        self.results.append(result)

    def states(self) -> dict[Step, State]:
        """How each step went the last time."""
        return {result.step: result.state for result in self.results}

    def found(self, step: Step) -> list[str]:
        """What a step found out the last time."""
        last = next(result for result in reversed(self.results) if result.step == step)
        return [finding.what for finding in last.findings]


class Evening:
    """One run of the wizard. `household` makes the people out of the line; `answers` are given before theirs."""

    def __init__(
        self,
        folder: Path,
        household: Callable[[VirtualLine], VirtualHousehold] = VirtualHousehold,
        *,
        profile: ModemProfile = GENERIC,
        faults: Faults = NO_FAULTS,
        levels: LineLevels = GOOD_LINE,
        answers: Mapping[str, list[str]] | None = None,
        skip_call: bool = False,
        speed: float = SPEED,
    ) -> None:
        self.path = folder / "config.toml"
        clock = LineClock(speed)
        setup = LineSetup(profile, faults=faults, levels=levels, agc=AgcSettings(on=False))
        self.line = VirtualLine(clock, setup=setup)
        self.household = household(self.line)
        self.person = ByTheBook(self.household, answers or {})
        bench = SerialBench(clock, PromptLibrary().line_pcm, None, self.household.modems)
        self.keeper = ConfigFile(self.path)
        self.wizard = Wizard(self.person, bench, self.keeper, Plan(skip_call=skip_call))

    def run(self) -> bool:
        with self.line:
            try:
                return self.wizard.run()
            finally:
                # The wizard has come back, so the line must be free by now; the exchange sees it with its next tick.
                self.off_hook_afterwards = self.line.off_hook
