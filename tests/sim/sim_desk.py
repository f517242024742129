"""Tools of these tests: call files out of numpy, and a desk with a simulated line, without PTY or waiting."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from denwaban.events import SAMPLE_RATE, Pcm
from denwaban.sim.audio_path import PLAIN_AGC, PLAIN_LEVELS, TICK_S, AgcSettings, LineLevels
from denwaban.sim.callfile import Behaviour, CallFile, Turn
from denwaban.sim.clock import LineClock
from denwaban.sim.faults import NO_FAULTS, CommandDelays, Faults
from denwaban.sim.line_events import LineEvent
from denwaban.sim.profiles import GENERIC, ModemProfile
from denwaban.sim.simulation import LineSetup, LineSimulation

END = re.compile(rb"\r\n(OK|ERROR|CONNECT)\r\n")
NO_AGC = AgcSettings(on=False)
SILENT = LineLevels(far_db=0.0, near_db=0.0, noise_dbfs=None)


def tone(hertz: float, seconds: float, level: float = 3000.0) -> Pcm:
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def speech_like(seconds: float, seed: int = 7, level: float = 3000.0) -> Pcm:
    return np.clip(
        np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE)) * level, -32768, 32767
    ).astype(np.int16)


def rms(pcm: Any) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(pcm, np.float64)))))


def make_call(
    caller_id: str | None = None,
    far: Pcm | None = None,
    near: Pcm | None = None,
    turns: tuple[Turn, ...] = (),
    **behaviour: Any,
) -> CallFile:
    far = tone(500, 4.0) if far is None else far
    return CallFile(
        id="made",
        title="made",
        title_en="made",
        label=None,
        caller_id=caller_id,
        outcome=None,
        level=None,
        known=False,
        behaviour=Behaviour(**behaviour),
        turns=turns,
        far=far,
        near=np.zeros(len(far), np.int16) if near is None else near,
    )


def write_call(folder: Path, text: str, far: Pcm | None = None, rate: int = SAMPLE_RATE) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "call.toml").write_text(text, encoding="utf-8")
    soundfile.write(folder / "far.flac", tone(500, 3.0) if far is None else far, rate, subtype="PCM_16")
    return folder


class Desk:
    """A host's view of the simulated line: type, let time pass, read."""

    def __init__(
        self,
        *,
        faults: Faults = NO_FAULTS,
        delays: CommandDelays | None = None,
        profile: ModemProfile = GENERIC,
        levels: LineLevels = PLAIN_LEVELS,
        agc: AgcSettings = PLAIN_AGC,
    ) -> None:
        setup = LineSetup(profile, delays or CommandDelays.none(), faults, levels, agc)
        self.clock = LineClock()
        self.simulation = LineSimulation(self.clock, setup)
        self.modem = self.simulation.modem
        self.exchange = self.simulation.exchange
        self.events: list[LineEvent] = []

    def tick(self) -> bytes:
        self.events += self.simulation.tick()
        return self.modem.take_output()

    def run(self, seconds: float) -> bytes:
        out = self.modem.take_output()
        for _ in range(round(seconds / TICK_S)):
            out += self.tick()
        return out

    def until(self, done: bytes | re.Pattern[bytes] | Callable[[], bool], limit_s: float = 30.0) -> bytes:
        """Let time pass until the bytes have come, or the condition holds."""
        out = self.modem.take_output()
        end = self.clock.now() + limit_s
        while not (
            done() if callable(done) else re.search(done if isinstance(done, re.Pattern) else re.escape(done), out)
        ):
            assert self.clock.now() < end, f"{done!r} did not happen within {limit_s} s; the modem said {out[-200:]!r}"
            out += self.tick()
        return out

    def command(self, line: str, limit_s: float = 5.0) -> bytes:
        """Send a command line and read its answer."""
        self.modem.receive(line.encode() + b"\r")
        return self.until(END, limit_s)

    def japan(self) -> None:
        for line in ("ATE0", "AT+GCI=00", "AT+VCID=1"):
            assert b"OK" in self.command(line)

    def ring(self, call: CallFile) -> None:
        self.exchange.ring(call)

    def answer(self, cml: int = 129) -> None:
        self.command("AT+FCLASS=8")
        self.command(f"AT+VSM={cml},8000")
        assert b"OK" in self.command("AT+VLS=1")

    def record(self) -> bytes:
        """Start recording; returns what came behind CONNECT already."""
        out = self.command("AT+VRX")
        assert b"CONNECT\r\n" in out
        return out.split(b"CONNECT\r\n", 1)[1]

    def said(self, kind: type[LineEvent]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def unshield(stream: bytes) -> tuple[bytes, bytes]:
    """Sound and codes of a recorded stream. Written apart from the code under test."""
    sound, codes, _ = until_etx(stream)
    return sound, codes


def until_etx(stream: bytes) -> tuple[bytes, bytes, bytes]:
    """Sound, codes (without the end code), and what stands behind the end code."""
    sound, codes, escaped = bytearray(), bytearray(), False
    for at, byte in enumerate(stream):
        if escaped and byte == 0x03:
            return bytes(sound), bytes(codes), stream[at + 1 :]
        if byte == 0x10 and not escaped:
            escaped = True
            continue
        (codes if escaped and byte != 0x10 else sound).append(byte)
        escaped = False
    return bytes(sound), bytes(codes), b""
