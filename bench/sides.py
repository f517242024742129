"""How often near and far are mistaken for one another on the emulated line: `audio/sides.py` over the shipped calls.

    .venv/bin/python bench/sides.py --json

Each turn of a call file is asked about once, in order of time, from its true beginning to its true end; the
recogniser's own cuts are not part of it. The call files hold all turns at one level, as no voice does, so each turn
gets a level of its own here, and every call is heard with several draws of them. A far turn taken for near hides a
swindler's words; a near one taken for far makes the household's weigh too much.
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
import numpy.typing as npt
import soxr

sys.path[:0] = [str(Path(__file__).parents[1] / "firmware_py")]

from denwaban.audio.prompts import PromptLibrary
from denwaban.audio.sides import LevelSides
from denwaban.events import SAMPLE_RATE, Pcm
from denwaban.shipped import shipped_calls
from denwaban.sim.audio_path import TICK_SAMPLES, Agc, AgcSettings, LineLevels, TwoWire
from denwaban.sim.callfile import CallFile, Turn, load_call

GAPS_DB = (0, 3, 6, 9, 12, 15, 20)
FAR_DB = -12.0
DRAWS = 5
VOICE_DB = 2.0
"""Standard deviation of one person's level from turn to turn; an estimate."""
SECOND_HANDSET_DB = -6.0
"""Every other turn of the household comes from a telephone that is so much softer; an estimate."""
UNMARKED = "own prompts, taken for anybody's"
"""The box asks for no side while it speaks itself; what if it did?"""
BACK_CHANNEL_S = 0.4
DOUBLE_TALK_S = 1.0
TELEVISION_DBFS = -42.0
"""In the household's room, through its handset, all the time; an estimate, 22 dB under its voice."""
OWN_PROMPT_DB = -20.0
"""The box's voice in the room, through the household's handset, under the household's own; an estimate."""
BOX = "box"
"""Stands for the voice in the turns of the box itself."""
OWN_PROMPTS = ("caution_warning", "advice_police")
OWN_EVERY = 3
"""Turns between two of them."""
DISTURBANCES = ("second handset", "back-channels", "double talk", "television", "own prompts", UNMARKED)
GAINS = {
    "none": AgcSettings(on=False),
    "20/500 ms": AgcSettings(),
    "5/100 ms": AgcSettings(attack_s=0.005, release_s=0.1),
    "100/2000 ms": AgcSettings(attack_s=0.1, release_s=2.0),
}
"""Automatic gain by attack and release; 20/500 ms is what the virtual line has where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which a call may arrive."""

    gain: str = "20/500 ms"
    gap_db: float = 9.0
    disturbance: str = "none"


def conditions() -> Iterator[Condition]:
    """All that are measured."""
    for gain in GAINS:
        for gap in GAPS_DB:
            yield Condition(gain, gap)
    for disturbance in DISTURBANCES:
        for gain in ("none", "20/500 ms"):
            yield Condition(gain, disturbance=disturbance)


def scaled(sound: npt.NDArray[np.float64] | Pcm, decibels: float) -> Pcm:
    """The sound, so much louder."""
    return np.clip(np.rint(sound * 10 ** (decibels / 20)), -32768, 32767).astype(np.int16)


def cut(call: CallFile, t0: float, t1: float) -> slice:
    """The samples of a turn."""
    return slice(round(t0 * SAMPLE_RATE), min(round(t1 * SAMPLE_RATE), len(call.near)))


def spoken(call: CallFile, draw: int) -> CallFile:
    """The call with a level of its own for each turn."""
    random = np.random.default_rng([draw, *call.id.encode()])  # another one for each call
    sound = {"far": call.far.copy(), "near": call.near.copy()}
    for turn in call.turns:
        part = cut(call, turn.t0, turn.t1)
        sound[turn.side][part] = scaled(sound[turn.side][part], random.normal(0.0, VOICE_DB))
    return replace(call, far=sound["far"], near=sound["near"])


def disturbed(call: CallFile, disturbance: str) -> CallFile:
    """The call with something that makes it harder to tell the sides apart."""
    match disturbance:
        case "second handset":
            return _softer_handset(call)
        case "back-channels":
            return _spoken_into(call, BACK_CHANNEL_S)
        case "double talk":
            return _spoken_into(call, DOUBLE_TALK_S)
        case "television":
            noise = np.random.default_rng(0).standard_normal(len(call.near)) * 32768 * 10 ** (TELEVISION_DBFS / 20)
            return replace(call, near=scaled(call.near + noise, 0.0))
        case "none":
            return call
        case _:
            return _with_own_prompts(call)


def _softer_handset(call: CallFile) -> CallFile:
    near = call.near.copy()
    for turn in [turn for turn in call.turns if turn.side == "near"][1::2]:
        part = cut(call, turn.t0, turn.t1)
        near[part] = scaled(near[part], SECOND_HANDSET_DB)
    return replace(call, near=near)


