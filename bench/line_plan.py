"""Which calls a soak of the line makes, on which modem, with what wrong: drawn from a seed, nothing else.

Emulated modems and fault switches are found where they are defined, so a new one joins by itself.
"""

from __future__ import annotations

import random
import types
import typing
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Generic, Literal, TypeVar

from denwaban.sim import profiles
from denwaban.sim.callfile import Behaviour
from denwaban.sim.faults import NO_FAULTS, Faults
from denwaban.sim.profiles import ModemProfile

T = TypeVar("T")

Kind = Literal[
    "talks",
    "talks long",
    "repelled",
    "gives up",
    "nobody answers",
    "lifts while it rings",
    "fax",
    "second caller",
    "household dials out",
    "unplugged in the call",
    "modem is away",
]
Action = Literal["allow", "screen", "refuse"]

ALLOWED: Final = ("0312340001", "09012340002")
BLOCKED: Final = ("0312340003", "05012340004")
LONGEST_TALK_S: Final = 120.0
CALLS_A_STRETCH: Final = 8
_KINDS: Final[dict[Kind, int]] = {
    "talks": 30,
    "talks long": 6,
    "repelled": 14,
    "gives up": 10,
    "nobody answers": 8,
    "lifts while it rings": 8,
    "fax": 4,
    "second caller": 6,
    "household dials out": 4,
    "unplugged in the call": 7,
    "modem is away": 3,
}
_CHUNKS: Final = (None, None, 1, 3, 17, 200)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: what the exchange reports (None: no number service), and what the box must do once it knows."""

    report: str | None
    action: Action


@dataclass(frozen=True, slots=True)
class Visit:
    """One entry of the plan: a call, or two in a row, or the household dialling out. Seconds of line time."""

    n: int
    kind: Kind
    callers: tuple[Caller, ...]
    behaviour: Behaviour
    talk_s: float
    pause_s: float
    """On-hook before it begins."""
    lift_after_s: float | None = None
    """From the call's arrival to the household lifting its telephone, whatever the box does."""
    unplug_after_s: float | None = None
    away_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Visits on one modem. A modem that does not work is repaired (replaced by a good one) after a while."""

    profile: ModemProfile
    faults: Faults
    pty_chunk: int | None
    delay_seed: int
    repair_after_s: float
    visits: tuple[Visit, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """Names of the switches that are on."""
        return tuple(one.name for one in fields(Faults) if getattr(self.faults, one.name) != one.default)


def emulated_modems() -> tuple[ModemProfile, ...]:
    """Every profile that the emulator defines."""
    found = {one.name: one for one in vars(profiles).values() if isinstance(one, ModemProfile)}
    return tuple(found[name] for name in sorted(found))


def draw_plan(seed: int, calls: int, calls_a_stretch: int = CALLS_A_STRETCH) -> tuple[Stretch, ...]:
    """A plan of at least `calls` telephone calls. Every modem and every fault comes up as often as any other."""
    rng = random.Random(seed)
    modems, switches = _Deck(rng, emulated_modems()), _Deck(rng, [one.name for one in fields(Faults)])
    kinds = _Deck(rng, [kind for kind, share in _KINDS.items() for _ in range(share)])
    plan: list[Stretch] = []
    planned = n = 0
    while planned < calls:
        visits: list[Visit] = []
        while len(visits) < calls_a_stretch and planned < calls:
            n += 1
            visits.append(_visit(rng, n, next(kinds)))
            planned += len(visits[-1].callers)
        faults = NO_FAULTS if len(plan) % 4 == 0 else _faults(rng, switches)
        chunk = rng.choice(_CHUNKS)
        plan.append(Stretch(next(modems), faults, chunk, rng.randrange(1 << 16), rng.uniform(60, 240), tuple(visits)))
    return tuple(plan)


def fingerprint(plan: Sequence[Stretch]) -> str:
    """Short sum of a plan: the same on every machine for the same seed and the same switches."""
    return f"{zlib.crc32(repr(plan).encode()):08x}"


class _Deck(Generic[T], Iterator[T]):
    """Deals all of its cards before any comes again."""

    def __init__(self, rng: random.Random, cards: Sequence[T]) -> None:
        self._rng = rng
        self._cards = cards
        self._left: list[T] = []

    def __next__(self) -> T:
        if not self._left:
            self._left = self._rng.sample(list(self._cards), len(self._cards))
        return self._left.pop()


def _visit(rng: random.Random, n: int, kind: Kind) -> Visit:
    callers = (_caller(rng),)
    behaviour = Behaviour(
        rings=rng.randint(3, 12), lift_after_s=rng.uniform(0.2, 8), lift_after_rings=rng.randint(1, 4)
    )
    visit = Visit(n, kind, callers, behaviour, talk_s=rng.uniform(0.5, 10), pause_s=rng.uniform(1, 20))
    if rng.random() < 0.02:
        visit = replace(visit, pause_s=rng.uniform(300, 700))  # longer than the driver waits before it asks for life
    match kind:
        case "talks long":
            return replace(visit, talk_s=rng.uniform(30, LONGEST_TALK_S))
        case "repelled":
            return replace(visit, behaviour=replace(behaviour, hangs_up="announcement"))
        case "gives up":
            return replace(visit, behaviour=replace(behaviour, rings=rng.randint(1, 2), answers=False))
        case "nobody answers" | "fax":
            return replace(visit, behaviour=replace(behaviour, answers=kind == "fax" and rng.random() < 0.5))
        case "lifts while it rings":
            return replace(visit, lift_after_s=rng.uniform(0.5, 12))
        case "second caller":
            # Few rings and a known or an unreported caller: the next comes while the box still waits for a ring.
            first = rng.choice((callers[0], Caller(ALLOWED[0], "allow"), Caller(None, "screen")))
            second = first if rng.random() < 0.3 else _caller(rng)
            behaviour = replace(behaviour, rings=rng.randint(1, 4), answers=rng.random() < 0.3)
            return replace(visit, callers=(first, second), behaviour=behaviour)
        case "household dials out":
            return replace(visit, callers=())
        case "unplugged in the call":
            return replace(visit, unplug_after_s=rng.uniform(0, 25), away_s=rng.uniform(0, 40))
        case "modem is away":
            return replace(visit, unplug_after_s=0.0, away_s=rng.uniform(5, 40))
        case _:
            return visit


def _caller(rng: random.Random) -> Caller:
    domestic = f"0{rng.choice((3, 6, 50, 70, 80, 90, 120, 745))}" + f"{rng.randrange(10**8):08}"
    abroad = rng.choice((f"+1{rng.randrange(10**10):010}", f"0101{rng.randrange(10**10):010}"))  # 14 digits: a DLE
    return rng.choices(
        (
            Caller(domestic, "screen"),
            Caller(rng.choice(ALLOWED), "allow"),
            Caller(rng.choice(BLOCKED), "refuse"),
            Caller(abroad, "refuse"),
            Caller("P", "refuse"),
            Caller(rng.choice("OCS"), "screen"),
            Caller(None, "screen"),
        ),
        (40, 12, 8, 10, 8, 12, 10),
    )[0]


def _faults(rng: random.Random, switches: Iterator[str]) -> Faults:
    hints = typing.get_type_hints(Faults)
    names = {next(switches) for _ in range(rng.choice((1, 1, 2, 3)))}
    return replace(NO_FAULTS, **{name: switched_on(rng, name, hints[name]) for name in sorted(names)})


def switched_on(rng: random.Random, name: str, hint: Any) -> Any:
    """A value of this type that differs from the default. Raises TypeError for types never seen so far."""
    choices = [one for one in typing.get_args(hint) if one is not type(None)]
    origin = typing.get_origin(hint)
    if origin is Literal:
        return rng.choice([one for one in choices if one != getattr(NO_FAULTS, name)])
    if origin in (types.UnionType, typing.Union):
        return rng.randint(3, 80) if choices == [int] else switched_on(rng, name, choices[0])
    if hint is bool:
        return not getattr(NO_FAULTS, name)
    if hint is int:
        return getattr(NO_FAULTS, name) + rng.randint(1, 3)
    if name == "late_answer_to":
        return rng.choice(("+VLS=1", "+VTX", "+VRX", "+FCLASS=8"))
    if hint is float:  # seconds, or else a share of something
        return rng.uniform(0.1, 10.0) if name.endswith("_s") else rng.uniform(0.001, 0.02)
    raise TypeError(f"Faults.{name} is of type {hint}; teach bench/line_plan.py to draw one")
