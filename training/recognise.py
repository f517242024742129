"""`python -m training.recognise`: far-end turns of the corpus through telephone and recogniser, kept as text.

One row per rendered turn in `training/recognised/<hand>.jsonl`. A call has one voice and one line condition, as real
calls do; which ones follows from its id alone. Loading rows and `--report` need neither voices nor recogniser.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from training.calls import CORPUS_DIR, Call, load_corpus
from training.takes import chosen, far_positions, take_of

if TYPE_CHECKING:
    from training.telephone import Studio

RECOGNISED_DIR: Final = Path(__file__).parent / "recognised"
TURNS: Final = 4000
"""Turns rendered by default."""
NICENESS: Final = 10
SAVE_EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True, order=True)
class Recognised:
    """One rendered turn. `turn` counts all turns of the call from 0; `text` is one string per utterance, maybe none."""

    call: str
    turn: int
    voice: str = field(compare=False)
    pitch: float = field(compare=False)
    speed: float = field(compare=False)
    condition: str = field(compare=False)
    written: str = field(compare=False)
    """Digest of the turn as it was written when it was rendered: a changed turn is rendered again."""
    text: tuple[str, ...] = field(compare=False)

    @property
    def joined(self) -> str:
        """All utterances in one line of text."""
        return "".join(self.text)


class RecognisedError(ValueError):
    """A row that breaks the format; the message names file and line."""


def digest(text: str) -> str:
    """A short name for a written turn."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def read_rows(path: Path) -> list[Recognised]:
    """The rows of one file. Raises RecognisedError naming the line."""
    rows = []
    for number, line in enumerate(path.read_text("utf-8").rstrip("\n").split("\n"), 1):
        try:
            table = json.loads(line)
            rows.append(Recognised(**{**table, "text": tuple(table["text"])}))
        except (ValueError, TypeError, KeyError) as error:
            raise RecognisedError(
                f"{path.name}:{number}: not a row ({error}); delete it, or run make corpus-audio"
            ) from error
    return rows


