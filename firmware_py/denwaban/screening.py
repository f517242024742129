"""Who gets through: the decision on a ringing call, from its number alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from denwaban.events import CallerId
from denwaban.phone_number import normalise_number

Action = Literal["allow", "screen", "refuse"]
CallerClass = Literal[
    "known", "blocked", "domestic", "international", "withheld", "payphone", "out_of_area", "no_report"
]

_ABSENCE_CLASS: Final[dict[str, CallerClass]] = {
    "P": "withheld",
    "C": "payphone",
    "O": "out_of_area",
    "S": "out_of_area",  # service conflict: the caller's network cannot pass a number on; telephones show 表示圏外 too
}
_REFUSAL_PROMPT: Final[dict[CallerClass, str]] = {
    "withheld": "refuse_withheld",
    "international": "refuse_international",
}


@dataclass(frozen=True, slots=True)
class ScreeningRules:
    """The household's rules. Numbers are compared after `normalise_number`."""

    allow: frozenset[str] = frozenset()
    block: frozenset[str] = frozenset()
    withheld: Action = "refuse"
    international: Action = "refuse"
    payphone: Action = "screen"
    out_of_area: Action = "screen"
    number_service: bool = True
    """False: the line has no Number Display contract, so an absent number says nothing about the caller."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a ringing call and why; `prompt` is what a refused caller hears."""

    action: Action
    caller_class: CallerClass
    prompt: str | None = None

    @property
    def reason(self) -> str:
        return f"{self.action}:{self.caller_class}"


def classify(rules: ScreeningRules, caller: CallerId | None) -> CallerClass:
    """The class of a caller; `None` means that no report came, a report without content was garbled."""
    if caller is None or (caller.number is None and caller.absence is None):
        return "no_report"
    if caller.absence is not None:
        return _ABSENCE_CLASS[caller.absence] if rules.number_service else "no_report"
    number = normalise_number(caller.number or "")
    if number in rules.block:
        return "blocked"
    if number in rules.allow:
        return "known"
    return "international" if number.startswith("+") else "domestic"


def decide(rules: ScreeningRules, caller: CallerId | None) -> Decision:
    """Allow, screen or refuse. Never refuses for want of a report: a line without number service locks nobody out."""
    caller_class = classify(rules, caller)
    action: Action
    match caller_class:
        case "known":
            action = "allow"
        case "blocked":
            action = "refuse"
        case "withheld" | "international" | "payphone" | "out_of_area":
            action = getattr(rules, caller_class)
        case _:
            action = "screen"
    prompt = _REFUSAL_PROMPT.get(caller_class, "refuse_blocked") if action == "refuse" else None
    return Decision(action, caller_class, prompt)
