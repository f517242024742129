"""Promises of the confusion model: aligned, learned and applied as documented, and the same for the same dice."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.alignment import Aligned, Edit, Word, Words, align, aligned_turns, kana_of, within_words
from training.calls import Call, Turn, load_corpus
from training.noise import Hits, Line, Noise, Noiser, Odds, learn, render_heard
from training.recognise import Recognised, digest, distance, load_recognised

KANA = st.text(alphabet="アイウカコサザ", max_size=12)
NEVER = Hits({}, (0.0,), 1.0, 1.0)
ALWAYS = Hits({}, (1.0,), 1.0, 1.0)
"""As always as it gets: 95 %."""
LINE = Line(1.0, 0.0)


def a_noise(
    hits: Hits = NEVER, changes: dict[str, Odds] | None = None, words: dict[str, Odds] | None = None, split: float = 0.0
) -> Noise:
    return Noise(hits, changes or {}, {}, words or {}, (LINE,), split)


QUIET = a_noise()


def a_row(call: Call, turn: int, *text: str) -> Recognised:
    return Recognised(call.id, turn, "jtalk:mei", 1.0, 1.0, "clean", digest(call.turns[turn].text), text)


def learned(*pairs: tuple[str, tuple[str, ...]]) -> Noise:
    """The model of calls with one turn each."""
    calls = [
        Call(f"h01-s{i:03d}", "h01", "scam", "police", "hard", (Turn(True, text),)) for i, (text, _) in enumerate(pairs)
    ]
    rows = {(call.id, 0): [a_row(call, 0, *heard)] for call, (_, heard) in zip(calls, pairs, strict=True)}
    return learn(aligned_turns(rows, calls))


# --- alignment -------------------------------------------------------------------------------------------------------


@given(KANA, KANA)
def test_the_differences_turn_one_text_into_the_other_with_the_fewest_edits(written: str, heard: str) -> None:
    edits = align(written, heard)
    result, at = "", 0
    for edit in edits:
        result += written[at : edit.start] + edit.heard
        at = edit.end
    assert result + written[at:] == heard
    assert sum(edit.size for edit in edits) == distance(written, heard)


def test_differences_side_by_side_are_one() -> None:
    assert align("サンビャクマン", "0マン") == [Edit(0, 5, "0")]


@given(st.lists(KANA, max_size=5), KANA)
def test_the_edits_of_the_words_together_are_those_of_the_turn(readings: list[str], heard: str) -> None:
    words = [Word(kana, kana, kana) for kana in readings]
    edits = align("".join(readings), heard)
    divided = within_words(edits, words)
    result = ""
    for word, own in zip(words, divided, strict=True):
        at = 0
        for edit in own:
            assert 0 <= at <= edit.start <= edit.end <= len(word.kana)
            result += word.kana[at : edit.start] + edit.heard
            at = edit.end
        result += word.kana[at:]
    assert result == heard or not any(readings)


def test_a_number_is_one_word() -> None:
    assert [word.text for word in Words().of("三百万円です")] == ["三百万", "円", "です"]


# --- learning --------------------------------------------------------------------------------------------------------


def test_hits_and_confusions_are_learned_with_their_rates() -> None:
    noise = learned(("バンゴウです", ("パンゴウです",)), *[("バンゴウです", ("バンゴウです",))] * 3)
    assert noise.changes == {"バ": (("パ", 1.0),)}
    assert noise.hits.words["バンゴウ"] == pytest.approx((1 + 5 * (1 + 5 / 8) / (4 + 5)) / (4 + 5))
    assert noise.hits.words["バンゴウ"] > noise.hits.words["です"]


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
    (line,) = learn(aligned_turns(rows, [call])).lines
    assert line.lost == 0.5


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(ValueError, match="make corpus-audio"):
        learn([])


def test_aligned_turns_are_those_of_the_calls_given() -> None:
    call = Call("h01-s001", "h01", "scam", "police", "hard", (Turn(True, "はい"),))
    rows = {(call.id, 0): [a_row(call, 0, "はい")], ("h02-s001", 0): [a_row(call, 0, "はい")]}
    turns: list[Aligned] = aligned_turns(rows, [call])
    assert [turn.call for turn in turns] == ["h01-s001"]


# --- noising ---------------------------------------------------------------------------------------------------------


@given(st.text(max_size=60))
def test_any_text_can_be_noised(text: str) -> None:
    noise = a_noise(Hits({}, (0.6,), 1.2, 0.8), {"": (("ア", 0.2),), "イ": (("", 0.5),)}, split=0.5)
    for one in Noiser(noise).noised(text, Line(3.0, 0.1), Random(1)):
        assert one.surface


def test_without_hits_the_text_stays_as_it_is() -> None:
    (text,) = Noiser(a_noise(changes={"コ": (("ソ", 1.0),)})).noised(
        "口座の番号を、どうぞ。", Line(5.0, 0.0), Random(1)
    )
    assert (text.surface, text.kana) == ("口座の番号をどうぞ", "コウザノバンゴウヲドウゾ")


def spoken(noise: Noise, text: str, line: Line = LINE) -> list[str]:
    """Forty tries."""
    return [Noiser(noise).respoken(text, line, Random(i)) for i in range(40)]


def test_changed_kana_are_spelled_with_the_recognisers_words() -> None:
    noise = a_noise(ALWAYS, {"コウ": (("ソウ", 1.0),)}, {"ソウザ": (("創座", 2.0),), "デス": (("です", 1.0),)})
    assert spoken(noise, "口座です").count("創座です") > 30


def test_kana_without_a_word_are_written_in_hiragana() -> None:
    assert "ぬをざです" in spoken(a_noise(ALWAYS, {"コウ": (("ヌヲ", 1.0),)}), "口座です")


def test_words_that_fare_badly_are_hit_more_often() -> None:
    hits = Hits({"口座": 0.9, "です": 0.05}, (0.0,), 1.0, 1.0)
    found = spoken(a_noise(hits, {"ザ": (("ダ", 1.0),), "ス": (("シ", 1.0),)}), "口座です")
    assert sum("口座" not in text for text in found) > 25
    assert sum("です" not in text for text in found) < 10


def test_errors_come_in_bursts() -> None:
    text, change = "口座口座口座口座口座口座", {"ザ": (("ダ", 1.0),)}

    def clean(after_hit: float, after_kept: float) -> int:
        return sum("うだ" not in one for one in spoken(a_noise(Hits({}, (0.3,), after_hit, after_kept), change), text))

    assert clean(3.0, 0.2) > clean(1.0, 1.0)


def test_a_lost_turn_is_empty() -> None:
    assert Noiser(QUIET).noised("もしもし", Line(1.0, 1.0), Random(1)) == ()


def test_sentences_are_cut_as_often_as_they_were() -> None:
    assert len(Noiser(a_noise(split=1.0)).noised("はい。口座です。ええ。", LINE, Random(1))) == 3
    assert len(Noiser(QUIET).noised("はい。口座です。ええ。", LINE, Random(1))) == 1


def test_a_worse_line_makes_more_errors() -> None:
    noise = a_noise(Hits({}, (0.15,), 1.0, 1.0), dict.fromkeys("コウザノバンゴヲオシエテクダサイ", (("ヌ", 0.5),)))
    text = "口座の番号を教えてください"
    kana = kana_of(Words().of(text))

    def errors(factor: float) -> int:
        return sum(distance(kana, kana_of(Words().of(one))) for one in spoken(noise, text, Line(factor, 0.0)))

    assert 0 < errors(1.0) < errors(4.0)


def test_the_same_dice_give_the_same_text() -> None:
    noise = learned(("口座の番号です", ("講座のバングです",)), ("口座の番号です", ("口座の番号です",)))
    one, two = ([Noiser(noise).noised("口座の番号です", LINE, Random(i)) for i in range(20)] for _ in range(2))
    assert one == two
    assert len({text for texts in one for text in texts}) > 1


def test_what_was_rendered_is_heard_as_it_was_recognised_and_the_rest_is_noised() -> None:
    call = Call("h01-s001", "h01", "scam", "police", "hard", (Turn(True, "口座です"), Turn(True, "口座です")))
    heard = render_heard({(call.id, 0): [a_row(call, 0, "講座", "ですね")]}, Noiser(QUIET))
    assert [text.surface for text in heard(call, 0)] == ["講座", "ですね"]
    assert [text.surface for text in heard(call, 1)] == ["口座です"]
    assert heard(call, 1) == heard(call, 1)


def test_on_calls_it_never_saw_the_noise_is_as_bad_as_the_recogniser() -> None:
    calls = [call for call in load_corpus() if call.hand in ("h01", "h02", "h03", "h04", "h05", "h06")]
    rows = load_recognised(calls=calls)
    seen = [call for call in calls if call.hand in ("h01", "h03", "h05")]
    noiser = Noiser(learn(aligned_turns(rows, seen)))
    unseen = aligned_turns(rows, [call for call in calls if call not in seen])
    real = Counter[str]()
    noised = Counter[str]()
    for number, turn in enumerate(unseen):
        text, kana = "".join(word.text for word in turn.written), turn.kana
        dice = Random(number)
        heard = "".join(one.kana for one in noiser.noised(text, noiser.line(dice), dice))
        real.update(edits=distance(kana, kana_of(word for words in turn.utterances for word in words)))
        noised.update(edits=distance(kana, heard))
    assert len(unseen) > 50
    assert noised["edits"] == pytest.approx(real["edits"], rel=0.3)
