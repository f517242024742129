"""Text as the model sees it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.detect.text import MAX_CHARS, UTTERANCE_END, ModelText, Reader, Texts, joined, normalise

READER = Reader()
SPOKEN = st.text(
    alphabet="還付金口座番号を確認、。ATMで本日中に500万円お振り込みくださいね？ｶﾞ１２３a ー・", max_size=60
)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


def read(text: str) -> ModelText:
    return READER.read(text)


@given(ANY_TEXT)
def test_normalised_text_has_no_spaces_punctuation_capitals_or_digits_but_0(text: str) -> None:
    for character in normalise(text):
        assert character in "〇ー" or re.match(r"[^\W_]", character)
        assert not character.isdecimal() or character == "0"
        assert character.lower() == character


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＡＴＭで", "atmで"),
        ("ｷｬｯｼｭｶｰﾄﾞ", "キャッシュカード"),
        ("500万円", "300万円"),
        ("1,500円", "20円"),
        ("3.5パーセント", "２パーセント"),
        ("はい、そうです。", "はい そうです"),
        ("①番", "２番"),
    ],
)
def test_spellings_of_the_same_words_look_the_same(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("振り込んで", "振込む"), ("お金を渡しました", "お金を渡す"), ("行かなければ", "いく"), ("カードを", "カードが")],
)
def test_a_word_is_the_same_however_it_is_inflected_or_spelled(one: str, other: str) -> None:
    first, second = (read(text).words.split(" ") for text in (one, other))
    assert max(first, key=len) in second


def test_words_that_sound_alike_read_alike() -> None:
    assert read("捜査二課です").kana[:4] == read("操作二課です").kana[:4] == "ソウサニ"


@given(ANY_TEXT)
def test_any_text_can_be_read(text: str) -> None:
    found = read(text)
    assert "".join(chunk.surface for chunk in found.chunks) == found.surface
    assert "".join(chunk.kana for chunk in found.chunks) == found.kana
    assert " ".join(chunk.words for chunk in found.chunks) == found.words
    assert "" not in found.words.split(" ") or not found.words


@given(SPOKEN)
def test_phrases_lie_in_the_text_in_order_without_overlap(text: str) -> None:
    end = 0
    for chunk in read(text).chunks:
        assert end <= chunk.start < chunk.end <= len(text)
        assert normalise(text[chunk.start : chunk.end]) == chunk.surface
        end = chunk.end


@given(SPOKEN)
def test_leaving_a_phrase_out_leaves_the_rest(text: str) -> None:
    found = read(text)
    for i, chunk in enumerate(found.chunks):
        rest = found.without(i)
        assert len(rest.surface) == len(found.surface) - len(chunk.surface)
        assert len(rest.words.split()) == len(found.words.split()) - len(chunk.words.split())


def test_long_text_is_cut_so_that_time_and_memory_are_bounded() -> None:
    assert read("あ" * 10_000) == read("あ" * MAX_CHARS)


@pytest.mark.parametrize("text", ["", "   ", "……。", "！？"])
def test_text_without_words_is_empty(text: str) -> None:
    assert read(text) == ModelText("", "", "", ())


@given(st.lists(ANY_TEXT, max_size=4))
def test_utterances_in_a_row_can_be_told_apart_again(texts: list[str]) -> None:
    read_texts = [read(text) for text in texts]
    together = joined(read_texts)
    for name in Texts._fields:
        parts = [part.strip() for part in getattr(together, name).split(UTTERANCE_END)]
        assert parts == [getattr(one, name) for one in read_texts] or not texts
