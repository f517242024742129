"""Judging finished calls, as text or as audio, with the box's own listener and detector. No household state is touched.

Causal: what the first turns (seconds) get does not depend on what follows.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, cast

import numpy as np
import soundfile
import soxr

from denwaban.config import Sensitivity
from denwaban.detect.judge import CallJudge
from denwaban.detect.model import Floats, ScamModel
from denwaban.detect.policy import PastCall, caller_shift, household_shift
from denwaban.detect.text import Reader
from denwaban.errors import AudioError, DenwabanError
from denwaban.events import SAMPLE_RATE, CallerId, Level, Pcm, Utterance, UtteranceAssessed
from denwaban.listener import CallListener

Direction = Literal["in", "out"]

SERIES_LIMIT: Final = 10_000
"""Households remembered at a time; the one longest unheard of is forgotten first."""
PAST_LIMIT: Final = 20
READ_S: Final = 0.5
RATES: Final = range(8000, 48001)
UNKNOWN_FRAMES: Final = 1 << 62
"""libsndfile's number of frames of a stream whose header does not tell."""
UNKNOWN_BYTES: Final = 0x7FFF_0000
_CALLER: Final = re.compile(r"\+?\d{1,20}")


class InputError(DenwabanError):
    """An input line that is no call; the message names the key."""


def parse_caller(text: str | None) -> CallerId | None:
    """`digits`, `+…` or P, O, C, S; None is no report. Raises InputError."""
    if text is None:
        return None
    if text in ("P", "O", "C", "S"):
        return CallerId(absence=cast(Any, text))
    if not _CALLER.fullmatch(text):
        raise InputError(f"caller_id: want digits, +digits, or one of P, O, C, S, not {text!r}")
    return CallerId(number=text)


# --- text --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextCall:
    """One call to be judged as text. `turns` are (near?, text)."""

    id: str
    turns: tuple[tuple[bool, str], ...]
    caller: CallerId | None = None
    at: float | None = None
    """Seconds since the epoch."""
    series: str | None = None


def parse_text_call(line: str) -> TextCall:
    """Parse one JSON line. Raises InputError naming what is wrong."""
    data = _decoded(line)
    if not isinstance(data, dict) or not isinstance(data.get("id"), str):
        raise InputError('want an object with a text "id"')
    turns = data.get("turns")
    if not isinstance(turns, list):
        raise InputError("turns: want a list of {speaker, text}")
    if data.get("direction") not in (None, "in", "out"):
        raise InputError(f"direction: want in or out, not {data['direction']!r}")
    series = data.get("series")
    if series is not None and not isinstance(series, str):
        raise InputError("series: want a text")
    caller = data.get("caller_id")
    if caller is not None and not isinstance(caller, str):
        raise InputError("caller_id: want a text")
    parsed = tuple(_parse_turn(turn, i) for i, turn in enumerate(turns))
    return TextCall(data["id"], parsed, parse_caller(caller), _parse_time(data.get("at")), series)


def _decoded(line: str) -> Any:
    try:
        data = json.loads(line)
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError("not Unicode: half of a surrogate pair (\\ud800 to \\udfff)") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}") from error
    return data


def _parse_turn(turn: object, position: int) -> tuple[bool, str]:
    if not isinstance(turn, dict) or not isinstance(turn.get("speaker"), str) or not isinstance(turn.get("text"), str):
        raise InputError(f"turns[{position}]: want speaker and text")
    return turn["speaker"] == "callee", turn["text"]


def _parse_time(text: object) -> float | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(cast(str, text)).timestamp()
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"at: want an ISO time, not {text!r}") from error


