"""`python -m training.compare`: other models on the same held-out calls, and kinds of scam that were never trained on.

Each rival goes through the same folds, call-level classifier, policy and calibration as the shipped one: its alert and
caution thresholds are those that allow it the same false alarms. Written words, sides mixed.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from denwaban.detect.model import CALL_LABELS, UTTERANCE_LABELS, Floats, Thresholds
from training.calibrate import Judged, choose_thresholds, judged, judged_by_fold
from training.calls import Call
from training.dataset import HeardCall
from training.evaluate import table
from training.figures import Case, alerted, cases_of, count, headline, is_whole_scam
from training.fit import (
    Features,
    Say,
    Scored,
    TextModels,
    features_of,
    fit_call,
    fit_context,
    fit_text_models,
    fit_utterance,
    fold_of,
    over_folds,
    score,
)
from training.material import Column, Indices, Material
from training.train import MODEL_DIR, Settings, load_views, progress, scored_out_of_fold

KEYWORDS: Final = re.compile(
    "還付|ATM|暗証番号|キャッシュカード|警察|逮捕|口座|電子マネー|未納|示談|振り?込|総務省|マイナ|保険証|名義|ワンタイム|遠隔|至急"
    "|今日中|本日中|内緒|誰にも"
)
"""What a keyword list would hold: topics and asks of public warnings. Two different ones alert, one is a caution."""
LAST: Final = 6
"""The sequence model sees the scores of so many utterances."""
KINDS: Final[dict[str, tuple[str, ...]]] = {
    "kin": ("kin",),
    "police": ("police",),
    "refund": ("refund",),
    "cards and savings": ("savings", "card_theft"),
    "bills and loans": ("billing", "loan"),
    "cut-off, cards, parcels by robot": ("telecom", "insurance_card", "parcel", "power"),
    "computer support": ("support",),
    "probing": ("probe",),
    "money-making": ("invest", "gambling", "dating", "prize", "recovery", "side_job"),
}
"""Kinds that share their wording are left out together."""
PARTS: Final = {
    "surface n-grams": ("surface",),
    "kana n-grams": ("kana",),
    "words": ("words",),
    "surface and kana n-grams": ("surface", "kana"),
}
"""Detectors that read less than the shipped one."""
FIGURES: Final = (
    "whole scam calls: alert",
    "… at or before the decisive ask",
    "scam excerpts: caution or alert",
    "hard harmless whole calls: alert",
    "harmless excerpts: caution or alert",
    "sales calls: alert",
)


def of_view(found: Sequence[Judged]) -> list[Judged]:
    """Written words, sides mixed."""
    return [one for one in found if (one.scored.view.words, one.scored.view.sides) == ("written", "mixed")]


@dataclass(frozen=True, slots=True)
class Rival:
    """A model by name, and its judged calls."""

    name: str
    judged: list[Judged]

    def row(self) -> tuple[object, ...]:
        """Its figures under thresholds that allow it the usual false alarms."""
        found = of_view(self.judged)
        shares = headline(cases_of(found, {"written": choose_thresholds(found)["written"]["normal"]}))
        return (self.name, *(shares[figure] for figure in FIGURES))


# --- rivals ----------------------------------------------------------------------------------------------------------


def keyword_row(views: Sequence[HeardCall]) -> tuple[object, ...]:
    """The figures of a keyword list, which has no threshold to calibrate."""
    found = [view for view in views if (view.words, view.sides) == ("written", "mixed")]

    def words(call: Call, upto: int) -> int:
        said = [turn.text for turn in call.turns[: upto + 1] if turn.far]
        return len({word for text in said for word in KEYWORDS.findall(text)})

    def share(chosen: Callable[[Call], bool], hit: Callable[[Call], bool]) -> str:
        hits = [hit(view.call) for view in found if chosen(view.call)]
        return f"{sum(hits)}/{len(hits)} = {100 * sum(hits) / max(1, len(hits)):.1f} %"

    def ask(call: Call) -> int | None:
        return next((i for i, turn in enumerate(call.turns) if turn.ask), None)

    def whole_scam(call: Call) -> bool:
        return call.label == "scam" and call.whole

    return (
        "keyword list",
        share(whole_scam, lambda call: words(call, len(call.turns)) >= 2),
        share(lambda call: whole_scam(call) and ask(call) is not None, lambda call: words(call, ask(call) or 0) >= 2),
        share(
            lambda call: call.label == "scam" and not call.whole and any(turn.stage for turn in call.far_turns),
            lambda call: words(call, len(call.turns)) >= 1,
        ),
        share(
            lambda call: call.label == "harmless" and call.whole and call.difficulty == "hard",
            lambda call: words(call, len(call.turns)) >= 2,
        ),
        share(
            lambda call: call.label == "harmless" and not call.whole and call.category != "chat",
            lambda call: words(call, len(call.turns)) >= 1,
        ),
        share(lambda call: call.label == "sales", lambda call: words(call, len(call.turns)) >= 2),
    )


def scored_with(material: Material, texts: tuple[str, ...], say: Say, folds: int, jobs: int) -> list[Scored]:
    """Out-of-fold scores of models that read some of the columns only."""

    def chosen(columns: Sequence[Column]) -> list[Column]:
        return [column for column in columns if column.name.removeprefix("near_") in texts]

    utterance, context = chosen(material.utterance), chosen(material.context)

    def fit_and_score(rows: Indices, unseen: npt.NDArray[np.bool_]) -> list[Scored]:
        by_turn = fit_utterance(material, utterance, rows)
        in_context = fit_context(material, context, rows)
        return _scored(material, unseen, by_turn, in_context, utterance, context)

    return over_folds(material, fit_and_score, say, folds, jobs)


def _scored(
    material: Material, chosen: Any, by_turn: Any, in_context: Any, utterance: Any, context: Any
) -> list[Scored]:
    rows = material.rows_of(chosen)
    views = [material.views[i] for i in np.flatnonzero(chosen) if material.views[i].scored]
    ends = np.cumsum([len(view.scored) for view in views])[:-1]
    turns = np.split(by_turn.probabilities(utterance, rows, UTTERANCE_LABELS), ends)
    contexts = np.split(in_context.probabilities(context, rows, CALL_LABELS), ends)
    return [Scored(view, one, two, "") for view, one, two in zip(views, turns, contexts, strict=True)]


def linear() -> Pipeline:
    """Logistic regression instead of trees over the course of a call."""
    return Pipeline([("scale", StandardScaler()), ("classes", LogisticRegression(C=0.3, max_iter=1000))])


def network() -> Pipeline:
    """A small sequence model: a network over the scores of the last utterances, in order."""
    classes = MLPClassifier((32,), alpha=1e-2, max_iter=15, random_state=0)
    return Pipeline([("scale", StandardScaler()), ("classes", classes)])


def sequences(found: Sequence[Features]) -> list[Features]:
    """The scores of the last utterances, oldest first, instead of the policy's summary."""
    return [replace(one, rows=_last_scores(one.scored)) for one in found]