def _spoken_into(call: CallFile, seconds: float) -> CallFile:
    """The household speaks in the middle of each turn of the caller's."""
    near = call.near.copy()
    own = [cut(call, turn.t0, turn.t1) for turn in call.turns if turn.side == "near"]
    voice = call.near[own[0]][: round(seconds * SAMPLE_RATE)] if own else near[:0]
    for turn in call.turns:
        if turn.side == "far":
            start = round((turn.t0 + turn.t1) / 2 * SAMPLE_RATE)
            end = min(start + len(voice), round(turn.t1 * SAMPLE_RATE))
            near[start:end] = voice[: end - start]
    return replace(call, near=near)


def _with_own_prompts(call: CallFile) -> CallFile:
    """The box speaks in the room after every few turns, while both are silent; the household's handset hears it."""
    library, turns, far, near, at = PromptLibrary(), list[Turn](), list[Pcm](), list[Pcm](), 0
    for index, turn in enumerate(call.turns):
        moved = sum(map(len, far)) / SAMPLE_RATE - at / SAMPLE_RATE
        turns.append(replace(turn, t0=turn.t0 + moved, t1=turn.t1 + moved))
        if index % OWN_EVERY != OWN_EVERY - 1:
            continue
        end = min(round(turn.t1 * SAMPLE_RATE), len(call.far))
        sound, rate = library.sound(OWN_PROMPTS[index // OWN_EVERY % len(OWN_PROMPTS)])
        leaked = scaled(soxr.resample(sound, rate, SAMPLE_RATE), OWN_PROMPT_DB)
        far += [call.far[at:end], np.zeros(len(leaked), np.int16)]
        near += [call.near[at:end], leaked]
        at = end
        until = sum(map(len, far)) / SAMPLE_RATE
        turns.append(replace(turn, side="near", voice=BOX, t0=until - len(leaked) / SAMPLE_RATE, t1=until))
    return replace(
        call,
        turns=tuple(turns),
        far=np.concatenate([*far, call.far[at:]]),
        near=np.concatenate([*near, call.near[at:]]),
    )


def on_modem(call: CallFile, condition: Condition) -> Pcm:
    """What the modem hands over, at 8 kHz."""
    wires = TwoWire(LineLevels(far_db=FAR_DB, near_db=FAR_DB + condition.gap_db))
    gain = Agc(GAINS[condition.gain])
    cuts = (slice(i, i + TICK_SAMPLES) for i in range(0, len(call.far), TICK_SAMPLES))
    return np.concatenate([gain.process(wires.tick(call.far[one], call.near[one], None)) for one in cuts])


def answers(call: CallFile, condition: Condition, draw: int) -> Counter[str]:
    """How often which side was answered; "far near" is far taken for near."""
    call = disturbed(spoken(call, draw), condition.disturbance)
    pcm = on_modem(call, condition)
    sides, fed, found = LevelSides(), 0, Counter[str]()
    for turn in call.turns:
        until = round(turn.t1 * SAMPLE_RATE)
        sides.feed(pcm[fed:until])
        fed = max(fed, until)
        if turn.voice != BOX:
            found[f"{turn.side} {sides.side(turn.t0, turn.t1)}"] += 1
        elif condition.disturbance == UNMARKED:
            sides.side(turn.t0, turn.t1)
    return found


def row(condition: Condition, calls: list[CallFile]) -> dict[str, object]:
    """Shares of the turns of the side that spoke, over all calls."""
    found = sum((answers(call, condition, draw) for call in calls for draw in range(DRAWS)), Counter[str]())

    def share(side: str, said: str) -> float:
        return round(found[f"{side} {said}"] / sum(found[f"{side} {each}"] for each in ("far", "near", "unknown")), 3)

    return {
        "gain": condition.gain,
        "gap_db": condition.gap_db,
        "disturbance": condition.disturbance,
        "far_taken_for_near": share("far", "near"),
        "near_taken_for_far": share("near", "far"),
        "far_unknown": share("far", "unknown"),
        "near_unknown": share("near", "unknown"),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    as_json = parser.parse_args().json
    calls = [load_call(path.parent) for path in sorted(shipped_calls().glob("*/call.toml"))]
    turns = Counter(turn.side for call in calls for turn in call.turns)
    rows = [row(condition, calls) for condition in conditions()]
    if as_json:
        print(json.dumps({"calls": len(calls), "draws": DRAWS, "turns": turns, "rows": rows}, indent=1))
        return
    print("| " + " | ".join(key.replace("_", " ") for key in rows[0]) + " |")
    print("|---" * len(rows[0]) + "|")
    for one in rows:
        print("| " + " | ".join(str(value) for value in one.values()) + " |")


if __name__ == "__main__":
    main()
