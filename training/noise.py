"""What the recogniser does to text it was never given: a confusion model learned from written and recognised turns.

Learned from the pairs of `training.recognise`:

- *hits*: how often a word does not come through with its reading. Common words have their own rate, others share one.
  Errors come in bursts: after a hit word the next is hit more often.
- *changes*: which short runs of kana inside hit words come out as which others (サンビャク→0), without context.
- *spellings*: how words that kept their reading were spelled (口座→講座), and which words a reading may become.
- *lines*: how much worse than the average each call was, and how often a whole turn was lost in it.

A noised call draws one line, each word its hit, each hit word its changes; kana that changed are spelled with words the
recogniser has used, longest first. Everything follows from the `Random` given.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from random import Random
from typing import Final

from denwaban.detect.text import ModelText, Reader
from training.alignment import SENTENCE_END, Aligned, Edit, Word, Words, within_words
from training.calls import Call
from training.recognise import Recognised

LONGEST_RUN: Final = 6
"""Long enough for a number read aloud. Longer differences side by side are counted kana by kana."""
ALIGNABLE: Final = 0.6
"""Beyond this share of edits an alignment is arbitrary; such turns count for the lines only."""
LEAST_COUNT: Final = 2
"""A run of several kana must have changed so often to be learned as a run; else kana by kana."""
PRIOR_COUNT: Final = 5.0
"""A word's own hit rate counts like that of all words together once it was written so often."""
SURE: Final = 0.95
"""The highest probability of a hit, however bad the line."""
DRAWS: Final = 6
"""So often the changes of a hit word are drawn until there is one."""
LONGEST_WORD: Final = 10
_HIRAGANA: Final = {chr(code): chr(code - 0x60) for code in range(ord("ァ"), ord("ヶ") + 1)}

Odds = tuple[tuple[str, float], ...]
"""Outcomes with their probabilities or counts, in a fixed order."""


@dataclass(frozen=True, slots=True)
class Line:
    """How bad a call was: its share of hit words over the average, and the share of its turns that were lost."""

    factor: float
    lost: float


@dataclass(frozen=True, slots=True)
class Hits:
    """Probabilities that a word is hit: by spelling, for other words by number of kana; what the word before means."""

    words: Mapping[str, float]
    by_length: tuple[float, ...]
    after_hit: float
    after_kept: float

    def chance(self, word: Word, before: bool | None, factor: float) -> float:
        """`before`: whether the word before was hit, None at the beginning."""
        if not word.kana or not self.by_length:
            return 0.0
        own = self.words.get(word.surface, self.by_length[min(len(word.kana), len(self.by_length)) - 1])
        neighbour = 1.0 if before is None else self.after_hit if before else self.after_kept
        return min(SURE, own * neighbour * factor)


@dataclass(frozen=True, slots=True)
class Noise:
    """The learned confusions."""

    hits: Hits
    changes: Mapping[str, Odds]
    """Written kana (the empty string: before a kana) → what they become in hit words, with probabilities."""
    respelled: Mapping[str, Odds]
    """A written word → spellings with the same reading that came out, with counts."""
    words: Mapping[str, Odds]
    """A reading → spellings in recognised text, with counts."""
    lines: tuple[Line, ...]
    split: float
    """Probability that an utterance ends at the end of a sentence inside a turn."""


def learn(turns: Sequence[Aligned]) -> Noise:
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
        hits=_hits(clear),
        changes=_changes(clear),
        respelled={word: _odds(counts) for word, counts in sorted(respelled.items())},
        words={kana: _odds(counts) for kana, counts in sorted(words.items())},
        lines=_lines(turns, clear),
        split=cuts / max(1, ends),
    )


def _odds(counts: Counter[str]) -> Odds:
    return tuple(sorted(counts.items()))


def _hit_words(turn: Aligned) -> list[tuple[Word, list[Edit]]]:
    """All words that have a reading, with their edits: none where the reading came through."""
    pairs = zip(turn.written, within_words(turn.edits, turn.written), strict=True)
    return [(word, edits) for word, edits in pairs if word.kana]


def _kept(turn: Aligned) -> Iterator[tuple[Word, Word]]:
    """Words that kept their reading and their borders, with what they were spelled as."""
    begins, at = {}, 0
    for word in (word for utterance in turn.utterances for word in utterance if word.kana):
        begins[at] = word
        at += len(word.kana)
    places, start = turn.heard_at(), 0
    for word in (word for word in turn.written if word.kana):
        span, start = places[start : start + len(word.kana)], start + len(word.kana)
        found = begins.get(span[0])
        if found is not None and found.kana == word.kana and span == list(range(span[0], span[0] + len(span))):
            yield word, found


def _rate(hits: int, all_of: int) -> float:
    return hits / all_of if all_of else 0.0


