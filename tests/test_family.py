"""What the household hears of the family's answers, and what an answer does to the call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from denwaban import events as ev
from denwaban.audio.prompts import PromptLibrary
from denwaban.effects import HangUp, MarkHarmless, SendAlert, Warn
from denwaban.events import ButtonPressed, ContactsChanged, FamilyAnswered, FamilyTold, Reply
from denwaban.family import RECENT_S, ROLES, who
from denwaban.phases import Phase
from tests.test_session import SETTINGS, Course

LIBRARY = PromptLibrary()
CAN_CUT = replace(SETTINGS, can_cut=True)


def answer(reply: Reply, alert_id: str = "boot-1", age_s: float = 5.0) -> FamilyAnswered:
    return FamilyAnswered(alert_id, "娘さん", reply, age_s)


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("娘さん", "むすめさんが、"),
        ("長男", "むすこさんが、"),
        ("お孫さん", "おまごさんが、"),
        ("妹さん", "ごきょうだいが、"),
        ("ご近所の佐藤さん", "ご近所のかたが、"),
        ("ケアマネジャー", "ケアマネジャーさんが、"),
        ("区役所", "ご家族のかたが、"),
        ("役所の窓口", "役所のかたが、"),
        ("", "ご家族のかたが、"),
        ("daughter", "むすめさんが、"),
    ],
)
def test_people_are_named_by_their_role(role: str, text: str) -> None:
    assert LIBRARY[who(role)].text == text


def test_every_role_and_every_answer_can_be_spoken() -> None:
    course = Course().talking()
    said = [f"who_{role}" for role in ROLES]
    for reply in ("calling", "false_alarm", "call_later", "ask_hang_up"):
        said += [effect.prompt for effect in course.take(answer(reply)) if isinstance(effect, Warn)]  # type: ignore[arg-type]
    said += [effect.prompt for effect in course.take(FamilyTold("boot-1", "", 1.0)) if isinstance(effect, Warn)]
    assert {"does_told", "does_calling", "does_call_later", "does_false_alarm", "does_hang_up"} <= set(said)
    for prompt in said:
        pcm, rate = LIBRARY.sound(prompt)
        assert len(pcm) > rate // 2


def test_the_household_hears_who_was_told_and_who_calls() -> None:
    course = Course().talking()
    assert course.take(FamilyTold("boot-1", "娘さん", 2.0)) == [Warn("who_daughter"), Warn("does_told")]
    assert course.take(answer("calling")) == [Warn("who_daughter"), Warn("does_calling")]


def test_an_answer_of_long_ago_is_kept_and_not_spoken() -> None:
    course = Course()
    late = RECENT_S + 1
    assert course.take(answer("calling", age_s=late), FamilyTold("boot-1", "", late)) == []
    assert course.take(answer("false_alarm", age_s=late)) == [MarkHarmless("boot-1")]


def test_a_false_alarm_reaches_the_detector_s_setting() -> None:
    course = Course().talking()
    assert course.take(answer("false_alarm"))[0] == MarkHarmless("boot-1")


def test_a_line_that_can_cut_is_hung_up_while_that_very_call_lasts() -> None:
    course = Course(CAN_CUT).talking()
    assert course.take(answer("hang_up", alert_id="boot-0")) == [], "a call of before"
    assert course.take(answer("hang_up")) == [HangUp(), Warn("who_daughter"), Warn("does_hang_up")]
    assert course.state.phase is Phase.RELEASING
    assert course.take(answer("hang_up")) == [], "it is over"


@pytest.mark.parametrize("reply", ["hang_up", "ask_hang_up"])
def test_where_the_line_cannot_cut_the_household_is_asked_to_hang_up(reply: Reply) -> None:
    course = Course().talking()
    assert course.take(answer(reply)) == [Warn("who_daughter"), Warn("does_hang_up")]
    assert course.state.phase is Phase.TALKING
    course.take(ev.HandsetReplaced(), ev.LineReleased(), ev.TranscriptFinished("boot-1"))
    assert course.take(answer(reply)) == []


def test_the_family_s_button_works_as_soon_as_somebody_is_registered() -> None:
    course = Course(replace(SETTINGS, tells_family=False))
    press = ButtonPressed("family", long=True)
    assert course.take(press) == [Warn("family_nobody")]
    done = course.take(ContactsChanged(anybody=True), press)
    assert [type(effect) for effect in done] == [SendAlert, Warn]
