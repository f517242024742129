"""`python -m training.train`: the shipped detector from the committed corpus, with thresholds from unseen hands."""

from __future__ import annotations

import argparse
import hashlib
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final, Self

from denwaban.detect.model import Thresholds
from denwaban.detect.policy import CONTEXT_UTTERANCES
from training.calibrate import Judged, choose_thresholds, judged_by_fold
from training.calls import CATEGORIES, CORPUS_DIR, load_corpus
from training.dataset import HeardCall, load_chats, written_views
from training.export import write_model
from training.fit import Scored, Texts, fit_call, fit_text_models, out_of_fold

MODEL_DIR: Final = Path(__file__).parents[1] / "models" / "scam-ja"
CACHE_DIR: Final = Path(__file__).parents[1] / ".cache" / "training"
ENGINE: Final = "whisper"
"""The speech engine the published figures were measured with."""
TRAINING: Final = ("calls", "dataset", "fit")
DETECT: Final = ("text", "model")
CHATS_FROM: Final = 4000
"""The first chat trained on; those before it are left for counting false alerts."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training is made from."""

    corpus: Path = CORPUS_DIR
    chats: Path | None = None
    chat_count: int = 600

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--corpus", type=Path, default=CORPUS_DIR, help="folder of hNN.txt (default: the shipped corpus)"
        )
        parser.add_argument(
            "--chats",
            type=Path,
            help="everyday chats as further harmless calls (JSON lines, may be .xz). The shipped model "
            "was trained with them; without them ordinary small talk raises more false alarms",
        )
        parser.add_argument("--chat-count", type=int, default=600, help="how many of them (default 600)")

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        return cls(options.corpus, options.chats, options.chat_count)


def load_views(settings: Settings) -> list[HeardCall]:
    """Every call in every view."""
    calls = load_corpus(settings.corpus)
    if settings.chats is not None:
        calls += load_chats(settings.chats, CHATS_FROM, settings.chat_count)
    return written_views(calls) + written_views(calls, "unknown")


def scored_out_of_fold(settings: Settings, views: list[HeardCall], say: Say) -> list[Scored]:
    """Out-of-fold scores; kept in `.cache/`, so that `make eval` after `make train` need not repeat them."""
    path = CACHE_DIR / f"{_fingerprint(settings)}.pickle"
    if path.is_file():
        say(f"out-of-fold scores from {path}")
        with path.open("rb") as file:
            cached: list[Scored] = pickle.load(file)
        return cached
    scored = out_of_fold(views, say)
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pickle.dump(scored, file)
    return scored


def judged_out_of_fold(settings: Settings) -> list[Judged]:
    """Every call in every view, judged by models that never saw its hand."""
    say = progress(time.monotonic())
    return judged_by_fold(scored_out_of_fold(settings, load_views(settings), say))


def _fingerprint(settings: Settings) -> str:
    """Of everything the scores depend on: corpus, chats, and the code of training and detector."""
    root = Path(__file__).parents[1]
    names = [*(f"training/{name}" for name in TRAINING), *(f"firmware_py/denwaban/detect/{name}" for name in DETECT)]
    sources = [root / f"{name}.py" for name in names]
    files = [*sources, *settings.corpus.glob("*.txt"), *([settings.chats] if settings.chats else [])]
    state = hashlib.sha256(f"{settings.chat_count} {CONTEXT_UTTERANCES}".encode())
    for path in sorted(files):
        state.update(path.read_bytes())
    return state.hexdigest()[:16]


def train(settings: Settings, folder: Path, version: str) -> dict[str, Thresholds]:
    """Train on every hand, calibrate on hands held out, export to `folder`."""
    say = progress(time.monotonic())
    views = load_views(settings)
    hands = sorted({view.call.hand for view in views if view.call.category != "chat"})
    say(f"{len(views)} views of calls by {len(hands)} hands; scoring each hand by models that never saw it")
    scored = scored_out_of_fold(settings, views, say)
    thresholds = choose_thresholds(judged_by_fold(scored))
    say("training on all hands")
    models, call = fit_text_models(views), fit_call(scored)
    categories = tuple(sorted((CATEGORIES["scam"] | CATEGORIES["sales"]) & set(models.category.classes_)))
    about = {
        "version": version,
        "engine": ENGINE,
        "language": "ja",
        "trained_on": {
            "hands": hands,
            "corpus_calls": len({view.call.id for view in views if view.call.category != "chat"}),
            "chats": len({view.call.id for view in views if view.call.category == "chat"}),
        },
        "thresholds": {name: asdict(values) for name, values in thresholds.items()},
    }
    write_model(folder, models, call, categories, about, _probes(views))
    say(f"wrote {folder}")
    return thresholds


def progress(started: float) -> Say:
    """Tell a person what goes on, with seconds since the start."""
    return lambda text: print(f"[{time.monotonic() - started:6.0f} s] {text}", file=sys.stderr, flush=True)


def _probes(views: list[HeardCall]) -> Texts:
    """Utterances of our own corpus for the golden scores."""
    heard = [one for view in views if view.call.category != "chat" and view.sides == "known" for one in view.heard]
    return [(one.text.surface, one.text.kana) for one in Random(0).sample(heard, 40)]


def main(argv: list[str] | None = None) -> int:
    """Command line of training."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description="Train the detector.")
    Settings.add_options(parser)
    parser.add_argument("--out", type=Path, default=MODEL_DIR, help="folder to write (default: models/scam-ja)")
    parser.add_argument("--version", default="1", help="version written into model.json")
    options = parser.parse_args(argv)
    for name, values in train(Settings.of(options), options.out, options.version).items():
        print(f"{name}: alert {values.alert:.3f}, caution {values.caution:.3f}, sales {values.sales:.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
