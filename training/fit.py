"""The three text classifiers and the call-level one, as scikit-learn pipelines. Deterministic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from denwaban.detect.model import CALL_LABELS, UTTERANCE_LABELS, Floats
from denwaban.detect.policy import Memory, features, observe
from training.dataset import HeardCall, joined, prefix_label

Texts = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TextSettings:
    """Hyper-parameters of a text classifier, chosen by grouped cross-validation over hands."""

    alpha: float
    """Strength of the L2 penalty."""
    surface: tuple[int, int] = (1, 3)
    kana: tuple[int, int] = (2, 4)
    min_df: int = 4
    max_features: int = 16_000
    """Of surface and of reading each; onnxruntime takes half a kilobyte of memory per n-gram."""


UTTERANCE: Final = TextSettings(alpha=3e-5, min_df=3)
CONTEXT: Final = TextSettings(alpha=1e-5, min_df=5)
CATEGORY: Final = TextSettings(alpha=3e-5, max_features=5_000)
EPOCHS: Final = 20
FOLDS: Final = 4


def vocabulary(texts: Sequence[str], ngrams: tuple[int, int], settings: TextSettings) -> list[str]:
    """The commonest n-grams; where single characters are among them, all that longer ones are made of.

    skl2onnx refuses an n-gram with a character that is not in the vocabulary (scikit-learn issue 13733).
    """
    counter = CountVectorizer(
        analyzer="char", ngram_range=ngrams, min_df=settings.min_df, lowercase=False, binary=True, dtype=np.int32
    )
    frequency = np.asarray(counter.fit_transform(texts).sum(axis=0)).ravel()
    names = counter.get_feature_names_out()
    order = np.lexsort((names, -frequency))[: settings.max_features]
    chosen = {str(names[i]) for i in order}
    if ngrams[0] == 1:
        chosen |= {character for ngram in chosen for character in ngram}
    return sorted(chosen)


def text_pipeline(settings: TextSettings, texts: Texts) -> Pipeline:
    """Character n-grams of surface and reading → logistic regression.

    `lowercase=False` and no `sublinear_tf`: skl2onnx exports those wrongly or not at all.
    """

    def tfidf(column: int, ngrams: tuple[int, int]) -> TfidfVectorizer:
        chosen = vocabulary([pair[column] for pair in texts], ngrams, settings)
        return TfidfVectorizer(
            analyzer="char", ngram_range=ngrams, vocabulary=chosen, lowercase=False, dtype=np.float32
        )

    columns = [("surface", tfidf(0, settings.surface), 0), ("kana", tfidf(1, settings.kana), 1)]
    return Pipeline(
        [
            ("ngrams", ColumnTransformer(columns)),
            ("classes", _logistic(settings.alpha)),
        ]
    )


def _logistic(alpha: float) -> SGDClassifier:
    """One-vs-rest logistic regression by averaged stochastic gradient: as good as L-BFGS, in a fifth of the time."""
    return SGDClassifier(loss="log_loss", alpha=alpha, max_iter=EPOCHS, tol=None, average=True, random_state=0)


def fit_text(settings: TextSettings, texts: Texts, labels: Sequence[Any], weights: Sequence[float]) -> Pipeline:
    """Fit one text classifier."""
    pipeline = text_pipeline(settings, texts)
    pipeline.fit(np.array(texts, dtype=object), labels, classes__sample_weight=np.array(weights))
    return pipeline


def ordered_probabilities(pipeline: Pipeline, texts: Texts, labels: Sequence[str]) -> Floats:
    """Probabilities with the columns in the order of `labels`."""
    found = list(pipeline.classes_)
    raw = pipeline.predict_proba(np.array(texts, dtype=object))
    return raw[:, [found.index(label) for label in labels]].astype(np.float32)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class TextModels:
    """The fitted text classifiers."""

    utterance: Pipeline
    context: Pipeline
    category: Pipeline


def utterance_rows(views: list[HeardCall]) -> tuple[Texts, list[str]]:
    """One row per utterance."""
    heard = [one for view in views for one in view.heard]
    return [(one.text.surface, one.text.kana) for one in heard], [one.label for one in heard]


def context_rows(views: list[HeardCall]) -> tuple[Texts, list[str], list[float]]:
    """One row per prefix of a call; long calls do not outweigh short ones, and of a chat four prefixes are enough."""
    texts: Texts = []
    labels: list[str] = []
    weights: list[float] = []
    for view in views:
        n = len(view.heard)
        chosen = {1, 3, 8, n} if view.call.category == "chat" else range(1, n + 1)
        for upto in chosen:
            label = prefix_label(view, upto) if upto <= n else None
            if label is not None:
                texts.append(joined(view.heard[:upto]))
                labels.append(label)
                weights.append(len(chosen) ** -0.5)
    return texts, labels, weights


def category_rows(calls: list[HeardCall]) -> tuple[Texts, list[str]]:
    """Whole and half calls of scams and sales, with their kind."""
    texts: Texts = []
    labels: list[str] = []
    for view in calls:
        if view.call.label != "harmless" and view.heard:
            for upto in {len(view.heard), (len(view.heard) + 1) // 2}:
                texts.append(joined(view.heard[:upto]))
                labels.append(view.call.category)
    return texts, labels


def fit_text_models(views: list[HeardCall]) -> TextModels:
    """Fit all three. The utterance classifier sees each turn once: the mixed views repeat the far ones."""
    texts, labels = utterance_rows([view for view in views if view.sides == "unknown"])
    utterance = fit_text(UTTERANCE, texts, labels, [1.0] * len(texts))
    context_texts, context_labels, weights = context_rows(views)
    context = fit_text(CONTEXT, context_texts, context_labels, weights)
    kinds, kind_labels = category_rows(views)
    return TextModels(utterance, context, fit_text(CATEGORY, kinds, kind_labels, [1.0] * len(kinds)))


@dataclass(frozen=True, slots=True)
class Scored:
    """Probabilities for each utterance of a call: of the utterance itself and of its context."""

    view: HeardCall
    utterance: Floats
    context: Floats


def score_calls(models: TextModels, calls: list[HeardCall]) -> list[Scored]:
    """Score every utterance of every call."""
    texts, _ = utterance_rows(calls)
    contexts = [joined(view.heard[: i + 1]) for view in calls for i in range(len(view.heard))]
    if not texts:
        return []
    by_turn = ordered_probabilities(models.utterance, texts, UTTERANCE_LABELS)
    by_context = ordered_probabilities(models.context, contexts, CALL_LABELS)
    cuts = np.cumsum([len(view.heard) for view in calls])[:-1]
    return [
        Scored(view, u, c)
        for view, u, c in zip(calls, np.split(by_turn, cuts), np.split(by_context, cuts), strict=True)
    ]


def memories(scored: Scored) -> list[Memory]:
    """The policy's memory after each utterance."""
    memory, result = Memory(), []
    for labels, context in zip(scored.utterance, scored.context, strict=True):
        memory = observe(memory, labels, context, scored.view.weight)
        result.append(memory)
    return result


