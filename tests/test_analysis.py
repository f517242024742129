"""The contract of `analyze`, with the shipped detector: keys, nulls, causality, bad lines, series, any sound file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from denwaban.analysis import (
    PAST_LIMIT,
    SERIES_LIMIT,
    CallAudio,
    Households,
    TextAnalyzer,
    TextCall,
    analyze_audio,
    analyze_lines,
)
from denwaban.detect.model import load_model
from denwaban.errors import AudioError
from denwaban.events import SAMPLE_RATE, Level, Pcm
from denwaban.listener import MixedListener, SeparateListener
from denwaban.shipped import shipped_calls, shipped_models
from tests.conftest import ROOT
from tests.fakes.ports import EnergyRecognizer, FakeJudge, FakeRecognizer, FakeSides
from training.calls import Call, load_corpus

MODEL = load_model(shipped_models() / "scam-ja")
CORPUS = load_corpus()
CALL_KEYS = {"id", "level", "score", "category", "first_caution_turn", "first_alert_turn", "turns"}
TURN_KEYS = {"i", "score", "stage", "level", "evidence"}
SEGMENT_KEYS = {"type", "t0", "t1", "side", "text", "score", "stage", "level", "evidence"}
VERDICT_KEYS = {"type", "level", "score", "category", "first_caution_s", "first_alert_s"}


def as_input(call: Call, **more: object) -> dict[str, Any]:
    turns = [{"speaker": "caller" if turn.far else "callee", "text": turn.text} for turn in call.turns]
    return {"id": call.id, "turns": turns, **more}


SCAM = next(as_input(call) for call in CORPUS if call.category == "card_theft" and call.whole)
HARMLESS = next(as_input(call) for call in CORPUS if call.category == "friend" and call.whole)


def analyzed(*calls: object) -> list[dict[str, Any]]:
    lines = [call if isinstance(call, str) else json.dumps(call, ensure_ascii=False) for call in calls]
    return list(analyze_lines(TextAnalyzer(MODEL), lines))


# --- text ----------------------------------------------------------------------------------------------------------


def check_call(given_call: dict[str, Any], found: dict[str, Any]) -> None:
    assert set(found) == CALL_KEYS
    assert found["id"] == given_call["id"]
    assert 0 <= found["score"] <= 1
    assert [turn["i"] for turn in found["turns"]] == list(range(len(given_call["turns"])))
    for said, turn in zip(given_call["turns"], found["turns"], strict=True):
        assert set(turn) == TURN_KEYS
        near = said["speaker"] == "callee"
        assert (turn["score"] is None) == (turn["stage"] is None) == near
        assert turn["score"] is None or 0 <= turn["score"] <= 1
        assert turn["stage"] is None or turn["stage"] in range(5)
        assert all(phrase in said["text"] for phrase in turn["evidence"])
    ranks = [Level(turn["level"]).rank for turn in found["turns"]]
    assert ranks == sorted(ranks)
    assert Level(found["level"]).rank == max(ranks, default=0)
    for level, key in ((Level.CAUTION, "first_caution_turn"), (Level.ALERT, "first_alert_turn")):
        assert found[key] == next((i for i, rank in enumerate(ranks) if rank >= level.rank), None)


@pytest.mark.parametrize("call", [SCAM, HARMLESS, {"id": "empty", "turns": []}], ids=lambda call: call["id"])
def test_every_key_is_there_and_means_what_the_contract_says(call: dict[str, Any]) -> None:
    (found,) = analyzed(call)
    check_call(call, found)
    json.dumps(found, allow_nan=False)


def test_written_scam_alerts_and_a_friend_does_not() -> None:
    scam, friend = analyzed(SCAM, HARMLESS)
    assert scam["level"] == "alert"
    assert scam["category"]
    assert friend["level"] == "quiet"
    assert friend["first_caution_turn"] is friend["first_alert_turn"] is friend["category"] is None


@settings(max_examples=25)
@given(st.sampled_from(CORPUS), st.integers(1, 30))
def test_the_first_turns_alone_give_the_same_results_for_them(call: Call, k: int) -> None:
    whole = as_input(call, caller_id=call.caller_id)
    (found,) = analyzed(whole)
    (prefix,) = analyzed({**whole, "turns": whole["turns"][:k]})
    assert prefix["turns"] == found["turns"][:k]
    for key in ("first_caution_turn", "first_alert_turn"):
        expected = found[key] if found[key] is not None and found[key] < k else None
        assert prefix[key] == expected


@settings(max_examples=15)
@given(st.lists(st.sampled_from(CORPUS), min_size=2, max_size=4))
def test_calls_without_a_series_do_not_know_of_each_other(calls: list[Call]) -> None:
    together = analyzed(*map(as_input, calls))
    assert together == [analyzed(as_input(call))[0] for call in calls]


def test_any_speaker_but_callee_is_the_far_end() -> None:
    (found,) = analyzed({"id": "a", "turns": [{"speaker": who, "text": "はい。"} for who in ("callee", "agent", "")]})
    assert [turn["score"] is None for turn in found["turns"]] == [True, False, False]


def test_text_without_words_scores_nothing() -> None:
    (found,) = analyzed({"id": "a", "turns": [{"speaker": "caller", "text": "……"}]})
    assert found["turns"][0]["score"] == found["turns"][0]["stage"] == 0


BAD = [
    ("{", None, "not JSON"),
    ("[1]", None, '"id"'),
    ("null", None, '"id"'),
    ('{"turns": []}', None, '"id"'),
    ('{"id": 7, "turns": []}', None, '"id"'),
    ('{"id": "a"}', "a", "turns"),
    ('{"id": "a", "turns": [{"speaker": "x"}]}', "a", "turns[0]"),
    ('{"id": "a", "turns": [{"speaker": "x", "text": "y"}, 5]}', "a", "turns[1]"),
    ('{"id": "a", "turns": [], "caller_id": "X"}', "a", "caller_id"),
    ('{"id": "a", "turns": [], "caller_id": 312345678}', "a", "caller_id"),
    ('{"id": "a", "turns": [], "direction": "up"}', "a", "direction"),
    ('{"id": "a", "turns": [], "at": "yesterday"}', "a", "at"),
    ('{"id": "a", "turns": [], "at": 5}', "a", "at"),
    ('{"id": "a", "turns": [], "at": "0001-01-01T00:00:00+14:00"}', "a", None),
    ('{"id": "a", "turns": [], "series": 5}', "a", "series"),
    ('{"id": "a", "turns": [{"speaker": "x", "text": "\\ud800"}]}', "a", "surrogate"),
    ('{"id": "\\ud800", "turns": []}', None, "surrogate"),
    ("[" * 100_000, None, "not JSON"),
]


@pytest.mark.parametrize(("line", "name", "complaint"), BAD, ids=[line[:40] for line, _, _ in BAD])
def test_a_bad_line_is_named_and_the_rest_still_runs(line: str, name: str | None, complaint: str | None) -> None:
    bad, good = analyzed(line, HARMLESS)
    if complaint is not None:
        assert set(bad) == {"id", "error"}
        assert bad["id"] == name
        assert complaint in bad["error"]
    json.dumps(bad, ensure_ascii=False).encode("utf-8")
    check_call(HARMLESS, good)


@given(
    st.text(max_size=60)
    | st.recursive(
        st.none() | st.text(max_size=4),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["id", "turns", "speaker", "text", "at", "series", "caller_id"]), x)
        ),
    ).map(json.dumps)
)
def test_any_line_gives_a_verdict_or_an_error(line: str) -> None:
    for found in analyze_lines(ANALYZER, line.splitlines()):
        assert set(found) in ({"id", "error"}, CALL_KEYS)


ANALYZER = TextAnalyzer(MODEL)


def test_blank_lines_and_null_options_are_fine() -> None:
    options = {"caller_id": None, "direction": None, "at": None, "series": None}
    (found,) = analyzed("  ", {**HARMLESS, **options}, "")
    assert found == analyzed(HARMLESS)[0]


def opener(series: str | None, at: str | None, name: str = "second") -> dict[str, Any]:
    turns = [{"speaker": "caller", "text": "警察の者ですが、あなたの口座のことで確認があります。"}]
    call = {"id": name, "series": series, "at": at, "turns": turns}
    return {key: value for key, value in call.items() if value is not None}


def test_household_remembers_and_forgets_with_time() -> None:
    first = {**SCAM, "series": "home", "at": "2026-03-01T10:00:00+09:00"}
    scores = [
        analyzed(first, opener("home", at))[1]["score"]
        for at in ("2026-03-02T10:00:00+09:00", "2026-03-05T10:00:00+09:00", "2026-06-01T10:00:00+09:00")
    ]
    alone = analyzed(opener(None, None))[0]["score"]
    assert scores[0] > scores[1] > scores[2] >= alone
    assert scores[2] == pytest.approx(alone, abs=0.01)


def test_other_households_learn_nothing() -> None:
    first = {**SCAM, "series": "home", "at": "2026-03-01T10:00:00+09:00"}
    other = analyzed(first, opener("next door", "2026-03-01T11:00:00+09:00"))[1]
    assert other["score"] == analyzed(opener(None, None))[0]["score"]


def test_memory_of_households_is_bounded() -> None:
    homes = Households()
    for i in range(SERIES_LIMIT + 50):
        homes.remember(TextCall(str(i), (), series=str(i)), float(i), 1.0)
    assert len(homes._past) == SERIES_LIMIT
    for i in range(PAST_LIMIT * 3):
        homes.remember(TextCall("x", (), series="x"), float(i), 1.0)
    assert len(homes._past["x"][0]) == PAST_LIMIT


def test_ten_thousand_calls_stream_through() -> None:
    """One line in, one out: nothing is gathered before it is written."""
    seen = 0

    def lines() -> Iterator[str]:
        for i in range(10_000):
            assert seen >= i - 1, "a verdict was held back"
            yield json.dumps({"id": str(i), "turns": [], "series": str(i % 7)})

    for _found in analyze_lines(ANALYZER, lines()):
        seen += 1
    assert seen == 10_000


# --- sound ---------------------------------------------------------------------------------------------------------


def talk(rate: int = SAMPLE_RATE, seconds: float = 6.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """One second of tone, one of silence, again and again; ±0.5."""
    at = np.arange(round(seconds * rate)) / rate
    return 0.5 * np.sin(2 * np.pi * 440 * at) * (at % 2 < 1)


def read(path: Path) -> list[Pcm]:
    blocks = list(CallAudio(path).blocks())
    return [np.concatenate(channel) for channel in zip(*blocks, strict=True)]


FORMATS = [
    ("PCM_U8", "wav", 8000),
    ("PCM_16", "wav", 8000),
    ("PCM_24", "wav", 16000),
    ("PCM_32", "wav", 44100),
    ("FLOAT", "wav", 48000),
    ("DOUBLE", "wav", 8000),
    ("ULAW", "wav", 8000),
    ("PCM_16", "flac", 48000),
    ("VORBIS", "ogg", 44100),
]


@pytest.mark.parametrize(("subtype", "kind", "rate"), FORMATS, ids=[" ".join(map(str, one)) for one in FORMATS])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_sound_file_has_the_same_loudness_and_length(
    tmp_path: Path, subtype: str, kind: str, rate: int, channels: int
) -> None:
    path = tmp_path / f"call.{kind}"
    soundfile.write(path, np.stack([talk(rate)] * channels, axis=1), rate, subtype)
    sides = read(path)
    assert len(sides) == channels
    for pcm in sides:
        assert pcm.dtype == np.int16
        assert len(pcm) == pytest.approx(6 * SAMPLE_RATE, abs=0.02 * SAMPLE_RATE)
        loud = np.sqrt(np.mean(np.square(pcm[1000:7000], dtype=np.float64)))
        assert loud == pytest.approx(0.5 * 32768 / np.sqrt(2), rel=0.05)


def test_sixteen_bits_at_eight_kilohertz_come_through_unchanged(tmp_path: Path) -> None:
    pcm = np.random.default_rng(1).integers(-32768, 32767, 20_000).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", pcm, SAMPLE_RATE)
    assert np.array_equal(read(tmp_path / "a.wav")[0], pcm)


def test_float_samples_beyond_full_scale_or_not_a_number_are_clipped(tmp_path: Path) -> None:
    wild = np.array([4.0, -4.0, np.nan, np.inf, -np.inf, 0.5] * 100, np.float32)
    soundfile.write(tmp_path / "a.wav", wild, SAMPLE_RATE, "FLOAT")
    (pcm,) = read(tmp_path / "a.wav")
    assert list(pcm[:6]) == [32767, -32768, 0, 32767, -32768, 16384]


def listener() -> MixedListener:
    return MixedListener(EnergyRecognizer().start(), FakeSides("far"), FakeJudge())


def test_truncated_wav_is_judged_as_far_as_it_goes_and_then_complained_of(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, talk(), SAMPLE_RATE, "PCM_16")
    path.write_bytes(path.read_bytes()[: 44 + 2 * 4 * SAMPLE_RATE])
    with pytest.raises(AudioError, match=r"cut.wav: breaks off at 4.0 s; its header promises 6.0 s"):
        list(analyze_audio(CallAudio(path), listener()))
    assert [line["type"] for line in collect(path)] == ["segment", "segment", "verdict"]


def collect(path: Path) -> Iterator[dict[str, Any]]:
    try:
        yield from analyze_audio(CallAudio(path), listener())
    except AudioError:
        return


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000])
def test_wav_from_a_pipe_with_no_length_is_not_truncated(tmp_path: Path, size: int) -> None:
    path = tmp_path / "pipe.wav"
    soundfile.write(path, talk(), SAMPLE_RATE, "PCM_16")
    content = bytearray(path.read_bytes())
    content[40:44] = size.to_bytes(4, "little")
    path.write_bytes(content)
    assert list(analyze_audio(CallAudio(path), listener()))[-1]["type"] == "verdict"


def test_truncated_flac_is_judged_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "cut.flac"
    noise = np.random.default_rng(0).normal(0, 0.1, 6 * SAMPLE_RATE)
    soundfile.write(path, noise, SAMPLE_RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match="breaks off"):
        list(analyze_audio(CallAudio(path), listener()))
    assert [line["type"] for line in collect(path)][-1] == "verdict"


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\x00\x00\x00\x00WAVE", b"hello" * 100])
def test_what_is_no_sound_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"call.wav: cannot be read"):
        CallAudio(path)


def test_wrong_rate_and_too_many_channels_are_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 96_000)
    soundfile.write(tmp_path / "b.wav", np.zeros((100, 3)), 8000)
    with pytest.raises(AudioError, match="96000 Hz"):
        CallAudio(tmp_path / "a.wav")
    with pytest.raises(AudioError, match="3 channels"):
        CallAudio(tmp_path / "b.wav")


def test_empty_recording_is_quiet(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 8000)
    (verdict,) = analyze_audio(CallAudio(tmp_path / "a.wav"), listener())
    assert verdict == {
        "type": "verdict",
        "level": "quiet",
        "score": 0.0,
        "category": None,
        "first_caution_s": None,
        "first_alert_s": None,
    }


def test_lines_of_a_recording_have_every_key_and_say_when_the_box_would_have_decided(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", talk(48_000), 48_000)
    recognizer = FakeRecognizer("hello", "caution money", "again", "alert card", second=1.5)
    far_first = MixedListener(recognizer.start(), FakeSides("far", "near", "unknown"), FakeJudge())
    *segments, verdict = analyze_audio(CallAudio(tmp_path / "a.wav"), far_first)
    assert all(set(segment) == SEGMENT_KEYS for segment in segments)
    assert set(verdict) == VERDICT_KEYS
    assert [segment["side"] for segment in segments] == ["far", "near", "unknown", "unknown"]
    assert (verdict["level"], verdict["first_caution_s"], verdict["first_alert_s"]) == ("alert", 3.0, 6.0)
    assert all(0 <= segment["t0"] < segment["t1"] <= 6.01 for segment in segments)


def test_stereo_is_far_left_and_near_right(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([talk(), np.roll(talk(), SAMPLE_RATE)], axis=1), SAMPLE_RATE)
    ends = SeparateListener(EnergyRecognizer().start(), EnergyRecognizer().start(), FakeJudge())
    *segments, _verdict = analyze_audio(CallAudio(tmp_path / "a.wav"), ends)
    assert [(segment["side"], round(segment["t0"])) for segment in segments[:3]] == [
        ("far", 0),
        ("near", 1),
        ("far", 2),
    ]


# --- the command ---------------------------------------------------------------------------------------------------


def run_analyze(
    *arguments: str, home: Path, stdin: bytes = b"", models: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """`denwaban analyze` in an empty home whose own configuration is broken."""
    (home / "config.toml").write_text("this is [no TOML")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "DENWABAN_"))},
        "HOME": str(home),
        "DENWABAN_CONFIG": str(home / "config.toml"),
        "PYTHONPATH": str(ROOT / "firmware_py"),
    }
    if models is not None:
        folder = home / ".local/share/denwaban"
        folder.mkdir(parents=True)
        (folder / "models").symlink_to(models)
    command = [sys.executable, "-m", "denwaban", "analyze", *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, cwd=home, env=environment, timeout=280, check=False
    )


def test_command_reads_no_user_configuration_and_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(json.dumps(SCAM) + "\n" + json.dumps(HARMLESS) + "\n")
    done = run_analyze("--text", "calls.jsonl", "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["level"] for line in done.stdout.splitlines()] == ["alert", "quiet"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls.jsonl", "config.toml"]


def test_command_survives_bad_lines_and_bytes_and_exits_1(tmp_path: Path) -> None:
    lines = b"\xef\xbb\xbf" + json.dumps(HARMLESS).encode() + b'\n{"id":"x"}\n\xff\xfe\n' + json.dumps(SCAM).encode()
    done = run_analyze("--text", "-", home=tmp_path, stdin=lines)
    assert done.returncode == 1
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["error" in one for one in found] == [False, True, True, False]


def test_command_names_what_is_missing_on_stderr_only(tmp_path: Path) -> None:
    for arguments in (["--text", "none.jsonl"], ["none.wav"], ["--config", "none.toml", "--text", "-"]):
        done = run_analyze(*arguments, home=tmp_path)
        assert done.returncode == 1
        assert done.stdout == b""
        assert b"none." in done.stderr
        assert b"Traceback" not in done.stderr


def test_command_without_a_speech_model_says_how_to_get_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", talk(), SAMPLE_RATE)
    done = run_analyze("a.wav", home=tmp_path)
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"denwaban models fetch" in done.stderr


@pytest.mark.speech
def test_command_judges_a_recorded_scam_call_with_the_real_recogniser(tmp_path: Path, models_dir: Path) -> None:
    """Far and near of a shipped call as stereo at 48 kHz in floating point, cut short of what its header says."""
    folder = shipped_calls() / "telecom-stop"
    far, rate = soundfile.read(folder / "far.flac")
    near, _rate = soundfile.read(folder / "near.flac")
    path = tmp_path / "call.wav"
    stereo = np.repeat(np.stack([far, near], axis=1), 48_000 // rate, axis=0)
    soundfile.write(path, stereo, 48_000, "FLOAT")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    done = run_analyze("call.wav", "--caller-id", "05031234567", "--json", home=tmp_path, models=models_dir)
    assert done.returncode == 1
    assert b"its header promises" in done.stderr
    *segments, verdict = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(set(segment) == SEGMENT_KEYS for segment in segments)
    assert {segment["side"] for segment in segments} == {"far", "near"}
    assert set(verdict) == VERDICT_KEYS
    assert verdict["level"] == "alert"
    assert 0 < verdict["first_alert_s"] <= len(far) / rate
