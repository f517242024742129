"""Text as the model sees it: normalised surface, reading and words, with chunks for explanations.

A recogniser's wrong kanji keep the right reading (捜査 / 操作); a word in its dictionary form stays the same however it
is inflected or spelled (振り込んで / 振込む). The model reads all three.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

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


class Texts(NamedTuple):
    """What the classifiers read of an utterance, or of several in a row."""

    surface: str
    kana: str
    words: str
    """Dictionary forms, with spaces between them."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A phrase (content word with its particles): its span in the original text and its normalised forms."""

    start: int
    end: int
    surface: str
    kana: str
    words: str
    telling: bool
    """It carries meaning of its own, so it can be shown to people as evidence; おります or その cannot."""


@dataclass(frozen=True, slots=True)
class ModelText:
    """One utterance as model input."""

    surface: str
    kana: str
    words: str
    chunks: tuple[Chunk, ...]

    @classmethod
    def of(cls, chunks: Iterable[Chunk]) -> Self:
        """The text of these chunks."""
        chunks = tuple(chunks)
        return cls(*_texts_of(chunks), chunks)

    @property
    def texts(self) -> Texts:
        return Texts(self.surface, self.kana, self.words)

    def without(self, index: int) -> Texts:
        """The same with one chunk left out."""
        return _texts_of([chunk for i, chunk in enumerate(self.chunks) if i != index])


def _texts_of(chunks: Sequence[Chunk]) -> Texts:
    return Texts(
        "".join(chunk.surface for chunk in chunks),
        "".join(chunk.kana for chunk in chunks),
        " ".join(chunk.words for chunk in chunks),
    )


def normalise(text: str) -> str:
    """NFKC, lower case, amounts as one 0 (their digits say little), no punctuation or spaces."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return _DROPPED.sub("", _DIGITS.sub("0", folded))


def joined(texts: Iterable[ModelText]) -> Texts:
    """Utterances in a row. No n-gram of the model reaches across the border."""
    texts = tuple(texts)
    return Texts(
        UTTERANCE_END.join(text.surface for text in texts),
        UTTERANCE_END.join(text.kana for text in texts),
        f" {UTTERANCE_END} ".join(text.words for text in texts),
    )


def _telling(part_of_speech: Sequence[str]) -> bool:
    """Nouns, verbs, adjectives and adverbs, but no auxiliaries (UniDic: 非自立可能), numerals or formal nouns."""
    return part_of_speech[0] in _TELLING and part_of_speech[1] != "非自立可能" and part_of_speech[1] != "数詞"


def _grown(chunk: Chunk, word: Chunk) -> Chunk:
    return Chunk(
        chunk.start,
        word.end,
        chunk.surface + word.surface,
        chunk.kana + word.kana,
        f"{chunk.words} {word.words}",
        chunk.telling or word.telling,
    )


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
            form = normalise(word.normalized_form()) or surface
            piece = Chunk(word.begin(), word.end(), surface, kana, form, _telling(word.part_of_speech()))
            joins = part not in _CHUNK_STARTS or (part == _NOUN and previous in (_NOUN, "接頭辞"))
            if surface and chunks and joins:
                chunks[-1] = _grown(chunks[-1], piece)
            elif surface:
                chunks.append(piece)
            previous = part
        return ModelText.of(chunks)
