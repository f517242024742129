"""Render the call files of the virtual line: `python -m training.voices.render_calls [ID…]`.

Each script `training/voices/calls/<id>.toml` becomes a folder `firmware_py/denwaban/sim/calls/<id>/` with `call.toml`,
`far.flac` and, where the household speaks, `near.flac`, both on one timeline. `--check` needs no speech synthesis.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from training.voices import synth, telephone
from training.voices.script import Cast, Script, ScriptError, load_scripts
from training.voices.telephone import LINE_RATE, Signal

CALLS_DIR: Final = Path(__file__).parents[2] / "firmware_py" / "denwaban" / "sim" / "calls"
SPEECH_DBFS: Final = -20.0
CEILING_DBFS: Final = -4.0
BITS: Final = 12
"""Rounding to 12 bits adds noise at −77 dBFS, 17 dB under the virtual line's own, and halves the files."""
LEAD_S: Final = 0.3
TAIL_S: Final = 0.5
SIZE_LIMIT: Final = 4_000_000
RIGHTS: Final = "Apache-2.0 (wording, Kokoro voices); voices Mei and nitech: CC BY 3.0, see LICENSE-VOICES.md"


@dataclass(frozen=True, slots=True)
class Placed:
    """A turn on the timeline, in seconds."""

    side: str
    t0: float
    t1: float
    voice: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """Both sides of a call on one timeline; a side nobody speaks on is all zeros."""

    sides: dict[str, Signal]
    turns: tuple[Placed, ...]


def _speech(cast: Cast, text: str) -> Signal:
    wave = synth.speak(text, cast.voice, cast.speed, cast.pitch)
    narrow = telephone.telephone_band(wave, synth.SYNTH_RATE)
    return telephone.level(narrow, LINE_RATE, SPEECH_DBFS, CEILING_DBFS)


def render(script: Script) -> Rendered:
    """Speak all turns and lay them on one timeline. Raises ImportError without the speech engines."""
    end, placed, waves = LEAD_S, [], []
    for number, turn in enumerate(script.turns):
        cast = script.cast[turn.who]
        wave = _speech(cast, script.spoken(turn))
        start = int((end + (turn.pause if number else 0.0)) * LINE_RATE)
        waves.append((cast.side, start, wave))
        t0, t1 = start / LINE_RATE, (start + wave.size) / LINE_RATE
        placed.append(Placed(cast.side, round(t0, 2), round(t1, 2), cast.voice, turn.text))
        end = max(end, t1) if turn.pause < 0 else t1
    samples = max(start + wave.size for _, start, wave in waves) + int(TAIL_S * LINE_RATE)
    sides = {side: np.zeros(samples, np.float32) for side in ("far", "near")}
    for side, start, wave in waves:
        sides[side][start : start + wave.size] += wave
    return Rendered(sides, tuple(placed))


def _toml(value: object) -> str:
    # A JSON string, number or boolean is the same in TOML; ensure_ascii would make Japanese unreadable.
    return json.dumps(value, ensure_ascii=False)


def call_toml(script: Script, turns: tuple[Placed, ...]) -> str:
    """The generated `call.toml`."""
    lines = [f"# Generated from training/voices/calls/{script.id}.toml by training.voices.render_calls: edit there."]
    lines.append(f"id = {_toml(script.id)}")
    lines += [f"{key} = {_toml(v)}" for key, v in script.header.items() if not isinstance(v, dict)]
    for table, content in script.header.items():
        if isinstance(content, dict):
            lines += ["", f"[{table}]", *(f"{key} = {_toml(value)}" for key, value in content.items())]
    for turn in turns:
        lines += ["", "[[turns]]", f"side = {_toml(turn.side)}", f"t0 = {turn.t0}", f"t1 = {turn.t1}"]
        lines += [f"voice = {_toml(turn.voice)}", f"text = {_toml(turn.text)}"]
    return "\n".join(lines) + "\n"


def write(script: Script, rendered: Rendered, folder: Path) -> None:
    """Write the call's folder; a side without speech gets no file."""
    folder.mkdir(parents=True, exist_ok=True)
    for side, signal in rendered.sides.items():
        path = folder / f"{side}.flac"
        if signal.any():
            pcm = telephone.to_pcm(signal, BITS)
            telephone.write_flac(path, pcm, LINE_RATE, digest=script.digest, title=f"{script.id} {side}", rights=RIGHTS)
        else:
            path.unlink(missing_ok=True)
    (folder / "call.toml").write_text(call_toml(script, rendered.turns), "utf-8")


