"""What follows when the family has heard of an alert, or answers it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from denwaban.effects import Effect, MarkHarmless, Warn
from denwaban.events import ContactsChanged, FamilyAnswered, FamilyTold
from denwaban.phases import Phase, SessionState, Step, call_of, release

RECENT_S: Final = 900.0
"""Later than this nobody in the house waits for the answer any more; a voice at night would only frighten."""

_ROLES: Final = {
    "娘": "daughter",
    "むすめ": "daughter",
    "長女": "daughter",
    "次女": "daughter",
    "daughter": "daughter",
    "息子": "son",
    "むすこ": "son",
    "長男": "son",
    "次男": "son",
    "son": "son",
    "孫": "grandchild",
    "まご": "grandchild",
    "grandchild": "grandchild",
    "兄": "sibling",
    "弟": "sibling",
    "姉": "sibling",
    "妹": "sibling",
    "sibling": "sibling",
    "近所": "neighbour",
    "隣": "neighbour",
    "neighbour": "neighbour",
    "ケアマネ": "carer",
    "carer": "carer",
    "役所": "office",
    "窓口": "office",
    "office": "office",
}
"""A role counts by how it begins, without its お or ご: 孫, お孫さん."""
ROLES: Final = tuple(dict.fromkeys((*_ROLES.values(), "family")))

_HOLDS_THE_LINE: Final = frozenset(
    (Phase.JOINING, Phase.ANNOUNCING, Phase.AWAITING_HANDSET, Phase.INVITING, Phase.TALKING)
)


def who(role: str) -> str:
    """The prompt that names a person of this role; somebody of the family where the role is not among those."""
    bare = role.strip().removeprefix("お").removeprefix("ご").removeprefix("御")
    known = (name for word, name in _ROLES.items() if bare.startswith(word))
    return f"who_{next(known, 'family')}"


def contacts_changed(state: SessionState, event: ContactsChanged, _now: float) -> Step:
    """Warnings and the family's button go by it from now on."""
    return replace(state, settings=replace(state.settings, tells_family=event.anybody)), ()


def told(state: SessionState, event: FamilyTold, _now: float) -> Step:
    """A contact has it: the household hears who."""
    return state, _spoken(event, "does_told")


def answered(state: SessionState, event: FamilyAnswered, now: float) -> Step:
    """A contact answers: the household hears what; a call is cut only while it lasts, and where the line is able to."""
    match event.reply:
        case "false_alarm":
            return state, (MarkHarmless(event.alert_id), *_spoken(event, "does_false_alarm"))
        case "calling":
            return state, _spoken(event, "does_calling")
        case "call_later":
            return state, _spoken(event, "does_call_later")
    if state.call is None or state.call.id != event.alert_id or state.phase not in _HOLDS_THE_LINE:
        return state, ()
    spoken = _spoken(event, "does_hang_up")
    if event.reply == "hang_up" and state.settings.can_cut:
        state, effects = release(state, call_of(state), now)
        return state, (*effects, *spoken)
    return state, spoken


def _spoken(event: FamilyTold | FamilyAnswered, does: str) -> tuple[Effect, ...]:
    return (Warn(who(event.role)), Warn(does)) if event.age_s <= RECENT_S else ()
