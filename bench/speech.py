"""How fast and how well Whisper base recognises the shipped calls, clean and with white noise 20 dB below the speech.

    .venv/bin/python bench/speech.py --json [--calls FOLDER] [--models-dir FOLDER] [--limit N]

The far side of every call goes through the box's own segmenter and recogniser, in one thread. "kana CER" is the edit
distance between the readings (SudachiPy) of what was said and of what was recognised, per kana said. The voices are
synthetic: expect human speech to be recognised less well.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import time
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from platformdirs import user_data_path
from sudachipy import Dictionary, Tokenizer

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "firmware_py"))

from denwaban.audio.vad import Segment, Segmenter  # noqa: E402
from denwaban.events import SAMPLE_RATE, Pcm  # noqa: E402
from denwaban.ports import Recognizer  # noqa: E402
from denwaban.transcribe.catalog import load_catalog  # noqa: E402
from denwaban.transcribe.engine import load_recognizer  # noqa: E402

SNR_DB = 20.0
BLOCK = SAMPLE_RATE // 50
SILENT_PARTS = ("補助記号", "空白", "記号")


@dataclass(frozen=True, slots=True)
class Call:
    """The far side of a call file: its sound and what is said in it."""

    name: str
    far: Pcm
    said: str


@dataclass(slots=True)
class Tally:
    """Sums over all calls under one condition."""

    edits: int = 0
    kana: int = 0
    cpu_s: float = 0.0
    call_s: float = 0.0
    speech_s: float = 0.0
    waits_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Figures:
    """One condition. `text_delay`: from the cut of an utterance to its text."""

    kana_cer: float
    cpu_s_per_speech_s: float
    cpu_s_per_call_s: float
    text_delay_mean_s: float
    text_delay_max_s: float


class CountingSegmenter:
    """The box's segmenter; notes how much audio goes to the recogniser."""

    def __init__(self, note: Callable[[float], None]) -> None:
        self._inner = Segmenter()
        self._note = note

    def feed(self, pcm: Pcm) -> Sequence[Segment]:
        return self._counted(self._inner.feed(pcm))

    def finish(self) -> Sequence[Segment]:
        return self._counted(self._inner.finish())

    def _counted(self, segments: Sequence[Segment]) -> Sequence[Segment]:
        self._note(sum(segment.t1 - segment.t0 for segment in segments))
        return segments


class Reader:
    """Readings in kana."""

    def __init__(self) -> None:
        self._tokenizer: Tokenizer = Dictionary(dict="small").tokenizer()

    def kana(self, text: str) -> str:
        words = self._tokenizer.tokenize(unicodedata.normalize("NFKC", text))
        spoken = (word.reading_form() for word in words if word.part_of_speech()[0] not in SILENT_PARTS)
        return re.sub(r"[\W_ー]", "", "".join(spoken))


def edit_distance(said: str, heard: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, 1):
        above = row
        row = [i]
        for j, b in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


def load_calls(folder: Path, limit: int | None) -> Iterator[Call]:
    """The calls in which the far side says something."""
    for description in sorted(folder.glob("*/call.toml"))[:limit]:
        turns = tomllib.loads(description.read_text(encoding="utf-8")).get("turns", [])
        said = "".join(turn["text"] for turn in turns if turn["side"] == "far")
        far, _rate = soundfile.read(description.with_name("far.flac"), dtype="int16")
        if said:
            yield Call(description.parent.name, far, said)


def with_noise(pcm: Pcm, seed: int) -> Pcm:
    """White noise SNR_DB below the speech, of which pauses are no part."""
    samples = pcm.astype(np.float64)
    frames = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK)
    power = np.square(frames).mean(axis=1)
    speech = power[power > power.max() / 1000].mean()
    noise = np.random.default_rng(seed).normal(0.0, np.sqrt(speech) * 10 ** (-SNR_DB / 20), len(samples))
    return np.clip(samples + noise, -32768, 32767).astype(np.int16)


def recognise(recognizer: Recognizer, pcm: Pcm, tally: Tally) -> str:
    """The text of one side of a call, fed in the box's blocks of 20 ms."""
    call = recognizer.start()
    heard = []
    began = time.process_time()
    for start in range(0, len(pcm), BLOCK):
        asked = time.perf_counter()
        if utterances := call.feed(pcm[start : start + BLOCK]):
            tally.waits_s.append(time.perf_counter() - asked)
            heard += utterances
    heard += call.finish()
    tally.cpu_s += time.process_time() - began
    tally.call_s += len(pcm) / SAMPLE_RATE
    return "".join(utterance.text for utterance in heard)


def measure(recognizer: Recognizer, calls: list[Call], reader: Reader, tally: Tally, *, noisy: bool) -> Figures:
    """All calls under one condition."""
    for seed, call in enumerate(calls):
        heard = recognise(recognizer, with_noise(call.far, seed) if noisy else call.far, tally)
        said = reader.kana(call.said)
        tally.edits += edit_distance(said, reader.kana(heard))
        tally.kana += len(said)
    return Figures(
        kana_cer=round(tally.edits / tally.kana, 3),
        cpu_s_per_speech_s=round(tally.cpu_s / tally.speech_s, 3),
        cpu_s_per_call_s=round(tally.cpu_s / tally.call_s, 3),
        text_delay_mean_s=round(sum(tally.waits_s) / len(tally.waits_s), 2),
        text_delay_max_s=round(max(tally.waits_s), 2),
    )


def run(args: argparse.Namespace) -> dict[str, object]:
    """The whole measurement."""
    calls = list(load_calls(args.calls, args.limit))
    if not calls:
        raise SystemExit(f"{args.calls}: no call files (*/call.toml with far.flac)")
    tallies = [Tally()]

    def note(seconds: float) -> None:
        tallies[-1].speech_s += seconds

    catalog = load_catalog(ROOT / "models" / "catalog.toml")
    began = time.perf_counter()
    recognizer = load_recognizer(
        "whisper", args.models_dir, segmenter=lambda: CountingSegmenter(note), threads=args.threads, catalog=catalog
    )
    load_s = round(time.perf_counter() - began, 2)
    reader = Reader()
    clean = measure(recognizer, calls, reader, tallies[-1], noisy=False)
    tallies.append(Tally())
    noisy = measure(recognizer, calls, reader, tallies[-1], noisy=True)
    return {
        "bench": "speech",
        "model": recognizer.name,
        "threads": args.threads,
        "calls": len(calls),
        "far_speech_s": round(tallies[0].speech_s, 1),
        "load_s": load_s,
        "clean": asdict(clean),
        "snr_20_db": asdict(noisy),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def show(result: dict[str, object]) -> None:
    """A table for people."""
    for key, value in result.items():
        if not isinstance(value, dict):
            print(f"{key:24}{value}")
    clean, noisy = result["clean"], result["snr_20_db"]
    assert isinstance(clean, dict)
    assert isinstance(noisy, dict)
    print(f"\n{'':24}{'clean':>10}{'20 dB':>10}")
    for key in clean:
        print(f"{key:24}{clean[key]:>10}{noisy[key]:>10}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Speed and accuracy of speech recognition.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--calls", type=Path, default=ROOT / "firmware_py/denwaban/sim/calls", help="folder of call files"
    )
    parser.add_argument("--models-dir", type=Path, default=user_data_path("denwaban") / "models")
    parser.add_argument("--limit", type=int, help="only the first N call files")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    result = run(args)
    print(json.dumps(result, ensure_ascii=False)) if args.json else show(result)


if __name__ == "__main__":
    main()
