"""How long the detector takes for an utterance: reading, ONNX, policy, explanation; and whether that grows in a call.

    .venv/bin/python bench/detector.py --json [--utterances 900]

The far end's turns of the corpus follow one another in one call, as many as an hour holds. "explained" are utterances
that sounded enough like a scam to need reasons. Cold start, in a process of its own: imports, model, dictionary, first
verdict.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware_py")]

from denwaban.detect.judge import CallJudge  # noqa: E402
from denwaban.detect.model import load_model  # noqa: E402
from denwaban.detect.text import Reader  # noqa: E402
from denwaban.events import Utterance  # noqa: E402
from denwaban.shipped import shipped_models  # noqa: E402
from training.calls import load_corpus  # noqa: E402

HOUR_UTTERANCES = 900
"""One in four seconds."""
COLD_RUNS = 3
COLD = """
import sys, time
began = time.perf_counter()
from denwaban.detect.judge import CallJudge
from denwaban.detect.model import load_model
from denwaban.detect.text import Reader
from denwaban.events import Utterance
from denwaban.shipped import shipped_models
judge = CallJudge(load_model(shipped_models() / "scam-ja"), Reader())
judge.hear(Utterance("カードを封筒に入れてください。", 0.0, 1.0, "far"))
print((time.perf_counter() - began) * 1000)
"""


@dataclass(frozen=True, slots=True)
class Took:
    """One utterance: microseconds by the clock and of processor time (what an otherwise busy machine does not blur)."""

    wall: float
    cpu: float
    explained: bool


def one_call(texts: list[str]) -> list[Took]:
    """What each utterance of one call takes that has these utterances."""
    judge = CallJudge(load_model(shipped_models() / "scam-ja"), Reader())
    for text in texts[:10]:
        judge.hear(Utterance(text, 0.0, 1.0, "far"))
    judge = CallJudge(load_model(shipped_models() / "scam-ja"), Reader())
    took = []
    for i, text in enumerate(texts):
        utterance = Utterance(text, i * 4.0, i * 4.0 + 3.0, "far")
        began, cpu_began = time.perf_counter(), time.thread_time()
        found = judge.hear(utterance)
        wall, cpu = time.perf_counter() - began, time.thread_time() - cpu_began
        took.append(Took(wall * 1e6, cpu * 1e6, bool(found.evidence)))
    return took


def figures(took: list[Took]) -> dict[str, float]:
    """Count, median and 95th percentile."""
    wall, cpu = [one.wall for one in took], [one.cpu for one in took]
    return {
        "n": len(took),
        "median_us": round(statistics.median(wall)),
        "p95_us": round(statistics.quantiles(wall, n=20)[-1]),
        "cpu_median_us": round(statistics.median(cpu)),
        "cpu_p95_us": round(statistics.quantiles(cpu, n=20)[-1]),
    }


def cold_start_ms() -> float:
    """Median of fresh processes, the interpreter's own start not counted."""
    environment = {"PYTHONPATH": str(ROOT / "firmware_py"), "PATH": "/usr/bin:/bin"}
    runs = [
        subprocess.run([sys.executable, "-c", COLD], env=environment, capture_output=True, text=True, check=True)
        for _ in range(COLD_RUNS)
    ]
    return round(statistics.median(float(run.stdout) for run in runs), 1)


def measure(utterances: int) -> dict[str, object]:
    """Everything, as one object."""
    turns = [turn.text for call in load_corpus() for turn in call.far_turns]
    Random(0).shuffle(turns)
    took = one_call(list(itertools.islice(itertools.cycle(turns), utterances)))
    parts = {
        "all": took,
        "explained": [one for one in took if one.explained],
        "not_explained": [one for one in took if not one.explained],
        "first_quarter": took[: len(took) // 4],
        "last_quarter": took[-(len(took) // 4) :],
    }
    found = {name: figures(part) if len(part) > 1 else None for name, part in parts.items()}
    return {"bench": "detector", **found, "cold_start_ms": cold_start_ms()}


def show(result: dict[str, object]) -> None:
    """A table for people."""
    print(f"{'µs per utterance':18}{'n':>8}{'median':>10}{'p95':>10}{'CPU median':>12}{'CPU p95':>10}")
    for name, value in result.items():
        if isinstance(value, dict):
            wall, cpu = f"{value['median_us']:>10}{value['p95_us']:>10}", f"{value['cpu_median_us']:>12}"
            print(f"{name:18}{value['n']:>8}{wall}{cpu}{value['cpu_p95_us']:>10}")
    print(f"cold start: {result['cold_start_ms']} ms")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Speed of the detector.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--utterances", type=int, default=HOUR_UTTERANCES, help="of one call, at least 8 (default 900)")
    options = parser.parse_args()
    result = measure(max(8, options.utterances))
    print(json.dumps(result)) if options.json else show(result)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
