"""The written calls: well formed, honest labels, nothing copied."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.calls import CORPUS_DIR, CorpusError, lint, load_corpus, main, parse_hand, unbalanced

CALL = "== h01-s001 label=scam category=kin difficulty=easy\nF1 もしもし、俺だけど。\nN どなた。\nF4! お金を渡して。\n"


@pytest.fixture
def hand(tmp_path: Path) -> Path:
    return tmp_path / "h01.txt"


def test_corpus_has_nothing_to_complain_about() -> None:
    assert lint(load_corpus()) == []


def test_corpus_is_as_large_and_as_mixed_as_promised() -> None:
    calls = load_corpus()
    assert unbalanced(calls) == []
    assert len({call.hand for call in calls}) >= 12


def test_an_unbalanced_corpus_is_described(hand: Path) -> None:
    hand.write_text(CALL, "utf-8")
    problems = unbalanced(parse_hand(hand))
    assert "1 scam calls; want 400" in problems
    assert any(problem.startswith("no harmless calls of bank") for problem in problems)
    assert "more than a fifth of the calls are by one hand, h01" in problems


def test_no_call_names_a_real_looking_card_or_account_number() -> None:
    for path in CORPUS_DIR.glob("h*.txt"):
        digits = [line for line in path.read_text("utf-8").splitlines() if sum(map(str.isdigit, line)) > 24]
        assert digits == [], f"{path.name} holds long numbers"


def test_turns_and_labels_are_read(hand: Path) -> None:
    hand.write_text("# comment\n\n" + CALL, "utf-8")
    (call,) = parse_hand(hand)
    assert [(turn.far, turn.stage, turn.ask) for turn in call.turns] == [
        (True, 1, False),
        (False, 0, False),
        (True, 4, True),
    ]
    assert len(call.far_turns) == 2


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("F0 hello\n", "h01.txt:1: a turn before"),
        (CALL + "F5 too far\n", "h01.txt:5: not a turn"),
        (CALL + "X what\n", "h01.txt:5: not a turn"),
        ("== h01-s001\n", "h01.txt:1: label"),
        (CALL.replace("kin", "cat"), "h01.txt:1: category"),
        (CALL.replace("easy", "so-so"), "h01.txt:1: difficulty"),
        (CALL.replace("h01-", "h02-"), "h01.txt:1: id h02"),
        (CALL.replace("easy", "easy colour=red"), "h01.txt:1: unknown header field"),
        (CALL.replace("easy", "easy day=second"), "h01.txt:1: day="),
    ],
)
def test_a_line_that_breaks_the_format_is_named(hand: Path, text: str, where: str) -> None:
    hand.write_text(text, "utf-8")
    with pytest.raises(CorpusError, match=where):
        parse_hand(hand)


@given(text=st.text(alphabet="=hF0N4! s1\nlabe.", max_size=60))
def test_any_text_gives_calls_or_our_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("corpus") / "h01.txt"
    path.write_text(text, "utf-8")
    complaint = "h01.txt:"
    try:
        parse_hand(path)
    except CorpusError as error:
        complaint = str(error)
    assert complaint.startswith("h01.txt:")


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (CALL.replace("scam category=kin", "harmless category=family"), "only F0 turns"),
        (CALL.replace("scam category=kin", "sales category=solar"), "F0, F1, F2 only"),
        (CALL.replace("F1 もしもし", "F1! もしもし"), "goes with F4 only"),
        (CALL.replace("easy", "easy whole"), "marked whole"),
        (CALL.replace("easy", "easy series=x"), "only one call"),
        (CALL + CALL, "id used 2 times"),
        (CALL + "N " + "あ" * 221 + "\n", "split it"),
    ],
)
def test_lint_finds(hand: Path, wrong: str, complaint: str) -> None:
    hand.write_text(wrong, "utf-8")
    assert any(complaint in problem for problem in lint(parse_hand(hand)))


def test_lint_finds_copied_calls(hand: Path) -> None:
    long = "F1 こちらは電力会社の者ですが、ご契約の内容について大切なお知らせがございます。\n"
    hand.write_text(CALL + long + CALL.replace("s001", "s002") + long, "utf-8")
    assert any("share" in problem for problem in lint(parse_hand(hand)))


def test_command_counts_and_fails_on_problems(hand: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand.write_text(CALL, "utf-8")
    assert main([str(hand)]) == 0
    assert "1 calls, 2 far turns" in capsys.readouterr().out
    hand.write_text(CALL + CALL, "utf-8")
    assert main([str(hand)]) == 1
    assert "id used 2 times" in capsys.readouterr().err
