"""The corpus as data: written calls, one plain-text file per hand (author or batch), parsed and checked.

The format is described in `training/corpus/README.md`. Nothing here knows about models.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

CORPUS_DIR: Final = Path(__file__).parent / "corpus"

Label = Literal["scam", "sales", "harmless"]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


CATEGORIES: Final[dict[str, frozenset[str]]] = {
    "scam": _names(
        "kin police savings card_theft billing refund loan invest gambling dating prize recovery telecom "
        "insurance_card parcel power support probe side_job"
    ),
    "sales": _names("inspection purchase roof_claim telecom_sales solar property other_sales"),
    "harmless": _names(
        "police outreach loudspeaker city bank utility delivery shop medical care family_money family "
        "scam_talk survey debt insurance telemarketing friend neighbour work school wrong_number repair "
        "charity"
    ),
}
LEAST_CALLS: Final[dict[str, int]] = {"scam": 400, "sales": 100, "harmless": 600}
COPIED: Final = 0.25
"""A larger share of common 14-grams is a copy."""
DIFFICULTIES: Final = frozenset(("easy", "medium", "hard"))
_HEADER: Final = re.compile(r"^== (?P<id>h\d\d-[a-z]\d{3})(?P<rest>( [a-z_]+(=\S+)?)*)$")
_FAR: Final = re.compile(r"^F(?P<stage>[0-4])(?P<ask>!?) (?P<text>.+)$")
_NEAR: Final = re.compile(r"^N (?P<text>.+)$")


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. `far` is the other end of the line; `stage` 0–4 and `ask` are labels of far turns only."""

    far: bool
    text: str
    stage: int = 0
    ask: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One written call with its labels."""

    id: str
    hand: str
    label: Label
    category: str
    difficulty: str
    turns: tuple[Turn, ...]
    whole: bool = False
    series: str | None = None
    day: int = 1
    direction: Literal["in", "out"] = "in"
    caller_id: str | None = None

    @property
    def far_turns(self) -> tuple[Turn, ...]:
        return tuple(turn for turn in self.turns if turn.far)


class CorpusError(ValueError):
    """A line of a corpus file that breaks the format; the message names file and line."""


def _header(line: str, where: str, hand: str) -> dict[str, str]:
    match = _HEADER.match(line)
    if not match:
        raise CorpusError(
            f"{where}: not a call header: {line!r} (want '== {hand}-s001 label=… category=… difficulty=…')"
        )
    fields = {"id": match["id"]}
    for part in match["rest"].split():
        key, _, value = part.partition("=")
        fields[key] = value or "yes"
    unknown = fields.keys() - {
        "id",
        "label",
        "category",
        "difficulty",
        "whole",
        "series",
        "day",
        "direction",
        "caller_id",
    }
    if unknown:
        raise CorpusError(f"{where}: unknown header field {sorted(unknown)}")
    label, category = fields.get("label", ""), fields.get("category", "")
    if label not in CATEGORIES:
        raise CorpusError(f"{where}: label={label!r}, want one of {sorted(CATEGORIES)}")
    if category not in CATEGORIES[label]:
        raise CorpusError(
            f"{where}: category={category!r} is not a {label} category; want one of {sorted(CATEGORIES[label])}"
        )
    if fields.get("difficulty") not in DIFFICULTIES:
        raise CorpusError(f"{where}: difficulty must be one of {sorted(DIFFICULTIES)}")
    if not fields.get("day", "1").isdecimal():
        raise CorpusError(f"{where}: day={fields['day']!r}, want a number")
    if not fields["id"].startswith(hand):
        raise CorpusError(f"{where}: id {fields['id']} does not start with the hand {hand} of this file")
    return fields


def _turn(line: str, where: str) -> Turn:
    if match := _FAR.match(line):
        return Turn(True, match["text"].strip(), int(match["stage"]), bool(match["ask"]))
    if match := _NEAR.match(line):
        return Turn(False, match["text"].strip())
    raise CorpusError(f"{where}: not a turn: {line!r} (want 'F0 text', 'F4! text' or 'N text')")


def _call(fields: dict[str, str], turns: list[Turn], hand: str) -> Call:
    return Call(
        id=fields["id"],
        hand=hand,
        label=fields["label"],  # type: ignore[arg-type]  # checked in _header
        category=fields["category"],
        difficulty=fields["difficulty"],
        turns=tuple(turns),
        whole="whole" in fields,
        series=fields.get("series"),
        day=int(fields.get("day", "1")),
        direction="out" if fields.get("direction") == "out" else "in",
        caller_id=fields.get("caller_id"),
    )


def parse_hand(path: Path) -> list[Call]:
    """Read one corpus file `hNN.txt`; raises CorpusError naming the line."""
    hand = path.stem
    calls: list[Call] = []
    fields: dict[str, str] | None = None
    turns: list[Turn] = []
    for number, raw in enumerate(path.read_text("utf-8").splitlines(), 1):
        line, where = raw.strip(), f"{path.name}:{number}"
        if not line or line.startswith("#"):
            continue
        if line.startswith("=="):
            if fields is not None:
                calls.append(_call(fields, turns, hand))
            fields, turns = _header(line, where, hand), []
        elif fields is None:
            raise CorpusError(f"{where}: a turn before the first call header")
        else:
            turns.append(_turn(line, where))
    if fields is not None:
        calls.append(_call(fields, turns, hand))
    return calls


def load_corpus(folder: Path = CORPUS_DIR) -> list[Call]:
    """All calls of all hands, in file order."""
    return [call for path in sorted(folder.glob("h[0-9][0-9].txt")) for call in parse_hand(path)]


def _shingles(call: Call, n: int = 14) -> set[str]:
    text = "".join(re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", turn.text)) for turn in call.far_turns)
    return {text[i : i + n] for i in range(len(text) - n + 1)}


def _label_problems(call: Call) -> Iterator[str]:
    if not call.far_turns:
        yield f"{call.id}: no far turn"
    if call.label == "harmless" and any(turn.stage or turn.ask for turn in call.far_turns):
        yield f"{call.id}: a harmless call has only F0 turns"
    if call.label == "sales" and any(turn.stage > 2 or turn.ask for turn in call.far_turns):
        yield f"{call.id}: a sales call has F0, F1, F2 only"
    if call.label == "scam" and any(turn.ask and turn.stage != 4 for turn in call.far_turns):
        yield f"{call.id}: '!' (decisive ask) goes with F4 only"
    if call.whole and len(call.turns) < 10:
        yield f"{call.id}: marked whole but has {len(call.turns)} turns (want 10 or more)"
    for turn in call.turns:
        if len(turn.text) > 220:
            yield f"{call.id}: a turn of {len(turn.text)} characters; people pause: split it"


def copied(calls: list[Call]) -> list[tuple[str, str, float]]:
    """Pairs of calls that share over a quarter of the shorter one's 14-grams, with that share."""
    shingles = {call.id: _shingles(call) for call in calls}
    holders: dict[str, list[str]] = defaultdict(list)
    for name, found in shingles.items():
        for shingle in found:
            holders[shingle].append(name)
    shared = Counter(pair for names in holders.values() for pair in itertools.combinations(sorted(names), 2))
    shares = []
    for (one, two), common in sorted(shared.items()):
        shorter = min(len(shingles[one]), len(shingles[two]))
        if shorter >= 20 and common / shorter > COPIED:
            shares.append((one, two, common / shorter))
    return shares


