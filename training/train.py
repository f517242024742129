"""`python -m training.train`: the shipped detector from what is committed, with thresholds from unseen hands."""

from __future__ import annotations

import argparse
import hashlib
import pickle
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final, Self

from denwaban.detect.model import Channel, Thresholds
from denwaban.detect.text import Reader, joined
from training.alignment import aligned_turns
from training.calibrate import choose_thresholds, judged_by_fold
from training.calls import CATEGORIES, CORPUS_DIR, Call, load_corpus
from training.dataset import CHAT, HeardCall, Words, as_written, load_chats, views_of
from training.export import Probes, write_model
from training.fit import FOLDS, JOBS, Say, Scored, features_of, fit_call, fit_text_models, out_of_fold
from training.material import Material
from training.noise import Noiser, learn, render_heard
from training.recognise import RECOGNISED_DIR, load_recognised

MODEL_DIR: Final = Path(__file__).parents[1] / "models" / "scam-ja"
CACHE_DIR: Final = Path(__file__).parents[1] / ".cache" / "training"
ENGINE: Final = "whisper"
"""The speech engine whose recognised words are committed."""
TRAINING: Final = ("alignment", "calls", "dataset", "fit", "material", "noise")
DETECT: Final = ("text", "model", "policy")
CHATS_FROM: Final = 4000
"""The first chat trained on; those before it are left for counting false alerts."""
PROBES: Final = 40


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training is made from."""

    corpus: Path = CORPUS_DIR
    recognised: Path = RECOGNISED_DIR
    chats: Path | None = None
    chat_count: int = 2000
    folds: int = FOLDS
    jobs: int = JOBS

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--corpus", type=Path, default=CORPUS_DIR, help="folder of hNN.txt (default: the shipped corpus)"
        )
        parser.add_argument(
            "--recognised",
            type=Path,
            default=RECOGNISED_DIR,
            help="folder of what the recogniser made of it (default: training/recognised)",
        )
        parser.add_argument(
            "--chats",
            type=Path,
            help="everyday chats as further harmless calls (JSON lines, may be .xz). The shipped model "
            "was trained with them; without them ordinary small talk raises more false alarms",
        )
        parser.add_argument("--chat-count", type=int, default=2000, help="how many of them (default 2000)")
        parser.add_argument(
            "--folds",
            type=int,
            default=FOLDS,
            help=f"into how many parts hands are dealt to be held out (default {FOLDS}; 50 holds out one hand at a "
            "time, which takes most of an hour)",
        )
        parser.add_argument(
            "--jobs",
            type=int,
            default=JOBS,
            help=f"parts fitted at a time (default {JOBS}; each takes about 3 GB of memory)",
        )

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        return cls(options.corpus, options.recognised, options.chats, options.chat_count, options.folds, options.jobs)


def load_views(settings: Settings) -> list[HeardCall]:
    """Every call in every view: as written, and as the recogniser got it or might have got it."""
    calls = load_corpus(settings.corpus)
    chats = load_chats(settings.chats, CHATS_FROM, settings.chat_count) if settings.chats is not None else []
    rows = load_recognised(settings.recognised, calls)
    heard = render_heard(rows, Noiser(learn(aligned_turns(rows, calls))))

    def words(call: Call) -> Words:
        rendered = all((call.id, i) in rows for i, turn in enumerate(call.turns) if turn.far)
        return "recognised" if rendered else "noised"

    written = as_written(Reader())
    return views_of([*calls, *chats], written, lambda _call: "written") + views_of([*calls, *chats], heard, words)


def scored_out_of_fold(settings: Settings, material: Material, say: Say) -> list[Scored]:
    """Out-of-fold scores; kept in `.cache/`, so that `make eval` after `make train` need not repeat them."""
    path = CACHE_DIR / f"{_fingerprint(settings)}.pickle"
    if path.is_file():
        say(f"out-of-fold scores from {path}")
        with path.open("rb") as file:
            cached: list[Scored] = pickle.load(file)
        return cached
    scored = out_of_fold(material, say, settings.folds, settings.jobs)
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pickle.dump(scored, file)
    return scored


def _fingerprint(settings: Settings) -> str:
    """Of everything the scores depend on: corpus, recognised words, chats, and the code of training and detector."""
    root = Path(__file__).parents[1]
    names = [*(f"training/{name}" for name in TRAINING), *(f"firmware_py/denwaban/detect/{name}" for name in DETECT)]
    sources = [root / f"{name}.py" for name in names]
    data = [*settings.corpus.glob("*.txt"), *settings.recognised.glob("*.jsonl")]
    files = [*sources, *data, *([settings.chats] if settings.chats else [])]
    state = hashlib.sha256(f"{settings.chat_count} {settings.folds}".encode())
    for path in sorted(files):
        state.update(path.read_bytes())
    return state.hexdigest()[:16]


def train(settings: Settings, folder: Path, version: str) -> dict[Channel, dict[str, Thresholds]]:
    """Train on every hand, calibrate on hands held out, export to `folder`."""
    say = progress(time.monotonic())
    views = load_views(settings)
    corpus = [view for view in views if view.call.category != CHAT]
    hands = sorted({view.call.hand for view in corpus})
    say(f"{len(views)} views of calls by {len(hands)} hands; scoring each hand by models that never saw it")
    material = Material(views)
    scored = scored_out_of_fold(settings, material, say)
    say("choosing thresholds")
    thresholds = choose_thresholds(judged_by_fold(scored, folds=settings.folds))
    say("training on all hands")
    models = fit_text_models(material, material.all_rows)
    call = fit_call(features_of(scored))
    about = {
        "version": version,
        "engine": ENGINE,
        "language": "ja",
        "trained_on": {
            "hands": hands,
            "corpus_calls": len({view.call.id for view in corpus}),
            "recognised_turns": len(load_recognised(settings.recognised)),
            "chats": settings.chat_count if settings.chats else 0,
        },
        "thresholds": {
            channel: {name: asdict(values) for name, values in sets.items()} for channel, sets in thresholds.items()
        },
    }
    kinds = CATEGORIES["scam"] | CATEGORIES["sales"]
    categories = tuple(sorted(kinds & set(models.category.classes.classes_)))
    write_model(folder, models, material, call, categories, about, _probes(corpus))
    say(f"wrote {folder}")
    return thresholds


def progress(started: float) -> Say:
    """Tell a person what goes on, with seconds since the start."""

    def say(text: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - started:6.0f} s] {text}\n")  # one write: threads may speak at once

    return say


def _probes(views: list[HeardCall]) -> Probes:
    """Calls of our own corpus for the golden scores."""
    whole = [view for view in views if view.sides == "known" and view.call.whole and view.scored]
    some = Random(0).sample(whole, min(PROBES, len(whole)))
    contexts = [
        (
            joined(one.text for one in view.heard if one.side == "far"),
            joined(one.text for one in view.heard if one.side == "near"),
        )
        for view in some
    ]
    return Probes(contexts, [turn.text for view in some for turn in view.call.far_turns])


def main(argv: list[str] | None = None) -> int:
    """Command line of training."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description="Train the detector.")
    Settings.add_options(parser)
    parser.add_argument("--out", type=Path, default=MODEL_DIR, help="folder to write (default: models/scam-ja)")
    parser.add_argument("--version", default="6", help="version written into model.json")
    options = parser.parse_args(argv)
    for channel, sets in train(Settings.of(options), options.out, options.version).items():
        for name, values in sets.items():
            print(
                f"{channel}, {name}: alert {values.alert:.3f}, caution {values.caution:.3f}, sales {values.sales:.3f}"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