def _hits(turns: Sequence[Aligned]) -> Hits:
    written: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    lengths: Counter[int] = Counter()
    hit_lengths: Counter[int] = Counter()
    after: Counter[tuple[bool, bool]] = Counter()
    length_of: dict[str, int] = {}
    for turn in turns:
        flags = [(word, bool(edits)) for word, edits in _hit_words(turn)]
        for word, is_hit in flags:
            length = length_of[word.surface] = min(len(word.kana), LONGEST_WORD)
            written[word.surface] += 1
            lengths[length] += 1
            hit[word.surface] += is_hit
            hit_lengths[length] += is_hit
        after.update((one, two) for (_, one), (_, two) in pairwise(flags))
    overall = _rate(hit_lengths.total(), lengths.total())
    by_length = tuple(
        (hit_lengths[n] + PRIOR_COUNT * overall) / (lengths[n] + PRIOR_COUNT) for n in range(1, LONGEST_WORD + 1)
    )
    own = {
        word: (hit[word] + PRIOR_COUNT * by_length[length_of[word] - 1]) / (count + PRIOR_COUNT)
        for word, count in sorted(written.items())
    }
    after_hit, after_kept = (_rate(after[b, True], after[b, True] + after[b, False]) for b in (True, False))
    return Hits(own, by_length, after_hit / max(overall, 1e-3), after_kept / max(overall, 1e-3))


def _by_kana(edit: Edit) -> Iterator[Edit]:
    """A difference kana by kana: what is left over of the heard goes to the last one."""
    size = edit.end - edit.start
    for i in range(size):
        yield Edit(edit.start + i, edit.start + i + 1, edit.heard[i:] if i == size - 1 else edit.heard[i : i + 1])


def _changes(turns: Sequence[Aligned]) -> dict[str, Odds]:
    """Probabilities of changes: how often a run came out as something else, of the times it stood in a hit word."""
    hit = [(word.kana, edit) for turn in turns for word, edits in _hit_words(turn) for edit in edits]
    seen = Counter((kana[e.start : e.end], e.heard) for kana, e in hit)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for kana, edit in hit:
        run = kana[edit.start : edit.end]
        common = len(run) <= LONGEST_RUN and seen[run, edit.heard] >= LEAST_COUNT
        for part in [edit] if common or len(run) <= 1 else _by_kana(edit):
            counts[kana[part.start : part.end]][part.heard] += 1
    hit_words = [word.kana for turn in turns for word, edits in _hit_words(turn) if edits]
    everything = "\n".join(hit_words)
    times = {run: everything.count(run) if run else sum(map(len, hit_words)) for run in counts}
    return {
        run: tuple((heard, count / times[run]) for heard, count in _odds(of_run) if heard != run)
        for run, of_run in sorted(counts.items())
    }


def _hit_share(turns: Sequence[Aligned]) -> float:
    flags = [bool(edits) for turn in turns for _, edits in _hit_words(turn)]
    return _rate(sum(flags), len(flags))


def _lines(turns: Sequence[Aligned], clear: Sequence[Aligned]) -> tuple[Line, ...]:
    """One per call, relative to the turns the hits were counted in."""
    average = max(_hit_share(clear), 1e-3)
    lines = []
    for _, group in groupby(turns, key=lambda turn: turn.call):
        of_call = list(group)
        heard = [turn for turn in of_call if turn.utterances]
        lines.append(Line(_hit_share(heard) / average, 1 - len(heard) / len(of_call)))
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
        for sentence in SENTENCE_END.split(text):
            cut = parts[-1] and random.random() < self._noise.split
            parts = [*parts, sentence] if cut else [*parts[:-1], parts[-1] + sentence]
        read = (self._reader.read(self.respoken(part, line, random)) for part in parts)
        return tuple(one for one in read if one.surface)

    def respoken(self, text: str, line: Line, random: Random) -> str:
        """One utterance in the recogniser's spelling, with its errors."""
        pieces: list[str] = []
        changed, before = "", None
        for word in self._words.of(text):
            hit = random.random() < self._noise.hits.chance(word, before, line.factor)
            if hit:
                changed += self._misheard(word.kana, random)
            else:
                pieces += [self._spelled(changed, random), self._respelled(word, random)]
                changed = ""
            before = hit if word.kana else before
        return "".join(pieces) + self._spelled(changed, random)

    def _misheard(self, kana: str, random: Random) -> str:
        """The reading of a hit word."""
        for _ in range(DRAWS):
            heard, at = "", 0
            while at < len(kana):
                size, outcome = self._next(kana[at : at + self._longest] or kana[at], random)
                heard += outcome
                at += size
            if heard != kana:
                return heard
        return kana

    def _next(self, ahead: str, random: Random) -> tuple[int, str]:
        """How many kana to go on and what is heard for them: the longest run that happens to change, else one kana."""
        for size in range(len(ahead), -1, -1):
            change = self._changes.get(ahead[:size])
            if change is not None and random.random() < change.chance:
                heard = random.choices(change.heard, cum_weights=change.cumulated)[0]
                return (size, heard) if size else (1, heard + ahead[0])
        return 1, ahead[0]

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
                spelled += _HIRAGANA.get(kana[at], kana[at])
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
