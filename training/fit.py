"""The three text classifiers and the call-level one, in scikit-learn. Deterministic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline

from denwaban.detect.model import CALL_LABELS, UTTERANCE_LABELS, Floats
from denwaban.detect.policy import Memory, features, observe
from training.dataset import CHAT, HeardCall, prefix_labels
from training.material import CHAT_PREFIXES, CHAT_WEIGHT, Column, Indices, Material

EPOCHS: Final = 10
FOLDS: Final = 4
"""Into so many parts hands are dealt, whole; as many as there are hands hold out one at a time."""

JOBS: Final = 2
"""Folds fitted at a time; each takes some gigabytes of memory."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TextSettings:
    """Hyper-parameters of a text classifier, chosen by grouped cross-validation over hands."""

    alpha: float
    """Strength of the L2 penalty."""
    min_df: int = 3
    max_features: int = 16_000
    """Of each column; onnxruntime takes half a kilobyte of memory per n-gram."""


UTTERANCE: Final = TextSettings(alpha=1e-5)
CONTEXT: Final = TextSettings(alpha=5e-6, min_df=5, max_features=12_000)
CATEGORY: Final = TextSettings(alpha=3e-5, max_features=5_000)


@dataclass(frozen=True, slots=True)
class TextColumn:
    """The fitted half of a column: its vocabulary (places in `Column.names`) and the weights of its n-grams."""

    places: Indices
    tfidf: TfidfTransformer

    def matrix(self, column: Column, rows: Indices) -> Any:
        return self.tfidf.transform(column.counts(rows, self.places), copy=False)


@dataclass(frozen=True, slots=True)
class TextModel:
    """N-grams of characters and words, weighted by tf-idf → one-vs-rest logistic regression."""

    columns: tuple[TextColumn, ...]
    classes: SGDClassifier

    def probabilities(self, columns: Sequence[Column], rows: Indices, labels: Sequence[str]) -> Floats:
        """(rows, labels), the labels in the order asked for."""
        found = list(self.classes.classes_)
        raw = self.classes.predict_proba(_matrix(self.columns, columns, rows))
        return raw[:, [found.index(label) for label in labels]].astype(np.float32)  # type: ignore[no-any-return]

    def pipeline(self, columns: Sequence[Column]) -> Pipeline:
        """The same classifier over columns of strings, for the export.

        `lowercase=False` and no `sublinear_tf`: skl2onnx exports those wrongly or not at all.
        """
        vectorizers = [
            (
                column.name,
                TfidfVectorizer(vocabulary=[str(name) for name in column.names[mine.places]], **column.ngrams.options),
                place,
            )
            for place, (mine, column) in enumerate(zip(self.columns, columns, strict=True))
        ]
        ngrams = ColumnTransformer(vectorizers)
        ngrams.fit(np.array([["あ"] * len(columns)], dtype=object))  # vocabularies are given; the weights follow
        for mine, column in zip(self.columns, columns, strict=True):
            ngrams.named_transformers_[column.name].idf_ = mine.tfidf.idf_
        return Pipeline([("ngrams", ngrams), ("classes", self.classes)])


def _matrix(fitted: Sequence[TextColumn], columns: Sequence[Column], rows: Indices) -> Any:
    return sparse.hstack([mine.matrix(one, rows) for mine, one in zip(fitted, columns, strict=True)], format="csr")


def vocabulary(column: Column, rows: Indices, settings: TextSettings) -> Indices:
    """Places of the commonest n-grams in these rows; where single units are among them, all that longer ones need.

    skl2onnx refuses an n-gram with a character or word that is not in the vocabulary (scikit-learn issue 13733).
    """
    frequency = column.frequency(rows)
    common = np.flatnonzero(frequency >= settings.min_df)
    # Alphabetical order among equals makes the choice repeatable; `names` are sorted.
    chosen = common[np.argsort(-frequency[common], kind="stable")][: settings.max_features]
    if column.ngrams.sizes[0] == 1:
        units = {unit for place in chosen for unit in column.ngrams.units(column.names[place])}
        single = [i for i, name in enumerate(column.names) if name in units]
        chosen = np.union1d(chosen, np.array(single, np.intp))
    return np.sort(chosen)


