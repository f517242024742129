"""What people with voice modems have reported from the field, one promise each. Where the sources are public issue
trackers, they are named: thess and emxsys are `callattendant`, HA is Home Assistant."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import serial
from line_bench import Bench, eventually, make_call, noise
from line_box import PROMPTS, Box

from denwaban.effects import Answer, Play, Record
from denwaban.events import (
    Answered,
    CallerId,
    CallerIdShown,
    LineFailed,
    LineReady,
    PromptFinished,
    RecordingStarted,
    RingHeard,
)
from denwaban.line.conversation import IDLE_CHECK_S
from denwaban.phases import Phase, SessionState
from denwaban.session import step
from denwaban.sim.faults import CommandDelays, Faults

NUMBER = "0312345678"
MakeBench = Callable[..., Bench]
TALK = {"far": noise(1.0), "lift_after_s": 0.5}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[MakeBench]:
    made: list[Bench] = []

    def make(**options: object) -> Bench:
        made.append(Bench(tmp_path, **{"prompts": PROMPTS, "speed": 10, **options}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def box(bench: MakeBench) -> Callable[..., Box]:
    return lambda **options: Box(bench(**options).ready())


def commands_until_ready(bench: MakeBench) -> int:
    made = bench().ready()
    count = len(made.line.transcript_of_commands)
    made.close()
    made.port.unlink()
    return count


# --- the modem dies -------------------------------------------------------------------------------------------------


def test_a_modem_that_hangs_after_weeks_is_brought_back_by_cutting_its_power(bench: MakeBench, tmp_path: Path) -> None:
    """thess#105: it answers nothing any more, a restart of the computer does not help, ten seconds without power do."""
    hangs_after = commands_until_ready(bench)
    cuts = tmp_path / "cuts"
    command = (sys.executable, "-c", f"open({str(cuts)!r}, 'a').write('cut ')")
    made = bench(faults=Faults(mute_after=hangs_after), speed=100, power_cycle_command=command).ready()
    eventually(cuts.exists, "the power being cut")
    made.replug()
    made.wait(LineReady, 2)
    assert cuts.read_text() == "cut "
    made.line.ring(make_call(NUMBER, answers=False))
    assert made.wait(CallerIdShown).caller == CallerId(NUMBER)


def test_a_modem_that_hangs_is_noticed_within_a_minute(bench: MakeBench) -> None:
    hangs_after = commands_until_ready(bench)
    made = bench(faults=Faults(mute_after=hangs_after), speed=20).ready()
    at = made.clock.now()
    made.wait(LineFailed)
    assert made.clock.now() - at < 60.0


def test_a_hanging_modem_does_not_freeze_whoever_commands_it(bench: MakeBench) -> None:
    """HA#124568: handing a command to the driver froze the whole program."""
    made = bench(faults=Faults(mute_after=commands_until_ready(bench)), speed=1).ready()
    began = time.monotonic()
    for _ in range(20):
        made.do(Answer())
    assert time.monotonic() - began < 0.5


@dataclass(frozen=True)
class Listed:
    device: str
    vid: int | None = 0x0572
    pid: int | None = 0x1340
    serial_number: str | None = "24680246"


def test_a_modem_that_comes_back_as_ttyacm1_is_taken_up_again(bench: MakeBench, tmp_path: Path) -> None:
    """gammu#192: after a dip of the USB power the port has another name."""

    def listed() -> list[Listed]:
        return [Listed(str(path)) for path in tmp_path.glob("ttyACM*")]

    made = bench(name="ttyACM0", listed_ports=listed).ready()
    made.replug("ttyACM1")
    made.wait(LineReady, 2)
    made.line.ring(make_call(NUMBER, answers=False))
    made.wait(CallerIdShown)


def test_a_port_that_is_ready_but_returns_no_data_is_an_unplugged_modem(bench: MakeBench) -> None:
    """pyserial#341, #86: an exception out of `read` must end neither thread nor box."""
    if "serial_handlers" not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append("serial_handlers")
    made = bench(scheme="unplugs://").ready()
    gone = made.port.with_name(f"{made.port.name}.unplugged")
    gone.touch()
    assert "returned no data" in made.wait(LineFailed).reason
    gone.unlink()
    made.wait(LineReady, 2)


# --- another program, another modem --------------------------------------------------------------------------------


