"""What the recogniser does to text it was never given: a confusion model learned from written and recognised turns.

Three things are learned from the pairs of `training.recognise`, all without context:

- *changes*: which short runs of kana come out as which others, and how often. From the alignment with the fewest edits;
  differences side by side count as one change (サンビャク→0), long ones are counted kana by kana.
- *spellings*: how words that kept their reading were spelled (口座→講座), and which words a reading may become.
- *lines*: how much worse than the average each call was, and how often a whole turn was lost in it.

A noised call draws one line, each turn its changes; kana that changed are spelled with words the recogniser has used,
longest first. Everything follows from the `Random` given.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from random import Random
from typing import Final

from sudachipy import Dictionary, SplitMode, Tokenizer

from denwaban.detect.text import ModelText, Reader, normalise
from training.calls import Call
from training.recognise import Recognised

LONGEST_RUN: Final = 6
"""Long enough for a number read aloud. Longer differences side by side are counted kana by kana."""
ALIGNABLE: Final = 0.6
"""Beyond this share of edits an alignment is arbitrary; such turns count for the lines only."""
LEAST_COUNT: Final = 2
"""A run of several kana must have changed so often to be learned as a run; else kana by kana."""
SURE: Final = 0.9
"""The highest probability of a change, however bad the line."""
LONGEST_WORD: Final = 10
_SENTENCE_END: Final = re.compile(r"(?<=[。！？!?])(?=\w)")
_KATAKANA: Final = {chr(code): chr(code - 0x60) for code in range(ord("ァ"), ord("ヶ") + 1)}

Odds = tuple[tuple[str, float], ...]
"""Outcomes with their probabilities or counts, in a fixed order."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as the detector would see it: text as it stands, normalised spelling and reading ("" for punctuation)."""

    text: str
    surface: str
    kana: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Written kana `start` to `end` came out as `heard`."""

    start: int
    end: int
    heard: str


@dataclass(frozen=True, slots=True)
class Line:
    """How bad a call was: its error rate over the average, and the share of its turns that were lost entirely."""

    factor: float
    lost: float


@dataclass(frozen=True, slots=True)
class Noise:
    """The learned confusions."""

    changes: Mapping[str, Odds]
    """Written kana (the empty string: between two kana) → what they become, with probabilities."""
    respelled: Mapping[str, Odds]
    """A written word → spellings with the same reading that came out, with counts."""
    words: Mapping[str, Odds]
    """A reading → spellings in recognised text, with counts."""
    lines: tuple[Line, ...]
    split: float
    """Probability that an utterance ends at the end of a sentence inside a turn."""


class Words:
    """Cuts text into words, as `denwaban.detect.text.Reader` does."""

    def __init__(self) -> None:
        self._tokenizer: Tokenizer = Dictionary(dict="small").tokenizer(mode=SplitMode.C)

    def of(self, text: str) -> list[Word]:
        """All words in order; their texts joined are the text."""
        found = []
        for word in self._tokenizer.tokenize(text):
            surface = normalise(word.surface())
            kana = surface if surface.isascii() else normalise(word.reading_form() or word.surface())
            found.append(Word(word.surface(), surface, kana))
        return found


def kana_of(words: Iterable[Word]) -> str:
    """The reading of a text."""
    return "".join(word.kana for word in words)


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


def edit_size(edit: Edit) -> int:
    """An upper bound of the edits in a difference; exact for those of an alignment."""
    return max(edit.end - edit.start, len(edit.heard))


def _by_kana(edit: Edit) -> Iterator[Edit]:
    """A difference kana by kana: what is left over of the heard goes to the last one."""
    size = edit.end - edit.start
    for i in range(size):
        yield Edit(edit.start + i, edit.start + i + 1, edit.heard[i:] if i == size - 1 else edit.heard[i : i + 1])


@dataclass(frozen=True, slots=True)
class Heard:
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
        return sum(map(edit_size, self.edits)) / max(1, len(self.kana))


def heard_turns(rows: Mapping[tuple[str, int], Sequence[Recognised]], calls: Iterable[Call]) -> list[Heard]:
    """All rows of these calls, aligned (the slow part: about 3 ms a turn)."""
    words, result = Words(), []
    for call in calls:
        for position, turn in enumerate(call.turns):
            for row in rows.get((call.id, position), ()):
                written = tuple(words.of(turn.text))
                utterances = tuple(tuple(words.of(text)) for text in row.text)
                edits = align(kana_of(written), "".join(map(kana_of, utterances)))
                sentences = len(_SENTENCE_END.split(turn.text))
                result.append(Heard(call.id, written, utterances, tuple(edits), sentences))
    return result


def learn(turns: Sequence[Heard]) -> Noise:
    """The confusions of these turns. Raises ValueError without any."""
    if not turns:
        raise ValueError("no recognised turns to learn from; run make corpus-audio")
    clear = [turn for turn in turns if turn.rate <= ALIGNABLE]
    words: dict[str, Counter[str]] = defaultdict(Counter)
    respelled: dict[str, Counter[str]] = defaultdict(Counter)
    for turn in clear:
        for word in (word for utterance in turn.utterances for word in utterance if word.kana):
            words[word.kana][word.surface] += 1
        for written, heard in _kept(turn):
            respelled[written.surface][heard.surface] += 1
    ends = sum(turn.sentences - 1 for turn in turns if turn.utterances)
    cuts = sum(min(turn.sentences, len(turn.utterances)) - 1 for turn in turns if turn.utterances)
    return Noise(
        changes=_changes(clear),
        respelled={word: _odds(counts) for word, counts in sorted(respelled.items())},
        words={kana: _odds(counts) for kana, counts in sorted(words.items())},
        lines=_lines(turns, clear),
        split=cuts / max(1, ends),
    )


def _odds(counts: Counter[str]) -> Odds:
    return tuple(sorted(counts.items()))


def _kept(turn: Heard) -> Iterator[tuple[Word, Word]]:
    """Words that kept their reading and their borders, with what they were spelled as."""
    begins, at = {}, 0
    for word in (word for utterance in turn.utterances for word in utterance if word.kana):
        begins[at] = word
        at += len(word.kana)
    places, start = _places(turn), 0
    for word in (word for word in turn.written if word.kana):
        span, start = places[start : start + len(word.kana)], start + len(word.kana)
        found = begins.get(span[0])
        if found is not None and found.kana == word.kana and span == list(range(span[0], span[0] + len(span))):
            yield word, found


def _places(turn: Heard) -> list[int]:
    """For each written kana where it stands in the heard reading, -1 where it came out as something else."""
    places: list[int] = []
    at = 0
    for edit in (*turn.edits, Edit(len(turn.kana), len(turn.kana), "")):
        same = edit.start - len(places)
        places += [*range(at, at + same), *([-1] * (edit.end - edit.start))]
        at += same + len(edit.heard)
    return places


def _changes(turns: Sequence[Heard]) -> dict[str, Odds]:
    """Probabilities of changes: how often a run came out as something else, of the times it was written."""
    texts = [turn.kana for turn in turns]
    counts = Counter((t.kana[e.start : e.end], e.heard) for t in turns for e in t.edits)
    kept: dict[str, Counter[str]] = defaultdict(Counter)
    for turn in turns:
        for edit in turn.edits:
            run = turn.kana[edit.start : edit.end]
            common = len(run) <= LONGEST_RUN and counts[run, edit.heard] >= LEAST_COUNT
            for part in [edit] if common or len(run) <= 1 else _by_kana(edit):
                kept[turn.kana[part.start : part.end]][part.heard] += 1
    everything = "\n".join(texts)
    written = {run: everything.count(run) if run else len(everything) for run in kept}
    return {
        run: tuple((heard, count / written[run]) for heard, count in _odds(counts_of) if heard != run)
        for run, counts_of in sorted(kept.items())
    }


def _lines(turns: Sequence[Heard], clear: Sequence[Heard]) -> tuple[Line, ...]:
    """One per call. Error rates are relative to that of the turns the changes were counted in."""
    average = sum(t.rate * len(t.kana) for t in clear) / max(1, sum(len(t.kana) for t in clear))
    lines = []
    for _, group in groupby(turns, key=lambda turn: turn.call):
        of_call = list(group)
        heard = [turn for turn in of_call if turn.utterances]
        rate = sum(t.rate * len(t.kana) for t in heard) / max(1, sum(len(t.kana) for t in heard))
        lines.append(Line(rate / max(average, 1e-3), 1 - len(heard) / len(of_call)))
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class _Change:
    """What a run of kana may become, ready to be drawn from."""

    chance: float
    heard: tuple[str, ...]
    cumulated: tuple[float, ...]

    @classmethod
    def of(cls, odds: Odds) -> _Change:
        cumulated = tuple(accumulate(chance for _, chance in odds))
        return cls(cumulated[-1], tuple(heard for heard, _ in odds), cumulated)


class Noiser:
    """Noises text. Not thread-safe; make one per thread."""

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self._words = Words()
        self._reader = Reader()
        self._changes = {run: _Change.of(odds) for run, odds in noise.changes.items() if odds}
        self._longest = max(map(len, noise.changes), default=0)

    def line(self, random: Random) -> Line:
        """The line of a call."""
        return random.choice(self._noise.lines)

    def noised(self, text: str, line: Line, random: Random) -> tuple[ModelText, ...]:
        """What the recogniser might have made of a turn, utterance by utterance; empty when it heard nothing."""
        if random.random() < line.lost:
            return ()
        parts = [""]
        for sentence in _SENTENCE_END.split(text):
            cut = parts[-1] and random.random() < self._noise.split
            parts = [*parts, sentence] if cut else [*parts[:-1], parts[-1] + sentence]
        read = (self._reader.read(self.respoken(part, line, random)) for part in parts)
        return tuple(one for one in read if one.surface)

    def respoken(self, text: str, line: Line, random: Random) -> str:
        """One utterance in the recogniser's spelling, with its errors."""
        words = self._words.of(text)
        pieces: list[str] = []
        changed = ""
        for word, kana in zip(words, self._changed(words, line, random), strict=True):
            if kana is not None:
                changed += kana
                continue
            pieces += [self._spelled(changed, random), self._respelled(word, random)]
            changed = ""
        return "".join(pieces) + self._spelled(changed, random)

    def _changed(self, words: Sequence[Word], line: Line, random: Random) -> list[str | None]:
        """The reading of each word after the changes, None where nothing changed in it."""
        kana, outcomes = kana_of(words), list[str | None]()
        while len(outcomes) < len(kana):
            size, heard = self._next(kana[len(outcomes) : len(outcomes) + self._longest], line, random)
            outcomes += [heard, *[""] * (size - 1)]
        result, start = [], 0
        for word in words:
            end = start + len(word.kana)
            of_word = outcomes[start:end]
            changed = any(heard is not None for heard in of_word)
            heard_kana = "".join(k if h is None else h for k, h in zip(word.kana, of_word, strict=True))
            result.append(heard_kana if changed else None)
            start = end
        return result

    def _next(self, ahead: str, line: Line, random: Random) -> tuple[int, str | None]:
        """How many kana to go on and what is heard for them: the longest run that happens to change; else one, None."""
        for size in range(len(ahead), -1, -1):
            change = self._changes.get(ahead[:size])
            if change is not None and random.random() < min(SURE, change.chance * line.factor):
                heard = random.choices(change.heard, cum_weights=change.cumulated)[0]
                return (size, heard) if size else (1, heard + ahead[0])
        return 1, None

    def _respelled(self, word: Word, random: Random) -> str:
        odds = self._noise.respelled.get(word.surface)
        return _pick(odds, random) if odds and word.kana else word.text

    def _spelled(self, kana: str, random: Random) -> str:
        """Words of the recogniser for a reading, longest first; hiragana where there are none."""
        spelled, at = "", 0
        while at < len(kana):
            sizes = range(min(LONGEST_WORD, len(kana) - at), 0, -1)
            size = next((size for size in sizes if kana[at : at + size] in self._noise.words), 0)
            if size:
                spelled += _pick(self._noise.words[kana[at : at + size]], random)
            else:
                spelled += _KATAKANA.get(kana[at], kana[at])
            at += max(1, size)
        return spelled


def _pick(odds: Odds, random: Random) -> str:
    return random.choices([outcome for outcome, _ in odds], [count for _, count in odds])[0]


def render_heard(
    rows: Mapping[tuple[str, int], Sequence[Recognised]], noiser: Noiser
) -> Callable[[Call, int], tuple[ModelText, ...]]:
    """(call, turn) → what the recogniser made of it where it was rendered, else what it might have made of it.

    The noise follows from call id and turn alone, whatever else was asked for before.
    """
    reader = Reader()

    def heard(call: Call, turn: int) -> tuple[ModelText, ...]:
        if found := rows.get((call.id, turn)):
            return tuple(text for text in map(reader.read, found[0].text) if text.surface)
        line = noiser.line(Random(f"line {call.id}"))
        return noiser.noised(call.turns[turn].text, line, Random(f"noise {call.id} {turn}"))

    return heard
