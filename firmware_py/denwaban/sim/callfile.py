"""Call files: one telephone call as a folder — `call.toml`, `far.flac`, and `near.flac` where the household speaks.

Both sides lie on one timeline: t = 0 is when the conversation starts, 0.6 s after the household lifts the handset.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import numpy as np

from denwaban.effects import Outcome
from denwaban.errors import AudioError, CallFileError
from denwaban.events import SAMPLE_RATE, Level, Pcm
from denwaban.sim.sound import read_sound

CallLabel = Literal["scam", "sales", "harmless"]
Patience = Literal["never", "announcement"]
TurnSide = Literal["far", "near"]

_CALLER_ID: Final = re.compile(r"\+?[0-9]{1,20}|[POCS]")
_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Turn:
    """Who says what, from `t0` to `t1` seconds of the conversation."""

    side: TurnSide
    t0: float
    t1: float
    voice: str
    text: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What caller and household do."""

    rings: int = 10
    """Ordinary rings until the caller gives up."""
    hangs_up: Patience = "never"
    """`announcement`: the caller hangs up two seconds into what the box plays."""
    answers: bool = True
    """The household lifts the handset at all."""
    lift_after_s: float = 3.0
    """Seconds from the end of the box's announcement to the lifting of the handset."""
    lift_after_rings: int = 3
    """Rings after which the household lifts when the box leaves the ringing alone."""


@dataclass(frozen=True, slots=True, eq=False)
class CallFile:
    """A call that the virtual line can place. `far` and `near` are equally long and must not be changed."""

    id: str
    title: str
    title_en: str
    label: CallLabel | None
    caller_id: str | None
    """Digits, `+…`, or P, O, C, S; None is a line without number service."""
    outcome: Outcome | None
    level: Level | None
    known: bool
    """The number is on the household's allow list."""
    behaviour: Behaviour
    turns: tuple[Turn, ...]
    far: Pcm
    near: Pcm

    @property
    def seconds(self) -> float:
        """Length of the conversation."""
        return len(self.far) / SAMPLE_RATE


def load_call(folder: Path) -> CallFile:
    """Read and check a call folder. Raises CallFileError with every problem found, each naming its key or file."""
    path = folder / "call.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CallFileError(f"{folder}: no call.toml here; a call is a folder with call.toml and far.flac") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CallFileError(f"{path}: cannot be read as TOML: {error}") from error
    problems: list[str] = []
    far, near = _sides(folder, problems)
    call = _call(document, far, near, problems)
    if problems:
        raise CallFileError(f"{path}:\n" + "\n".join(f"  - {problem}" for problem in problems))
    return call


def from_audio(
    far: Path,
    near: Path | None = None,
    caller_id: str | None = None,
    *,
    name: str | None = None,
    behaviour: Behaviour | None = None,
    known: bool = False,
) -> CallFile:
    """A call out of bare mono sound files (WAV or FLAC, 8 to 48 kHz), without transcript or expectation.

    Raises CallFileError if a file cannot be used or `caller_id` is neither a number nor P, O, C, S.
    """
    if caller_id is not None and not _CALLER_ID.fullmatch(caller_id):
        raise CallFileError(f"caller id {caller_id!r}: give digits, +digits, or one of P, O, C, S")
    try:
        sides = _equally_long(read_sound(far), None if near is None else read_sound(near))
    except AudioError as error:
        raise CallFileError(str(error)) from error
    title = name or far.stem
    return CallFile(
        id=title,
        title=title,
        title_en=title,
        label=None,
        caller_id=caller_id,
        outcome=None,
        level=None,
        known=known,
        behaviour=behaviour or Behaviour(),
        turns=(),
        far=sides[0],
        near=sides[1],
    )


def _sides(folder: Path, problems: list[str]) -> tuple[Pcm, Pcm]:
    far = _side(folder / "far.flac", problems)
    near_path = folder / "near.flac"
    near = _side(near_path, problems) if near_path.exists() else None
    return _equally_long(far, near)


def _side(path: Path, problems: list[str]) -> Pcm:
    try:
        return read_sound(path, rate=SAMPLE_RATE)
    except AudioError as error:
        problems.append(str(error))
        return np.zeros(0, np.int16)


def _equally_long(far: Pcm, near: Pcm | None) -> tuple[Pcm, Pcm]:
    length = max(len(far), 0 if near is None else len(near))
    sides = [np.zeros(length, np.int16) for _ in range(2)]
    for side, sound in zip(sides, (far, near), strict=True):
        if sound is not None:
            side[: len(sound)] = sound
        side.flags.writeable = False
    return sides[0], sides[1]


# --- call.toml -----------------------------------------------------------------------------------------------------


