from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.transcribe.clean import join_japanese, tidy, unloop


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("ＡＴＭで３０万円", "ATMで30万円"),
        ("  暗証 \n番号\t", "暗証 番号"),
        ("ﾃﾞﾝｼﾏﾈｰ", "デンシマネー"),
        ("口座\ufffd", "口座"),
        ("口座 [unk] です", "口座 です"),
        ("<unk>", ""),
        ("", ""),
    ],
)
def test_one_spelling_of_every_character(raw: str, clean: str) -> None:
    assert tidy(raw) == clean


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("市役所 の 者 です", "市役所の者です"),
        ("NTT の local area の 者", "NTTのlocal areaの者"),
        ("お 金", "お金"),
        ("thank you", "thank you"),
    ],
)
def test_japanese_is_written_without_spaces(words: str, text: str) -> None:
    assert join_japanese(words) == text


@pytest.mark.parametrize(
    ("looped", "once"),
    [
        ("んんんんんんんん", "ん"),
        ("さて、このように、このように、このように、このように、このように、", "さて、このように"),
        ("週末に遊びに行くからね", "週末に遊びに行くからね"),
        ("もしもし", "もしもし"),
        ("もしもしもしもし", "もしもしもしもし"),
        ("あああああ", "あ"),
    ],
)
def test_a_loop_at_the_end_is_kept_once(looped: str, once: str) -> None:
    assert unloop(looped, capped=False) == once


def test_a_text_broken_off_in_its_second_repetition_is_a_loop_too() -> None:
    looped = "週末に遊びに行くからね週末に遊びに行くからね週末に"
    assert unloop(looped, capped=True) == "週末に遊びに行くからね"
    assert unloop(looped, capped=False) == looped


def test_short_repetitions_in_a_text_broken_off_stay() -> None:
    assert unloop("はい、いえいえ", capped=True) == "はい、いえいえ"
    assert unloop("もしもし", capped=True) == "もしもし"


@given(st.text(), st.booleans())
def test_any_text_stays_a_beginning_of_itself(text: str, capped: bool) -> None:
    cleaned = tidy(text)
    assert cleaned.startswith(unloop(cleaned, capped=capped))
    assert bool(unloop(cleaned, capped=capped)) == bool(cleaned)
    assert tidy(cleaned) == cleaned


def test_a_loop_of_spaced_words_leaves_no_space_behind() -> None:
    assert unloop("coming coming coming coming coming coming ", capped=False) == "coming"


def test_what_is_taken_out_between_spaces_leaves_one_space() -> None:
    assert tidy("0 \x1b\r0") == "0 0"
