"""What the text classifiers are fitted on: n-gram counts of every utterance and of its context, made once.

A row is one scored utterance of one view. Its context is the last utterances of the far end and of the household, each
in columns of their own. Folds and categories held out are rows left out; nothing is counted twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from denwaban.detect.model import NEAR_FIELDS
from denwaban.detect.policy import CONTEXT_UTTERANCES
from denwaban.detect.text import ModelText, Texts
from training.dataset import CHAT, HeardCall, prefix_labels


@dataclass(frozen=True, slots=True)
class Ngrams:
    """What is counted of a text."""

    unit: Literal["char", "word"]
    sizes: tuple[int, int]
    """Units of the shortest and the longest n-gram."""

    @property
    def options(self) -> dict[str, Any]:
        """Arguments for a vectorizer of scikit-learn that counts them."""
        pattern = {"token_pattern": "[^ ]+"} if self.unit == "word" else {}
        return {"analyzer": self.unit, "ngram_range": self.sizes, "lowercase": False, "dtype": np.float32, **pattern}

    def units(self, ngram: str) -> Sequence[str]:
        """Characters or words of an n-gram."""
        return ngram.split(" ") if self.unit == "word" else ngram


NGRAMS: Final = {
    "surface": Ngrams("char", (1, 3)),
    "kana": Ngrams("char", (2, 4)),
    "words": Ngrams("word", (1, 2)),
}
"""By field of `Texts`, in its order."""
LEAST_TEXTS: Final = 3
"""An n-gram of fewer different utterances is not counted at all."""
CHAT_WEIGHT: Final = 0.2
"""Of an everyday chat against a written call where texts are learned: there are hundreds, all alike: small talk."""
CHAT_PREFIXES: Final = frozenset((0, 2, 7, 14))
"""Of a chat the context learns from these utterances only."""

ROWS_AT_ONCE: Final = 20_000

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Column:
    """One text column of a classifier: the n-grams of the texts that stand in each row.

    Their counts are put together for the rows and n-grams asked for; of all, they would take gigabytes.
    """

    name: str
    ngrams: Ngrams
    names: npt.NDArray[np.object_]
    texts: Any
    """(rows, texts): how often each text stands in each row."""
    ngrams_of_texts: Any
    """(texts, names)"""

    def counts(self, rows: Indices, places: Indices) -> Any:
        """(rows, places): how often these n-grams stand in these rows."""
        return (self.texts[rows] @ self.ngrams_of_texts[:, places]).tocsr()

    def frequency(self, rows: Indices) -> Indices:
        """(names,): in how many of these rows each n-gram stands."""
        found = np.zeros(self.names.size, np.intp)
        for some in np.array_split(rows, 1 + rows.size // ROWS_AT_ONCE):
            found += np.bincount((self.texts[some] @ self.ngrams_of_texts).indices, minlength=found.size)
        return found


class Material:
    """Rows of all views: text columns, labels, weights, owners."""

    def __init__(self, views: Sequence[HeardCall]) -> None:
        self.views = tuple(views)
        self._texts: dict[Texts, int] = {}
        said: list[int] = []
        far: list[tuple[int, ...]] = []
        near: list[tuple[int, ...]] = []
        for view in self.views:
            # Whether an excerpt holds the household's words is its author's whim: whole talks teach reactions.
            whole = view.call.whole or view.call.category == CHAT
            recent: dict[bool, deque[int]] = {flag: deque(maxlen=CONTEXT_UTTERANCES) for flag in (True, False)}
            for one in view.heard:
                number = self._number(one.text)
                recent[one.side == "near"].append(number)
                if one.side != "near":
                    said.append(number)
                    far.append(tuple(recent[False]))
                    near.append(tuple(recent[True]) if whole else ())
        self._said, self._far, self._near = said, far, near

    def _number(self, text: ModelText) -> int:
        return self._texts.setdefault(text.texts, len(self._texts))

    @cached_property
    def utterance(self) -> tuple[Column, ...]:
        """Columns `surface`, `kana` and `words` of the utterance itself."""
        return self._columns(_selector([(number,) for number in self._said], len(self._texts)), "")

    @cached_property
    def far(self) -> tuple[Column, ...]:
        """The same columns of the far end's last utterances."""
        return self._columns(_selector(self._far, len(self._texts)), "")

    @cached_property
    def context(self) -> tuple[Column, ...]:
        """Columns of the far end's last utterances, and `near_surface` … of the household's."""
        near = self._columns(_selector(self._near, len(self._texts)), "near_", NEAR_FIELDS)
        return (*self.far, *near)

    def _columns(self, selector: Any, prefix: str, fields: Sequence[str] = Texts._fields) -> tuple[Column, ...]:
        return tuple(
            Column(f"{prefix}{name}", ngrams, names, selector, counts)
            for name, (ngrams, names, counts) in self._counted.items()
            if name in fields
        )

    @cached_property
    def _counted(self) -> dict[str, tuple[Ngrams, npt.NDArray[np.object_], Any]]:
        """Counts (texts, names) of each kind of n-gram."""
        found = {}
        for place, (name, ngrams) in enumerate(NGRAMS.items()):
            counter = CountVectorizer(min_df=LEAST_TEXTS, **ngrams.options)
            counts = counter.fit_transform(text[place] for text in self._texts)
            found[name] = (ngrams, counter.get_feature_names_out(), counts.tocsr())
        return found

    def count(self) -> None:
        """Count everything now, before several threads ask for it."""
        _ = self.utterance, self.context, self.labels, self.call_labels, self.weights, self.chat, self.sides_unknown
        _ = self.place, self.owner

    @cached_property
    def owner(self) -> Indices:
        """The view of each row."""
        return np.repeat(np.arange(len(self.views)), [len(view.scored) for view in self.views])

    @cached_property
    def place(self) -> Indices:
        """The number of each row in its view."""
        return np.concatenate([np.arange(len(view.scored)) for view in self.views])

    @cached_property
    def labels(self) -> npt.NDArray[np.object_]:
        """The class of each utterance."""
        return np.array([view.heard[i].label for view in self.views for i in view.scored], dtype=object)

    @cached_property
    def call_labels(self) -> npt.NDArray[np.object_]:
        """What the call is known to be so far; None where nothing has shown it yet."""
        return np.array([label for view in self.views for label in prefix_labels(view)], dtype=object)

    @cached_property
    def weights(self) -> npt.NDArray[np.float64]:
        """Long calls do not outweigh short ones, and chats weigh little."""
        of_view = [
            (CHAT_WEIGHT if view.call.category == CHAT else 1.0) * max(1, len(view.scored)) ** -0.5
            for view in self.views
        ]
        return np.array(of_view)[self.owner]

    @cached_property
    def chat(self) -> npt.NDArray[np.bool_]:
        """Rows of everyday chats."""
        return np.array([view.call.category == CHAT for view in self.views])[self.owner]

    @cached_property
    def sides_unknown(self) -> npt.NDArray[np.bool_]:
        """Rows of the views in which every turn is scored once."""
        return np.array([view.sides == "unknown" for view in self.views])[self.owner]

    @cached_property
    def all_rows(self) -> Indices:
        """Every row."""
        return np.arange(self.owner.size)

    def rows_of(self, chosen: npt.NDArray[np.bool_]) -> Indices:
        """Rows of the chosen views."""
        return np.flatnonzero(chosen[self.owner])


def _selector(numbers: Sequence[tuple[int, ...]], texts: int) -> Any:
    """(rows, texts): how often each text stands in each row."""
    lengths = np.array([len(row) for row in numbers])
    columns = np.fromiter((number for row in numbers for number in row), np.int64, int(lengths.sum()))
    ones = np.ones(columns.size, np.float32)
    return sparse.csr_matrix((ones, columns, np.concatenate([[0], lengths.cumsum()])), (len(numbers), texts))