def _last_scores(scored: Scored) -> Floats:
    steps = np.hstack([scored.utterance, scored.context])
    padded = np.vstack([np.zeros((LAST - 1, steps.shape[1]), np.float32), steps])
    return np.array([padded[i : i + LAST].ravel() for i in range(len(steps))], np.float32)


def judged_sequences(scored: Sequence[Scored], parts: int) -> list[Judged]:
    """Call probabilities of the sequence model, by models that did not see the hand."""
    found = sequences(features_of(scored))
    folds = [fold_of(one.scored.view, parts) for one in found]
    result: list[Judged] = []
    for fold in sorted(set(folds)):
        model = fit_call([one for one, of in zip(found, folds, strict=True) if of != fold], network)
        result += judged([one for one, of in zip(found, folds, strict=True) if of == fold], model)
    return result


# --- kinds never trained on -------------------------------------------------------------------------------------------


def left_out(
    material: Material, scored: Sequence[Scored], usual: Sequence[Judged], thresholds: Thresholds, say: Say
) -> list[tuple[object, ...]]:
    """(kind, alert when its hand was unseen, alert when the whole kind was unseen) for whole scam calls."""
    seen = [case for case in cases_of(of_view(usual), {"written": thresholds}) if is_whole_scam(case)]
    rows: list[tuple[object, ...]] = []
    for kind, categories in KINDS.items():
        say(f"without {kind}")
        other = np.array([view.call.category not in categories for view in material.views])
        models: TextModels = fit_text_models(material, material.rows_of(other))
        wanted = ~other & np.array([(view.words, view.sides) == ("written", "mixed") for view in material.views])
        call = fit_call(features_of([one for one in scored if one.view.call.category not in categories]))
        found = judged(features_of(score(models, material, wanted)), call)
        cases: list[Case] = [case for case in cases_of(found, {"written": thresholds}) if is_whole_scam(case)]
        before = [case for case in seen if case.call.category in categories]
        rows.append((kind, count(before, alerted), count(cases, alerted)))
    return rows


def report(rivals: Sequence[tuple[object, ...]], kinds: Sequence[tuple[object, ...]]) -> str:
    """The comparison as Markdown."""
    lines = [
        "# Models compared",
        "",
        "Made by `make compare`, on calls by hands held out: written words, sides mixed (10 % wrong, 10 % unknown).",
        "Each has thresholds that allow it the same share of false alarms; the keyword list has none. In brackets:",
        "95 % Wilson interval. All but the first are scikit-learn models that go to ONNX.",
        "",
        *table("model", FIGURES, rivals),
        "",
        "## A kind of scam that was never trained on",
        "",
        "Whole scam calls that raise an alert: when the hand was unseen but not the kind, and when every call of the",
        "kind was left out of training (its hands were seen). Kinds that share their wording are left out together.",
        "",
        *table("kind", ("hand unseen", "kind unseen"), kinds),
        "",
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Command line of the comparison."""
    parser = argparse.ArgumentParser(prog="python -m training.compare", description="Compare models.")
    Settings.add_options(parser)
    parser.add_argument("--out", type=Path, default=MODEL_DIR / "comparison.md", help="report to write")
    options = parser.parse_args(argv)
    settings, say = Settings.of(options), progress(time.monotonic())
    folds = settings.folds
    material = Material(load_views(settings))
    scored = scored_out_of_fold(settings, material, say)
    rows = [keyword_row(material.views)]
    for name, wanted in PARTS.items():
        say(name)
        part = scored_with(material, wanted, say, folds, settings.jobs)
        rows.append(Rival(f"{name}, trees over the call", judged_by_fold(part, folds=folds)).row())
    say("models of the call")
    shipped = judged_by_fold(scored, folds=folds)
    rows.append(Rival("all three, logistic regression over the call", judged_by_fold(scored, linear, folds)).row())
    rows.append(Rival("all three, network over the last six utterances", judged_sequences(scored, folds)).row())
    rows.append(Rival("**all three, trees over the call (shipped)**", shipped).row())
    thresholds = choose_thresholds(of_view(shipped))["written"]["normal"]
    text = report(rows, left_out(material, scored, shipped, thresholds, say))
    options.out.write_text(text, "utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