@dataclass
class Households:
    """What linked calls remember of each other, per series; bounded."""

    _past: OrderedDict[str, tuple[tuple[PastCall, ...], float]] = field(default_factory=OrderedDict)

    def shift(self, call: TextCall) -> tuple[float, float]:
        """(log-odds shift, time of the call); a call without a time is taken to follow at once."""
        if call.series is None:
            return 0.0, call.at or 0.0
        past, last = self._past.get(call.series, ((), 0.0))
        at = last if call.at is None else call.at
        return household_shift(past, at), at

    def remember(self, call: TextCall, at: float, score: float) -> None:
        if call.series is None:
            return
        past, _last = self._past.pop(call.series, ((), 0.0))
        self._past[call.series] = ((*past, PastCall(at, score))[-PAST_LIMIT:], at)
        while len(self._past) > SERIES_LIMIT:
            self._past.popitem(last=False)


class TextAnalyzer:
    """Judges text calls one by one, in bounded memory."""

    def __init__(self, model: ScamModel, sensitivity: Sensitivity = "normal") -> None:
        self._model = model
        self._sensitivity: Sensitivity = sensitivity
        self._reader = Reader()
        self._households = Households()

    def analyze(self, call: TextCall) -> dict[str, Any]:
        """The verdict on one call, every key present."""
        household, at = self._households.shift(call)
        shift = caller_shift(call.caller) + household
        judge = CallJudge(self._model, self._reader, self._sensitivity, shift, channel="written")
        turns: list[dict[str, Any]] = []
        top = 0.0
        category = ""
        for i, (near, text) in enumerate(call.turns):
            found = judge.hear(Utterance(text, float(i), float(i + 1), "near" if near else "far"))
            top, category = max(top, found.call_score), found.category or category
            turns.append(
                {
                    "i": i,
                    "score": None if near else round(found.score or 0.0, 4),
                    "stage": None if near else found.stage,
                    "level": found.level,
                    "evidence": [item.phrase for item in found.evidence],
                }
            )
        self._households.remember(call, at, top)
        level = turns[-1]["level"] if turns else Level.QUIET
        return {
            "id": call.id,
            "level": level,
            "score": round(top, 4),
            "category": category or None,
            "first_caution_turn": _first(turns, Level.CAUTION),
            "first_alert_turn": _first(turns, Level.ALERT),
            "turns": turns,
        }


def _first(turns: list[dict[str, Any]], level: Level) -> int | None:
    return next((turn["i"] for turn in turns if turn["level"].rank >= level.rank), None)


