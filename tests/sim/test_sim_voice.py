"""Playing and recording, over the modem without wires."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_desk import END, NO_AGC, SILENT, Desk, make_call, speech_like, tone, unshield, until_etx

from denwaban.sim import dle
from denwaban.sim.codec import Coding, decode, encode
from denwaban.sim.faults import Faults
from denwaban.sim.line_events import BoxPlayed, BoxPlays
from denwaban.sim.modem import Mode

CODINGS = [(0, Coding.SIGNED_8), (1, Coding.UNSIGNED_8), (4, Coding.ULAW), (5, Coding.ALAW), (129, Coding.SIGNED_16)]


def off_hook(cml: int = 129, faults: Faults | None = None) -> Desk:
    """The box has answered a caller who waits, and nobody lifts the handset."""
    desk = Desk(faults=faults or Faults(), levels=SILENT, agc=NO_AGC)
    desk.command("ATE0")
    desk.ring(make_call(answers=False))
    desk.until(b"RING")
    desk.answer(cml)
    return desk


def feed(desk: Desk, data: bytes, step: int = 4096) -> bytes:
    """Write as a host does: only as much as the modem takes."""
    out = b""
    while data:
        take = min(step, desk.modem.room())
        if take:
            desk.modem.receive(data[:take])
            data = data[take:]
        if desk.modem.room() == 0:
            out += desk.tick()
    return out


def play(desk: Desk, data: bytes, step: int = 4096) -> bytes:
    desk.command("AT+VTX")
    out = feed(desk, dle.shield(data) + b"\x10\x03", step)
    return out + desk.until(END, 60)


@pytest.mark.parametrize(("cml", "coding"), CODINGS)
def test_what_the_host_plays_is_what_the_caller_hears(cml: int, coding: Coding) -> None:
    desk = off_hook(cml)
    sound = encode(speech_like(1.5), coding)
    play(desk, sound)
    assert np.array_equal(desk.modem.heard.all(), decode(sound, coding))


@pytest.mark.parametrize(("cml", "coding"), CODINGS)
def test_playing_takes_as_long_as_the_sound(cml: int, coding: Coding) -> None:
    desk = off_hook(cml)
    before = desk.clock.now()
    play(desk, encode(tone(500, 3.0), coding))
    desk.run(0.1)
    assert desk.clock.now() - before == pytest.approx(3.0 + 0.1, abs=0.12)
    assert [round(event.seconds, 2) for event in desk.said(BoxPlayed)] == [3.0]
    assert len(desk.said(BoxPlays)) == 1


def test_the_modem_takes_no_more_than_its_buffer_holds() -> None:
    desk = off_hook()
    desk.command("AT+VTX")
    desk.modem.receive(bytes(desk.modem.room()))
    assert desk.modem.room() == 0
    desk.tick()
    assert desk.modem.room() == 320


@given(st.lists(st.sampled_from([0x10, 0x00, 0x7F, 0x03]), min_size=2, max_size=400), st.integers(1, 50))
@settings(deadline=None, max_examples=40)
def test_any_bytes_and_any_chunks_play_the_same(raw: list[int], step: int) -> None:
    sound = bytes(raw[: len(raw) // 2 * 2])
    desk = off_hook()
    play(desk, sound, step)
    assert desk.modem.heard.all().tobytes() == sound


def test_commands_right_behind_the_end_code_are_commands() -> None:
    desk = off_hook()
    desk.command("AT+VTX")
    desk.modem.receive(bytes(3200) + b"\x10\x03AT+VLS?\r")
    assert b"\r\nOK\r\n\r\n1\r\n\r\nOK\r\n" in desk.until(b"1\r\n\r\nOK\r\n")
    assert len(desk.modem.heard.all()) == 1600


def test_cancel_throws_the_buffer_away() -> None:
    desk = off_hook()
    desk.command("AT+VTX")
    desk.modem.receive(bytes(4000))
    desk.run(0.1)
    desk.modem.receive(b"\x10\x18\x10\x03")
    desk.until(END, 0.2)
    assert len(desk.modem.heard.all()) == 5 * 160


def test_pause_and_resume() -> None:
    desk = off_hook()
    desk.command("AT+VTX")
    desk.modem.receive(bytes(1600) + b"\x10p")
    desk.run(1.0)
    assert desk.modem.heard.all().size == 0
    desk.modem.receive(b"\x10r")
    desk.run(1.0)
    assert desk.modem.heard.all().size == 800


def test_a_dry_buffer_is_reported_once_per_gap() -> None:
    desk = off_hook()
    desk.command("AT+VTX")
    assert b"\x10u" not in desk.run(0.5)
    desk.modem.receive(bytes(320))
    assert desk.run(1.0).count(b"\x10u") == 1
    desk.modem.receive(bytes(320))
    assert desk.run(1.0).count(b"\x10u") == 1
    desk.modem.receive(bytes(320) + b"\x10\x03")
    assert b"\x10u" not in desk.until(END)


@pytest.mark.parametrize(("cml", "coding"), CODINGS)
def test_a_recording_holds_every_sample_of_the_conversation(cml: int, coding: Coding) -> None:
    far = speech_like(2.0)
    desk = off_hook_in_call(cml, far)
    out = desk.record() + desk.run(1.0 + 0.6 + 2.0)
    desk.modem.receive(b"\x10!")
    out += desk.run(0.1)
    sound, codes, rest = until_etx(out)
    assert rest == b"\r\nOK\r\n"
    assert codes == b"P"
    expected = encode(far, coding)
    at = sound.find(expected[:200])
    assert at >= 0
    assert expected.startswith(sound[at:])
    assert len(sound) - at >= len(expected) - 1600 * coding.width


def off_hook_in_call(cml: int, far: np.ndarray) -> Desk:
    desk = Desk(levels=SILENT, agc=NO_AGC)
    desk.command("ATE0")
    desk.ring(make_call(far=far, lift_after_s=1.0))
    desk.until(b"RING")
    desk.answer(cml)
    return desk


def test_a_second_of_line_time_is_8000_samples() -> None:
    desk = off_hook()
    out = desk.record()
    before = len(unshield(out)[0])
    sound, _ = unshield(out + desk.run(10.0))
    assert len(sound) - before == 10 * 8000 * 2
    assert before <= 2 * 320


def test_ending_a_recording_gives_the_rest_then_etx_then_ok() -> None:
    desk = off_hook()
    desk.record()
    desk.run(0.5)
    desk.modem.receive(b"\x10!")
    assert desk.run(0.5) == b"\x10\x03\r\nOK\r\n"
    assert desk.modem.mode is Mode.COMMAND


def test_bytes_that_are_no_code_do_not_end_a_recording() -> None:
    desk = off_hook()
    desk.record()
    desk.modem.receive(b"ATH\r\x10\x00")
    desk.run(0.5)
    assert desk.modem.mode is Mode.RECORD


def test_half_duplex_nothing_is_heard_while_playing() -> None:
    desk = off_hook()
    desk.command("AT+VTX")
    desk.modem.receive(bytes(3200))
    assert desk.run(0.1) == b""


def test_dial_tone_is_heard_and_reported() -> None:
    desk = Desk()
    desk.command("ATE0")
    desk.answer()
    sound, codes = unshield(desk.record() + desk.run(5.0))
    assert codes == b"dd"
    pcm = decode(sound, Coding.SIGNED_16)
    assert np.argmax(np.abs(np.fft.rfft(pcm[-8000:]))) == 400


def test_lost_sound_is_confessed() -> None:
    desk = off_hook()
    desk.record()
    desk.modem.overrun = True
    assert desk.run(1.0) == b""
    desk.modem.overrun = False
    out = desk.run(0.02)
    assert out.startswith(b"\x10o")
    assert b"\x10o" not in desk.run(0.5)


def test_inactivity_timer_lets_go_of_the_line() -> None:
    desk = off_hook()
    desk.command("AT+VIT=5")
    desk.record()
    desk.run(4.0)
    desk.modem.receive(b"\x10\x00")
    desk.run(4.5)
    assert desk.modem.off_hook
    assert desk.run(1.0).endswith(b"\x10\x03\r\nOK\r\n")
    assert not desk.modem.off_hook


def test_without_ok_after_recording_the_modem_still_obeys() -> None:
    desk = off_hook(faults=Faults(never_ok_after_rx=True))
    desk.record()
    desk.modem.receive(b"\x10!")
    assert desk.run(2.0).endswith(b"\x10\x03")
    assert b"OK" in desk.command("ATH")
    assert not desk.modem.off_hook


def test_a_modem_may_report_itself_as_a_lifted_handset() -> None:
    desk = Desk(faults=Faults(bogus_h_after_vls=True))
    desk.command("AT+FCLASS=8")
    assert desk.command("AT+VLS=1").endswith(b"OK\r\n\x10H")


def test_a_modem_may_report_a_dial_tone_that_is_not_there() -> None:
    desk = Desk(faults=Faults(bogus_d_in_rx=True))
    desk.command("ATE0")
    desk.ring(make_call())
    desk.until(b"RING")
    desk.answer()
    assert unshield(desk.record() + desk.run(2.0))[1] == b"d"
