"""How often near and far are mistaken for one another on the emulated line: `audio/sides.py` over the shipped calls.

    .venv/bin/python bench/sides.py --json

Each turn of a call file is asked about once, in order of time, from its true beginning to its true end; the
recogniser's own cuts are not part of it. A far turn taken for near hides a swindler's words; the other way round
the household's weigh too much.
"""

# ruff: noqa: E402  # the program is found from the repository, wherever this is called

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1] / "firmware_py")]

from denwaban.audio.sides import LevelSides
from denwaban.events import SAMPLE_RATE, Pcm
from denwaban.shipped import shipped_calls
from denwaban.sim.audio_path import TICK_SAMPLES, Agc, AgcSettings, LineLevels, TwoWire
from denwaban.sim.callfile import CallFile, load_call

GAPS_DB = (0, 3, 6, 9, 12, 15, 20)
FAR_DB = -12.0
SECOND_HANDSET_DB = -6.0
"""Every other turn of the household comes from a telephone that is so much softer; an estimate."""
BACK_CHANNEL_S = 0.4
DOUBLE_TALK_S = 1.0
GAINS = {
    "no gain control": AgcSettings(on=False),
    "gain control 20/500 ms": AgcSettings(),
    "gain control 5/100 ms": AgcSettings(attack_s=0.005, release_s=0.1),
    "gain control 100/2000 ms": AgcSettings(attack_s=0.1, release_s=2.0),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which a call may arrive."""

    gain: str = "gain control 20/500 ms"
    gap_db: float = 9.0
    disturbance: str = "none"


def conditions() -> Iterator[Condition]:
    """All that are measured."""
    for gain in GAINS:
        for gap in GAPS_DB:
            yield Condition(gain, gap)
    for disturbance in ("second handset", "back-channels", "double talk"):
        for gain in ("no gain control", "gain control 20/500 ms"):
            yield Condition(gain, disturbance=disturbance)


def disturbed(call: CallFile, disturbance: str) -> CallFile:
    """The call with softer turns of the household, or with the household speaking into the caller's."""
    near = call.near.copy()
    own = [cut(call, turn.t0, turn.t1) for turn in call.turns if turn.side == "near"]
    if disturbance == "second handset":
        for part in own[1::2]:
            near[part] = np.rint(near[part] * 10 ** (SECOND_HANDSET_DB / 20)).astype(np.int16)
    elif disturbance != "none" and own:
        seconds = BACK_CHANNEL_S if disturbance == "back-channels" else DOUBLE_TALK_S
        voice = call.near[own[0]][: round(seconds * SAMPLE_RATE)]
        for turn in call.turns:
            if turn.side == "far":  # in its middle
                start = round((turn.t0 + turn.t1) / 2 * SAMPLE_RATE)
                end = min(start + len(voice), round(turn.t1 * SAMPLE_RATE))
                near[start:end] = voice[: end - start]
    return replace(call, near=near)


def cut(call: CallFile, t0: float, t1: float) -> slice:
    """The samples of a turn."""
    return slice(round(t0 * SAMPLE_RATE), min(round(t1 * SAMPLE_RATE), len(call.near)))


def on_modem(call: CallFile, condition: Condition) -> Pcm:
    """What the modem hands over, at 8 kHz."""
    wires = TwoWire(LineLevels(far_db=FAR_DB, near_db=FAR_DB + condition.gap_db))
    gain = Agc(GAINS[condition.gain])
    cuts = (slice(i, i + TICK_SAMPLES) for i in range(0, len(call.far), TICK_SAMPLES))
    return np.concatenate([gain.process(wires.tick(call.far[one], call.near[one], None)) for one in cuts])


def answers(call: CallFile, condition: Condition) -> Counter[str]:
    """How often which side ("far-near": far taken for near) was answered."""
    pcm = on_modem(disturbed(call, condition.disturbance), condition)
    sides, fed, found = LevelSides(), 0, Counter[str]()
    for turn in call.turns:
        if turn.side not in ("near", "far"):
            continue
        until = round(turn.t1 * SAMPLE_RATE)
        sides.feed(pcm[fed:until])
        fed = max(fed, until)
        found[f"{turn.side}-{sides.side(turn.t0, turn.t1)}"] += 1
    return found


def row(condition: Condition, calls: list[CallFile]) -> dict[str, object]:
    """Rates of one condition over all calls; shares of the turns of the side that spoke."""
    total = sum((answers(call, condition) for call in calls), Counter[str]())
    far, near = (sum(total[f"{side}-{said}"] for said in ("far", "near", "unknown")) for side in ("far", "near"))
    return {
        "gain": condition.gain,
        "gap_db": condition.gap_db,
        "disturbance": condition.disturbance,
        "far_turns": far,
        "near_turns": near,
        "far_for_near": round(total["near-far"] / near, 3),
        "near_for_far": round(total["far-near"] / far, 3),
        "far_unknown": round(total["far-unknown"] / far, 3),
        "near_unknown": round(total["near-unknown"] / near, 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    as_json = parser.parse_args().json
    calls = [load_call(path.parent) for path in sorted(shipped_calls().glob("*/call.toml"))]
    rows = [row(condition, calls) for condition in conditions()]
    if as_json:
        print(json.dumps({"calls": len(calls), "rows": rows}, indent=1))
        return
    print("| gain | gap dB | disturbance | far for near | near for far | far unknown | near unknown |")
    print("|---|---|---|---|---|---|---|")
    for one in rows:
        print("| " + " | ".join(str(one[key]) for key in one if not key.endswith("turns")) + " |")


if __name__ == "__main__":
    main()
