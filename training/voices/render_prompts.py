"""Render the prompts of the box: `python -m training.voices.render_prompts [NAME…]`.

The table is `firmware_py/denwaban/prompts/prompts.toml`; the FLAC files stand beside it. `--check` measures the shipped
files against the table and needs no speech synthesis.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from training.voices import synth, telephone
from training.voices.telephone import LINE_RATE, ROOM_RATE, FlacFile, Signal

PROMPTS_DIR: Final = Path(__file__).parents[2] / "firmware_py" / "denwaban" / "prompts"
LONGEST_LINE_S: Final = 8.0
"""The caller waits, and pays, while the box speaks: commercial recorders' announcements last about as long."""
SPEECH_DBFS: Final[dict[str, float]] = {"line": -20.0, "room": -18.0}
CEILING_DBFS: Final = -3.5
PEAK_DBFS: Final = -3.0
EDGE_S: Final = 0.2
BETWEEN_S: Final = 1.0
COMMA_PAUSE_S: Final[dict[str, float]] = {"line": 0.3, "room": 0.45}
"""Longest pause inside a sentence: the household gets more time than the caller."""
CHIME_VERSION: Final = 1
RIGHTS: Final = "Apache-2.0 (wording and Kokoro voice), see LICENSE-VOICES.md"


class PromptError(ValueError):
    """A prompt table that breaks the format; the message names table and key."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt of the table. `name` is its key."""

    name: str
    file: str
    target: Literal["line", "room"]
    voice: str
    text: str
    text_en: str
    speed: float = 1.0
    pitch: float = 1.0
    say: str | None = None
    times: int = 1

    @property
    def rate(self) -> int:
        return LINE_RATE if self.target == "line" else ROOM_RATE

    @property
    def digest(self) -> str:
        """Names everything the audio depends on."""
        spoken = CHIME_VERSION if self.voice == "chime" else self.say or self.text
        return synth.digest(synth.VERSION, self.target, self.voice, self.speed, self.pitch, self.times, spoken)


def _prompt(name: str, table: dict[str, Any]) -> Prompt:
    try:
        prompt = Prompt(name=name, **table)
    except TypeError as error:
        raise PromptError(f"prompts.toml: [{name}]: {error}") from error
    if prompt.target not in SPEECH_DBFS:
        raise PromptError(f"prompts.toml: [{name}] target = {prompt.target!r}; want line or room")
    if prompt.voice != "chime":
        synth.check_voice(prompt.voice)
    return prompt


def load_prompts(folder: Path = PROMPTS_DIR) -> list[Prompt]:
    """The table; raises PromptError or VoiceError naming what is wrong."""
    tables = tomllib.loads((folder / "prompts.toml").read_text("utf-8"))
    return [_prompt(name, table) for name, table in tables.items()]


def chime(rate: int = ROOM_RATE) -> Signal:
    """Two soft falling notes (E5, C5), 1.2 s. Few overtones and a slow attack: audible with presbycusis, no start."""
    t = np.arange(int(1.2 * rate)) / rate
    sound = np.zeros(t.size)
    for start, hz in ((0.0, 659.26), (0.4, 523.25)):
        since = t - start
        ringing = np.where(since >= 0, np.exp(-since / 0.28) * np.minimum(1.0, np.maximum(since, 0.0) / 0.02), 0.0)
        sound += ringing * (np.sin(2 * np.pi * hz * since) + 0.25 * np.sin(4 * np.pi * hz * since))
    fade = np.minimum(1.0, (t[-1] - t) / 0.1)
    return np.asarray(sound * fade, np.float32)


def _body(prompt: Prompt) -> Signal:
    if prompt.voice == "chime":
        return chime(prompt.rate)
    pause = COMMA_PAUSE_S[prompt.target]
    wave = synth.speak(prompt.say or prompt.text, prompt.voice, prompt.speed, prompt.pitch, pause)
    gap = np.zeros(int(BETWEEN_S * synth.SYNTH_RATE), np.float32)
    repeated = np.concatenate([wave, *([gap, wave] * (prompt.times - 1))])
    return telephone.telephone_band(repeated, synth.SYNTH_RATE) if prompt.target == "line" else repeated


def render(prompt: Prompt) -> Signal:
    """The prompt at its rate and level, with silence around it. Raises ImportError without the speech engines."""
    loud = telephone.level(_body(prompt), prompt.rate, SPEECH_DBFS[prompt.target], CEILING_DBFS)
    edge = np.zeros(int(EDGE_S * prompt.rate), np.float32)
    return np.concatenate([edge, loud, edge])


