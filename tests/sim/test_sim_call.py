"""Whole calls, over the line without wires."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sim_desk import NO_AGC, SILENT, Desk, make_call, rms, tone, unshield

from denwaban.sim.callfile import Turn
from denwaban.sim.exchange import Phase
from denwaban.sim.faults import Faults
from denwaban.sim.line_events import (
    AlertingPulse,
    CallerHungUp,
    CallerIdSent,
    CallLost,
    ConversationStarted,
    LineFree,
    OffHook,
    OnHook,
    Ringing,
    TurnSpoken,
)


def in_japan(faults: Faults | None = None, **options: object) -> Desk:
    desk = Desk(faults=faults or Faults(), **options)  # type: ignore[arg-type]
    desk.japan()
    return desk


def answered(desk: Desk, call: object = None, cml: int = 129) -> Desk:
    desk.ring(call or make_call())  # type: ignore[arg-type]
    desk.until(b"RING")
    desk.answer(cml)
    return desk


# --- ringing and caller id ---------------------------------------------------------------------------------------


def test_the_number_comes_before_the_first_ring() -> None:
    desk = in_japan()
    desk.ring(make_call("0312345678"))
    assert desk.until(b"RING") == b"\r\nNMBR = 0312345678\r\n\r\nRING\r\n"
    assert [type(event) for event in desk.events[1:]] == [*[AlertingPulse] * 3, CallerIdSent, Ringing]


@pytest.mark.parametrize("reason", ["P", "O", "C", "S"])
def test_an_absent_number_comes_with_its_reason(reason: str) -> None:
    desk = in_japan()
    desk.ring(make_call(reason))
    assert desk.until(b"RING").startswith(f"\r\nNMBR = {reason}\r\n".encode())


def test_a_line_without_number_service_just_rings_every_3_seconds() -> None:
    desk = in_japan()
    desk.ring(make_call(None, rings=4, answers=False))
    assert desk.run(11.9) == b"\r\nRING\r\n" * 4
    times = [event.at for event in desk.said(Ringing)]
    assert np.diff(times) == pytest.approx([3.0] * 3, abs=0.03)


@pytest.mark.parametrize("setup", [["AT+VCID=1"], ["AT+GCI=00"], []])
def test_without_country_or_vcid_pulses_look_like_rings_and_no_number_comes(setup: list[str]) -> None:
    desk = Desk()
    for line in ["ATE0", *setup]:
        desk.command(line)
    desk.ring(make_call("0312345678", answers=False))
    assert desk.run(4.0) == b"\r\nRING\r\n" * 3
    assert desk.run(1.0) == b"\r\nRING\r\n"


def test_hexadecimal_reports_add_up_to_zero() -> None:
    desk = in_japan()
    desk.command("AT+VCID=2")
    desk.ring(make_call("0312345678"))
    found = re.search(rb"\r\n([0-9A-F]+)\r\n", desk.until(b"RING"))
    assert found is not None
    message = bytes.fromhex(found[1].decode())
    assert sum(message) % 256 == 0
    assert b"0312345678" in message


def test_in_voice_class_rings_and_reports_are_codes() -> None:
    desk = in_japan()
    desk.command("AT+FCLASS=8")
    desk.ring(make_call("0312345678"))
    assert desk.until(b"\x10R") == b"\x10XNMBR = 0312345678\x10.\x10R"


def test_off_hook_before_the_report_loses_the_call() -> None:
    desk = in_japan()
    desk.ring(make_call("0312345678"))
    desk.run(2.0)
    desk.answer()
    out = desk.run(5.0)
    assert b"NMBR" not in out
    assert desk.said(CallLost)
    assert not desk.said(Ringing)
    desk.command("ATH")
    desk.run(0.1)
    assert desk.exchange.free


def test_a_person_who_lifts_before_the_report_is_cut_off_too() -> None:
    desk = in_japan()
    desk.ring(make_call("0312345678"))
    desk.run(2.0)
    desk.exchange.lift_handset()
    desk.until(lambda: desk.exchange.free)
    assert desk.said(CallLost)
    assert not desk.said(CallerIdSent)


def test_off_hook_right_after_the_report_is_an_answer() -> None:
    desk = in_japan()
    desk.ring(make_call("0312345678"))
    desk.until(b"NMBR")
    desk.answer()
    desk.run(0.1)
    assert not desk.said(CallLost)
    assert desk.exchange.phase is Phase.ANSWERED


def test_a_caller_gives_up() -> None:
    desk = in_japan()
    desk.ring(make_call(None, rings=2, answers=False))
    assert desk.run(20.0).count(b"RING") == 2
    assert desk.said(CallerHungUp)
    assert desk.exchange.free


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(cid_missing=True), rb"(\r\nRING\r\n)+"),
        (Faults(cid_garbled=True), rb"\r\nNMBR = [\x80-\xff]{10}\r\n(\r\nRING\r\n)+"),
        (Faults(cid_after_rings=1), rb"\r\nRING\r\n\r\nNMBR = 0312345678\r\n(\r\nRING\r\n)+"),
        (Faults(cid_after_rings=2), rb"(\r\nRING\r\n){2}\r\nNMBR = 0312345678\r\n(\r\nRING\r\n)+"),
        (Faults(ring_per_car=True), rb"(\r\nRING\r\n){3}\r\nNMBR = 0312345678\r\n(\r\nRING\r\n)+"),
        (Faults(cid_other_keys=True), rb"\r\nDATE=1122\r\n\r\nTIME=0930\r\n\r\nNMBR=0312345678\r\n\r\nNAME=A=B .*"),
        (Faults(blank_lines=True), rb"\r\n\r\nNMBR = 0312345678\r\n(\r\n\r\nRING\r\n)+"),
    ],
)
def test_what_may_be_wrong_with_a_report(faults: Faults, expected: bytes) -> None:
    desk = in_japan(faults)
    desk.ring(make_call("0312345678", answers=False))
    assert re.fullmatch(expected, desk.run(14.0), re.DOTALL)


def test_a_ring_may_come_late() -> None:
    desk = in_japan(Faults(ring_after_answer=True))
    desk.ring(make_call())
    desk.until(b"RING")
    desk.command("AT+FCLASS=8")
    assert desk.command("AT+VLS=1") == b"\r\nOK\r\n\x10R"


# --- the household ----------------------------------------------------------------------------------------------------


def test_a_ring_left_alone_is_answered_by_the_household_and_the_box_hears_nothing() -> None:
    desk = in_japan()
    desk.ring(make_call(lift_after_rings=2))
    out = desk.until(lambda: desk.exchange.free, 30)
    assert out == b"\r\nRING\r\n" * 2
    assert [event.who for event in desk.said(OffHook)] == ["household"]
    assert desk.said(ConversationStarted)
    assert [event.who for event in desk.said(OnHook)] == ["household"]
    assert len(desk.said(LineFree)) == 1


def test_ringing_stops_when_the_box_answers_and_the_caller_waits_silently() -> None:
    desk = answered(in_japan(levels=SILENT, agc=NO_AGC))
    assert len(desk.said(Ringing)) == 1
    desk.command("AT+VTX")
    desk.run(20.0)
    assert not desk.exchange.handset_off_hook
    assert len(desk.said(Ringing)) == 1
    desk.modem.receive(b"\x10\x03")
    desk.run(0.1)
    sound, codes = unshield(desk.record() + desk.run(2.5))
    assert codes == b""
    assert rms(np.frombuffer(sound, "<i2")) == 0


def test_the_household_lifts_after_the_box_stopped_playing_and_the_talk_begins() -> None:
    desk = answered(in_japan(), make_call(lift_after_s=2.0))
    desk.command("AT+VTX")
    desk.modem.receive(bytes(3200) + b"\x10\x03")
    desk.until(b"OK")
    start = desk.clock.now()
    out = desk.record() + desk.run(4.0)
    assert unshield(out)[1] == b"P"
    lifted = next(event.at for event in desk.said(OffHook) if event.who == "household")
    assert lifted - start == pytest.approx(2.0, abs=0.1)
    assert desk.said(ConversationStarted)[0].at - lifted == pytest.approx(0.6, abs=0.03)


def test_playing_again_makes_the_household_wait_again() -> None:
    desk = answered(in_japan(), make_call(lift_after_s=2.0))
    desk.record()
    desk.run(1.5)
    desk.modem.receive(b"\x10!")
    desk.run(0.1)
    desk.command("AT+VTX")
    desk.run(3.0)
    assert not desk.exchange.handset_off_hook
    desk.modem.receive(b"\x10\x03")
    desk.run(0.1)
    desk.record()
    desk.run(1.5)
    assert not desk.exchange.handset_off_hook
    desk.run(1.0)
    assert desk.exchange.handset_off_hook


def test_nobody_comes_and_the_caller_gives_up_in_the_end() -> None:
    desk = answered(in_japan(), make_call(answers=False))
    assert desk.run(89.0) == b""
    assert not desk.exchange.handset_off_hook
    assert desk.run(4.0) == b"\x10b"


def test_turns_are_told_when_they_end() -> None:
    turns = (
        Turn("far", 0.2, 1.0, "", "もしもし"),
        Turn("near", 1.5, 2.5, "", "はい"),
        Turn("far", 3.0, 4.0, "", "では"),
    )
    desk = answered(in_japan(), make_call(far=tone(500, 4.0), turns=turns))
    desk.record()
    desk.until(lambda: desk.exchange.phase is Phase.RELEASED)
    start = desk.said(ConversationStarted)[0].at
    told = desk.said(TurnSpoken)
    assert [event.turn for event in told] == list(turns)
    assert [event.at - start for event in told] == pytest.approx([1.0, 2.5, 4.0], abs=0.03)


def test_the_handset_holds_the_line_when_the_box_hangs_up() -> None:
    desk = answered(in_japan())
    desk.record()
    desk.until(lambda: desk.exchange.handset_off_hook)
    desk.run(1.0)
    desk.modem.receive(b"\x10!")
    desk.run(0.1)
    desk.command("ATH")
    assert not desk.modem.off_hook
    desk.run(1.0)
    assert desk.exchange.phase is Phase.TALKING
    assert not desk.said(CallerHungUp)
    assert desk.until(lambda: desk.exchange.free, 20) == b""


def test_hanging_up_before_the_household_lifted_cuts_the_call() -> None:
    desk = answered(in_japan())
    desk.command("ATH")
    desk.run(0.1)
    assert desk.exchange.free
    assert [type(event) for event in desk.events[-3:]] == [OnHook, CallerHungUp, LineFree]


def test_busy_tone_and_codes_follow_the_end_of_the_talk() -> None:
    desk = answered(in_japan(levels=SILENT, agc=NO_AGC), make_call(far=tone(900, 2.0)))
    desk.record()
    desk.until(lambda: bool(desk.said(CallerHungUp)))
    sound, codes = unshield(desk.run(11.0))
    assert codes == b"pbbb"
    pcm = np.frombuffer(sound, "<i2")[8000 - 160 :]  # the tone's first tick went by before
    levels = [rms(pcm[at : at + 4000]) for at in range(0, 40000, 4000)]
    assert min(levels[0::2]) > 4000
    assert max(levels[1::2]) == 0
    ended = desk.said(CallerHungUp)[0].at
    talk = desk.said(ConversationStarted)[0].at
    assert ended - talk == pytest.approx(2.5, abs=0.05)
    replaced = next(event.at for event in desk.said(OnHook) if event.who == "household")
    assert replaced - ended == pytest.approx(1.5, abs=0.05)
    desk.modem.receive(b"\x10!")
    desk.run(0.1)
    desk.command("ATH")
    desk.run(0.1)
    assert desk.exchange.free


@pytest.mark.parametrize(
    ("faults", "codes"), [(Faults(no_busy_code=True), b"p"), (Faults(quiet_code_instead_of_busy=True), b"pqqq")]
)
def test_modems_that_do_not_say_busy(faults: Faults, codes: bytes) -> None:
    desk = answered(in_japan(faults))
    desk.record()
    desk.until(lambda: bool(desk.said(CallerHungUp)))
    assert unshield(desk.run(11.0))[1] == codes


def test_a_caller_who_hangs_up_in_the_announcement() -> None:
    desk = answered(in_japan(), make_call(hangs_up="announcement"))
    desk.command("AT+VTX")
    out = b""
    for _ in range(10):
        desk.modem.receive(bytes(desk.modem.room()))
        out += desk.run(0.24)
    assert desk.exchange.phase is Phase.RELEASED
    for _ in range(10):
        desk.modem.receive(bytes(desk.modem.room()))
        out += desk.run(0.24)
    assert out == b"\x10b"
    assert not desk.exchange.handset_off_hook


def test_a_second_caller_may_show_up_in_the_call() -> None:
    desk = answered(in_japan(Faults(second_cid_in_call=True)), make_call(far=tone(500, 8.0)))
    desk.record()
    assert b"\x10XNMBR = 0311112222\x10." in desk.run(12.0)


def test_the_household_may_hang_up_and_lift_by_itself() -> None:
    desk = answered(in_japan(), make_call(far=tone(500, 8.0)))
    desk.record()
    desk.until(lambda: desk.exchange.handset_off_hook)
    desk.run(1.0)
    desk.exchange.replace_handset()
    assert unshield(desk.run(1.0))[1] == b"p"
    assert desk.exchange.phase is Phase.TALKING
    desk.exchange.lift_handset()
    assert unshield(desk.run(1.0))[1] == b"P"


def test_the_handset_mutes_the_household_while_it_is_down() -> None:
    near = tone(700, 8.0)
    desk = answered(in_japan(levels=SILENT, agc=NO_AGC), make_call(far=np.zeros(64000, np.int16), near=near))
    desk.record()
    desk.until(lambda: desk.exchange.handset_off_hook)
    desk.run(1.0)
    assert rms(np.frombuffer(unshield(desk.run(0.5))[0], "<i2")) == pytest.approx(rms(near), rel=0.05)
    desk.exchange.replace_handset()
    assert rms(np.frombuffer(unshield(desk.run(0.5))[0], "<i2")) == 0


def test_a_busy_line_takes_no_call() -> None:
    desk = answered(in_japan())
    with pytest.raises(ValueError, match="not free"):
        desk.ring(make_call())


def test_dtr_drop_lets_go_at_once_and_keeps_settings() -> None:
    desk = answered(in_japan())
    desk.record()
    desk.run(1.0)
    desk.modem.drop_dtr()
    assert not desk.modem.off_hook
    assert desk.run(0.1) == b""
    assert desk.exchange.free
    assert desk.command("AT+VCID?") == b"\r\n1\r\n\r\nOK\r\n"
    assert desk.command("AT+FCLASS?") == b"\r\n0\r\n\r\nOK\r\n"


# --- live speech and hanging up ------------------------------------------------------------------------------------


def recording(desk: Desk, seconds: float) -> float:
    """Loudness of the next seconds of the recording."""
    return rms(np.frombuffer(unshield(desk.run(seconds))[0], "<i2"))


def on_the_line(**behaviour: object) -> Desk:
    """A call that is through to a recording box; nobody says anything by itself."""
    silent = np.zeros(8000 * 60, np.int16)
    call = make_call(far=silent, answers=False, **behaviour)
    desk = answered(in_japan(levels=SILENT, agc=NO_AGC), call)
    desk.command("AT+VRX")
    return desk


def test_a_caller_speaks_live_before_the_handset_is_lifted() -> None:
    desk = on_the_line()
    assert recording(desk, 0.5) == 0.0
    desk.exchange.say("far", tone(500, 0.4))
    assert recording(desk, 0.5) > 1000
    assert recording(desk, 0.5) == 0.0


def test_the_household_speaks_live_only_with_the_handset_lifted() -> None:
    desk = on_the_line()
    desk.exchange.say("near", tone(500, 0.4))
    assert recording(desk, 0.5) == 0.0
    desk.exchange.lift_handset()
    desk.run(0.5)
    desk.exchange.say("near", tone(500, 0.4))
    assert recording(desk, 0.5) > 1000


def test_a_caller_hangs_up_while_talking_or_while_it_rings() -> None:
    talking = on_the_line()
    talking.exchange.caller_hangs_up()
    talking.run(0.1)
    assert talking.exchange.phase is Phase.RELEASED
    ringing = in_japan()
    ringing.ring(make_call(None, answers=False))
    ringing.until(b"RING")
    ringing.exchange.caller_hangs_up()
    assert ringing.run(10.0) == b""
    assert ringing.exchange.free
