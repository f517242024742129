"""Promises of the rendered corpus: what is rendered follows from the ids, nothing is lost, the telephone is one."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.audio.vad import Segmenter
from denwaban.events import Utterance
from training import recognise
from training.calls import Call, Turn
from training.recognise import (
    Pair,
    Recognised,
    RecognisedError,
    digest,
    distance,
    load_recognised,
    missing,
    pairs,
    report,
    write_rows,
)
from training.takes import CONDITIONS, Take, chosen, far_positions, order, take_of
from training.telephone import SPEECH_DBFS, Studio, make_babble, transmitted
from training.voices import synth, telephone
from training.voices.telephone import LINE_RATE


def a_call(call_id: str = "h01-s001", label: str = "scam", difficulty: str = "hard", far: int = 3) -> Call:
    turns = [Turn(far=i % 2 == 0, text=f"{call_id}の{i}番目の発言です。") for i in range(2 * far)]
    return Call(call_id, call_id[:3], label, "police", difficulty, tuple(turns))


def many_calls() -> list[Call]:
    return [
        a_call(f"h{hand:02d}-{letter}{n:03d}", label)
        for hand in (1, 2, 3)
        for label, letter, count in (("scam", "s", 30), ("harmless", "b", 60), ("sales", "p", 10))
        for n in range(count)
    ]


def a_row(call: Call, turn: int, *text: str) -> Recognised:
    take = take_of(call, turn)
    written = digest(call.turns[turn].text)
    return Recognised(call.id, turn, take.voice, take.pitch, take.speed, take.condition, written, text)


# --- what is rendered ------------------------------------------------------------------------------------------------


def test_the_turns_of_a_call_share_voice_and_line_but_not_the_noise() -> None:
    one, two = take_of(a_call(), 0), take_of(a_call(), 2)
    assert (one.voice, one.speed, one.pitch, one.condition) == (two.voice, two.speed, two.pitch, two.condition)
    assert one.seed != two.seed
    assert take_of(a_call(), 0) == one


def test_all_conditions_and_engines_occur() -> None:
    takes = [take_of(a_call(f"h01-s{n:03d}"), 0) for n in range(900)]
    assert {take.condition for take in takes} == set(CONDITIONS)
    natural = sum(take.voice.startswith("kokoro:") for take in takes)
    assert 0.06 < natural / len(takes) < 0.14
    for voice in {take.voice for take in takes}:
        synth.check_voice(voice)


def test_the_first_calls_are_balanced_over_hands_and_prefer_scams() -> None:
    first = chosen(many_calls(), 180)
    assert sum(len(far_positions(call)) for call in first) >= 180
    hands = Counter(call.hand for call in first)
    assert max(hands.values()) - min(hands.values()) <= 1
    labels = Counter(call.label for call in first)
    assert labels["scam"] / len(first) > 0.35  # 30 % of all
    assert labels["harmless"] > 0
    assert labels["sales"] > 0


def test_a_new_call_does_not_change_how_the_others_are_ordered() -> None:
    calls = many_calls()
    without = [call.id for call in order(calls[1:])]
    assert [call.id for call in order(calls) if call.id != calls[0].id and call.hand == "h01"] == [
        call_id for call_id in without if call_id.startswith("h01")
    ]


# --- rows ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=30), max_size=4))
def test_rows_survive_the_file(tmp_path_factory: pytest.TempPathFactory, text: list[str]) -> None:
    folder = tmp_path_factory.mktemp("rows")
    rows = [a_row(a_call(), turn, *text) for turn in (4, 0, 2)]
    write_rows(folder / "h01.jsonl", rows)
    loaded = load_recognised(folder)
    assert list(loaded) == [("h01-s001", 0), ("h01-s001", 2), ("h01-s001", 4)]
    assert [found for (found,) in loaded.values()] == sorted(rows)


def test_a_broken_line_is_named_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "h01.jsonl"
    write_rows(path, [a_row(a_call(), 0, "はい")])
    path.write_text(path.read_text("utf-8") + '{"call": "h01-s001"}\n', "utf-8")
    with pytest.raises(RecognisedError, match=r"h01\.jsonl:2: .*make corpus-audio"):
        load_recognised(tmp_path)


def test_only_missing_and_rewritten_turns_are_rendered() -> None:
    call = a_call()
    stale = Recognised(**{**as_table(a_row(call, 2, "古い")), "written": digest("別の言葉")})
    have = {(call.id, 0): [a_row(call, 0, "はい")], (call.id, 2): [stale]}
    assert missing([call], have) == [(call, (2, 4))]
    assert missing([call], {(call.id, turn): [a_row(call, turn)] for turn in (0, 2, 4)}) == []


def as_table(row: Recognised) -> dict[str, object]:
    return {name: getattr(row, name) for name in Recognised.__slots__}


def test_rows_of_rewritten_turns_are_not_loaded_with_the_corpus(tmp_path: Path) -> None:
    call = a_call()
    rows = [a_row(call, 0, "はい"), Recognised(**{**as_table(a_row(call, 2, "古い")), "written": "00000000"})]
    write_rows(tmp_path / "h01.jsonl", rows)
    assert list(load_recognised(tmp_path, [call])) == [(call.id, 0)]


def test_stopping_loses_nothing_and_the_next_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [a_call("h01-s001"), a_call("h02-s001")]
    jobs = missing(calls, {})

    def stopped_after_one(jobs, model, processes):
        yield [a_row(jobs[0][0], turn, "はい") for turn in jobs[0][1]]
        raise KeyboardInterrupt

    said: list[str] = []
    monkeypatch.setattr(recognise, "render", stopped_after_one)
    with pytest.raises(KeyboardInterrupt):
        recognise._keep_rendering(jobs, tmp_path, tmp_path, 1, said.append)
    left = missing(calls, load_recognised(tmp_path))
    assert [call.id for call, _ in left] == ["h02-s001"]
    assert "3 of 6 turns" in said[-1]

    monkeypatch.setattr(
        recognise, "render", lambda jobs, model, processes: [[a_row(call, t, "はい") for t in ts] for call, ts in jobs]
    )
    recognise._keep_rendering(left, tmp_path, tmp_path, 1, said.append)
    assert missing(calls, load_recognised(tmp_path)) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h01.jsonl", "h02.jsonl"]


# --- figures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "two", "edits"),
    [("", "", 0), ("カナ", "", 2), ("コウザ", "コウザ", 0), ("コウザ", "ソウサ", 2), ("アイウ", "イウエ", 2)],
)
def test_distance_counts_edits(one: str, two: str, edits: int) -> None:
    assert distance(one, two) == distance(two, one) == edits


def test_kana_errors_ignore_wrong_kanji_with_the_right_reading() -> None:
    call = Call("h01-s001", "h01", "scam", "police", "hard", (Turn(True, "口座を調べます。"),))
    (pair,) = pairs({(call.id, 0): [a_row(call, 0, "講座を", "調べます")]}, [call])
    assert pair.edits == 0


def test_the_report_counts_turns_in_which_nothing_was_heard() -> None:
    call = a_call()
    rows = [Pair(a_row(call, 0), "アイウエ", ""), Pair(a_row(call, 2, "あいうえ"), "アイウエ", "アイウエ")]
    assert "| all | 2 | 0.500 | 0.500 | 1 |" in report(rows)


# --- the telephone ---------------------------------------------------------------------------------------------------


def tone_speech(_text: str, _take: Take, random: np.random.Generator) -> telephone.Signal:
    """Something the segmenter takes for a voice: a buzz with formants, 1.5 s, a pause, 1.5 s."""
    t = np.arange(int(1.5 * synth.SYNTH_RATE)) / synth.SYNTH_RATE
    buzz = sum(np.sin(2 * np.pi * 140 * n * t) / n for n in range(1, 22)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))
    pause = np.zeros(int(0.9 * synth.SYNTH_RATE))
    return np.concatenate([buzz, pause, buzz]).astype(np.float32)


class LengthRecognizer:
    """Cuts as the box does and writes the length of every utterance instead of its words."""

    name = "length"

    def start(self) -> "LengthRecognizer":
        self._segmenter = Segmenter()
        return self

    def feed(self, pcm: np.ndarray) -> list[Utterance]:
        return [self._text(cut) for cut in self._segmenter.feed(pcm)]

    def finish(self) -> list[Utterance]:
        return [self._text(cut) for cut in self._segmenter.finish()]

    @staticmethod
    def _text(cut) -> Utterance:
        return Utterance(f"{cut.t1 - cut.t0:.0f}", cut.t0, cut.t1, "unknown")


def a_take(condition: str, seed: int = 1) -> Take:
    return Take("jtalk:mei", 1.0, 1.0, condition, seed)


def test_a_turn_with_a_pause_comes_back_as_several_utterances() -> None:
    studio = Studio(LengthRecognizer(), tone_speech)
    assert studio.recognised("", a_take("clean")) == ("2", "2")


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_is_telephone_audio_and_repeatable(condition: str) -> None:
    pcm = Studio(LengthRecognizer(), tone_speech).audio("", a_take(condition))
    again = Studio(LengthRecognizer(), tone_speech).audio("", a_take(condition))
    other = Studio(LengthRecognizer(), tone_speech).audio("", a_take(condition, seed=2))
    assert pcm.dtype == np.int16
    assert pcm.size == pytest.approx((0.4 + 3.9 + 0.8) * LINE_RATE, abs=200)
    assert np.array_equal(pcm, again)
    assert not np.array_equal(pcm, other)


@pytest.mark.parametrize(("condition", "decibels"), [("white20", 20), ("white10", 10), ("babble15", 15)])
def test_noise_lies_as_far_under_the_speech_as_its_name_says(condition: str, decibels: int) -> None:
    silence = np.zeros(20 * LINE_RATE, np.float32)
    babble = make_babble(tone_speech)
    noise = transmitted(silence, condition, np.random.default_rng(3), babble).astype(np.float64) / 32768
    dbfs = 10 * np.log10(np.mean(noise**2))
    assert SPEECH_DBFS - dbfs == pytest.approx(decibels, abs=1.0)


def test_loud_speech_is_clipped() -> None:
    speech = telephone.level(tone_speech("", a_take("loud"), np.random.default_rng(1))[::3], LINE_RATE, -20.0, -4.0)
    pcm = transmitted(speech, "loud", np.random.default_rng(1))
    assert np.mean(np.abs(pcm.astype(np.int32)) > 30000) > 0.01


# --- what is shipped -------------------------------------------------------------------------------------------------


def test_shipped_rows_are_well_formed() -> None:
    rows = [row for found in load_recognised().values() for row in found]
    for row in rows:
        assert row.condition in CONDITIONS
        assert all(text and text == text.strip() for text in row.text)
        synth.check_voice(row.voice)


def test_shipped_files_are_sorted_json_lines() -> None:
    for path in recognise.RECOGNISED_DIR.glob("*.jsonl"):
        keys = [(row["call"], row["turn"]) for row in map(json.loads, path.read_text("utf-8").splitlines())]
        assert keys == sorted(set(keys))
        assert {call[:3] for call, _ in keys} == {path.stem}
