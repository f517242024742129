"""`python -m training.evaluate`: how the detector does on hands it never saw. Writes report, figures and plots.

Every figure is out of fold: text models, call-level model and thresholds' inputs come from other hands than the one
judged. The thresholds themselves are those of the shipped model.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np

from denwaban.detect.model import Thresholds, load_model
from denwaban.events import Level
from training.calibrate import Judged, Verdict, verdict
from training.train import MODEL_DIR, Settings, judged_out_of_fold

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "denwaban"
from matplotlib import pyplot as plt  # noqa: E402 - the backend must be chosen first

BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Case:
    """A judged call and its verdict."""

    judged: Judged
    verdict: Verdict

    @property
    def call(self) -> Any:
        return self.judged.scored.view.call

    @property
    def view(self) -> str:
        view = self.judged.scored.view
        return f"{view.words}, sides {view.sides}"

    def reached(self, level: Level) -> bool:
        return self.verdict.level.rank >= level.rank

    @property
    def has_ask(self) -> bool:
        return any(one.ask for one in self.judged.scored.view.heard)

    @property
    def in_time(self) -> bool:
        """Alerted at or before the turn with the first decisive ask."""
        heard = self.judged.scored.view.heard
        first = self.verdict.first_alert
        return first is not None and heard[first].turn <= next(one.turn for one in heard if one.ask)


@dataclass(frozen=True, slots=True)
class Share:
    """k of n with the Wilson 95 % interval."""

    k: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        z, p = 1.96, self.k / self.n
        centre = (p + z * z / (2 * self.n)) / (1 + z * z / self.n)
        half = z / (1 + z * z / self.n) * math.sqrt(p * (1 - p) / self.n + z * z / (4 * self.n**2))
        return max(0.0, centre - half), min(1.0, centre + half)

    def __str__(self) -> str:
        if not self.n:
            return "–"
        low, high = self.interval
        return f"{self.k}/{self.n} = {100 * self.k / max(self.n, 1):.1f} % ({100 * low:.0f}–{100 * high:.0f})"


def count(cases: Iterable[Case], hit: Callable[[Case], bool]) -> Share:
    """How many of the cases are hits."""
    hits = [hit(case) for case in cases]
    return Share(sum(hits), len(hits))


def headline(cases: list[Case]) -> dict[str, Share]:
    """The figures that matter most, of one view."""
    scam = [c for c in cases if c.call.label == "scam"]
    whole = [c for c in scam if c.call.whole]
    clear = [c for c in scam if not c.call.whole and any(one.stage for one in c.judged.scored.view.heard)]
    harmless = [c for c in cases if c.call.label == "harmless" and c.call.category != "chat"]
    hard = [c for c in harmless if c.call.whole and c.call.difficulty == "hard"]
    sales = [c for c in cases if c.call.label == "sales"]
    chats = [c for c in cases if c.call.category == "chat"]

    def alert(case: Case) -> bool:
        return case.reached(Level.ALERT)

    def caution(case: Case) -> bool:
        return case.reached(Level.CAUTION)

    return {
        "whole scam calls: alert": count(whole, alert),
        "… at or before the decisive ask": count([c for c in whole if c.has_ask], lambda c: c.in_time),
        "scam excerpts: caution or alert": count(clear, caution),
        "hard harmless whole calls: alert": count(hard, alert),
        "all harmless calls: alert": count(harmless, alert),
        "all harmless calls: caution or alert": count(harmless, caution),
        "harmless excerpts: caution or alert": count([c for c in harmless if not c.call.whole], caution),
        "sales calls: alert": count(sales, alert),
        "everyday chats: alert": count(chats, alert),
        "everyday chats: caution or alert": count(chats, caution),
    }


def by_group(cases: list[Case], group: Callable[[Case], str]) -> list[tuple[str, Share, Share]]:
    """(group, scam calls alerted, harmless calls alerted)."""
    rows = []
    for name in sorted({group(case) for case in cases}):
        members = [case for case in cases if group(case) == name]
        scam = [c for c in members if c.call.label == "scam" and c.call.whole]
        harmless = [c for c in members if c.call.label == "harmless"]
        rows.append((name, count(scam, _alerted), count(harmless, _alerted)))
    return rows


def _alerted(case: Case) -> bool:
    return case.reached(Level.ALERT)


def worst(cases: list[Case], most: int = 10) -> list[str]:
    """The confidently wrong: harmless calls with the highest scam probability, whole scam calls with the lowest."""
    false = sorted((c for c in cases if c.call.label == "harmless"), key=lambda c: -float(c.judged.call[:, 2].max()))
    missed = sorted(
        (c for c in cases if c.call.label == "scam" and c.call.whole), key=lambda c: float(c.judged.call[:, 2].max())
    )
    lines = []
    for case in [*false[: most // 2], *missed[: most // 2]]:
        top = float(case.judged.call[:, 2].max())
        lines.append(
            f"- `{case.call.id}` ({case.call.label}, {case.call.category}): {case.verdict.level}, score up to {top:.2f}"
        )
    return lines


# --- plots ---------------------------------------------------------------------------------------------------------


def plot_reliability(cases: list[Case], path: Path) -> None:
    """Predicted scam probability against how often it was a scam, at the end of calls."""
    predicted = np.array([float(case.judged.call[-1, 2]) for case in cases])
    actual = np.array([case.call.label == "scam" for case in cases])
    edges = np.linspace(0, 1, BINS + 1)
    index = np.clip(np.digitize(predicted, edges) - 1, 0, BINS - 1)
    points = [(predicted[index == i].mean(), actual[index == i].mean()) for i in range(BINS) if (index == i).any()]
    figure, axes = plt.subplots(figsize=(5, 4))
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.plot(*zip(*points, strict=True), marker="o", color="#1f5fa8")
    axes.set(
        xlabel="predicted probability of a scam", ylabel="share that were scams", title="Reliability, unseen hands"
    )
    _save(figure, path)


def plot_trade_off(cases: list[Case], path: Path) -> None:
    """Recall against false alarms over the alert threshold."""
    steps = [i / 100 for i in range(20, 100, 4)]
    scam = [c.judged for c in cases if c.call.label == "scam" and c.call.whole]
    harmless = [c.judged for c in cases if c.call.label == "harmless" and c.call.category != "chat"]

    def rate(judged: list[Judged], step: float) -> float:
        return float(np.mean([verdict(one, Thresholds(step, 1.1, 1.1)).level is Level.ALERT for one in judged]))

    figure, axes = plt.subplots(figsize=(5, 4))
    axes.plot(steps, [100 * rate(scam, s) for s in steps], color="#b3261e", label="whole scam calls alerted")
    axes.plot(steps, [100 * rate(harmless, s) for s in steps], color="#1f5fa8", label="harmless calls alerted")
    axes.set(xlabel="alert threshold", ylabel="%", title="Alert threshold, unseen hands")
    axes.legend()
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


# --- report --------------------------------------------------------------------------------------------------------


def report(cases: list[Case], engine: str) -> str:
    """The whole report as Markdown."""
    views = sorted({case.view for case in cases})
    tables = {view: headline([case for case in cases if case.view == view]) for view in views}
    lines = [
        "# How the detector does on calls by hands it never saw",
        "",
        f"Made by `make eval`. Speech engine of the recognised words: {engine}. In brackets: 95 % Wilson interval.",
        "Unseen hands are easier than unseen people: expect less in the field.",
        "",
        "| | " + " | ".join(views) + " |",
        "|---|" + "---|" * len(views),
    ]
    lines += [f"| {key} | " + " | ".join(str(tables[view][key]) for view in views) + " |" for key in tables[views[0]]]
    for title, group in (("category", lambda c: c.call.category), ("hand", lambda c: c.call.hand)):
        main_view = [case for case in cases if case.view == views[-1] and case.call.category != "chat"]
        lines += [
            "",
            f"## By {title} ({views[-1]})",
            "",
            f"| {title} | whole scam calls: alert | harmless calls: alert |",
            "|---|---|---|",
        ]
        lines += [f"| {name} | {scam} | {harmless} |" for name, scam, harmless in by_group(main_view, group)]
    lines += ["", "## Most confidently wrong", "", *worst([case for case in cases if case.view == views[-1]])]
    lines += ["", "![Reliability](reliability.svg) ![Threshold](threshold.svg)", ""]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Command line of the evaluation."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description="Evaluate on hands held out.")
    Settings.add_options(parser)
    parser.add_argument(
        "--model", type=Path, default=MODEL_DIR, help="folder whose thresholds are used and that gets the report"
    )
    parser.add_argument("--engine", default="whisper", help="speech engine whose recognised words are used")
    options = parser.parse_args(argv)
    if options.engine != "whisper":
        print(
            f"no recognised words of engine {options.engine} are committed; run `make corpus-audio` with it first",
            file=sys.stderr,
        )
        return 1
    thresholds = load_model(options.model).card.thresholds["normal"]
    judged = judged_out_of_fold(Settings.of(options))
    cases = [Case(one, verdict(one, thresholds)) for one in judged]
    text = report(cases, options.engine)
    (options.model / "report.md").write_text(text, "utf-8")
    figures = {
        view: {k: [s.k, s.n] for k, s in headline([c for c in cases if c.view == view]).items()}
        for view in sorted({c.view for c in cases})
    }
    (options.model / "metrics.json").write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", "utf-8")
    plot_reliability([c for c in cases if c.view.endswith("known")], options.model / "reliability.svg")
    plot_trade_off([c for c in cases if c.view.endswith("unknown")], options.model / "threshold.svg")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