def unbalanced(calls: list[Call]) -> list[str]:
    """What the corpus as a whole lacks, as sentences."""
    problems = []
    for label, least in LEAST_CALLS.items():
        of_label = [call for call in calls if call.label == label]
        if len(of_label) < least:
            problems.append(f"{len(of_label)} {label} calls; want {least}")
        if 4 * sum(call.whole for call in of_label) < len(of_label):
            problems.append(f"of {label} calls less than a quarter are whole")
        if missing := CATEGORIES[label] - {call.category for call in of_label}:
            problems.append(f"no {label} calls of {', '.join(sorted(missing))}")
    harmless = [call for call in calls if call.label == "harmless"]
    if 2 * sum(call.difficulty == "hard" for call in harmless) < len(harmless):
        problems.append("less than half of the harmless calls are hard")
    hand, most = Counter(call.hand for call in calls).most_common(1)[0]
    if 5 * most > len(calls):
        problems.append(f"more than a fifth of the calls are by one hand, {hand}")
    return problems


def lint(calls: list[Call]) -> list[str]:
    """Problems of the corpus as sentences: wrong labels, double ids, copied calls, series of a single call."""
    problems = [problem for call in calls for problem in _label_problems(call)]
    problems += [f"{call_id}: id used {n} times" for call_id, n in Counter(c.id for c in calls).items() if n > 1]
    for one, two, share in copied(calls):
        problems.append(f"{one} and {two} share {share:.0%} of their 14-grams")
    series = Counter(call.series for call in calls if call.series)
    problems += [f"series {name} has only one call" for name, n in series.items() if n < 2]
    return problems


def summary(calls: list[Call]) -> str:
    """Counts by hand, label and category, as text."""
    lines = [
        f"{len(calls)} calls, {sum(len(c.far_turns) for c in calls)} far turns, "
        f"{sum(c.whole for c in calls)} whole calls"
    ]
    for label in CATEGORIES:
        of_label = [call for call in calls if call.label == label]
        counts = Counter(call.category for call in of_label)
        lines.append(
            f"{label} {len(of_label)} (whole {sum(c.whole for c in of_label)}): "
            + ", ".join(f"{k} {v}" for k, v in counts.most_common())
        )
        if missing := CATEGORIES[label] - counts.keys():
            lines.append(f"  none yet: {', '.join(sorted(missing))}")
    hands = Counter(call.hand for call in calls)
    lines.append("hands: " + ", ".join(f"{hand} {n}" for hand, n in sorted(hands.items())))
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """`python -m training.calls [FILE…]`: lint and count. Exit 1 when the lint finds something."""
    parser = argparse.ArgumentParser(
        prog="python -m training.calls", description="Check the corpus and count what is in it."
    )
    parser.add_argument("files", nargs="*", type=Path, help="corpus files (default: all hands)")
    files: list[Path] = parser.parse_args(argv).files
    try:
        calls = [call for path in files for call in parse_hand(path)] if files else load_corpus()
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 1
    problems = lint(calls) + ([] if files else unbalanced(calls))
    print(summary(calls))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
