"""`python -m training.train`: the shipped detector from the committed corpus, with thresholds from unseen hands."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Final

from denwaban.detect.model import Thresholds

from training.calibrate import choose_thresholds, judged_by_hand
from training.calls import CATEGORIES, CORPUS_DIR, load_corpus
from training.dataset import ReadCall, read_calls
from training.export import write_model
from training.fit import Texts, fit_call, fit_text_models, out_of_fold

MODEL_DIR: Final = Path(__file__).parents[1] / "models" / "scam-ja"
ENGINE: Final = "whisper"
"""The speech engine the published figures were measured with."""


def _progress(started: float) -> Callable[[str], None]:
    return lambda text: print(f"[{time.monotonic() - started:6.0f} s] {text}", file=sys.stderr, flush=True)


def train(corpus: Path, folder: Path, version: str) -> dict[str, Thresholds]:
    """Train on every hand, calibrate on hands held out, export to `folder`."""
    say = _progress(time.monotonic())
    calls = read_calls(load_corpus(corpus))
    hands = sorted({read.call.hand for read in calls})
    say(f"{len(calls)} calls by {len(hands)} hands; scoring each hand by models that never saw it")
    scored = out_of_fold(calls, say)
    thresholds = choose_thresholds(judged_by_hand(scored))
    say("training on all hands")
    models, call = fit_text_models(calls), fit_call(scored)
    categories = tuple(sorted(CATEGORIES["scam"] | CATEGORIES["sales"]))
    probes = _probes(calls)
    about = {
        "version": version,
        "engine": ENGINE,
        "language": "ja",
        "trained_on": {"corpus_calls": len(calls), "hands": hands},
        "thresholds": {name: asdict(values) for name, values in thresholds.items()},
    }
    write_model(folder, models, call, tuple(c for c in categories if c in models.category.classes_), about, probes)
    say(f"wrote {folder}")
    return thresholds


def _probes(calls: list[ReadCall]) -> Texts:
    turns = [turn for read in calls for turn in read.far]
    return [(turn.text.surface, turn.text.kana) for turn in Random(0).sample(turns, 40)]


def main(argv: list[str] | None = None) -> int:
    """Command line of training."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument(
        "--corpus", type=Path, default=CORPUS_DIR, help="folder of hNN.txt (default: the shipped corpus)"
    )
    parser.add_argument("--out", type=Path, default=MODEL_DIR, help="folder to write (default: models/scam-ja)")
    parser.add_argument("--version", default="1", help="version written into model.json")
    options = parser.parse_args(argv)
    for name, values in train(options.corpus, options.out, options.version).items():
        print(f"{name}: alert {values.alert:.3f}, caution {values.caution:.3f}, sales {values.sales:.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
