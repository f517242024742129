"""Text as the model sees it: normalised surface and reading, with chunks for explanations.

A recogniser's wrong kanji keep the right reading (捜査 / 操作), so the model reads both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sudachipy import Dictionary, SplitMode

_DIGITS: Final = re.compile(r"\d+(?:[.,]\d+)*")
_DROPPED: Final = re.compile(r"[^\w〇ー0]+|_+")
_NOUN: Final = "名詞"
_CHUNK_STARTS: Final = frozenset(
    (_NOUN, "動詞", "形容詞", "副詞", "代名詞", "連体詞", "接頭辞", "感動詞", "接続詞", "形状詞")
)
_TELLING: Final = frozenset((_NOUN, "動詞", "形容詞", "副詞", "形状詞"))
UTTERANCE_END: Final = "|"
"""Never part of normalised text, so no n-gram of any vocabulary holds it."""
MAX_CHARS: Final = 400
"""Longer utterances are cut: recognised speech of 8 s has under 120 characters; this bounds time and memory."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A phrase (content word with its particles): its span in the original text and both normalised forms."""

    start: int
    end: int
    surface: str
    kana: str
    telling: bool
    """It carries meaning of its own, so it can be shown to people as evidence; おります or その cannot."""


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


def joined(texts: Iterable[ModelText]) -> tuple[str, str]:
    """(surface, kana) of utterances in a row. No n-gram of the model reaches across the border."""
    texts = tuple(texts)
    return UTTERANCE_END.join(text.surface for text in texts), UTTERANCE_END.join(text.kana for text in texts)


def _telling(part_of_speech: Sequence[str]) -> bool:
    """Nouns, verbs, adjectives and adverbs, but no auxiliaries (UniDic: 非自立可能), numerals or formal nouns."""
    return part_of_speech[0] in _TELLING and part_of_speech[1] != "非自立可能" and part_of_speech[1] != "数詞"


class Reader:
    """Reads Japanese aloud, on SudachiPy with its small dictionary. Not thread-safe; make one per thread."""

    def __init__(self) -> None:
        self._tokenizer = Dictionary(dict="small").tokenizer(mode=SplitMode.C)

    def read(self, text: str) -> ModelText:
        """Model input of one utterance. Unknown words read as they are written."""
        text = text[:MAX_CHARS]
        chunks: list[Chunk] = []
        previous = ""
        for word in self._tokenizer.tokenize(text):
            part = word.part_of_speech()[0]
            surface = normalise(word.surface())
            kana = normalise(word.reading_form() or word.surface()) if not surface.isascii() else surface
            piece = Chunk(word.begin(), word.end(), surface, kana, _telling(word.part_of_speech()))
            joins = part not in _CHUNK_STARTS or (part == _NOUN and previous in (_NOUN, "接頭辞"))
            if chunks and joins:
                last = chunks[-1]
                telling = last.telling or piece.telling
                end = piece.end if surface else last.end  # a phrase shown to people ends before 、 or 。
                chunks[-1] = Chunk(last.start, end, last.surface + surface, last.kana + kana, telling)
            elif surface:
                chunks.append(piece)
            previous = part
        return ModelText("".join(c.surface for c in chunks), "".join(c.kana for c in chunks), tuple(chunks))
