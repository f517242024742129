"""The whole virtual line over a real pseudo-terminal, in real time divided by 50."""

from __future__ import annotations

import os
import re
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import pytest
import serial
from sim_desk import END, NO_AGC, SILENT, make_call, speech_like, tone, unshield, until_etx

from denwaban.errors import LineError
from denwaban.sim import CommandDelays, Faults, LineClock, LineEvent, VirtualLine, dle
from denwaban.sim.line_events import CallerIdSent, LineFree, Ringing
from denwaban.sim.simulation import LineSetup
from denwaban.sim.virtual_line import MOST_WAITING_CALLS

PATIENCE_S = 60.0
PLAIN = LineSetup(delays=CommandDelays.none(), levels=SILENT, agc=NO_AGC)


def eventually(condition: Callable[[], bool], what: str = "condition") -> None:
    end = time.monotonic() + PATIENCE_S
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < end, f"{what} did not come true within {PATIENCE_S} s"
        tick.wait(0.002)


def stands_still(clock: LineClock) -> bool:
    """For 0.3 s, which would be 15 s of line time."""
    before, real = clock.now(), time.monotonic()
    eventually(lambda: time.monotonic() > real + 0.3)
    return clock.now() == before


class Host:
    """A program at the serial port, without a driver: os.open, os.read, os.write."""

    def __init__(self, port: str) -> None:
        self.fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def send(self, data: bytes) -> None:
        while data:
            select.select([], [self.fd], [], PATIENCE_S)
            with suppress(BlockingIOError):
                data = data[os.write(self.fd, data) :]

    def until(self, done: re.Pattern[bytes] | bytes | int) -> bytes:
        """Read until the bytes have come, or so many of them."""
        out = b""
        end = time.monotonic() + PATIENCE_S
        while not self._enough(out, done):
            assert time.monotonic() < end, f"{done!r} did not come; the modem said {out[-200:]!r}"
            if select.select([self.fd], [], [], 0.1)[0]:
                with suppress(BlockingIOError):
                    out += os.read(self.fd, 65536)
        return out

    def record_until(self, code: bytes) -> bytes:
        """Start recording; the stream from CONNECT until the modem has sent this code between the sound."""
        self.send(b"AT+VRX\r")
        stream = b""
        while b"CONNECT\r\n" not in stream:
            stream += self.until(1)
        stream = stream.split(b"CONNECT\r\n", 1)[1]
        while code not in unshield(stream)[1]:
            stream += self.until(16000)
        return stream

    def _enough(self, out: bytes, done: re.Pattern[bytes] | bytes | int) -> bool:
        if isinstance(done, int):
            return len(out) >= done
        return re.search(done, out[-4096:]) is not None if isinstance(done, re.Pattern) else done in out[-4096:]

    def command(self, line: str) -> bytes:
        self.send(line.encode() + b"\r")
        return self.until(END)

    def japan(self) -> None:
        for line in ("ATE0", "AT+GCI=00", "AT+VCID=1"):
            assert b"OK" in self.command(line)

    def answer(self) -> None:
        for line in ("AT+FCLASS=8", "AT+VSM=129,8000", "AT+VLS=1"):
            assert b"OK" in self.command(line)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Bench:
    """A virtual line with a host at it, and a list of what happened."""

    def __init__(self, **options: object) -> None:
        self.events: list[LineEvent] = []
        options.setdefault("setup", PLAIN)
        speed = options.pop("speed", 50)
        self.clock = LineClock(speed)  # type: ignore[arg-type]
        self.line = VirtualLine(self.clock, observer=self.events.append, **options)  # type: ignore[arg-type]
        self.line.start()
        self.host = Host(self.line.port)

    def close(self) -> None:
        self.host.close()
        self.line.close()

    def happened(self, kind: type[LineEvent]) -> bool:
        return any(isinstance(event, kind) for event in self.events)


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**options: object) -> Bench:
        made.append(Bench(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_pyserial_talks_to_it(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.host.close()
    with serial.Serial(made.line.port, 115200, timeout=PATIENCE_S, exclusive=True) as port:
        port.write(b"ATE0\r")
        assert port.read_until(b"OK\r\n") == b"ATE0\r\r\nOK\r\n"
        port.write(b"AT+GMM\r")
        assert b"Virtual voice modem" in port.read_until(b"OK\r\n")
    assert made.line.transcript_of_commands[-2:] == ("ATE0", "AT+GMM")


def test_a_whole_call(bench: Callable[..., Bench]) -> None:
    made = bench()
    far = speech_like(4.0)
    made.host.japan()
    made.line.ring(make_call("0312345678", far=far, lift_after_s=1.0))
    assert made.line.busy
    assert made.host.until(b"RING") == b"\r\nNMBR = 0312345678\r\n\r\nRING\r\n"
    made.host.answer()
    prompt = speech_like(3.0, seed=8)
    made.host.command("AT+VTX")
    made.host.send(dle.shield(prompt.tobytes()) + b"\x10\x03")
    made.host.until(END)
    assert np.array_equal(made.line.heard_by_caller(), prompt)
    out = made.host.record_until(b"b")
    made.host.send(b"\x10!")
    out += made.host.until(b"\x10\x03\r\nOK\r\n")
    sound, codes, rest = until_etx(out)
    assert rest == b"\r\nOK\r\n"
    assert codes.startswith(b"Ppb")
    assert far.tobytes() in sound
    made.host.command("ATH")
    assert made.line.wait_call_over(PATIENCE_S)
    assert [what for _, what in made.line.hook_log] == [
        "box off-hook",
        "household off-hook",
        "household on-hook",
        "box on-hook",
    ]
    assert not made.line.off_hook
    assert not made.line.handset_off_hook
    assert isinstance(made.events[-1], LineFree)


@pytest.mark.parametrize("chunk", [1, 7, 160])
def test_any_chunking_carries_the_same_sound(bench: Callable[..., Bench], chunk: int) -> None:
    made = bench(pty_chunk=chunk, speed=20)
    far = speech_like(1.0)
    made.host.japan()
    made.line.ring(make_call("P", far=far, lift_after_s=0.5))
    assert made.host.until(b"RING\r\n") == b"\r\nNMBR = P\r\n\r\nRING\r\n"
    made.host.answer()
    prompt = speech_like(1.0, seed=8)
    made.host.command("AT+VTX")
    made.host.send(dle.shield(prompt.tobytes()) + b"\x10\x03")
    made.host.until(END)
    assert np.array_equal(made.line.heard_by_caller(), prompt)
    sound, codes = unshield(made.host.record_until(b"b"))
    assert codes.startswith(b"Ppb")
    assert far.tobytes() in sound


def test_playing_drains_8000_samples_a_second_of_line_time(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.host.answer()
    made.host.command("AT+VTX")
    start = made.clock.now()
    made.host.send(bytes(20 * 16000) + b"\x10\x03")
    made.host.until(END)
    # No upper limit: line time also runs while this test is not scheduled. test_sim_voice.py has the exact length.
    assert made.clock.now() - start >= 20.0
    assert len(made.line.heard_by_caller()) == 20 * 8000


def test_recording_gives_8000_samples_a_second_of_line_time(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.host.answer()
    made.host.command("AT+VRX")
    begin = made.clock.now()
    made.host.until(16000 * 10)
    first = made.clock.now() - begin
    assert 9.0 < first < 12.0


def test_a_slow_host_makes_line_time_wait_and_loses_nothing(bench: Callable[..., Bench]) -> None:
    made = bench()
    far = speech_like(6.0)
    made.line.ring(make_call(far=far, lift_after_s=0.5))
    made.host.until(b"RING")
    made.host.answer()
    made.host.command("AT+VRX")
    begin = made.clock.now()
    eventually(lambda: stands_still(made.clock), "waiting for the host")
    assert made.line.host_waits > 0
    assert made.clock.now() - begin < 5.0, "more than the kernel's buffers hold"
    stream = made.host.until(1)
    while b"b" not in unshield(stream)[1]:
        stream += made.host.until(16000)
    sound, codes = unshield(stream)
    assert codes.startswith(b"Ppb")
    assert far.tobytes() in sound


def test_after_the_longest_wait_sound_is_lost_and_line_time_goes_on(bench: Callable[..., Bench]) -> None:
    made = bench(max_wait_s=0.2)
    made.host.answer()
    made.host.send(b"AT+VRX\r")
    eventually(lambda: made.line.host_waits > 0)
    stood = made.clock.now()
    eventually(lambda: made.clock.now() > stood + 5.0, "line time going on")
    out = made.host.until(b"\x10o")
    assert out.count(b"\x10o") == 1


def test_off_hook_during_the_alerting_pulses_loses_the_call(bench: Callable[..., Bench]) -> None:
    made = bench(faults=Faults(ring_per_car=True), setup=None, delays=CommandDelays.none(), speed=5)
    made.host.japan()
    made.line.ring(make_call("0312345678"))
    made.host.until(b"RING")
    made.host.answer()
    made.host.command("ATH")
    assert made.line.wait_call_over(PATIENCE_S)
    assert not made.happened(CallerIdSent)
    assert not made.happened(Ringing)


def test_closing_the_port_releases_the_line(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.line.ring(make_call(answers=False))
    made.host.until(b"RING")
    made.host.answer()
    made.host.command("AT+VRX")
    made.host.close()
    assert made.line.wait_call_over(PATIENCE_S)
    assert not made.line.off_hook
    again = Host(made.line.port)
    try:
        assert again.command("AT+FCLASS?").endswith(b"\r\n0\r\n\r\nOK\r\n")
    finally:
        again.close()


def test_a_host_that_dies_with_the_play_buffer_full_releases_the_line(bench: Callable[..., Bench]) -> None:
    made = bench(speed=1)
    made.host.answer()
    made.host.command("AT+VTX")
    with suppress(BlockingIOError):
        while True:
            os.write(made.host.fd, bytes(4096))
    assert made.line.off_hook
    made.host.close()
    eventually(lambda: not made.line.off_hook, "on-hook")


def test_the_next_host_does_not_read_the_last_ones_answers(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.host.answer()
    made.host.send(b"AT+VRX\r")
    eventually(lambda: made.line.host_waits > 0)
    made.host.close()
    eventually(lambda: not made.line.off_hook)
    again = Host(made.line.port)
    try:
        assert again.command("ATE0") == b"ATE0\r\r\nOK\r\n"
    finally:
        again.close()


def test_the_handset_keeps_the_call_when_the_port_closes(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.line.ring(make_call(far=tone(500, 8.0), lift_after_s=0.2))
    made.host.until(b"RING")
    made.host.answer()
    made.host.record_until(b"P")
    made.host.close()
    eventually(lambda: not made.line.off_hook)
    assert made.line.wait_call_over(PATIENCE_S)
    last = [what for _, what in made.line.hook_log][-2:]
    assert last == ["box on-hook", "household on-hook"]
    assert made.line.hook_log[-1][0] - made.line.hook_log[-2][0] > 4.0


def test_calls_queue_up_and_come_one_after_the_other(bench: Callable[..., Bench]) -> None:
    made = bench()
    for caller in ("0311112222", "P", None):
        made.line.ring(make_call(caller, far=tone(500, 1.0), lift_after_rings=1))
    assert made.line.wait_call_over(PATIENCE_S)
    free = [event.at for event in made.events if isinstance(event, LineFree)]
    assert len(free) == 3
    assert [event.text for event in made.events if isinstance(event, CallerIdSent)] == ["0311112222", "P"]
    assert not made.line.busy


def test_the_household_lifts_and_replaces_on_request(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.line.lift_handset()
    eventually(lambda: made.line.handset_off_hook)
    assert made.line.busy
    made.line.replace_handset()
    eventually(lambda: not made.line.handset_off_hook)


def test_too_many_waiting_calls_are_refused() -> None:
    line = VirtualLine(LineClock())
    try:
        for _ in range(MOST_WAITING_CALLS):
            line.ring(make_call())
        with pytest.raises(LineError, match="waiting already"):
            line.ring(make_call())
    finally:
        line.close()


def test_waiting_ends_at_its_time_limit_and_at_close(bench: Callable[..., Bench]) -> None:
    made = bench(speed=1)
    made.line.ring(make_call())
    assert not made.line.wait_call_over(0.05)
    made.line.close()
    assert not made.line.wait_call_over(PATIENCE_S)
    made.line.close()


def test_closing_the_line_is_an_unplugged_modem_for_the_host(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.host.command("AT")
    made.line.close()
    with pytest.raises(OSError, match="Input/output error"):
        os.write(made.host.fd, b"AT\r")


def test_a_breakdown_unplugs_the_modem_and_is_told() -> None:
    def broken(_: LineEvent) -> None:
        raise RuntimeError("no screen")

    line = VirtualLine(LineClock(50), observer=broken)
    with line:
        line.ring(make_call())
        with pytest.raises(LineError, match="broke down"):
            line.wait_call_over(PATIENCE_S)


def test_line_time_never_runs_faster_than_its_speed(bench: Callable[..., Bench]) -> None:
    made = bench(speed=5)
    real, line = time.monotonic(), made.clock.now()
    eventually(lambda: made.clock.now() - line >= 2.0)
    assert time.monotonic() - real >= 2.0 / 5 * 0.85