def _audio_problems(script: Script, folder: Path, turns: list[dict[str, Any]]) -> Iterator[str]:
    lengths = set()
    for side in sorted({turn["side"] for turn in turns}):
        file = telephone.read_flac(folder / f"{side}.flac")
        where = f"{script.id}/{side}.flac"
        lengths.add(file.signal.size)
        if file.digest != script.digest:
            yield f"{where}: rendered from another version of the script; render it again"
        if (file.rate, file.channels, file.subtype) != (LINE_RATE, 1, "PCM_16"):
            yield f"{where}: {file.rate} Hz, {file.channels} channels, {file.subtype}; want 8000 Hz mono PCM_16"
        if telephone.peak_db(file.signal) > CEILING_DBFS + 0.5:
            yield f"{where}: peak {telephone.peak_db(file.signal):.1f} dBFS"
        for turn in (t for t in turns if t["side"] == side):
            said = file.signal[int(turn["t0"] * LINE_RATE) : int(turn["t1"] * LINE_RATE)]
            if abs(telephone.speech_db(said, LINE_RATE) - SPEECH_DBFS) > 1.5:
                yield f"{where}: at {turn['t0']} s: speech {telephone.speech_db(said, LINE_RATE):.1f} dBFS"
    if len(lengths) > 1:
        yield f"{script.id}: far.flac and near.flac differ in length"
    if lengths and turns[-1]["t1"] * LINE_RATE > max(lengths):
        yield f"{script.id}: the last turn ends after the audio"


def check(script: Script, folder: Path) -> list[str]:
    """What is wrong with a shipped call, as sentences; empty when it is what the script says."""
    try:
        shipped = tomllib.loads((folder / "call.toml").read_text("utf-8"))
        header = {key: value for key, value in shipped.items() if key not in {"id", "turns"}}
        problems = [] if header == script.header else [f"{script.id}/call.toml: differs from the script's header"]
        said = [(turn["side"], turn["voice"], turn["text"]) for turn in shipped["turns"]]
        cast = script.cast
        if said != [(cast[t.who].side, cast[t.who].voice, t.text) for t in script.turns]:
            problems.append(f"{script.id}/call.toml: differs from the script's turns")
        return problems + list(_audio_problems(script, folder, shipped["turns"]))
    except (OSError, KeyError, tomllib.TOMLDecodeError, telephone.AudioFileError) as error:
        return [f"{script.id}: {error}"]


def size_of(folder: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _print_readings(script: Script) -> None:
    import pyopenjtalk  # noqa: PLC0415 - only here and in synth

    for turn in script.turns:
        print(f"  {turn.who:10} {turn.text}\n  {'':10} {pyopenjtalk.g2p(script.spoken(turn), kana=True)}")


def _report(script: Script, folder: Path) -> None:
    shipped = tomllib.loads((folder / "call.toml").read_text("utf-8"))
    turns = shipped["turns"]
    spoken = sum(turn["t1"] - turn["t0"] for turn in turns)
    length = telephone.read_flac(folder / "far.flac").signal.size / LINE_RATE
    print(
        f"{script.id:22} {length:6.1f} s, speech {spoken:5.1f} s, {len(turns):2} turns,"
        f" {size_of(folder) / 1e3:5.0f} kB, expected {shipped['expected']['outcome']}/{shipped['expected']['level']}"
    )


def main(argv: list[str] | None = None) -> int:
    """Exit 1 when a check finds something."""
    parser = argparse.ArgumentParser(prog="python -m training.voices.render_calls", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="calls to render (default: those that are not up to date)")
    parser.add_argument(
        "--check", action="store_true", help="render nothing; compare the shipped files with the scripts"
    )
    parser.add_argument("--readings", action="store_true", help="print how each turn will be read, in kana")
    parser.add_argument("--out", type=Path, default=CALLS_DIR, help="where the call folders are (default: %(default)s)")
    options = parser.parse_args(argv)
    try:
        scripts = load_scripts()
    except ScriptError as error:
        print(error, file=sys.stderr)
        return 1
    if unknown := set(options.ids) - {script.id for script in scripts}:
        parser.error(f"no script for {', '.join(sorted(unknown))}; there are {', '.join(s.id for s in scripts)}")
    chosen = [script for script in scripts if not options.ids or script.id in options.ids]
    if options.readings:
        for script in chosen:
            print(script.id)
            _print_readings(script)
        return 0
    if not options.check:
        for script in chosen:
            if options.ids or check(script, options.out / script.id):
                write(script, render(script), options.out / script.id)
    return _conclude(chosen, options.out)


def _conclude(scripts: list[Script], out: Path) -> int:
    problems = [problem for script in scripts for problem in check(script, out / script.id)]
    for script in scripts:
        if (out / script.id / "call.toml").is_file():
            _report(script, out / script.id)
    total = size_of(out)
    print(f"{len(scripts)} calls; all call files {total / 1e6:.2f} MB (limit {SIZE_LIMIT / 1e6:.0f})")
    if total > SIZE_LIMIT:
        problems.append(f"the call files take {total} bytes, more than {SIZE_LIMIT}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
