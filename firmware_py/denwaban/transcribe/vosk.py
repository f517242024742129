"""Vosk (Kaldi) as a streaming recogniser: it hears word by word and finds the ends of utterances itself."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import vosk

from denwaban.errors import ModelError
from denwaban.events import SAMPLE_RATE, Pcm, Utterance
from denwaban.transcribe.clean import join_japanese, tidy

BLOCK: Final = SAMPLE_RATE // 10
"""Vosk looks for the end of an utterance once per block it is given; fixed blocks make the result independent of the
caller's chunks."""


_srand = ctypes.CDLL(None).srand
"""Seeds the C library's random numbers, from which Kaldi draws the dither it adds to the sound.

Left alone, the same audio gives other words each time. Switching the dither off is no way out: in telephone sound
nothing else fills the bands above 4 kHz that the models look at.
"""


class VoskRecognizer:
    """A loaded Vosk model; `start` may be called for one call after the other."""

    def __init__(self, folder: Path, *, name: str = "vosk", language: str = "ja") -> None:
        """Load the model in `folder`. Raises ModelError if it is missing or damaged."""
        self._name = name
        self._language = language
        vosk.SetLogLevel(-1)  # It writes to standard error past Python, words included.
        if not (folder / "am" / "final.mdl").is_file():
            # The library would try to download a model of that name instead.
            raise ModelError(f"{folder}: no Vosk model here (am/final.mdl is missing)")
        try:
            self._model = vosk.Model(str(folder))
        except Exception as error:  # vosk raises bare Exception
            raise ModelError(f"{folder}: cannot load the speech model: {error}") from error

    @property
    def name(self) -> str:
        return self._name

    def start(self) -> VoskCall:
        recognizer = vosk.KaldiRecognizer(self._model, SAMPLE_RATE)
        recognizer.SetWords(True)
        return VoskCall(recognizer, self._language)


class VoskCall:
    """Recognises one call."""

    def __init__(self, recognizer: vosk.KaldiRecognizer, language: str) -> None:
        self._recognizer = recognizer
        self._language = language
        self._rest: Pcm = np.zeros(0, dtype=np.int16)
        self._heard = 0
        self._decoded = 0
        self._last_end = 0.0

    def feed(self, pcm: Pcm) -> list[Utterance]:
        self._heard += len(pcm)
        audio = np.concatenate((self._rest, pcm))
        whole = len(audio) // BLOCK * BLOCK
        self._rest = audio[whole:].copy()
        ended = [self._decode(block) for block in audio[:whole].reshape(-1, BLOCK)]
        return [utterance for utterance in ended if utterance is not None]

    def finish(self) -> list[Utterance]:
        ended = [self._decode(self._rest)] if len(self._rest) else []
        self._rest = self._rest[:0]
        _srand(self._decoded)
        ended.append(self._utterance(json.loads(self._recognizer.FinalResult())))
        return [utterance for utterance in ended if utterance is not None]

    @property
    def heard_until(self) -> float:
        return self._heard / SAMPLE_RATE

    @property
    def partial(self) -> str:
        """What the utterance that is going on sounds like so far; may still change."""
        return self._text(json.loads(self._recognizer.PartialResult()).get("partial", ""))

    def _decode(self, block: Pcm) -> Utterance | None:
        _srand(self._decoded)
        self._decoded += len(block)
        if not self._recognizer.AcceptWaveform(block.tobytes()):
            return None
        return self._utterance(json.loads(self._recognizer.Result()))

    def _utterance(self, result: dict[str, Any]) -> Utterance | None:
        """The utterance of a final result, None if it holds no words; without word times it spans since the last."""
        words = result.get("result", [])
        start = float(words[0]["start"]) if words else self._last_end
        end = float(words[-1]["end"]) if words else self._decoded / SAMPLE_RATE
        self._last_end = end
        text = self._text(result.get("text", ""))
        return Utterance(text, start, end, "unknown") if text else None

    def _text(self, words: str) -> str:
        """Japanese is written without the spaces that Vosk puts between words."""
        text = tidy(words)
        return join_japanese(text) if self._language == "ja" else text
