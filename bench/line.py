"""The telephone line: how soon a call is answered, what the driver costs, and a soak of hundreds of random calls.

    .venv/bin/python bench/line.py --json [--calls 500] [--seed 1] [--speed 50]

The soak calls through the real main loop, session, driver and database on the emulated modem, with every fault switch
and every emulated family, pulled plugs and all kinds of callers. It ends with an account: each call that rang belongs
to a closed record, or a fault explains why not. Exit status 1 when the account does not balance.
"""

# ruff: noqa: E402  # bench and firmware_py are found from the repository, wherever this is called

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "firmware_py")]

from bench.line_driver import answer_latency, processor_time, ring_to_answer, turnaround
from bench.line_plan import draw_plan, fingerprint
from bench.line_soak import Soak


def measure_driver() -> dict[str, Any]:
    """Everything but the soak; two and a half minutes at real speed."""
    with tempfile.TemporaryDirectory() as folder:
        say("answer latency …")
        figures = answer_latency() | {"ring_to_command_ms": ring_to_answer(Path(folder))}
    say("turn-around …")
    figures["turnaround_ms"] = turnaround()
    say("processor time …")
    figures["cpu_s_per_call_s"] = processor_time()
    return figures


def soak(calls: int, seed: int, speed: float) -> dict[str, Any]:
    """Draw the plan and carry it out in a folder that is deleted afterwards."""
    plan = draw_plan(seed, calls)
    say(f"soak of {calls} calls: seed {seed}, plan {fingerprint(plan)}, {len(plan)} stretches, speed {speed:g}")
    with tempfile.TemporaryDirectory() as folder:
        return {"seed": seed, **Soak(plan, Path(folder), speed, say).run()}


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def lines(figures: dict[str, Any], indent: str = "") -> list[str]:
    """Figures for reading, one a line."""
    shown: list[str] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            shown += [f"{indent}{name}", *lines(value, indent + "  ")]
        elif isinstance(value, list):
            shown += [f"{indent}{name}: {len(value)}", *(f"{indent}  {one}" for one in value)]
        else:
            shown.append(f"{indent}{name:32} {value}")
    return shown


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object; progress goes to stderr")
    parser.add_argument("--calls", type=int, default=500, help="calls of the soak (default 500; 0: no soak)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same plan of calls (default 1)")
    parser.add_argument(
        "--speed",
        type=float,
        default=50.0,
        help="most times real speed in the soak (default 50); a busy machine is slower",
    )
    parser.add_argument("--only-soak", action="store_true", help="leave out latency and processor time")
    options = parser.parse_args()
    figures: dict[str, Any] = {"bench": "line"}
    if not options.only_soak:
        figures |= measure_driver()
    balanced = True
    if options.calls > 0:
        figures["soak"] = soak(options.calls, options.seed, options.speed)
        balanced = figures["soak"]["balanced"]
    print(json.dumps(figures) if options.json else "\n".join(lines(figures)))
    if not balanced:
        say("the account does not balance; the same --seed gives the same plan again")
    return 0 if balanced else 1


if __name__ == "__main__":
    raise SystemExit(main())