class _Table:
    """One TOML table being checked: collects problems instead of raising, so that all are told at once."""

    def __init__(self, values: Mapping[str, Any], where: str, problems: list[str]) -> None:
        self._values = values
        self._where = where
        self._problems = problems
        self._asked: list[str] = []

    def get(
        self, key: str, kind: type, default: Any, check: Callable[[Any], bool] = lambda _: True, want: str = ""
    ) -> Any:
        """The value of `key`; `default` if it is absent or wrong. A default of `...` makes the key necessary."""
        self._asked.append(key)
        if key not in self._values:
            if default is ...:
                self.complain(key, "is missing")
            return None if default is ... else default
        value = self._values[key]
        number = kind is float and isinstance(value, int) and not isinstance(value, bool)
        right_kind = number or (isinstance(value, kind) and isinstance(value, bool) == (kind is bool))
        if right_kind and check(value):
            return float(value) if number else value
        self.complain(key, f"is {value!r}, must be {want or _KINDS[kind]}")
        return None if default is ... else default

    def choice(self, key: str, choices: tuple[str, ...], default: Any = ...) -> Any:
        return self.get(key, str, default, lambda value: value in choices, "one of " + ", ".join(choices))

    def table(self, key: str, necessary: bool = False) -> _Table:
        values = self.get(key, dict, ... if necessary else {}) or {}
        return _Table(values, f"{self._where}{key}.", self._problems)

    def complain(self, key: str, what: str) -> None:
        self._problems.append(f"{self._where}{key} {what}")

    def reject_unknown(self) -> None:
        """Call last: every key not asked for by now is unknown."""
        for key in self._values.keys() - set(self._asked):
            near = get_close_matches(key, self._asked, n=1)
            self.complain(key, "is not a key of call files" + (f"; did you mean {near[0]}?" if near else ""))


_KINDS: Final = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "a table",
    list: "a list",
}


def _call(document: Mapping[str, Any], far: Pcm, near: Pcm, problems: list[str]) -> CallFile:
    top = _Table(document, "", problems)
    expected = top.table("expected", necessary=True)
    level = expected.choice("level", tuple(Level))
    call = CallFile(
        id=top.get("id", str, ..., lambda value: _ID.fullmatch(value) is not None, "a-z, 0-9, - and _"),
        title=top.get("title", str, ...),
        title_en=top.get("title_en", str, ...),
        label=top.choice("label", get_args(CallLabel)),
        caller_id=top.get(
            "caller_id", str, None, lambda value: _CALLER_ID.fullmatch(value) is not None, _CALLER_ID_WANT
        ),
        outcome=expected.choice("outcome", get_args(Outcome)),
        level=Level(level) if level else None,
        known=top.get("known", bool, False),
        behaviour=_behaviour(top.table("behaviour")),
        turns=_turns(top, len(far) / SAMPLE_RATE, problems),
        far=far,
        near=near,
    )
    expected.reject_unknown()
    top.reject_unknown()
    return call


_CALLER_ID_WANT: Final = (
    "digits, + and digits, or one of P, O, C, S (leave the key out for a line without number service)"
)


def _behaviour(table: _Table) -> Behaviour:
    plain = Behaviour()
    behaviour = Behaviour(
        rings=table.get("rings", int, plain.rings, lambda n: 1 <= n <= 60, "1 to 60"),
        hangs_up=table.choice("hangs_up", get_args(Patience), plain.hangs_up),
        answers=table.get("answers", bool, plain.answers),
        lift_after_s=table.get("lift_after_s", float, plain.lift_after_s, lambda s: 0 <= s <= 600, "0 to 600 seconds"),
        lift_after_rings=table.get("lift_after_rings", int, plain.lift_after_rings, lambda n: 1 <= n <= 60, "1 to 60"),
    )
    table.reject_unknown()
    return behaviour


def _turns(top: _Table, seconds: float, problems: list[str]) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    for number, values in enumerate(top.get("turns", list, [])):
        where = f"turns[{number}]"
        if not isinstance(values, dict):
            problems.append(f"{where} must be a table: write [[turns]]")
            continue
        table = _Table(values, f"{where}.", problems)
        turn = Turn(
            side=cast(TurnSide, table.choice("side", get_args(TurnSide))),
            t0=table.get("t0", float, ..., lambda t: t >= 0, "0 or later"),
            t1=table.get("t1", float, ...),
            voice=table.get("voice", str, ""),
            text=table.get("text", str, ...),
        )
        table.reject_unknown()
        if turn.t0 is not None and turn.t1 is not None:
            _check_times(table, turn, seconds)
        turns.append(turn)
    return tuple(turns)


def _check_times(table: _Table, turn: Turn, seconds: float) -> None:
    if turn.t1 <= turn.t0:
        table.complain("t1", f"is {turn.t1}, must be after t0 = {turn.t0}")
    elif seconds and turn.t1 > seconds + 1e-3:
        table.complain("t1", f"is {turn.t1}, but the audio ends at {seconds:.3f} s")
