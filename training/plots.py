"""Pictures of the report, as SVG that is the same for the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np

from denwaban.detect.model import Thresholds
from denwaban.events import Level
from training.calibrate import Judged, is_hard, verdict
from training.figures import Case, is_whole_scam

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "denwaban"
from matplotlib import pyplot as plt  # noqa: E402 - the backend must be chosen first

BINS: Final = 10
SCAM: Final = "#b3261e"
HARMLESS: Final = "#1f5fa8"
STEPS: Final = tuple(i / 100 for i in range(40, 100, 4))


def plot_reliability(cases: Sequence[Case], path: Path) -> None:
    """Predicted scam probability against how often it was a scam, at the end of calls."""
    predicted = np.array([float(case.judged.call[-1, 2]) for case in cases])
    actual = np.array([case.call.label == "scam" for case in cases])
    index = np.clip((predicted * BINS).astype(int), 0, BINS - 1)
    points = [(predicted[index == i].mean(), actual[index == i].mean()) for i in range(BINS) if (index == i).any()]
    figure, axes = plt.subplots(figsize=(5, 4))
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.plot(*zip(*points, strict=True), marker="o", color=HARMLESS)
    axes.set(
        xlabel="predicted probability of a scam", ylabel="share that were scams", title="Reliability, unseen hands"
    )
    _save(figure, path)


def plot_trade_off(cases: Sequence[Case], path: Path) -> None:
    """Recall against false alarms over the alert threshold."""
    scam = [case.judged for case in cases if is_whole_scam(case)]
    hard = [case.judged for case in cases if is_hard(case.call)]

    def rate(judged: list[Judged], step: float) -> float:
        return 100 * float(np.mean([verdict(one, Thresholds(step, 1.1, 1.1)).level is Level.ALERT for one in judged]))

    figure, axes = plt.subplots(figsize=(5, 4))
    axes.plot(STEPS, [rate(scam, step) for step in STEPS], color=SCAM, label="whole scam calls alerted")
    axes.plot(STEPS, [rate(hard, step) for step in STEPS], color=HARMLESS, label="hard harmless calls alerted")
    axes.set(xlabel="alert threshold", ylabel="%", title="Alert threshold, unseen hands")
    axes.legend()
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
