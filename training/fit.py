"""The three text classifiers and the call-level one, as scikit-learn pipelines. Deterministic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from denwaban.detect.model import CALL_LABELS, UTTERANCE_LABELS, Floats
from denwaban.detect.policy import Memory, features, observe
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from training.dataset import ReadCall, joined, prefix_label

Texts = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TextSettings:
    """Hyper-parameters of a text classifier, chosen by grouped cross-validation over hands (`training/README.md`)."""

    c: float
    surface: tuple[int, int] = (1, 4)
    kana: tuple[int, int] = (2, 5)
    min_df: int = 3
    max_features: int = 60_000


UTTERANCE: Final = TextSettings(c=12.0)
CONTEXT: Final = TextSettings(c=12.0, kana=(3, 5), min_df=4)
CATEGORY: Final = TextSettings(c=6.0, surface=(1, 3), kana=(3, 4), min_df=4, max_features=20_000)


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
            ("classes", LogisticRegression(C=settings.c, max_iter=400, class_weight=None)),
        ]
    )


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


def utterance_rows(calls: list[ReadCall]) -> tuple[Texts, list[str]]:
    """One row per far turn."""
    turns = [turn for read in calls for turn in read.far]
    return [(t.text.surface, t.text.kana) for t in turns], [t.label for t in turns]


def context_rows(calls: list[ReadCall]) -> tuple[Texts, list[str], list[float]]:
    """One row per prefix of a call; long calls do not outweigh short ones."""
    texts: Texts = []
    labels: list[str] = []
    weights: list[float] = []
    for read in calls:
        for upto in range(1, len(read.far) + 1):
            label = prefix_label(read, upto)
            if label is not None:
                texts.append(joined(read.far[:upto]))
                labels.append(label)
                weights.append(len(read.far) ** -0.5)
    return texts, labels, weights


def category_rows(calls: list[ReadCall]) -> tuple[Texts, list[str]]:
    """Whole and half calls of scams and sales, with their kind."""
    texts: Texts = []
    labels: list[str] = []
    for read in calls:
        if read.call.label != "harmless" and read.far:
            for upto in {len(read.far), (len(read.far) + 1) // 2}:
                texts.append(joined(read.far[:upto]))
                labels.append(read.call.category)
    return texts, labels


def fit_text_models(calls: list[ReadCall]) -> TextModels:
    """Fit all three."""
    texts, labels = utterance_rows(calls)
    utterance = fit_text(UTTERANCE, texts, labels, [1.0] * len(texts))
    context_texts, context_labels, weights = context_rows(calls)
    context = fit_text(CONTEXT, context_texts, context_labels, weights)
    kinds, kind_labels = category_rows(calls)
    return TextModels(utterance, context, fit_text(CATEGORY, kinds, kind_labels, [1.0] * len(kinds)))


@dataclass(frozen=True, slots=True)
class Scored:
    """Probabilities for each far turn of a call: of the turn itself and of its context."""

    read: ReadCall
    utterance: Floats
    context: Floats


def score_calls(models: TextModels, calls: list[ReadCall]) -> list[Scored]:
    """Score every far turn of every call."""
    texts, _ = utterance_rows(calls)
    contexts = [joined(read.far[: i + 1]) for read in calls for i in range(len(read.far))]
    if not texts:
        return []
    by_turn = ordered_probabilities(models.utterance, texts, UTTERANCE_LABELS)
    by_context = ordered_probabilities(models.context, contexts, CALL_LABELS)
    cuts = np.cumsum([len(read.far) for read in calls])[:-1]
    return [
        Scored(read, u, c)
        for read, u, c in zip(calls, np.split(by_turn, cuts), np.split(by_context, cuts), strict=True)
    ]


def memories(scored: Scored, weights: Sequence[float] | None = None) -> list[Memory]:
    """The policy's memory after each far turn."""
    memory, result = Memory(), []
    for i, (labels, context) in enumerate(zip(scored.utterance, scored.context, strict=True)):
        memory = observe(memory, labels, context, 1.0 if weights is None else weights[i])
        result.append(memory)
    return result


def call_rows(scored: list[Scored]) -> tuple[npt.NDArray[np.float32], list[str], list[float]]:
    """Features of every labelled prefix of every call."""
    rows, labels, weights = [], [], []
    for item in scored:
        for upto, memory in enumerate(memories(item), 1):
            label = prefix_label(item.read, upto)
            if label is not None:
                rows.append(features(memory))
                labels.append(label)
                weights.append(len(item.read.far) ** -0.5)
    return np.array(rows, dtype=np.float32), labels, weights


def fit_call(scored: list[Scored]) -> Pipeline:
    """The call-level classifier. `scored` must be out of fold: in-fold text scores look far too good."""
    rows, labels, weights = call_rows(scored)
    pipeline = Pipeline([("scale", StandardScaler()), ("classes", LogisticRegression(C=0.3, max_iter=1000))])
    pipeline.fit(rows, labels, classes__sample_weight=np.array(weights))
    return pipeline


def out_of_fold(calls: list[ReadCall], say: Callable[[str], None] = lambda _text: None) -> list[Scored]:
    """Scores of every call by text models that never saw its hand. `say` is told of each hand."""
    scored: list[Scored] = []
    for hand in sorted({read.call.hand for read in calls}):
        say(f"hand {hand} held out")
        models = fit_text_models([read for read in calls if read.call.hand != hand])
        scored += score_calls(models, [read for read in calls if read.call.hand == hand])
    return scored
