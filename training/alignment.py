"""Written and recognised turns cut into words and laid side by side, kana by kana."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sudachipy import Dictionary, SplitMode, Tokenizer

from denwaban.detect.text import normalise
from training.calls import Call
from training.recognise import Recognised

SENTENCE_END: Final = re.compile(r"(?<=[。！？!?])(?=\w)")
_NUMERAL: Final = "数詞"


@dataclass(frozen=True, slots=True)
class Word:
    """A word as the detector would see it: text as it stands, normalised spelling and reading ("" for punctuation)."""

    text: str
    surface: str
    kana: str
    numeral: bool = False


class Words:
    """Cuts text into words, as `denwaban.detect.text.Reader` does, but keeps the parts of a number together."""

    def __init__(self) -> None:
        self._tokenizer: Tokenizer = Dictionary(dict="small").tokenizer(mode=SplitMode.C)

    def of(self, text: str) -> list[Word]:
        """All words in order; their texts joined are the text."""
        found: list[Word] = []
        for word in self._tokenizer.tokenize(text):
            surface, numeral = normalise(word.surface()), word.part_of_speech()[1] == _NUMERAL
            kana = surface if surface.isascii() else normalise(word.reading_form() or word.surface())
            if numeral and found and found[-1].numeral:
                last = found.pop()
                found.append(Word(last.text + word.surface(), last.surface + surface, last.kana + kana, True))
            else:
                found.append(Word(word.surface(), surface, kana, numeral))
        return found


def kana_of(words: Iterable[Word]) -> str:
    """The reading of a text."""
    return "".join(word.kana for word in words)


@dataclass(frozen=True, slots=True)
class Edit:
    """Written kana `start` to `end` came out as `heard`."""

    start: int
    end: int
    heard: str

    @property
    def size(self) -> int:
        """Kana changed, left out or put in."""
        return max(self.end - self.start, len(self.heard))


def align(written: str, heard: str) -> list[Edit]:
    """The differences of the alignment with the fewest edits; differences side by side are one."""
    edits: list[Edit] = []
    for start, end, heard_start, heard_end in _columns(written, heard):
        piece = heard[heard_start:heard_end]
        if written[start:end] == piece:
            continue
        if edits and edits[-1].end == start:
            edits[-1] = Edit(edits[-1].start, end, edits[-1].heard + piece)
        else:
            edits.append(Edit(start, end, piece))
    return edits


def _columns(written: str, heard: str) -> list[tuple[int, int, int, int]]:
    """The alignment column by column: spans of at most one kana on either side, in order."""
    costs = [list(range(len(heard) + 1))]
    for i, a in enumerate(written, 1):
        above, row = costs[-1], [i]
        for j, b in enumerate(heard, 1):
            row.append(min(above[j - 1] + (a != b), above[j] + 1, row[j - 1] + 1))
        costs.append(row)
    i, j, columns = len(written), len(heard), []
    while i or j:
        if i and j and costs[i][j] == costs[i - 1][j - 1] + (written[i - 1] != heard[j - 1]):
            columns.append((i - 1, i, j - 1, j))
            i, j = i - 1, j - 1
        elif i and costs[i][j] == costs[i - 1][j] + 1:
            columns.append((i - 1, i, j, j))
            i -= 1
        else:
            columns.append((i, i, j - 1, j))
            j -= 1
    return columns[::-1]


def within_words(edits: Iterable[Edit], words: Sequence[Word]) -> list[list[Edit]]:
    """The edits of each word, counted from its beginning; what crosses a border is divided there, kana for kana.

    What was put in between two words belongs to the one after it, at the very end to the last word.
    """
    result: list[list[Edit]] = [[] for _ in words]
    borders, end = [], 0
    for number, word in enumerate(words):
        if word.kana:
            borders.append((number, end, end + len(word.kana)))
        end += len(word.kana)
    for edit in edits:
        touched = [b for b in borders if b[1] < edit.end and edit.start < b[2]]
        touched = touched or [b for b in borders if b[1] <= edit.start < b[2]] or borders[-1:]
        at = 0
        for number, first, last in touched:
            start, stop = max(edit.start, first), min(edit.end, last)
            size = len(edit.heard) - at if number == touched[-1][0] else min(stop - start, len(edit.heard) - at)
            result[number].append(Edit(start - first, stop - first, edit.heard[at : at + size]))
            at += size
    return result


@dataclass(frozen=True, slots=True)
class Aligned:
    """A turn as written and as recognised, both cut into words, with the differences of their readings."""

    call: str
    written: tuple[Word, ...]
    utterances: tuple[tuple[Word, ...], ...]
    edits: tuple[Edit, ...]
    sentences: int

    @property
    def kana(self) -> str:
        return kana_of(self.written)

    @property
    def rate(self) -> float:
        """Edits per written kana."""
        return sum(edit.size for edit in self.edits) / max(1, len(self.kana))

    def heard_at(self) -> list[int]:
        """For each written kana where it stands in the heard reading, -1 where it came out as something else."""
        places: list[int] = []
        at = 0
        for edit in (*self.edits, Edit(len(self.kana), len(self.kana), "")):
            same = edit.start - len(places)
            places += [*range(at, at + same), *([-1] * (edit.end - edit.start))]
            at += same + len(edit.heard)
        return places


def aligned_turns(rows: Mapping[tuple[str, int], Sequence[Recognised]], calls: Iterable[Call]) -> list[Aligned]:
    """All rows of these calls, aligned (the slow part: about 3 ms a turn)."""
    words, result = Words(), []
    for call in calls:
        for position, turn in enumerate(call.turns):
            for row in rows.get((call.id, position), ()):
                written = tuple(words.of(turn.text))
                utterances = tuple(tuple(words.of(text)) for text in row.text)
                edits = align(kana_of(written), "".join(map(kana_of, utterances)))
                sentences = len(SENTENCE_END.split(turn.text))
                result.append(Aligned(call.id, written, utterances, tuple(edits), sentences))
    return result