def test_a_modem_reset_by_another_program_reports_numbers_again(bench: MakeBench) -> None:
    """HA#57765: after a reset no number ever came again. rusefi#4359: ModemManager opens every port it sees."""
    made = bench(faults=Faults(forgets_on_reset=True)).ready()
    made.line.intrude(b"ATZ\r")
    made.wait_line_time(IDLE_CHECK_S + 5.0)
    made.line.ring(make_call(NUMBER, answers=False))
    made.wait(CallerIdShown)


def test_commands_of_another_program_do_not_disturb_a_call(box: Callable[..., Box]) -> None:
    one = box()
    one.bench.line.ring(make_call(NUMBER, **TALK))
    for phase in (Phase.RINGING, Phase.ANNOUNCING, Phase.AWAITING_HANDSET, Phase.TALKING):
        one.run_until(lambda phase=phase: one.state.phase is phase, str(phase))
        one.bench.line.intrude(b"AT\r")
    assert one.run_call() == "screened"


def test_a_modem_without_voice_is_named(bench: MakeBench) -> None:
    """emxsys#163: firmware before 1.2.21 of the USR5637 answers ERROR to AT+FCLASS=8."""
    made = bench(faults=Faults(error_to_fclass8=True), speed=50)
    assert "no voice mode" in made.wait(LineFailed).reason


def test_a_modem_that_refuses_every_coding_is_named(bench: MakeBench) -> None:
    made = bench(faults=Faults(vsm_error=True), speed=50)
    assert "no audio encoding" in made.wait(LineFailed).reason


@pytest.mark.parametrize("faults", [Faults(loses_characters=5), Faults(doubles_characters=3)])
def test_a_clone_that_loses_or_doubles_characters_still_screens(box: Callable[..., Box], faults: Faults) -> None:
    """NCID forum on 0572:1340."""
    one = box(faults=faults)
    one.bench.line.ring(make_call(NUMBER, **TALK))
    assert one.run_call() == "screened"


# --- who calls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [None, 1])
@pytest.mark.parametrize(
    "faults",
    [
        Faults(),
        Faults(cid_other_keys=True),
        Faults(cid_name_first=True),
        Faults(cid_in_pieces=True),
        Faults(cid_in_pieces=True, cid_name_first=True),
        Faults(cid_other_keys=True, blank_lines=True, keeps_echo=True),
        Faults(cid_after_rings=1),
        Faults(cid_after_rings=2),
    ],
)
def test_a_number_is_read_whatever_stands_around_it(bench: MakeBench, faults: Faults, chunk: int | None) -> None:
    """phone_modem: fires only on NAME, splits at every `=`, dies of bytes that are no UTF-8. callattendant: waits for
    DATE, TIME and NAME."""
    made = bench(faults=faults, pty_chunk=chunk).ready()
    made.line.ring(make_call(NUMBER, answers=False))
    assert made.wait(CallerIdShown).caller == CallerId(NUMBER)


def test_fourteen_digits_from_abroad_are_read_whole(bench: MakeBench) -> None:
    """Their message is 16 bytes long, and 16 is <DLE>."""
    made = bench().ready()
    made.line.ring(make_call("01012125551234", answers=False))
    assert made.wait(CallerIdShown).caller == CallerId("01012125551234")


@pytest.mark.parametrize("faults", [Faults(cid_missing=True), Faults(cid_garbled=True)])
def test_a_caller_whose_number_never_comes_is_screened(box: Callable[..., Box], faults: Faults) -> None:
    """emxsys#147; sandeen.net: a later batch of the same modem reports none."""
    one = box(faults=faults)
    one.bench.line.ring(make_call(NUMBER, **TALK))
    assert one.run_call() == "screened"


def test_the_number_of_a_waiting_call_is_no_new_call(box: Callable[..., Box]) -> None:
    """thess#114: call waiting was answered in the middle of a talk."""
    one = box(faults=Faults(second_cid_in_call=True))
    one.bench.line.ring(make_call(NUMBER, far=noise(8.0), lift_after_s=0.5))
    assert one.run_call() == "screened"
    assert one.effects.count(Answer()) == 1


# --- answering ------------------------------------------------------------------------------------------------------


def test_a_call_the_family_has_taken_hears_no_announcement(box: Callable[..., Box]) -> None:
    """The family lifts at the first ring; what rings no more is not answered."""
    one = box()
    one.bench.line.ring(make_call(None, far=noise(8.0), lift_after_rings=1))
    one.run_until(one.outcomes, "the call closed")
    assert "AT+VLS=1" not in one.bench.line.transcript_of_commands


