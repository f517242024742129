"""Judges one call: text → scores → level, with the phrases that counted."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from denwaban.config import Sensitivity
from denwaban.detect.model import STAGE_OF_LABEL, ScamModel
from denwaban.detect.policy import (
    CONTEXT_UTTERANCES,
    SHIFT_LIMIT,
    UNKNOWN_SIDE_WEIGHT,
    Memory,
    decide_level,
    features,
    observe,
    scam_score,
    shifted,
)
from denwaban.detect.text import ModelText, Reader
from denwaban.events import Assessment, Evidence, Utterance

EXPLAIN_FROM = 0.4
"""Utterances that sound less like a scam than this need no explanation."""
EVIDENCE_SHARE = 0.12
"""A phrase counts if leaving it out takes away this share of the utterance's score."""
MAX_EVIDENCE = 3


class CallJudge:
    """Implements the port `Judge` for one call. `shift`: what the caller's number and the last days add."""

    def __init__(
        self, model: ScamModel, reader: Reader, sensitivity: Sensitivity = "normal", shift: float = 0.0
    ) -> None:
        self._model = model
        self._reader = reader
        self._thresholds = model.card.thresholds[sensitivity]
        self._shift = min(max(shift, 0.0), SHIFT_LIMIT)
        self._memory = Memory()
        self._recent: deque[ModelText] = deque(maxlen=CONTEXT_UTTERANCES)
        self._call_score = 0.0
        self._category = ""

    def hear(self, utterance: Utterance) -> Assessment:
        """Judge the next utterance of the call."""
        if utterance.side == "near":
            return self._reaction()
        text = self._reader.read(utterance.text)
        if not text.surface:
            return self._reaction()
        weight = 1.0 if utterance.side == "far" else UNKNOWN_SIDE_WEIGHT
        labels = self._model.utterances([(text.surface, text.kana)])[0]
        self._recent.append(text)
        context = self._context()
        memory = observe(self._memory, labels, self._model.context(*context), weight)
        call = shifted(self._model.call(features(memory)), self._shift)
        level = decide_level(memory, call, float(labels[-1]) * weight, self._thresholds)
        self._memory = replace(memory, level=level)
        self._call_score = float(call[2])
        score = scam_score(labels) * weight
        if level.rank:
            self._category = self._model.category(*context)
        return Assessment(
            level=level,
            score=score,
            call_score=self._call_score,
            stage=STAGE_OF_LABEL[int(labels.argmax())],
            category=self._category,
            evidence=self._evidence(utterance.text, text, scam_score(labels)),
        )

    def _reaction(self) -> Assessment:
        return Assessment(self._memory.level, None, self._call_score, 0, self._category)

    def _context(self) -> tuple[str, str]:
        return "".join(t.surface for t in self._recent), "".join(t.kana for t in self._recent)

    def _evidence(self, original: str, text: ModelText, score: float) -> tuple[Evidence, ...]:
        """Phrases whose absence would have lowered the score most: true of any model, and in the caller's own words."""
        if score < EXPLAIN_FROM or not text.chunks:
            return ()
        variants = [text.without(i) for i in range(len(text.chunks))]
        left = np.array([scam_score(row) for row in self._model.utterances(variants)])
        drops = (score - left) / score
        drops[[not chunk.telling for chunk in text.chunks]] = 0.0
        order = [int(i) for i in np.argsort(-drops, kind="stable")[:MAX_EVIDENCE] if drops[i] >= EVIDENCE_SHARE]
        if not order:  # no single phrase decides: the whole utterance does
            return (Evidence(original[:60], round(score, 3)),)
        return tuple(
            Evidence(original[text.chunks[i].start : text.chunks[i].end], round(float(drops[i]) * score, 3))
            for i in sorted(order, key=lambda i: -drops[i])
        )