def fit_text(
    settings: TextSettings,
    columns: Sequence[Column],
    rows: Indices,
    labels: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
) -> TextModel:
    """Fit one text classifier on the rows; labels and weights are those of the rows."""
    fitted = []
    for column in columns:
        places = vocabulary(column, rows, settings)
        fitted.append(TextColumn(places, TfidfTransformer().fit(column.counts(rows, places))))
    # Averaged stochastic gradient: as good as L-BFGS, in a fifth of the time.
    classes = SGDClassifier(
        loss="log_loss", alpha=settings.alpha, max_iter=EPOCHS, tol=None, average=True, random_state=0
    )
    classes.fit(_matrix(fitted, columns, rows), labels.astype(str), sample_weight=weights)
    return TextModel(tuple(fitted), classes)


@dataclass(frozen=True, slots=True)
class TextModels:
    """The fitted text classifiers."""

    utterance: TextModel
    context: TextModel
    category: TextModel


def fit_utterance(material: Material, columns: Sequence[Column], rows: Indices) -> TextModel:
    """Fit the classifier of one utterance on these rows."""
    once = rows[material.sides_unknown[rows]]
    weights = np.where(material.chat[once], CHAT_WEIGHT, 1.0)
    return fit_text(UTTERANCE, columns, once, material.labels[once], weights)


def fit_context(material: Material, columns: Sequence[Column], rows: Indices) -> TextModel:
    """Fit the classifier of what was said last on these rows."""
    shown = rows[[label is not None for label in material.call_labels[rows]]]
    some = shown[~material.chat[shown] | np.isin(material.place[shown], list(CHAT_PREFIXES))]
    return fit_text(CONTEXT, columns, some, material.call_labels[some], material.weights[some])


def fit_text_models(material: Material, rows: Indices) -> TextModels:
    """Fit all three on these rows."""
    utterance = fit_utterance(material, material.utterance, rows)
    context = fit_context(material, material.context, rows)
    kinds = category_rows(material, rows)
    names = np.array([material.views[view].call.category for view in material.owner[kinds]], dtype=object)
    category = fit_text(CATEGORY, material.far, kinds, names, np.ones(kinds.size))
    return TextModels(utterance, context, category)