def test_a_waiting_call_during_a_talk_of_the_family_is_not_answered() -> None:
    state, effects = step(SessionState("boot"), CallerIdShown(CallerId(NUMBER)), 0.0)
    assert (state.phase, effects) == (Phase.RINGING, ())
    state, effects = step(state, CallerIdShown(CallerId(NUMBER)), 1.0)
    assert effects == ()


def test_pulses_before_the_number_are_not_answered(box: Callable[..., Box]) -> None:
    """Off-hook during them, the exchange drops the caller."""
    one = box(faults=Faults(ring_per_car=True))
    one.bench.line.ring(make_call(NUMBER, **TALK))
    assert one.run_call() == "screened"


def test_a_modem_that_goes_off_hook_seconds_late_announces_nothing_and_lets_go(box: Callable[..., Box]) -> None:
    """thess#11, #73: by then the family may have answered."""
    one = box(faults=Faults(late_answer_to="+VLS=1"))
    one.bench.line.ring(make_call(NUMBER, answers=False))
    assert one.run_call() == "line_failed"
    assert len(one.bench.line.heard_by_caller()) == 0


def test_a_caller_who_hangs_up_during_the_announcement_is_noticed(box: Callable[..., Box]) -> None:
    one = box()
    one.bench.line.ring(make_call(NUMBER, hangs_up="announcement"))
    assert one.run_call() == "repelled"


# --- rings that nobody screens ---------------------------------------------------------------------------------------


def test_a_call_that_rings_through_while_the_modem_starts_is_in_the_record(bench: MakeBench) -> None:
    made = bench(plugged=False, delays=CommandDelays((1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0)))
    made.wait(LineFailed)
    one = Box(made, line_ready=False)
    made.plug()
    eventually(lambda: len(made.line.transcript_of_commands) > 1, "the modem being initialised")
    made.line.ring(make_call(None, answers=False, rings=2))
    one.run_until(one.outcomes, "the call closed")
    assert one.outcomes() == ["line_failed"]
    assert "AT+VLS=1" not in made.line.transcript_of_commands


def test_a_caller_who_is_still_there_when_the_modem_is_back_is_screened(bench: MakeBench) -> None:
    made = bench(plugged=False)
    one = Box(made, line_ready=False)
    made.line.ring(make_call(None, rings=60, answers=False))
    one.run_until(lambda: made.of(LineFailed), "the missing modem")
    made.plug()
    one.run_until(lambda: one.state.phase is Phase.ANNOUNCING, "the announcement")


# --- sound ----------------------------------------------------------------------------------------------------------


def test_a_dle_at_the_end_of_a_read_belongs_to_what_follows(bench: MakeBench) -> None:
    """callattendant neither doubles nor un-doubles 0x10, nor looks beyond one read."""
    far = np.full(8000, 0x1010, np.int16)
    made = bench(faults=Faults(dle_ends_reads=True)).ready()
    made.line.ring(make_call(far=far, lift_after_s=0.2))
    made.wait(RingHeard)
    for command, done in ((Answer(), Answered), (Play("nobody_home"), PromptFinished), (Record(), RecordingStarted)):
        made.do(command)
        made.wait(done)
    eventually(lambda: far.tobytes() in made.sink.pcm.tobytes(), "the sound, bit by bit")
    assert np.array_equal(made.line.heard_by_caller(), PROMPTS["nobody_home"])


def test_lost_sound_is_counted_and_the_recording_goes_on(bench: MakeBench) -> None:
    made = bench(faults=Faults(overrun_in_rx=True)).ready()
    made.do(Answer())
    made.do(Record())
    eventually(lambda: len(made.sink.pcm) > 3 * 8000)
    assert made.modem.stream_counts.overruns == 1
    assert made.modem.stream_counts.underruns == 0
    assert not made.of(LineFailed)


# --- the end of a call ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [
        Faults(no_busy_code=True),
        Faults(quiet_code_instead_of_busy=True),
        Faults(silence_code_instead_of_busy=True),
        Faults(no_busy_code=True, no_busy_tone=True),
        Faults(never_ok_after_rx=True),
        Faults(bogus_d_in_rx=True, bogus_h_after_vls=True, ring_after_answer=True),
    ],
)
def test_a_hang_up_is_noticed_whatever_the_modem_makes_of_it(box: Callable[..., Box], faults: Faults) -> None:
    """emxsys#127: a Conexant never reports the end."""
    one = box(faults=faults)
    one.bench.line.ring(make_call(NUMBER, **TALK))
    assert one.run_call() == "screened"
