"""The script of a call, `calls/<id>.toml`: who says what in which voice. Pure apart from reading the file."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from training.voices.synth import VERSION, VoiceError, check_voice, digest

SCRIPT_DIR: Final = Path(__file__).parent / "calls"
LONGEST_OVERLAP_S: Final = 1.5
DEFAULT_PAUSE_S: Final = 0.8


class ScriptError(ValueError):
    """A script that breaks the format; the message names file and key."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A speaker. `pitch` 1.0 is the voice as it is; `speed` likewise."""

    side: Literal["far", "near"]
    voice: str
    speed: float = 1.0
    pitch: float = 1.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. `pause` seconds pass since the end of the turn before; negative: speaks into it (a back-channel)."""

    who: str
    text: str
    pause: float = DEFAULT_PAUSE_S


@dataclass(frozen=True, slots=True)
class Script:
    """A call as written. `header` goes into `call.toml` unchanged."""

    id: str
    header: Mapping[str, Any]
    cast: Mapping[str, Cast]
    turns: tuple[Turn, ...]
    say: Mapping[str, str]
    """Respellings (written → spoken) for what the voices misread."""

    def spoken(self, turn: Turn) -> str:
        """What the voice is given for a turn."""
        return functools.reduce(lambda text, pair: text.replace(*pair), self.say.items(), turn.text)

    @property
    def digest(self) -> str:
        """Names everything the audio depends on."""
        turns = ((self.cast[turn.who], self.spoken(turn), turn.pause) for turn in self.turns)
        return digest(VERSION, *turns)


HEADER_KEYS: Final = ("title", "title_en", "label", "caller_id", "known")
TABLE_KEYS: Final[dict[str, frozenset[str]]] = {
    "expected": frozenset(("outcome", "level")),
    "behaviour": frozenset(("rings", "hangs_up", "answers", "lift_after_s", "lift_after_rings")),
}


def _build(kind: type[Any], table: Mapping[str, Any], where: str) -> Any:
    unknown = table.keys() - {field.name for field in fields(kind)}
    if unknown:
        raise ScriptError(f"{where}: unknown key {sorted(unknown)[0]!r}; there are {[f.name for f in fields(kind)]}")
    try:
        return kind(**table)
    except TypeError as error:
        raise ScriptError(f"{where}: {error}") from error


def _header(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    header = {key: value for key, value in data.items() if key not in {"cast", "turns", "say"}}
    known = {*HEADER_KEYS, *TABLE_KEYS}
    if unknown := header.keys() - known:
        raise ScriptError(f"{where}: unknown key {sorted(unknown)[0]!r}; there are {sorted(known)}")
    for table, keys in TABLE_KEYS.items():
        if unknown := header.get(table, {}).keys() - keys:
            raise ScriptError(f"{where}: [{table}] has no key {sorted(unknown)[0]!r}; there are {sorted(keys)}")
    for key in ("title", "title_en", "label", "expected"):
        if key not in header:
            raise ScriptError(f"{where}: {key!r} is missing")
    return header


def _check_turns(cast: Mapping[str, Cast], turns: tuple[Turn, ...], where: str) -> None:
    before: Turn | None = None
    for number, turn in enumerate(turns, 1):
        if turn.who not in cast:
            raise ScriptError(f"{where}: turn {number}: {turn.who!r} is not in [cast]; there are {sorted(cast)}")
        overlaps = turn.pause < 0
        if overlaps and (before is None or cast[before.who].side == cast[turn.who].side):
            raise ScriptError(f"{where}: turn {number}: only the other side can speak into a turn (pause < 0)")
        if turn.pause < -LONGEST_OVERLAP_S:
            raise ScriptError(f"{where}: turn {number}: pause {turn.pause} s; at most {LONGEST_OVERLAP_S} s overlap")
        before = turn


def parse_script(text: str, name: str) -> Script:
    """Parse a script; raises ScriptError naming `name` and the key."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(f"{name}: {error}") from error
    cast = {who: _build(Cast, table, f"{name}: [cast.{who}]") for who, table in data.get("cast", {}).items()}
    for who, member in cast.items():
        if member.side not in {"far", "near"}:
            raise ScriptError(f"{name}: [cast.{who}] side = {member.side!r}; want far or near")
        try:
            check_voice(member.voice)
        except VoiceError as error:
            raise ScriptError(f"{name}: [cast.{who}] {error}") from error
    turns = tuple(_build(Turn, turn, f"{name}: turn {i}") for i, turn in enumerate(data.get("turns", ()), 1))
    if not any(cast[turn.who].side == "far" for turn in turns if turn.who in cast):
        raise ScriptError(f"{name}: nobody speaks on the far side")
    _check_turns(cast, turns, name)
    say = data.get("say", {})
    if unused := [written for written in say if not any(written in turn.text for turn in turns)]:
        raise ScriptError(f"{name}: [say] {unused[0]!r} stands in no turn")
    return Script(Path(name).stem, _header(data, name), cast, turns, say)


def load_scripts(folder: Path = SCRIPT_DIR) -> list[Script]:
    """All scripts in order of their names."""
    return [parse_script(path.read_text("utf-8"), path.name) for path in sorted(folder.glob("*.toml"))]