def write_rows(path: Path, rows: Iterable[Recognised]) -> None:
    """Write one file sorted by call and turn; the old file stays whole until the new one is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text("".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in sorted(rows)), "utf-8")
    part.replace(path)


def load_recognised(
    folder: Path = RECOGNISED_DIR, calls: Iterable[Call] | None = None
) -> dict[tuple[str, int], list[Recognised]]:
    """All rows by (call id, turn position). With `calls`, rows of turns that have changed since are left out."""
    current = None if calls is None else {(c.id, i): digest(t.text) for c in calls for i, t in enumerate(c.turns)}
    found: dict[tuple[str, int], list[Recognised]] = defaultdict(list)
    for path in sorted(folder.glob("h[0-9][0-9].jsonl")):
        for row in read_rows(path):
            key = (row.call, row.turn)
            if current is None or current.get(key) == row.written:
                found[key].append(row)
    return dict(found)


Job = tuple[Call, tuple[int, ...]]
"""A call and the positions of the turns to render."""


def missing(calls: Iterable[Call], have: Mapping[tuple[str, int], list[Recognised]]) -> list[Job]:
    """What is still to be rendered: turns without a row, or whose row was made from other words."""
    jobs = []
    for call in calls:
        rows = {turn: row for turn in far_positions(call) for row in have.get((call.id, turn), [])}
        todo = [t for t in far_positions(call) if t not in rows or rows[t].written != digest(call.turns[t].text)]
        if todo:
            jobs.append((call, tuple(todo)))
    return jobs


class _Worker:
    """What a process keeps between jobs."""

    studio: Studio | None = None


def _start_worker(model: Path) -> None:
    # Imported here: reading rows must work where neither voices nor recogniser are installed.
    from training.telephone import open_studio  # noqa: PLC0415

    os.nice(max(0, NICENESS - os.nice(0)))
    _Worker.studio = open_studio(model)


def _render(job: Job) -> list[Recognised]:
    if _Worker.studio is None:
        raise RuntimeError("the worker was not started")
    call, turns = job
    rows = []
    for turn in turns:
        take, written = take_of(call, turn), call.turns[turn].text
        text = _Worker.studio.recognised(written, take)
        rows.append(
            Recognised(call.id, turn, take.voice, take.pitch, take.speed, take.condition, digest(written), text)
        )
    return rows


def render(jobs: list[Job], model: Path, processes: int) -> Iterator[list[Recognised]]:
    """Rows of each job as they are ready."""
    if processes == 1:
        _start_worker(model)
        yield from map(_render, jobs)
        return
    with ProcessPoolExecutor(processes, initializer=_start_worker, initargs=(model,)) as pool:
        yield from pool.map(_render, jobs)


def _save(folder: Path, rows: Mapping[tuple[str, int], list[Recognised]]) -> None:
    by_hand: dict[str, list[Recognised]] = defaultdict(list)
    for (call, _), found in rows.items():
        by_hand[call.partition("-")[0]] += found
    for hand, found in by_hand.items():
        write_rows(folder / f"{hand}.jsonl", found)


def _keep_rendering(jobs: list[Job], folder: Path, model: Path, processes: int, say: Callable[[str], None]) -> None:
    """Render and save as it goes; rows already in the folder stay."""
    rows = load_recognised(folder)
    total, done = sum(len(turns) for _, turns in jobs), 0
    started = saved = time.monotonic()
    try:
        for ready in render(jobs, model, processes):
            rows.update({(row.call, row.turn): [row] for row in ready})
            done += len(ready)
            if (now := time.monotonic()) - saved > SAVE_EVERY_S:
                _save(folder, rows)
                saved = now
                left = (now - started) / done * (total - done)
                say(f"{done} of {total} turns, {left / 60:.0f} minutes left")
    finally:
        _save(folder, rows)
        say(f"{done} of {total} turns rendered; {len(rows)} rows in {folder}")


def distance(one: str, two: str) -> int:
    """Edit distance (Levenshtein)."""
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(two, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


@dataclass(frozen=True, slots=True)
class Pair:
    """Readings of a turn as written and as recognised."""

    row: Recognised
    written: str
    heard: str

    @property
    def edits(self) -> int:
        return distance(self.written, self.heard)


def pairs(rows: Mapping[tuple[str, int], list[Recognised]], calls: Iterable[Call]) -> list[Pair]:
    """Kana pairs of all rows, in the reading that the detector uses."""
    from denwaban.detect.text import Reader  # noqa: PLC0415 - its dictionary takes a quarter of a second

    reader, texts = Reader(), {(c.id, i): turn.text for c in calls for i, turn in enumerate(c.turns)}
    return [
        Pair(row, reader.read(texts[key]).kana, reader.read(row.joined).kana)
        for key, found in sorted(rows.items())
        for row in found
    ]


def report(found: list[Pair]) -> str:
    """Kana character error rates by voice and by condition, as a Markdown table."""
    lines = ["| voice or condition | turns | kana CER | median | nothing heard |", "|---|---|---|---|---|"]
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in found:
        engine = pair.row.voice.partition(":")[0]
        for name in (pair.row.voice, f"{engine}, {pair.row.condition}", pair.row.condition, "all"):
            groups[name].append(pair)
    for name, group in sorted(groups.items()):
        edits = [pair.edits for pair in group]
        rate = sum(edits) / max(1, sum(len(pair.written) for pair in group))
        median = statistics.median(e / max(1, len(pair.written)) for e, pair in zip(edits, group, strict=True))
        deaf = sum(not pair.row.text for pair in group)
        lines.append(f"| {name} | {len(group)} | {rate:.3f} | {median:.3f} | {deaf} |")
    return "\n".join(lines)


def _balance(rows: Iterable[Recognised], calls: Iterable[Call]) -> str:
    """Rows by hand and label."""
    labels = {call.id: call.label for call in calls}
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        counts[row.call.partition("-")[0]][labels[row.call]] += 1
    return "\n".join(
        f"{hand}: " + ", ".join(f"{k} {v}" for k, v in sorted(c.items())) for hand, c in sorted(counts.items())
    )


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.recognise", description=__doc__)
    parser.add_argument("--report", action="store_true", help="render nothing; print error rates of the rows there are")
    parser.add_argument("--turns", type=int, default=TURNS, help="far turns to render (default: %(default)s)")
    parser.add_argument("--hands", nargs="+", metavar="hNN", help="render these hands only (default: all)")
    parser.add_argument("--jobs", type=int, default=1, help="processes, about 700 MB each (default: 1)")
    parser.add_argument(
        "--corpus", type=Path, default=CORPUS_DIR, help="folder of hNN.txt (default: the shipped corpus)"
    )
    parser.add_argument(
        "--out", type=Path, default=RECOGNISED_DIR, help="folder of rows (default: training/recognised)"
    )
    parser.add_argument("--model", type=Path, help="folder of whisper-base (default: where the box keeps it)")
    return parser.parse_args(argv)


def _model_folder(chosen_folder: Path | None) -> Path:
    from denwaban.config import Config  # noqa: PLC0415

    folder = chosen_folder or Config().models_dir / "whisper-base"
    if not (folder / "model.bin").is_file():
        raise SystemExit(f"{folder}: no Whisper model here; run: make model (or name its folder with --model)")
    return folder


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _interrupt(_number: int, _frame: object) -> None:
    """Being terminated ends the command as Ctrl-C does: what was rendered is saved."""
    raise KeyboardInterrupt


def main(argv: list[str] | None = None) -> int:
    """Render what is missing, or report. Stopping it loses nothing; started again it goes on."""
    options = _options(argv)
    calls = load_corpus(options.corpus)
    if not options.report:
        wanted = [call for call in calls if not options.hands or call.hand in options.hands]
        jobs = missing(chosen(wanted, options.turns), load_recognised(options.out))
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            _keep_rendering(jobs, options.out, _model_folder(options.model), max(1, options.jobs), _say)
        except KeyboardInterrupt:
            return 130
        except ImportError as error:
            raise SystemExit(f"{error}; run: make corpus-audio (it sets up the environment with the voices)") from error
    rows = load_recognised(options.out, calls)
    print(_balance((row for found in rows.values() for row in found), calls))
    print(report(pairs(rows, calls)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
