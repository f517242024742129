"""Promises of the confusion model: aligned, learned and applied as documented, and the same for the same dice."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.calls import Call, Turn
from training.noise import (
    Edit,
    Heard,
    Line,
    Noise,
    Noiser,
    Words,
    align,
    heard_turns,
    kana_of,
    learn,
    render_heard,
)
from training.recognise import Recognised, digest, distance

KANA = st.text(alphabet="アイウカコサザ", max_size=12)
QUIET = Noise(changes={}, respelled={}, words={}, lines=(Line(1.0, 0.0),), split=0.0)


def a_row(call: Call, turn: int, *text: str) -> Recognised:
    return Recognised(call.id, turn, "jtalk:mei", 1.0, 1.0, "clean", digest(call.turns[turn].text), text)


def learned(*pairs: tuple[str, tuple[str, ...]]) -> Noise:
    """The model of calls with one turn each."""
    calls = [
        Call(f"h01-s{i:03d}", "h01", "scam", "police", "hard", (Turn(True, text),)) for i, (text, _) in enumerate(pairs)
    ]
    rows = {(call.id, 0): [a_row(call, 0, *heard)] for call, (_, heard) in zip(calls, pairs, strict=True)}
    return learn(heard_turns(rows, calls))


# --- alignment -------------------------------------------------------------------------------------------------------


@given(KANA, KANA)
def test_the_differences_turn_one_text_into_the_other_with_the_fewest_edits(written: str, heard: str) -> None:
    edits = align(written, heard)
    result, at = "", 0
    for edit in edits:
        result += written[at : edit.start] + edit.heard
        at = edit.end
    assert result + written[at:] == heard
    assert sum(max(edit.end - edit.start, len(edit.heard)) for edit in edits) == distance(written, heard)


def test_differences_side_by_side_are_one() -> None:
    assert align("サンビャクマン", "0マン") == [Edit(0, 5, "0")]


# --- learning --------------------------------------------------------------------------------------------------------


def test_a_confusion_is_learned_with_its_rate() -> None:
    noise = learned(("バンゴウです", ("パンゴウです",)), *[("バンゴウです", ("バンゴウです",))] * 3)
    assert noise.changes == {"バ": (("パ", 0.25),)}


def test_numbers_written_as_digits_are_learned_as_a_run() -> None:
    noise = learned(*[("サンビャク円の件です", ("300円の件です",))] * 3)
    assert noise.changes == {"サンビャク": (("0", 1.0),)}


def test_wrong_kanji_with_the_right_reading_are_learned_as_a_spelling() -> None:
    noise = learned(*[("口座を調べます", ("講座を調べます",))] * 3)
    assert noise.changes == {}
    assert noise.respelled["口座"] == (("講座", 3),)


def test_hopeless_turns_teach_no_confusions_but_count_for_the_lines() -> None:
    noise = learned(("明日の朝に行きます", ("ご視聴ありがとうございました",)), ("はい", ("はい",)))
    assert noise.changes == {}
    assert max(line.factor for line in noise.lines) > 1


def test_lost_turns_count_for_their_line() -> None:
    call = Call("h01-s001", "h01", "scam", "police", "hard", (Turn(True, "はい"), Turn(True, "もしもし")))
    rows = {(call.id, 0): [a_row(call, 0)], (call.id, 1): [a_row(call, 1, "もしもし")]}
    (line,) = learn(heard_turns(rows, [call])).lines
    assert line.lost == 0.5


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(ValueError, match="make corpus-audio"):
        learn([])


def test_heard_turns_are_those_of_the_calls_given() -> None:
    call = Call("h01-s001", "h01", "scam", "police", "hard", (Turn(True, "はい"),))
    rows = {(call.id, 0): [a_row(call, 0, "はい")], ("h02-s001", 0): [a_row(call, 0, "はい")]}
    turns: list[Heard] = heard_turns(rows, [call])
    assert [turn.call for turn in turns] == ["h01-s001"]


# --- noising ---------------------------------------------------------------------------------------------------------


@given(st.text(max_size=60))
def test_any_text_can_be_noised(text: str) -> None:
    noise = Noise({"": (("ア", 0.2),), "イ": (("", 0.5),)}, {}, {}, (Line(1.0, 0.0),), 0.5)
    for one in Noiser(noise).noised(text, Line(3.0, 0.1), Random(1)):
        assert one.surface


def test_without_confusions_the_text_stays_as_it_is() -> None:
    (text,) = Noiser(QUIET).noised("口座の暗証番号を、教えてください。", Line(5.0, 0.0), Random(1))
    assert (text.surface, text.kana) == (
        "口座の暗証番号を教えてください",
        "コウザノアンショウバンゴウヲオシエテクダサイ",
    )


def test_a_sure_change_is_spelled_with_the_recognisers_words() -> None:
    noise = Noise({"コウ": (("ソウ", 1.0),)}, {}, {"ソウザ": (("創座", 2.0),)}, (Line(1.0, 0.0),), 0.0)
    surfaces = [
        "".join(text.surface for text in Noiser(noise).noised("口座です", Line(9.0, 0.0), Random(i))) for i in range(40)
    ]
    assert surfaces.count("創座です") > 25


def test_kana_without_a_word_are_written_in_hiragana() -> None:
    noise = Noise({"コウ": (("ヌヲ", 1.0),)}, {}, {}, (Line(1.0, 0.0),), 0.0)
    found = {Noiser(noise).respoken("口座です", Line(9.0, 0.0), Random(i)) for i in range(20)}
    assert "ぬをざです" in found


def test_a_change_over_a_border_leaves_no_kana_twice() -> None:
    noise = Noise({"ザデ": (("バ", 1.0),)}, {}, {}, (Line(1.0, 0.0),), 0.0)
    found = {Noiser(noise).respoken("口座です", Line(9.0, 0.0), Random(i)) for i in range(20)}
    assert found == {"口座です", "こうばす"}


def test_a_lost_turn_is_empty() -> None:
    assert Noiser(QUIET).noised("もしもし", Line(1.0, 1.0), Random(1)) == ()


def test_sentences_are_cut_as_often_as_they_were() -> None:
    always = Noise({}, {}, {}, (Line(1.0, 0.0),), 1.0)
    assert len(Noiser(always).noised("はい。口座です。ええ。", Line(1.0, 0.0), Random(1))) == 3
    assert len(Noiser(QUIET).noised("はい。口座です。ええ。", Line(1.0, 0.0), Random(1))) == 1


def test_a_worse_line_makes_more_errors() -> None:
    noise = Noise(dict.fromkeys("コウザノバンゴヲオシエテクダサイ", (("ヌ", 0.05),)), {}, {}, (Line(1.0, 0.0),), 0.0)
    noiser, text = Noiser(noise), "口座の番号を教えてください"
    kana = kana_of(Words().of(text))

    def errors(factor: float) -> int:
        dice = Random(5)
        noised = (noiser.noised(text, Line(factor, 0.0), dice) for _ in range(60))
        return sum(distance(kana, "".join(one.kana for one in texts)) for texts in noised)

    assert 0 < errors(1.0) < errors(4.0)


def test_the_same_dice_give_the_same_text() -> None:
    noise = learned(("口座の番号です", ("講座のバングです",)), ("口座の番号です", ("口座の番号です",)))
    one, two = (
        [Noiser(noise).noised("口座の番号です", Line(1.0, 0.0), Random(i)) for i in range(20)] for _ in range(2)
    )
    assert one == two
    assert len({text for texts in one for text in texts}) > 1


def test_what_was_rendered_is_heard_as_it_was_recognised_and_the_rest_is_noised() -> None:
    call = Call("h01-s001", "h01", "scam", "police", "hard", (Turn(True, "口座です"), Turn(True, "口座です")))
    heard = render_heard({(call.id, 0): [a_row(call, 0, "講座", "ですね")]}, Noiser(QUIET))
    assert [text.surface for text in heard(call, 0)] == ["講座", "ですね"]
    assert [text.surface for text in heard(call, 1)] == ["口座です"]
    assert heard(call, 1) == heard(call, 1)
