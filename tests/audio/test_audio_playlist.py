"""What the box says next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from denwaban.audio.playlist import KEPT_S, Playlist, Urgency, urgency_of
from denwaban.audio.prompts import PromptLibrary

LIBRARY = PromptLibrary()
PROMPTS = sorted(name for name in LIBRARY.names if LIBRARY[name].target == "room")


def said(playlist: Playlist, now: float = 0.0) -> list[str]:
    """Everything that is left to say."""
    out = []
    while (waiting := playlist.begin(now)) is not None:
        out += waiting.prompts
    return out


def test_a_scam_warning_takes_the_word_from_a_chime_and_its_advice_follows_it() -> None:
    playlist = Playlist()
    playlist.add("chime", 0.0)
    playlist.begin(0.0)
    assert playlist.add("scam_warning", 1.0)
    playlist.add("advice_atm", 1.0)
    assert said(playlist, 1.0) == ["scam_warning", "advice_atm"]


def test_a_chime_does_not_interrupt_a_warning() -> None:
    playlist = Playlist()
    playlist.add("scam_warning", 0.0)
    playlist.begin(0.0)
    assert not playlist.add("chime", 1.0)
    assert said(playlist, 5.0) == ["chime"]


def test_a_repeated_warning_is_not_stacked() -> None:
    playlist = Playlist()
    for _ in range(3):
        playlist.add("scam_warning", 0.0)
    assert playlist.begin(0.0) is not None
    assert not playlist.add("scam_warning", 5.0), "it is being said"
    assert said(playlist) == []


def test_a_mere_hint_that_waits_gives_way_to_the_warning() -> None:
    playlist = Playlist()
    for prompt in ("chime", "caution_warning", "scam_warning"):
        playlist.add(prompt, 0.0)
    assert said(playlist) == ["scam_warning"]


def test_after_the_call_nobody_is_told_to_hang_up() -> None:
    playlist = Playlist()
    playlist.add("scam_warning", 0.0)
    playlist.begin(0.0)
    playlist.add("advice_kin", 0.0)
    assert playlist.add("call_ended_advice", 4.0)
    assert said(playlist, 4.0) == ["call_ended_advice"]


def test_a_chime_for_a_call_that_is_gone_is_not_played_but_advice_after_a_call_is() -> None:
    playlist = Playlist()
    playlist.add("chime", 0.0)
    playlist.add("call_ended_advice", 0.0)
    assert said(playlist, KEPT_S[Urgency.NOTICE] + 1.0) == ["call_ended_advice"]


def test_a_button_is_not_asked_for_once_its_presser_has_gone() -> None:
    playlist = Playlist()
    for prompt in ("family_hint", "stop_hint", "fine_offer", "family_told"):
        playlist.add(prompt, 0.0)
    assert said(playlist, KEPT_S[Urgency.NOTICE] + 1.0) == ["family_told"]


def test_who_of_the_family_did_what_is_one_sentence_each() -> None:
    playlist = Playlist()
    news = ["who_daughter", "does_told", "who_son", "does_told", "who_son", "does_calling"]
    for prompt in [*news, *news]:
        playlist.add(prompt, 0.0)
    assert said(playlist) == news
    for prompt in ("who_son", "does_told"):
        playlist.add(prompt, 0.0)
    assert playlist.begin(0.0) is not None
    playlist.add("who_son", 1.0)
    playlist.add("chime", 1.0)
    assert said(playlist, 1.0) == ["chime"], "no half sentence"


def test_news_of_the_family_outlasts_a_warning_but_not_its_wish_to_hang_up_the_end_of_the_call() -> None:
    playlist = Playlist()
    for prompt in ("advice_atm", "who_daughter", "does_calling", "scam_warning", "who_son", "does_hang_up"):
        playlist.add(prompt, 0.0)
    assert said(playlist) == ["scam_warning", "who_son", "does_hang_up", "who_daughter", "does_calling"]
    for prompt in ("who_daughter", "does_told", "who_son", "does_hang_up", "call_ended_advice"):
        playlist.add(prompt, 0.0)
    assert said(playlist) == ["call_ended_advice", "who_daughter", "does_told"]


def test_what_could_not_be_played_waits_for_its_own_time() -> None:
    playlist = Playlist()
    playlist.add("scam_warning", 0.0)
    for now in (0.0, 30.0, 60.0):
        waiting = playlist.begin(now)
        assert waiting is not None
        playlist.put_back(waiting)
    assert playlist.begin(60.1) is None


def test_every_warning_to_hang_up_is_urgent() -> None:
    assert {name for name in PROMPTS if urgency_of(name) is Urgency.WARNING} == {
        *("scam_warning", "scam_warning_alone", "does_hang_up"),
    }
    assert {urgency_of(name) for name in PROMPTS if name.startswith("advice_")} == {Urgency.ADVICE}


@given(st.lists(st.one_of(st.sampled_from(PROMPTS), st.none()), max_size=60))
def test_it_never_holds_a_prompt_twice_and_never_lets_a_lesser_one_interrupt(course: list[str | None]) -> None:
    playlist, playing = Playlist(), None
    for now, prompt in enumerate(course):
        if prompt is None:
            begun = playlist.begin(float(now))
            playing = begun.prompts[-1] if begun else None
        elif playlist.add(prompt, float(now)):
            assert playing is not None
            assert urgency_of(prompt) > urgency_of(playing)
    rest = []
    while (waiting := playlist.begin(float(len(course)))) is not None:
        rest.append(waiting.prompts)
    assert len(rest) == len(set(rest))
