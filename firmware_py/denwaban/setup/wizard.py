"""The guided start, step by step. It knows nothing of screens, serial ports and files: those are its ports."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final, Literal

from denwaban.config import Config
from denwaban.errors import ConfigError, LineError
from denwaban.line.probe import ModemFacts
from denwaban.line.profiles import CONEXANT, GENERIC, PROFILES
from denwaban.setup.steps import (
    TRIAL_STEPS,
    Bench,
    Finding,
    FoundModem,
    Keeper,
    Person,
    Question,
    State,
    Step,
    StepResult,
    found,
)
from denwaban.setup.summary import summarise
from denwaban.setup.trial import CallEnded, Measured, Trial

NOTED: Final = {GENERIC.notes[0]: "about_generic", CONEXANT.notes[0]: "about_conexant"}
"""What is known of a family, as a key of `words.toml`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the person has said beforehand."""

    port: str = ""
    """Empty: look for modems."""
    skip_call: bool = False


class Wizard:
    """`run` goes through the steps. Whatever interrupts it, the line is released and nothing is half written."""

    def __init__(self, person: Person, bench: Bench, keeper: Keeper, plan: Plan) -> None:
        self._person = person
        self._bench = bench
        self._keeper = keeper
        self._plan = plan
        self._states: dict[Step, State] = {}
        self.written = False

    def run(self) -> bool:
        """True when the configuration is written and no step was bad."""
        port = self._find()
        facts = self._identify(port) if port else None
        if facts is None or facts.encoding is None:
            return False
        measured = None
        if not self._plan.skip_call:
            measured = self._try_calls(port, facts)
            if measured is None:
                return False
        config = self._configured(port, measured)
        if not self._write(config, measured):
            return False
        self._person.begin("summary")
        capabilities = self._bench.capabilities(facts)
        self._show("summary", *summarise(capabilities, facts, measured, config))
        return "bad" not in self._states.values()

    def _show(self, step: Step, *findings: Finding) -> None:
        """A step that is tried again counts as it went the last time."""
        result = StepResult(step, findings)
        self._states[step] = result.state
        self._person.show(result)

    def _ask(self, name: str, answers: tuple[str, ...], default: str, **values: str | int) -> str:
        return self._person.ask(Question(name, answers, default, values))

    # --- the modem -------------------------------------------------------------------------------------------------

    def _find(self) -> str:
        """The port to use; empty when there is none."""
        self._person.begin("find")
        modem = self._given() if self._plan.port else self._search()
        if modem is None:
            return ""
        trouble = self._bench.trouble(modem.port)
        if trouble:
            self._show("find", found(trouble, "bad", port=modem.port))
            return ""
        stable = () if modem.stable else (found("port_name_may_change", "note"),)
        self._show("find", found("modem_found", port=modem.port, description=modem.description), *stable)
        return modem.port

    def _given(self) -> FoundModem:
        return FoundModem(self._plan.port, "--port", stable=True)

    def _search(self) -> FoundModem | None:
        while not (modems := self._bench.modems()):
            if self._ask("look_again", ("yes", "no"), "no") == "no":
                self._show("find", found("no_modem", "bad"))
                return None
        if len(modems) == 1:
            return modems[0]
        numbers = tuple(str(n) for n in range(1, len(modems) + 1))
        rows = "\n".join(f"  {n}  {modem.port}  ({modem.description})" for n, modem in enumerate(modems, 1))
        answer = self._ask("which_modem", (*numbers, "none"), "none", modems=rows)
        if answer == "none":
            self._show("find", found("several_modems", "bad", count=len(modems)))
            return None
        return modems[int(answer) - 1]

    def _identify(self, port: str) -> ModemFacts | None:
        self._person.begin("identify")
        try:
            facts = self._bench.identify(port)
        except LineError as error:
            self._show("identify", found("modem_silent", "bad", port=port, reason=str(error)))
            return None
        self._show("identify", *identity(facts))
        return facts

    # --- the call --------------------------------------------------------------------------------------------------

    def _try_calls(self, port: str, facts: ModemFacts) -> Measured | None:
        """Trials until one is whole or the person has had enough; None when the modem is lost."""
        while True:
            trial, ended = self._try_call(port, facts)
            if ended == "lost":
                return None
            if ended == "whole":
                return trial.measured
            if self._ask("try_again", ("yes", "no"), "no") == "no":
                for step in TRIAL_STEPS[TRIAL_STEPS.index(trial.step) + 1 :]:
                    self._show(step, found("not_tried", "skipped"))
                return trial.measured

    def _try_call(self, port: str, facts: ModemFacts) -> tuple[Trial, Literal["whole", "too soon", "lost"]]:
        assert facts.encoding is not None, "a modem without voice has ended the wizard"
        with closing(self._bench.open(port)) as line:
            trial = Trial(self._person, line, self._show, eight_bits=facts.encoding.law == "linear8")
            try:
                trial.run()
            except CallEnded as ended:
                self._show(trial.step, ended.finding)
                return trial, "too soon"
            except LineError as error:
                self._show(trial.step, found("modem_lost", "bad", reason=str(error)))
                return trial, "lost"
            return trial, "whole"

    # --- the configuration -----------------------------------------------------------------------------------------

    def _configured(self, port: str, measured: Measured | None) -> Config:
        existing = self._keeper.existing
        line = replace(existing.line, port=port)
        if measured is not None and measured.answered:
            line = replace(line, number_service=self._number_service(measured))
        return replace(existing, line=line)

    def _number_service(self, measured: Measured) -> bool:
        """In doubt False: then nobody is refused for want of a number."""
        if measured.caller is not None or measured.short_rings:
            return True
        return self._ask("number_contract", ("yes", "no", "unsure"), "unsure") == "yes"

    def _write(self, config: Config, measured: Measured | None) -> bool:
        self._person.begin("write")
        keeper = self._keeper
        text = keeper.text(config)
        if self._ask("write", ("yes", "no"), "yes", path=str(keeper.path), text=text) == "no":
            self._show("write", found("config_declined", "skipped"))
            return False
        try:
            copy = keeper.write(config)
        except ConfigError as error:
            reason = "; ".join(error.problems)
            self._show("write", found("config_not_written", "bad", path=error.source, reason=reason))
            return False
        self.written = True
        service = "number_service_on" if config.line.number_service else "number_service_off"
        self._show(
            "write",
            found("config_written", path=str(keeper.path)),
            *(() if copy is None else (found("config_kept", copy=str(copy)),)),
            *((found(service),) if measured is not None and measured.answered else ()),
        )
        return True


def identity(facts: ModemFacts) -> tuple[Finding, ...]:
    """What a modem is and can do, as far as it matters to a household."""
    named = found(
        "modem_unlisted" if facts.family == GENERIC.name else "modem_named",
        name=facts.name,
        family=facts.title,
        revision=facts.revision or "?",
    )
    fixes = PROFILES[facts.family].firmware_fixes
    newest = ".".join(map(str, fixes[-1].since)) if fixes else ""
    if facts.encoding is None:
        return named, found("voice_needs_update" if fixes else "voice_missing", "bad", since=newest)
    return (
        named,
        found("audio_8_bit", "note") if facts.encoding.law == "linear8" else found("audio_good"),
        found(f"japan_{facts.japan}", "ok" if facts.japan == "set" else "note"),
        _number(facts),
        _handset(facts),
        *(_noted(facts, note, newest) for note in facts.notes),
    )


def _number(facts: ModemFacts) -> Finding:
    if not facts.shows_caller:
        return found("number_impossible", "note")
    return found("number_documented") if facts.caller_id == "documented" else found("number_unproven", "note")


def _handset(facts: ModemFacts) -> Finding:
    match facts.senses_extension:
        case True:
            return found("pickup_claimed")
        case False:
            return found("pickup_denied", "note")
        case None:
            return found("pickup_unknown", "note")


def _noted(facts: ModemFacts, note: str, newest: str) -> Finding:
    if note in NOTED:
        return found(NOTED[note], "note")
    if any(fix.what in note for fix in PROFILES[facts.family].firmware_fixes):
        return found("firmware_old", "note", revision=facts.revision, since=newest)
    return found("about_modem", "note", note=note)
