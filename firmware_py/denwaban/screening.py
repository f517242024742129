"""Who gets through: the decision on a ringing call, from its number alone. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Final, Literal

from denwaban.events import CallerId
from denwaban.phone_number import Flag, describe, normalise_number
from denwaban.rules import Action, PatternKind, ScreeningRules

NumberClass = Literal[
    "domestic", "international", "reported_abroad", "withheld", "payphone", "out_of_area", "no_report"
]

_ABSENCE_CLASS: Final[dict[str, NumberClass]] = {
    "P": "withheld",
    "C": "payphone",
    "O": "out_of_area",
    "S": "out_of_area",  # service conflict: the caller's network cannot pass a number on; telephones show 表示圏外 too
}
_NEVER_QUIETED: Final[frozenset[NumberClass]] = frozenset(("payphone", "no_report"))
"""Not turned away at night: a lost report may hide the daughter, and after an earthquake she calls from a payphone."""
_REFUSAL_PROMPT: Final[dict[NumberClass, str]] = {
    "withheld": "refuse_withheld",  # tells how to get through (186), which is worth knowing at night, too
    "international": "refuse_international",
    "reported_abroad": "refuse_international",
}
_BAD_SIGNS: Final[frozenset[Flag]] = frozenset(("abuse_reported_country", "unassigned_country_code"))
LET_THROUGH: Final = "allow:let_through"
_PROOF_AGAINST_CALLING: Final = (
    "refuse:blocked",
    "refuse:international",
    "refuse:reported_abroad",
    "screen:stop_list",
)
"""What the household's own telephoning does not open: swindlers ask to be called back, and then call."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a ringing call. `prompt` is what a refused caller hears.

    `reason` is a stable code for programs (`refuse:blocked:prefix:0120`), never with a whole number of a caller;
    `reasons.explain` puts it into words.
    """

    action: Action
    reason: str
    prompt: str | None = None


JOINED: Final = Decision("screen", "screen:joined")
"""The household answered first, and the box listens."""
OUTGOING: Final = Decision("screen", "screen:outgoing")
"""The household telephones, and the box listens."""
FAX_AGAIN: Final = Decision("allow", "allow:fax")
"""Who sent a fax tone a moment ago tries again."""
_CALLED_BACK: Final = Decision("allow", "allow:called_back")


def called_back(decision: Decision) -> Decision:
    """The decision while the household may be called back: whom it telephoned cannot be told from who calls now."""
    proof = decision.action == "allow" or decision.reason.startswith(_PROOF_AGAINST_CALLING)
    return decision if proof else _CALLED_BACK


def pattern_of(text: str) -> tuple[str, PatternKind]:
    """What a person writes into a list: a number, or its beginning and a `*`. Raises ValueError, without the text."""
    compact = unicodedata.normalize("NFKC", text).strip()
    prefix = compact.endswith("*")
    pattern = normalise_number(compact)
    digits = len(pattern.lstrip("+"))
    if re.search(r"[^\W\d_]", compact) or digits > 20:
        raise ValueError("is no telephone number")
    if prefix:
        if digits < 2:
            raise ValueError("is too short a beginning; want two digits or more before the *")
        return pattern, "prefix"
    if digits < 3:
        raise ValueError("is no telephone number")
    if digits >= 7 and pattern[0] not in "0+":
        raise ValueError("begins with neither 0 nor +; write the area code (a spreadsheet may have dropped the 0)")
    return pattern, "exact"


def classify(rules: ScreeningRules, caller: CallerId | None) -> NumberClass:
    """The class of a caller; `None` means that no report came, a report without content was garbled."""
    if caller is None:
        return "no_report"
    if caller.absence is not None:
        return _ABSENCE_CLASS[caller.absence] if rules.number_service else "no_report"
    number = _number(caller)
    if not number:
        return "no_report"
    if not number.startswith("+"):
        return "domestic"
    return "reported_abroad" if describe(number).flags & _BAD_SIGNS else "international"


def on_stop_list(rules: ScreeningRules, caller: CallerId | None, at: float) -> bool:
    """Whether police or carriers warn of this number, and the household has not vouched for it."""
    number = _number(caller)
    return rules.stop.match(number, at) is not None and rules.allow.match(number, at) is None


def decide(rules: ScreeningRules, caller: CallerId | None, now: float) -> Decision:
    """Allow, screen or refuse at `now` (seconds since the epoch).

    The allow list wins over everything. On a line without number service nobody is refused: the box could not tell
    the daughter from a stranger.
    """
    decision = _decide(rules, caller, now)
    if decision.action == "refuse" and not rules.number_service:
        return Decision("screen", "screen:no_service")
    return decision


def _decide(rules: ScreeningRules, caller: CallerId | None, now: float) -> Decision:
    number, kind = _number(caller), classify(rules, caller)
    if (known := rules.allow.match(number, now)) is not None:
        return Decision("allow", f"allow:known{known}")
    if (blocked := rules.block.match(number, now)) is not None:
        return Decision("refuse", f"refuse:blocked{blocked}", "refuse_blocked")
    warned_of = rules.stop.match(number, now)
    # Swindlers ask to be called back, so having called a number of the stop list vouches for nothing.
    if warned_of is None:
        if rules.called.match(number, now) is not None:
            return Decision("allow", "allow:called")
        if rules.let_through is not None and now < rules.let_through.until:
            return Decision("allow", LET_THROUGH)
    action: Action = getattr(rules, kind)
    if action == "refuse":
        return Decision("refuse", f"refuse:{kind}", _REFUSAL_PROMPT.get(kind, "refuse_blocked"))
    if rules.quiet is not None and rules.quiet.contains(now) and kind not in _NEVER_QUIETED:
        return Decision("refuse", "refuse:quiet_hours", _REFUSAL_PROMPT.get(kind, "quiet_hours"))
    if warned_of is not None:
        return Decision("screen", f"screen:stop_list{warned_of}")
    return Decision(action, f"{action}:{kind}")


def used_up(rules: ScreeningRules) -> ScreeningRules:
    """The rules after the one caller who was to be let through has rung."""
    return replace(rules, let_through=None)


def _number(caller: CallerId | None) -> str:
    return normalise_number(caller.number or "") if caller is not None and caller.absence is None else ""