def category_rows(material: Material, rows: Indices) -> Indices:
    """Of scams and sales: the last row of each view and the one in its middle."""
    views = [material.views[view] for view in material.owner[rows]]
    wanted = [
        view.call.label != "harmless" and place in (len(view.scored) - 1, (len(view.scored) - 1) // 2)
        for view, place in zip(views, material.place[rows], strict=True)
    ]
    return rows[wanted]


@dataclass(frozen=True, slots=True)
class Scored:
    """Probabilities for each scored utterance of a view, itself and in its context, and the kind named at the end."""

    view: HeardCall
    utterance: Floats
    context: Floats
    category: str


def score(models: TextModels, material: Material, chosen: npt.NDArray[np.bool_]) -> list[Scored]:
    """Score every utterance of the chosen views."""
    rows = material.rows_of(chosen)
    if not rows.size:
        return []
    by_turn = models.utterance.probabilities(material.utterance, rows, UTTERANCE_LABELS)
    by_context = models.context.probabilities(material.context, rows, CALL_LABELS)
    views = [material.views[i] for i in np.flatnonzero(chosen) if material.views[i].scored]
    ends = np.cumsum([len(view.scored) for view in views])
    names = list(models.category.classes.classes_)
    kinds = models.category.probabilities(material.far, rows[ends - 1], names).argmax(axis=1)
    parts = zip(views, np.split(by_turn, ends[:-1]), np.split(by_context, ends[:-1]), kinds, strict=True)
    return [Scored(view, turns, contexts, names[kind]) for view, turns, contexts, kind in parts]


def memories(scored: Scored) -> list[Memory]:
    """The policy's memory after each scored utterance."""
    memory, result = Memory(), []
    heard = [scored.view.heard[i] for i in scored.view.scored]
    for labels, context, one in zip(scored.utterance, scored.context, heard, strict=True):
        memory = observe(memory, labels, context, one.side, len(one.text.kana))
        result.append(memory)
    return result


@dataclass(frozen=True, slots=True)
class Features:
    """The call-level classifier's rows of one view, and the memories they were made from."""

    scored: Scored
    memories: tuple[Memory, ...]
    rows: Floats


def features_of(scored: Sequence[Scored]) -> list[Features]:
    """One row for each scored utterance."""
    found = []
    for one in scored:
        kept = tuple(memories(one))
        found.append(Features(one, kept, np.array([features(memory) for memory in kept], np.float32)))
    return found


def call_pipeline() -> Pipeline:
    """The call-level classifier, not fitted. Small trees with large leaves: like calls are judged alike."""
    trees = HistGradientBoostingClassifier(
        max_iter=120, learning_rate=0.06, max_leaf_nodes=10, min_samples_leaf=200, l2_regularization=5.0, random_state=0
    )
    return Pipeline([("classes", trees)])


CHAT_CALL_WEIGHT: Final = 6.0
"""Of an everyday chat against a written call where the course of calls is learned: most of what a household hears is
small talk, of which the corpus has little."""


def fit_call(found: Sequence[Features], make: Callable[[], Pipeline] = call_pipeline) -> Pipeline:
    """Fit the call-level classifier. The scores must be out of fold: in-fold text scores look far too good."""
    rows, labels, weights = [], [], []
    for one in found:
        view = one.scored.view
        weight = (CHAT_CALL_WEIGHT if view.call.category == CHAT else 1.0) * len(view.scored) ** -0.5
        for label, row in zip(prefix_labels(view), one.rows, strict=True):
            if label is not None:
                rows.append(row)
                labels.append(label)
                weights.append(weight)
    pipeline = make()
    pipeline.fit(np.array(rows, np.float32), labels, classes__sample_weight=np.array(weights))
    return pipeline


ScoreUnseen = Callable[[Indices, npt.NDArray[np.bool_]], list[Scored]]
"""(rows to learn from, views to score) → scores."""


def out_of_fold(material: Material, say: Say, folds: int = FOLDS, jobs: int = JOBS) -> list[Scored]:
    """Scores of every view by text models that never saw its hand. `say` is told of each fold."""

    def fit_and_score(rows: Indices, chosen: npt.NDArray[np.bool_]) -> list[Scored]:
        return score(fit_text_models(material, rows), material, chosen)

    return over_folds(material, fit_and_score, say, folds, jobs)


def over_folds(
    material: Material, score_unseen: ScoreUnseen, say: Say, folds: int = FOLDS, jobs: int = JOBS
) -> list[Scored]:
    """Scores of every view by whatever learns from other hands only."""
    found = np.array([fold_of(view, folds) for view in material.views])

    def held_out(fold: int) -> list[Scored]:
        say(f"fold {fold} held out")
        return score_unseen(material.rows_of(found != fold), found == fold)

    material.count()
    with ThreadPoolExecutor(jobs) as pool:  # SciPy and scikit-learn let go of the interpreter while they work
        return [one for part in pool.map(held_out, sorted(set(found))) for one in part]


def fold_of(view: HeardCall, folds: int = FOLDS) -> int:
    """Hands h01, h02 … are dealt to folds, whole; chats dealt to c01, c02 … likewise."""
    return int(view.call.hand[1:]) % folds
