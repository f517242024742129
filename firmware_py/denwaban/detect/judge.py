"""Judges one call: text → scores → level, with the phrases that counted."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from denwaban.config import Sensitivity
from denwaban.detect.model import STAGE_OF_LABEL, Channel, ScamModel
from denwaban.detect.policy import (
    CONTEXT_UTTERANCES,
    FEEDBACK_LIMIT,
    SHIFT_LIMIT,
    TELLING,
    Memory,
    decide_level,
    features,
    observe,
    scam_score,
    shifted,
    weight_of,
)
from denwaban.detect.text import ModelText, Reader, joined
from denwaban.events import Assessment, Evidence, Utterance

EXPLAIN_FROM = 0.25
"""Utterances that sound less like a scam than this need no explanation."""
EVIDENCE_SHARE = 0.12
"""A phrase counts if leaving it out takes away this share of the utterance's score."""
MAX_EVIDENCE = 3
MAX_CANDIDATES = 10
"""Phrases tried per utterance: bounds the time of an explanation; each costs 0.2 ms."""


class CallJudge:
    """Implements the port `Judge` for one call.

    `shift`: what the caller's number and the last days add, at least 0. `bias`: what the household's feedback adds.
    """

    def __init__(
        self,
        model: ScamModel,
        reader: Reader,
        sensitivity: Sensitivity = "normal",
        shift: float = 0.0,
        bias: float = 0.0,
        channel: Channel = "heard",
    ) -> None:
        self._model = model
        self._reader = reader
        self._thresholds = model.card.thresholds[channel][sensitivity]
        self._shift = min(max(shift, 0.0), SHIFT_LIMIT) + min(max(bias, -FEEDBACK_LIMIT), FEEDBACK_LIMIT)
        self._memory = Memory()
        self._far: deque[ModelText] = deque(maxlen=CONTEXT_UTTERANCES)
        self._near: deque[ModelText] = deque(maxlen=CONTEXT_UTTERANCES)
        self._call_score = 0.0
        self._category = ""

    def hear(self, utterance: Utterance) -> Assessment:
        """Judge the next utterance of the call."""
        text = self._reader.read(utterance.text)
        if not text.surface:
            return self._unchanged()
        if utterance.side == "near":
            self._near.append(text)
            return self._unchanged()
        self._far.append(text)
        weight = weight_of(utterance.side)
        labels = self._model.utterances([text.texts])[0]
        said = joined(self._far)
        context = self._model.context(said, joined(self._near))
        memory = observe(self._memory, labels, context, utterance.side, len(text.kana))
        call = shifted(self._model.call(features(memory)), self._shift)
        level = decide_level(memory, call, float(labels[-1]) * weight, self._thresholds)
        self._memory = replace(memory, level=level)
        self._call_score = float(call[2])
        score = scam_score(labels) * weight
        if level.rank and (not self._category or scam_score(labels) >= TELLING):
            self._category = self._model.category(said)
        return Assessment(
            level=level,
            score=score,
            call_score=self._call_score,
            stage=STAGE_OF_LABEL[int(labels.argmax())],
            category=self._category,
            evidence=self._evidence(utterance.text, text, scam_score(labels)),
        )

    def _unchanged(self) -> Assessment:
        return Assessment(self._memory.level, None, self._call_score, 0, self._category)

    def _evidence(self, original: str, text: ModelText, score: float) -> tuple[Evidence, ...]:
        """Phrases whose absence would have lowered the score most: true of any model, and in the caller's own words."""
        if score < EXPLAIN_FROM:
            return ()
        candidates = [i for i, chunk in enumerate(text.chunks) if chunk.telling][:MAX_CANDIDATES]
        drops = self._drops(text, candidates, score)
        strongest = sorted(drops, key=lambda i: -drops[i])[:MAX_EVIDENCE]
        found = tuple(
            Evidence(original[text.chunks[i].start : text.chunks[i].end], round(drops[i], 3))
            for i in strongest
            if drops[i] >= EVIDENCE_SHARE * score
        )
        # Where no single phrase decides, the whole utterance does.
        return found or (Evidence(original[:60], round(score, 3)),)

    def _drops(self, text: ModelText, candidates: list[int], score: float) -> dict[int, float]:
        """How much the score falls when one chunk is left out, by chunk."""
        if not candidates:
            return {}
        rows = self._model.utterances([text.without(i) for i in candidates])
        return {i: score - scam_score(row) for i, row in zip(candidates, rows, strict=True)}
