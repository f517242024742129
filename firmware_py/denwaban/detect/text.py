"""Text as the model sees it: normalised surface and reading, with chunks for explanations.

A recogniser's wrong kanji keep the right reading (捜査 / 操作), so the model reads both.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from sudachipy import Dictionary, SplitMode

_DIGITS: Final = re.compile(r"\d+(?:[.,]\d+)*")
_DROPPED: Final = re.compile(r"[^\w〇ー0]+|_+")
_NOUN: Final = "名詞"
_CHUNK_STARTS: Final = frozenset(
    (_NOUN, "動詞", "形容詞", "副詞", "代名詞", "連体詞", "接頭辞", "感動詞", "接続詞", "形状詞")
)
MAX_CHARS: Final = 400
"""Longer utterances are cut: recognised speech of 8 s has under 120 characters; this bounds time and memory."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A phrase (content word with its particles): its span in the original text and both normalised forms."""

    start: int
    end: int
    surface: str
    kana: str


@dataclass(frozen=True, slots=True)
class ModelText:
    """One utterance as model input."""

    surface: str
    kana: str
    chunks: tuple[Chunk, ...]

    def without(self, index: int) -> tuple[str, str]:
        """(surface, kana) with one chunk left out."""
        rest = [chunk for i, chunk in enumerate(self.chunks) if i != index]
        return "".join(chunk.surface for chunk in rest), "".join(chunk.kana for chunk in rest)


def normalise(text: str) -> str:
    """NFKC, lower case, amounts as one 0 (their digits say little), no punctuation or spaces."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return _DROPPED.sub("", _DIGITS.sub("0", folded))


class Reader:
    """Reads Japanese aloud, on SudachiPy with its small dictionary. Not thread-safe; make one per thread."""

    def __init__(self) -> None:
        self._tokenizer = Dictionary(dict="small").create(mode=SplitMode.C)

    def read(self, text: str) -> ModelText:
        """Model input of one utterance. Unknown words read as they are written."""
        text = text[:MAX_CHARS]
        chunks: list[Chunk] = []
        previous = ""
        for word in self._tokenizer.tokenize(text):
            part = word.part_of_speech()[0]
            surface = normalise(word.surface())
            kana = normalise(word.reading_form() or word.surface()) if not surface.isascii() else surface
            piece = Chunk(word.begin(), word.end(), surface, kana)
            joins = part not in _CHUNK_STARTS or (part == _NOUN and previous in (_NOUN, "接頭辞"))
            if chunks and joins:
                last = chunks[-1]
                chunks[-1] = Chunk(last.start, piece.end, last.surface + surface, last.kana + kana)
            elif surface:
                chunks.append(piece)
            previous = part
        return ModelText("".join(c.surface for c in chunks), "".join(c.kana for c in chunks), tuple(chunks))
