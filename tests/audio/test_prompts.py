"""The spoken prompts: every one the program can ask for is there, whole and in the right form."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from denwaban import screening, session
from denwaban.advice import ADVICE, spoken_warnings
from denwaban.audio.prompts import PROMPTS_DIR, PromptLibrary
from denwaban.buttons import Spoken
from denwaban.effects import Play, Warn
from denwaban.errors import AudioError
from denwaban.events import SAMPLE_RATE, CallerId, Level
from denwaban.rules import QuietHours, ScreeningRules
from denwaban.screening import decide

LIBRARY = PromptLibrary()
STRANGER = CallerId("0312345678")
INTO_THE_LINE = [
    "recording_warning",
    "nobody_home",
    "refuse_withheld",
    "refuse_international",
    "refuse_blocked",
    "quiet_hours",
    "leave_message",
]
WHEN_SUSPICIOUS = sorted(
    {
        prompt
        for level in (Level.CAUTION, Level.ALERT)
        for category in ("", *ADVICE)
        for tells_family in (True, False)
        for prompt in spoken_warnings(level, category, tells_family=tells_family)
    }
)
IN_THE_ROOM = [
    *("chime", "phone_for_you", "call_ended_advice", "call_ended_advice_alone"),
    *(*WHEN_SUSPICIOUS, *get_args(Spoken)),
]


def named_in_source(module: object, effect: type) -> set[str]:
    """Prompt names written out inside `Play(…)` or `Warn(…)`."""
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))  # type: ignore[attr-defined]
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == effect.__name__
    ]
    inside = [part for call in calls for argument in call.args for part in ast.walk(argument)]
    return {part.value for part in inside if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def test_lists_here_are_what_the_program_says() -> None:
    refusals = set(screening._REFUSAL_PROMPT.values()) | {"refuse_blocked", "quiet_hours"}
    assert set(INTO_THE_LINE) == named_in_source(session, Play) | refusals
    said = named_in_source(session, Warn) | {"chime", "call_ended_advice", "call_ended_advice_alone"}
    said |= {*WHEN_SUSPICIOUS, *get_args(Spoken)}
    assert set(IN_THE_ROOM) == said


@pytest.mark.parametrize("name", INTO_THE_LINE)
def test_prompt_for_the_line_is_telephone_sound(name: str) -> None:
    pcm = LIBRARY.line_pcm(name)
    assert LIBRARY[name].target == "line"
    assert pcm.dtype == np.int16
    assert 2 * SAMPLE_RATE < len(pcm) < 12 * SAMPLE_RATE
    assert 1000 < np.abs(pcm.astype(np.int32)).max() < 30_000, "neither silent nor clipped"


@pytest.mark.parametrize("name", IN_THE_ROOM)
def test_prompt_for_the_room_can_be_played(name: str) -> None:
    pcm, rate = LIBRARY.sound(name)
    assert LIBRARY[name].target == "room"
    assert rate >= 16_000
    assert len(pcm) > rate // 2
    assert 1000 < np.abs(pcm.astype(np.int32)).max() < 30_000, "neither silent nor clipped"


@pytest.mark.parametrize("name", [name for name in INTO_THE_LINE + IN_THE_ROOM if name != "chime"])
def test_every_prompt_has_its_words_in_both_languages(name: str) -> None:
    assert LIBRARY[name].text
    assert LIBRARY[name].text_en


def test_callers_are_told_that_the_call_is_recorded_and_how_to_get_through() -> None:
    assert "録音" in LIBRARY["recording_warning"].text
    assert "一、八、六" in LIBRARY["refuse_withheld"].text


def test_a_button_that_asks_says_how_to_say_yes() -> None:
    for name in ("family_hint", "stop_hint", "fine_offer"):
        assert "もう一度、ボタンを押してください" in LIBRARY[name].text


def test_the_household_hears_what_stop_stops() -> None:
    assert all(word in LIBRARY["recording_stopped"].text for word in ("録音をやめました", "消します", "見守り"))


def test_every_refusal_names_a_prompt() -> None:
    rules = ScreeningRules(payphone="refuse", out_of_area="refuse")
    at_night = ScreeningRules(quiet=QuietHours(0, 1439))
    callers = [CallerId(absence=absence) for absence in ("P", "O", "C", "S")]
    for prompt in (*(decide(rules, caller, 0.0).prompt for caller in callers), decide(at_night, STRANGER, 0.0).prompt):
        assert prompt is not None
        assert LIBRARY[prompt].path.is_file()


def test_nothing_is_missing() -> None:
    assert LIBRARY.missing() == []


def test_unknown_prompt_is_named() -> None:
    with pytest.raises(AudioError, match="'hello'"):
        LIBRARY.line_pcm("hello")


def test_damaged_folder_says_reinstall(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="reinstall"):
        PromptLibrary(tmp_path)
    (tmp_path / "prompts.toml").write_text((PROMPTS_DIR / "prompts.toml").read_text("utf-8"), "utf-8")
    library = PromptLibrary(tmp_path)
    assert len(library.missing()) >= len(INTO_THE_LINE + IN_THE_ROOM)
    with pytest.raises(AudioError, match=r"recording_warning.flac.*reinstall"):
        library.line_pcm("recording_warning")


def test_prompt_for_the_room_is_refused_for_the_line() -> None:
    with pytest.raises(AudioError, match="prompts for the line have 8000 Hz"):
        LIBRARY.line_pcm("scam_warning")
