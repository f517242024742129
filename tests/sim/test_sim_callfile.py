from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sim_desk import rms, tone, write_call

from denwaban.errors import CallFileError
from denwaban.events import Level
from denwaban.sim import from_audio, load_call

GOOD = """
id = "refund"
title = "還付金の電話"
title_en = "Refund call"
label = "scam"
caller_id = "0312345678"
known = true

[expected]
outcome = "screened"
level = "alert"

[behaviour]
rings = 6
hangs_up = "announcement"
answers = false
lift_after_s = 4
lift_after_rings = 2

[[turns]]
side = "far"
t0 = 0.0
t1 = 1.5
voice = "a"
text = "市役所です。"

[[turns]]
side = "near"
t0 = 1.7
t1 = 2.0
voice = "b"
text = "はい。"
"""


def test_a_good_folder_loads(tmp_path: Path) -> None:
    call = load_call(write_call(tmp_path, GOOD))
    assert (call.id, call.label, call.caller_id, call.outcome, call.level) == (
        "refund",
        "scam",
        "0312345678",
        "screened",
        Level.ALERT,
    )
    assert call.known
    assert call.behaviour.rings == 6
    assert call.behaviour.lift_after_s == 4.0
    assert not call.behaviour.answers
    assert [turn.side for turn in call.turns] == ["far", "near"]
    assert call.seconds == 3.0
    assert len(call.near) == len(call.far)
    assert not call.near.any()


def test_the_shorter_side_is_filled_with_silence(tmp_path: Path) -> None:
    folder = write_call(tmp_path, GOOD)
    soundfile.write(folder / "near.flac", tone(300, 5.0), 8000, subtype="PCM_16")
    call = load_call(folder)
    assert len(call.far) == len(call.near) == 40000
    assert not call.far[24000:].any()


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace('label = "scam"', 'label = "fraud"')
        .replace("lift_after_s = 4", "lift_afters = 4")
        .replace('title_en = "Refund call"', "")
        .replace("t1 = 2.0", "t1 = 9.0")
        .replace('caller_id = "0312345678"', "caller_id = 312345678")
    )
    with pytest.raises(CallFileError) as caught:
        load_call(write_call(tmp_path, text))
    message = str(caught.value)
    assert str(tmp_path / "call.toml") in message
    assert "label is 'fraud', must be one of scam, sales, harmless" in message
    assert "behaviour.lift_afters is not a key of call files; did you mean lift_after_s?" in message
    assert "title_en is missing" in message
    assert "turns[1].t1 is 9.0, but the audio ends at 3.000 s" in message
    assert "caller_id is 312345678" in message


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('outcome = "screened"', 'outcome = "alert"', "expected.outcome"),
        ('level = "alert"', "", "expected.level is missing"),
        ("t1 = 1.5", "t1 = 0.0", "turns[0].t1 is 0.0, must be after t0"),
        ("rings = 6", "rings = true", "behaviour.rings is True"),
        ("rings = 6", "rings = 0", "behaviour.rings is 0, must be 1 to 60"),
        ("known = true", 'known = "yes"', "known is 'yes', must be true or false"),
        ('caller_id = "0312345678"', 'caller_id = "X"', "caller_id is 'X'"),
        ('side = "near"', 'side = "unknown"', "turns[1].side"),
        ('level = "alert"', 'level = "alert"\nknown = true', "expected.known is not a key"),
        ("[expected]", "[expectd]", "did you mean expected?"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(CallFileError) as caught:
        load_call(write_call(tmp_path, GOOD.replace(old, new)))
    assert says in str(caught.value)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CallFileError, match=r"no call\.toml here"):
        load_call(tmp_path / "nowhere")
    broken = write_call(tmp_path / "a", "id = [")
    with pytest.raises(CallFileError, match=r"call\.toml: cannot be read as TOML"):
        load_call(broken)
    silent = write_call(tmp_path / "b", GOOD)
    (silent / "far.flac").unlink()
    with pytest.raises(CallFileError, match=r"far\.flac: no such file"):
        load_call(silent)
    cut = write_call(tmp_path / "c", GOOD)
    data = (cut / "far.flac").read_bytes()
    (cut / "far.flac").write_bytes(data[: len(data) // 2])
    with pytest.raises(CallFileError, match=r"far\.flac: "):
        load_call(cut)
    fast = write_call(tmp_path / "d", GOOD, rate=16000)
    with pytest.raises(CallFileError, match=r"far\.flac: is sampled at 16000 Hz, must be 8000 Hz"):
        load_call(fast)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_bare_wav_files_become_a_call_at_8_khz(tmp_path: Path, rate: int, subtype: str) -> None:
    path = tmp_path / "far.wav"
    at = np.arange(2 * rate) / rate
    soundfile.write(path, 0.25 * np.sin(2 * np.pi * 440 * at), rate, subtype=subtype)
    call = from_audio(path, caller_id="P")
    assert abs(len(call.far) - 16000) <= 1
    assert rms(call.far) == pytest.approx(0.25 * 32768 / np.sqrt(2), rel=0.01)
    assert call.id == "far"
    assert call.caller_id == "P"


def test_unusable_wav_files_are_refused(tmp_path: Path) -> None:
    good = tmp_path / "good.wav"
    soundfile.write(good, tone(440, 2.0), 8000)
    cut = tmp_path / "cut.wav"
    cut.write_bytes(good.read_bytes()[:20000])
    with pytest.raises(CallFileError, match=r"cut\.wav: is cut off, 12044 bytes"):
        from_audio(cut)
    stereo = tmp_path / "stereo.wav"
    soundfile.write(stereo, np.zeros((800, 2)), 8000)
    with pytest.raises(CallFileError, match=r"stereo\.wav: has 2 channels"):
        from_audio(stereo)
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0), 8000)
    with pytest.raises(CallFileError, match=r"empty\.wav: holds 0 s"):
        from_audio(empty)
    slow = tmp_path / "slow.wav"
    soundfile.write(slow, np.zeros(100), 4000)
    with pytest.raises(CallFileError, match="4000 Hz"):
        from_audio(slow)
    text = tmp_path / "text.wav"
    shutil.copy(__file__, text)
    with pytest.raises(CallFileError, match=r"text\.wav: cannot be read as sound"):
        from_audio(text)
    with pytest.raises(CallFileError, match="caller id"):
        from_audio(good, caller_id="withheld")


def test_a_wav_written_to_a_pipe_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "piped.wav"
    soundfile.write(path, tone(440, 1.0), 8000)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert len(from_audio(path).far) == 8000
