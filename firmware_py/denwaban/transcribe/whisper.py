"""Whisper on CTranslate2: recognises utterance by utterance.

The model was trained on windows of 30 s. Padding every utterance to 30 s costs four times the processor time and lets
noise run into endless loops; an input of the utterance plus 3 s is as accurate on clean speech and better in noise
(kana error rate at 20 dB .18 against .63). With 1 s or none it is worse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final

import ctranslate2
import numpy as np
import soxr
from tokenizers import Tokenizer

from denwaban.errors import ModelError
from denwaban.events import SAMPLE_RATE, Pcm, Utterance
from denwaban.transcribe.clean import join_japanese, tidy, unloop
from denwaban.transcribe.cutting import Cut, Cutter
from denwaban.transcribe.logmel import FRAMES_PER_SECOND, RATE, Floats, log_mel

PADDING_S: Final = 3
LONGEST_S: Final = 27
"""Beyond it the input would exceed the 30 s of the model's position table; utterances are far shorter."""

TOKENS_PER_SECOND: Final = 9
TOKENS_EXTRA: Final = 8
"""The length guard: fast Japanese takes 7 tokens a second; a loop would go on to 224 tokens."""

NO_SPEECH: Final = 0.5
"""Probability of "no speech" above which an utterance is dropped. Measured over a telephone band: speech at 20 dB or
better stays below 0.2; silence, noise, hum, busy tone and key tones lie above 0.54."""

UNSURE_NO_SPEECH: Final = 0.3
UNSURE_LOG_PROB: Final = -1.0
"""Dropped as well: possibly no speech, and words with a mean log probability that speech does not have (mean -0.3)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model made of one utterance. `log_prob` is the mean per token; `capped` if the length guard ended it."""

    text: str
    log_prob: float
    no_speech: float
    capped: bool


class WhisperRecognizer:
    """A loaded Whisper model; `start` may be called for one call after the other. About 220 MB, 400 MB in use."""

    def __init__(
        self,
        folder: Path,
        cutter: Callable[[], Cutter],
        *,
        name: str = "whisper",
        language: str = "ja",
        threads: int = 1,
    ) -> None:
        """Load the model in `folder` (CTranslate2 format with `tokenizer.json`). Raises ModelError if it is damaged."""
        self._name = name
        self._cutter = cutter
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._model = ctranslate2.models.Whisper(
                str(folder), compute_type="int8", inter_threads=1, intra_threads=threads
            )
        except Exception as error:  # tokenizers raises bare Exception, CTranslate2 RuntimeError
            raise ModelError(f"{folder}: cannot load the speech model: {error}") from error
        self._prompt = [
            self._id(token, folder) for token in ("startoftranscript", language, "transcribe", "notimestamps")
        ]
        self._end = self._id("endoftext", folder)

    @property
    def name(self) -> str:
        return self._name

    def start(self) -> WhisperCall:
        return WhisperCall(self, self._cutter())

    def read(self, pcm: Pcm) -> Reading:
        """Recognise one utterance of 8 kHz audio, at most 27 s."""
        duration = min(len(pcm) / SAMPLE_RATE, LONGEST_S)
        budget = int(TOKENS_PER_SECOND * duration) + TOKENS_EXTRA
        features = ctranslate2.StorageView.from_array(encoder_input(pcm)[None])
        result = self._model.generate(
            features,
            [self._prompt],
            beam_size=1,
            # CTranslate2 allows half of max_length for the text (and half for a prompt of earlier text).
            max_length=2 * budget,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = [token for token in result.sequences_ids[0] if token < self._end]
        text = self._tokenizer.decode(tokens)
        return Reading(text, result.scores[0], result.no_speech_prob, capped=len(tokens) >= budget)

    def _id(self, token: str, folder: Path) -> int:
        number = self._tokenizer.token_to_id(f"<|{token}|>")
        if number is None:
            raise ModelError(
                f"{folder / 'tokenizer.json'}: no token <|{token}|>; this is not a multilingual Whisper model"
            )
        return int(number)


class WhisperCall:
    """Recognises one call."""

    def __init__(self, recognizer: WhisperRecognizer, cutter: Cutter) -> None:
        self._recognizer = recognizer
        self._cutter = cutter
        self._samples = 0

    def feed(self, pcm: Pcm) -> list[Utterance]:
        self._samples += len(pcm)
        return self._recognise(self._cutter.feed(pcm))

    def finish(self) -> list[Utterance]:
        return self._recognise(self._cutter.finish())

    @property
    def heard_until(self) -> float:
        return self._samples / SAMPLE_RATE

    def _recognise(self, cuts: Sequence[Cut]) -> list[Utterance]:
        heard = ((cut, accepted_text(self._recognizer.read(cut.pcm))) for cut in cuts)
        return [Utterance(text, cut.t0, cut.t1, "unknown") for cut, text in heard if text]


def encoder_input(pcm: Pcm) -> Floats:
    """The model's input: shape (80, frames). Whole seconds only: each new shape costs memory that is not given back."""
    clip = pcm[: LONGEST_S * SAMPLE_RATE].astype(np.float32) / 32768.0
    seconds = ceil(len(clip) / SAMPLE_RATE) + PADDING_S
    audio = np.zeros(seconds * RATE, dtype=np.float32)
    # The padding goes before the spectrogram, not after: its floor follows from the loudest frame.
    resampled = soxr.resample(clip, SAMPLE_RATE, RATE)[: len(audio)]
    audio[: len(resampled)] = resampled
    return log_mel(audio)[:, : seconds * FRAMES_PER_SECOND]


def accepted_text(reading: Reading) -> str:
    """The tidied text, or "" where the model most likely invented it.

    Over sounds without speech Whisper writes stock phrases of its training data or repeats a syllable. Its own
    probability of "no speech" tells them better than any list of such phrases would.
    """
    unsure = reading.no_speech > UNSURE_NO_SPEECH and reading.log_prob < UNSURE_LOG_PROB
    if reading.no_speech > NO_SPEECH or unsure:
        return ""
    text = unloop(join_japanese(tidy(reading.text)), capped=reading.capped)
    return text if any(char.isalnum() for char in text) else ""