def call_rows(scored: list[Scored]) -> tuple[npt.NDArray[np.float32], list[str], list[float]]:
    """Features of every labelled prefix of every call."""
    rows, labels, weights = [], [], []
    for item in scored:
        for upto, memory in enumerate(memories(item), 1):
            label = prefix_label(item.view, upto)
            if label is not None:
                rows.append(features(memory))
                labels.append(label)
                weights.append(len(item.view.heard) ** -0.5)
    return np.array(rows, dtype=np.float32), labels, weights


def fit_call(scored: list[Scored]) -> Pipeline:
    """The call-level classifier. `scored` must be out of fold: in-fold text scores look far too good."""
    rows, labels, weights = call_rows(scored)
    pipeline = Pipeline([("scale", StandardScaler()), ("classes", LogisticRegression(C=0.3, max_iter=1000))])
    pipeline.fit(rows, labels, classes__sample_weight=np.array(weights))
    return pipeline


def out_of_fold(calls: list[HeardCall], say: Callable[[str], None] = lambda _text: None) -> list[Scored]:
    """Scores of every call by text models that never saw its hand. `say` is told of each hand."""
    scored: list[Scored] = []
    for fold in sorted({fold_of(view) for view in calls}):
        say(f"fold {fold} held out")
        models = fit_text_models([view for view in calls if fold_of(view) != fold])
        scored += score_calls(models, [view for view in calls if fold_of(view) == fold])
    return scored


def fold_of(view: HeardCall) -> int:
    """Hands h01, h02 … are dealt to folds, whole; chats dealt to c01, c02 … likewise."""
    return int(view.call.hand[1:]) % FOLDS
