"""Every category that can raise an alert has words for the family."""

from __future__ import annotations

from denwaban.alert.words import known_categories, words_for
from training.calls import CATEGORIES


def test_every_scam_and_sales_category_the_call_for_help_and_a_test_have_words_of_their_own() -> None:
    assert known_categories() == CATEGORIES["scam"] | CATEGORIES["sales"] | {"help", "test"}


def test_words_are_one_line_and_short_enough_for_a_phone() -> None:
    for category in [*known_categories(), "unknown"]:
        words = words_for(category)
        assert 0 < len(words.kind) <= 30, category
        assert 0 < len(words.advice) <= 80, category
        assert words.advice.endswith(("。", "へ。")), category
        assert "\n" not in words.advice


def test_unknown_category_still_gets_advice() -> None:
    assert words_for("") == words_for("no such category")
