"""Views of a call: what the box would hear of it, with sides that err as promised."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from denwaban.detect.text import Reader
from training.calls import Call, Turn, load_corpus
from training.dataset import UNKNOWN_SIDES, WRONG_SIDES, as_written, load_chats, prefix_labels, side_of, views_of

SCAM = Call(
    "h01-s001",
    "h01",
    "scam",
    "refund",
    "hard",
    (
        Turn(True, "もしもし。"),
        Turn(False, "はい。"),
        Turn(True, "還付金の件です。", 1),
        Turn(False, "はあ。"),
        Turn(True, "ATMへ行ってください。", 4, True),
    ),
    whole=True,
)


def test_a_call_is_heard_with_sides_known_erring_and_unknown() -> None:
    known, mixed, unknown = views_of([SCAM], as_written(Reader()), lambda _call: "written")
    assert [one.side for one in known.heard] == ["far", "near", "far", "near", "far"]
    assert (known.scored, known.weights) == ((0, 2, 4), (1.0, 1.0, 1.0))
    assert {one.side for one in unknown.heard} == {"unknown"}
    assert unknown.scored == (0, 1, 2, 3, 4)
    assert {one.turn for one in mixed.heard} == {0, 1, 2, 3, 4}


def test_labels_follow_the_words_whatever_side_they_are_taken_for() -> None:
    for view in views_of([SCAM], as_written(Reader()), lambda _call: "written"):
        assert [one.label for one in view.heard] == ["plain", "plain", "pretext", "plain", "ask"]


def test_sides_err_as_often_as_promised_and_always_alike() -> None:
    calls = [call for call in load_corpus() if call.hand in ("h01", "h02")]
    wrong = Counter(
        (side_of(call, i, "mixed"), "far" if turn.far else "near")
        for call in calls
        for i, turn in enumerate(call.turns)
    )
    total = wrong.total()
    assert abs((wrong["far", "near"] + wrong["near", "far"]) / total - WRONG_SIDES) < 0.02
    assert abs((wrong["unknown", "far"] + wrong["unknown", "near"]) / total - UNKNOWN_SIDES) < 0.02
    assert [side_of(calls[0], 0, "mixed") for _ in range(5)] == [side_of(calls[0], 0, "mixed")] * 5


def test_a_scam_counts_as_one_only_after_it_has_shown_itself() -> None:
    known, _mixed, unknown = views_of([SCAM], as_written(Reader()), lambda _call: "written")
    assert prefix_labels(known) == [None, "scam", "scam"]
    assert prefix_labels(unknown) == [None, None, "scam", "scam", "scam"]


def test_chats_are_harmless_calls_with_one_side_as_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    turns = [{"speaker": "A", "text": "こんにちは"}, {"speaker": "B", "text": "どうも"}]
    path.write_text("".join(json.dumps({"id": str(i), "turns": turns}) + "\n" for i in range(4)), "utf-8")
    one, two = load_chats(path, 1, 2)
    assert (one.id, two.id, one.label) == ("chat-1", "chat-2", "harmless")
    assert [turn.far for turn in one.turns] == [True, False]
    assert one.hand != two.hand