def analyze_lines(analyzer: TextAnalyzer, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """A verdict or an `{"id", "error"}` for each line that is not blank."""
    for line in lines:
        if not line.strip():
            continue
        try:
            call = parse_text_call(line)
        except InputError as error:
            yield {"id": _id_of(line), "error": str(error)}
        else:
            yield analyzer.analyze(call)


def _id_of(line: str) -> str | None:
    try:
        found = json.loads(line)
        name = found.get("id") if isinstance(found, dict) else None
        return name if isinstance(name, str) and name.encode("utf-8") else None
    except (ValueError, RecursionError):  # UnicodeEncodeError is a ValueError
        return None


# --- audio -------------------------------------------------------------------------------------------------------


class CallAudio:
    """A recording of a conversation: WAV, FLAC or OGG; mono two-wire mix or stereo (left far, right near), 8–48 kHz."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise AudioError(f"{path}: no such file")
        try:
            self._file = soundfile.SoundFile(path)
        except (OSError, soundfile.SoundFileError) as error:
            raise AudioError(f"{path}: cannot be read as WAV, FLAC or OGG ({error})") from error
        if self._file.samplerate not in RATES:
            raise AudioError(f"{path}: {self._file.samplerate} Hz; want 8000 to 48000 Hz")
        if self._file.channels > 2:
            raise AudioError(
                f"{path}: {self._file.channels} channels; want mono, or stereo with far left and near right"
            )
        self._path = path
        self._promised = _promised_frames(path, self._file)

    @property
    def channels(self) -> int:
        return int(self._file.channels)

    def blocks(self) -> Iterator[tuple[Pcm, ...]]:
        """8 kHz audio, one array per channel. Raises AudioError where the file breaks off."""
        rate, heard = self._file.samplerate, 0
        resamplers = [soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32") for _ in range(self.channels)]
        try:
            # As float: libsndfile does not scale files of floating-point samples when asked for integers.
            while len(block := self._file.read(round(rate * READ_S), dtype="float32", always_2d=True)):
                heard += len(block)
                yield _convert(block, resamplers, last=False)
        except soundfile.SoundFileError as error:
            raise AudioError(f"{self._path}: breaks off at {heard / rate:.1f} s ({error})") from error
        yield _convert(np.zeros((0, self.channels), np.float32), resamplers, last=True)
        if heard < self._promised:
            raise AudioError(
                f"{self._path}: breaks off at {heard / rate:.1f} s; its header promises {self._promised / rate:.1f} s. "
                "What is there was judged; copy the file again"
            )


def _convert(block: Floats, resamplers: list[Any], *, last: bool) -> tuple[Pcm, ...]:
    """(n, channels) samples of ±1 → 8 kHz integers, one array per channel."""
    columns = np.ascontiguousarray(np.clip(np.nan_to_num(block), -1.0, 1.0).T)
    resampled = (one.resample_chunk(column, last=last) for one, column in zip(resamplers, columns, strict=True))
    return tuple(np.clip(np.rint(column * 32768.0), -32768, 32767).astype(np.int16) for column in resampled)


def _promised_frames(path: Path, file: soundfile.SoundFile) -> int:
    """How many frames the header announces; 0 where it does not know.

    For a RIFF file, libsndfile reports what is there and keeps the header's claim to itself.
    """
    with path.open("rb") as source:
        head = source.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return int(file.frames) if file.frames < UNKNOWN_FRAMES else 0
        frame_size = 0
        while len(chunk := source.read(8)) == 8:
            name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
            if name == b"data":
                # Programs that write to a pipe put 0 or about the largest number there.
                return size // frame_size if frame_size and size < UNKNOWN_BYTES else 0
            start = source.tell()
            if name == b"fmt ":
                frame_size = int.from_bytes(source.read(14)[12:], "little")
            source.seek(start + size + size % 2)
    return 0


def analyze_audio(audio: CallAudio, listener: CallListener) -> Iterator[dict[str, Any]]:
    """A line per utterance, then the verdict. A file that breaks off is judged as far as it goes; the error follows."""
    state = _AudioVerdict()
    broken: AudioError | None = None
    try:
        for channels in audio.blocks():
            yield from map(state.segment, listener.feed(*channels))
    except AudioError as error:
        broken = error
    yield from map(state.segment, listener.finish())
    yield state.verdict()
    if broken is not None:
        raise broken


@dataclass
class _AudioVerdict:
    level: Level = Level.QUIET
    score: float = 0.0
    category: str = ""
    first: dict[Level, float] = field(default_factory=dict)

    def segment(self, heard: UtteranceAssessed) -> dict[str, Any]:
        found, said = heard.assessment, heard.utterance
        self.level, self.score = found.level, max(self.score, found.call_score)
        self.category = found.category or self.category
        for mark in (Level.CAUTION, Level.ALERT):
            if found.level.rank >= mark.rank:
                self.first.setdefault(mark, round(heard.decided_at, 2))
        return {
            "type": "segment",
            "t0": round(said.t0, 2),
            "t1": round(said.t1, 2),
            "side": said.side,
            "text": said.text,
            "score": None if found.score is None else round(found.score, 4),
            "stage": None if found.score is None else found.stage,
            "level": found.level,
            "evidence": [item.phrase for item in found.evidence],
        }

    def verdict(self) -> dict[str, Any]:
        return {
            "type": "verdict",
            "level": self.level,
            "score": round(self.score, 4),
            "category": self.category or None,
            "first_caution_s": self.first.get(Level.CAUTION),
            "first_alert_s": self.first.get(Level.ALERT),
        }


ListenerFactory = Callable[[int, CallerId | None], CallListener]
"""(channels, caller) → a listener for one recording."""
