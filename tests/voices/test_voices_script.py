"""Scripts of calls, and what is refused in them."""

from __future__ import annotations

import tomllib

import pytest

from training.voices import synth
from training.voices.render_calls import Placed, call_toml
from training.voices.script import ScriptError, parse_script

GOOD = """
title = "題"
title_en = "Title"
label = "harmless"
caller_id = "P"
turns = [
  { who = "a", text = "ATMへ。" },
  { who = "b", pause = -0.5, text = "はい。" },
]
[expected]
outcome = "screened"
level = "quiet"
[cast.a]
side = "far"
voice = "kokoro:jf_alpha"
[cast.b]
side = "near"
voice = "jtalk:mei"
[say]
"ATM" = "エーティーエム"
"""


def test_script_is_read_with_its_respellings() -> None:
    script = parse_script(GOOD, "good.toml")
    assert script.id == "good"
    assert [script.spoken(turn) for turn in script.turns] == ["エーティーエムへ。", "はい。"]
    assert script.turns[0].text == "ATMへ。"


def test_generated_call_file_carries_header_and_turns_unchanged() -> None:
    script = parse_script(GOOD, "good.toml")
    placed = (Placed("far", 0.3, 1.25, "kokoro:jf_alpha", '引用"と\\と改行\n'),)
    shipped = tomllib.loads(call_toml(script, placed))
    assert {key: value for key, value in shipped.items() if key not in {"id", "turns"}} == script.header
    assert shipped["id"] == "good"
    assert shipped["turns"] == [
        {"side": "far", "t0": 0.3, "t1": 1.25, "voice": "kokoro:jf_alpha", "text": '引用"と\\と改行\n'}
    ]


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ('label = "harmless"', 'labell = "x"', "labell"),
        ('label = "harmless"', "", "label"),
        ('level = "quiet"', 'lvl = "quiet"', r"\[expected\].*lvl"),
        ('who = "b"', 'who = "c"', "turn 2.*'c'"),
        ('who = "b"', 'who = "a"', "turn 2.*other side"),
        ("pause = -0.5", "pause = -9", "turn 2.*overlap"),
        ("pause = -0.5", "paus = 1", "turn 2.*paus"),
        ('side = "near"', 'side = "left"', r"\[cast\.b\].*left"),
        ('side = "far"', 'side = "near"', "far side"),
        ("jtalk:mei", "jtalk:who", r"\[cast\.b\].*jtalk:who"),
        ("kokoro:jf_alpha", "kokoro:0.5*jf_beta+0.5*jm_kumo", "jf_beta"),
        ('"ATM" =', '"CD" =', "say.*CD"),
        ("title =", "title", "good.toml"),
    ],
)
def test_bad_script_is_refused_naming_the_place(old: str, new: str, names: str) -> None:
    with pytest.raises(ScriptError, match=names) as caught:
        parse_script(GOOD.replace(old, new, 1), "good.toml")
    assert "good.toml" in str(caught.value)


def test_change_of_words_voice_or_timing_changes_the_digest() -> None:
    digests = {
        parse_script(GOOD.replace(old, new, 1), "good.toml").digest
        for old, new in (
            ("", ""),
            ("はい。", "いいえ。"),
            ("jf_alpha", "jf_nezumi"),
            ("-0.5", "-0.4"),
            ("エーティー", "エイティー"),
        )
    }
    assert len(digests) == 5
    assert parse_script(GOOD.replace("題", "別の題", 1), "good.toml").digest in digests


def test_blend_weights_add_up_to_one() -> None:
    assert synth.blend_of("kokoro:3*jm_kumo+1*jf_nezumi") == {"jm_kumo": 0.75, "jf_nezumi": 0.25}
    assert synth.blend_of("kokoro:jf_alpha") == {"jf_alpha": 1.0}


@pytest.mark.parametrize("voice", ["", "jf_alpha", "kokoro:", "kokoro:0*jf_alpha", "kokoro:x*jf_alpha", "espeak:ja"])
def test_unknown_voice_is_refused(voice: str) -> None:
    with pytest.raises(synth.VoiceError, match="voice"):
        synth.check_voice(voice)


def test_text_is_cut_at_sentence_ends_only() -> None:
    text = "え、電話が、止まるの？ ……一番、一番ね。「はい。」"
    assert synth.sentences(text) == ["え、電話が、止まるの？", "一番、一番ね。", "はい。"]
