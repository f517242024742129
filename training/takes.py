"""Which turns of the corpus are rendered, and how: voice, speed, line condition. All follows from the ids alone."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from training.calls import Call

CONDITIONS: Final[Mapping[str, tuple[float, float]]] = {
    "clean": (0.30, 0.16),  # noise 42 dB under the speech, little more than µ-law leaves
    "white20": (0.24, 0.30),
    "white10": (0.05, 0.16),
    "babble15": (0.10, 0.12),
    "hum": (0.08, 0.08),
    "level": (0.08, 0.06),  # the caller's level wanders over 22 dB
    "loud": (0.05, 0.02),  # 14 dB too loud: clipped
    "modem": (0.10, 0.10),  # the virtual line: 12 dB loss, −60 dBFS of noise, automatic gain
}
"""Line conditions with their shares for HTS and Kokoro voices. All: 300–3400 Hz, 8 kHz, µ-law (`training.telephone`).
HTS voices get less noise: their speech at 20 dB is recognised as badly as natural speech at 12 dB."""

KOKORO_SHARE: Final = 0.1
"""Kokoro sounds natural but costs 15 times the processor time of the HTS voices."""
KOKORO_VOICES: Final = (
    "kokoro:jm_kumo",
    "kokoro:jf_alpha",
    "kokoro:jf_gongitsune",
    "kokoro:jf_nezumi",
    "kokoro:jf_tebukuro",
    "kokoro:0.7*jm_kumo+0.3*jf_tebukuro",
    "kokoro:0.6*jm_kumo+0.4*jf_nezumi",
    "kokoro:0.5*jf_alpha+0.5*jf_nezumi",
)
HTS_VOICES: Final = ("jtalk:mei", "jtalk:mei", "jtalk:nitech", "jtalk:nitech", "jtalk:nitech")


@dataclass(frozen=True, slots=True)
class Take:
    """How one turn is spoken and transmitted."""

    voice: str
    speed: float
    pitch: float
    condition: str
    seed: int
    """Of the noise and of the speaker's pauses."""


def take_of(call: Call, turn: int) -> Take:
    """Voice and line condition of a call, and the noise of one turn in it. Follows from the ids alone."""
    random = Random(call.id)
    natural = random.random() < KOKORO_SHARE
    condition = random.choices(list(CONDITIONS), [shares[natural] for shares in CONDITIONS.values()])[0]
    if natural:
        voice, speed, pitch = random.choice(KOKORO_VOICES), random.uniform(0.88, 1.15), random.uniform(0.93, 1.06)
    else:
        voice, speed, pitch = random.choice(HTS_VOICES), random.uniform(0.85, 1.2), random.uniform(0.9, 1.12)
    seed = int(hashlib.sha256(f"{call.id} {turn}".encode()).hexdigest()[:12], 16)
    return Take(voice, round(speed, 2), round(pitch, 2), condition, seed)


def weight(call: Call) -> float:
    """How soon a call is rendered: scams and hard negatives first."""
    if call.label == "harmless":
        return 2.0 if call.difficulty == "hard" else 0.8
    return 3.0 if call.label == "scam" else 2.5


def order(calls: Iterable[Call]) -> list[Call]:
    """Calls in the order of rendering, so that whatever is done when it is stopped is balanced over hands and labels.

    Weighted sampling without replacement (Efraimidis and Spirakis 2006), the hands in turn.
    """
    by_hand: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_hand[call.hand].append(call)
    ranked = []
    for hand, written in by_hand.items():
        written.sort(key=lambda call: Random(f"order {call.id}").random() ** (1 / weight(call)), reverse=True)
        ranked += [(rank, hand, call) for rank, call in enumerate(written)]
    return [call for _, _, call in sorted(ranked, key=lambda item: item[:2])]


def far_positions(call: Call) -> list[int]:
    """Positions of the far turns among all turns of a call."""
    return [position for position, turn in enumerate(call.turns) if turn.far]


def chosen(calls: Iterable[Call], turns: int) -> list[Call]:
    """The first calls in order that have at least `turns` far turns together."""
    result, count = [], 0
    for call in order(calls):
        if count >= turns:
            break
        result.append(call)
        count += len(far_positions(call))
    return result