def write(prompt: Prompt, signal: Signal, folder: Path) -> None:
    """Write the prompt's FLAC file."""
    pcm = telephone.to_pcm(signal)
    telephone.write_flac(folder / prompt.file, pcm, prompt.rate, digest=prompt.digest, title=prompt.name, rights=RIGHTS)


def _silent_edges(signal: Signal, rate: int) -> tuple[float, float]:
    loud = np.flatnonzero(np.abs(signal) > 0.01)
    if not loud.size:
        return signal.size / rate, signal.size / rate
    return float(loud[0] / rate), float((signal.size - 1 - loud[-1]) / rate)


def _format_problems(prompt: Prompt, file: FlacFile) -> Iterator[str]:
    if file.digest != prompt.digest:
        yield "rendered from another version of the table; render it again"
    if (file.rate, file.channels, file.subtype) != (prompt.rate, 1, "PCM_16"):
        yield f"{file.rate} Hz, {file.channels} channels, {file.subtype}; want {prompt.rate} Hz mono PCM_16"
    seconds = file.signal.size / file.rate
    if prompt.target == "line" and seconds > LONGEST_LINE_S:
        yield f"{seconds:.2f} s; at most {LONGEST_LINE_S} s into the line"
    if prompt.target == "line" and (outside := telephone.band_share_outside(file.signal, file.rate)) > 0.01:
        yield f"{outside:.1%} of the power outside the telephone band"


def _level_problems(prompt: Prompt, file: FlacFile) -> Iterator[str]:
    wanted = SPEECH_DBFS[prompt.target]
    if abs(now := telephone.speech_db(file.signal, file.rate) - wanted) > 1.0:
        yield f"speech {now + wanted:.1f} dBFS; want {wanted:.0f} ± 1"
    if telephone.peak_db(file.signal) > PEAK_DBFS:
        yield f"peak {telephone.peak_db(file.signal):.1f} dBFS; at most {PEAK_DBFS}"
    for edge, where in zip(_silent_edges(file.signal, file.rate), ("start", "end"), strict=True):
        if not EDGE_S - 0.02 <= edge <= EDGE_S + 0.3:
            yield f"{edge:.2f} s of silence at the {where}; want {EDGE_S}"


def check(prompt: Prompt, folder: Path) -> list[str]:
    """What is wrong with a shipped prompt, as sentences; empty when it is what the table says."""
    try:
        file = telephone.read_flac(folder / prompt.file)
    except telephone.AudioFileError as error:
        return [f"{prompt.name}: {error}"]
    return [f"{prompt.file}: {p}" for p in (*_format_problems(prompt, file), *_level_problems(prompt, file))]


def check_folder(prompts: list[Prompt], folder: Path) -> list[str]:
    """Problems of all prompts, and audio files that stand in no table."""
    problems = [problem for prompt in prompts for problem in check(prompt, folder)]
    strays = {path.name for path in folder.glob("*.flac")} - {prompt.file for prompt in prompts}
    return problems + [f"{name}: in the folder but not in prompts.toml" for name in sorted(strays)]


def _report(prompt: Prompt, folder: Path) -> None:
    file = telephone.read_flac(folder / prompt.file)
    print(
        f"{prompt.name:20} {prompt.target} {file.rate:5} Hz {file.signal.size / file.rate:6.2f} s,"
        f" speech {telephone.speech_db(file.signal, file.rate):6.1f} dBFS, peak {telephone.peak_db(file.signal):5.1f},"
        f" outside 250–3450 Hz {telephone.band_share_outside(file.signal, file.rate):6.2%}"
    )


def main(argv: list[str] | None = None) -> int:
    """Exit 1 when a check finds something."""
    parser = argparse.ArgumentParser(prog="python -m training.voices.render_prompts", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="prompts to render (default: those not up to date)")
    parser.add_argument("--check", action="store_true", help="render nothing; measure the shipped files")
    parser.add_argument("--out", type=Path, default=PROMPTS_DIR, help="where the files are (default: %(default)s)")
    options = parser.parse_args(argv)
    try:
        prompts = load_prompts()
    except (PromptError, synth.VoiceError, tomllib.TOMLDecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    if unknown := set(options.names) - {prompt.name for prompt in prompts}:
        parser.error(f"no prompt {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in prompts)}")
    for prompt in prompts:
        if not options.check and (prompt.name in options.names or (not options.names and check(prompt, options.out))):
            write(prompt, render(prompt), options.out)
    problems = check_folder(prompts, options.out)
    for prompt in prompts:
        if (options.out / prompt.file).is_file():
            _report(prompt, options.out)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
