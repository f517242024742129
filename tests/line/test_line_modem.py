"""The driver at the virtual line, over a real pseudo-terminal and pyserial."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from line_bench import Bench, eventually, make_call, noise

from denwaban.effects import Answer, HangUp, Play, Record
from denwaban.errors import AudioError, LineError
from denwaban.events import (
    Answered,
    CallerId,
    CallerIdShown,
    HandsetLifted,
    HandsetReplaced,
    LineFailed,
    LineReady,
    LineReleased,
    Pcm,
    PromptFinished,
    RecordingStarted,
    RingHeard,
    ToneHeard,
)
from denwaban.line.encoding import decode, encode
from denwaban.line.modem import identify
from denwaban.sim.faults import CommandDelays, Faults

PROMPT = noise(1.5, seed=8)
PROMPTS = {"short": PROMPT, "long": noise(60.0, seed=9, level=300.0)}
MakeBench = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[MakeBench]:
    made: list[Bench] = []

    def make(**options: object) -> Bench:
        made.append(Bench(tmp_path, **{"prompts": PROMPTS, **options}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


def answer(made: Bench, **call: object) -> Bench:
    """Let a call come in and answer it."""
    made.ready().line.ring(make_call(**call))  # type: ignore[arg-type]
    made.wait(RingHeard)
    made.do(Answer())
    made.wait(Answered)
    return made


def play_and_record(made: Bench) -> None:
    made.do(Play("short"))
    made.wait(PromptFinished)
    made.do(Record())


def hang_up(made: Bench) -> None:
    made.do(HangUp())
    made.wait(LineReleased)
    assert not made.line.off_hook


# --- a call -------------------------------------------------------------------------------------------------------


def test_a_whole_call(bench: MakeBench) -> None:
    far = noise(3.0)
    made = answer(bench(), caller_id="0312345678", far=far, lift_after_s=0.5)
    play_and_record(made)
    made.wait(HandsetReplaced)
    made.wait(ToneHeard)
    hang_up(made)
    assert made.line.wait_call_over(60)
    kinds = [type(event) for event in made.events if event != RingHeard()]
    told = [LineReady, CallerIdShown, Answered, PromptFinished, RecordingStarted, HandsetLifted]
    assert kinds[: len(told)] == told
    assert kinds[-1] is LineReleased
    assert np.array_equal(made.line.heard_by_caller(), PROMPT)
    assert far.tobytes() in made.sink.pcm.tobytes()
    assert made.of(CallerIdShown) == [CallerIdShown(CallerId(number="0312345678"))]


def aligned(part: bytes, whole: bytes) -> bool:
    at = whole.find(part)
    return at >= 0 and at % 2 == 0


@pytest.mark.parametrize("chunk", [1, 2, 7, 160])
def test_no_sample_is_lost_or_shifted_by_any_cut_of_the_bytes(bench: MakeBench, chunk: int) -> None:
    far = noise(1.0)
    made = answer(bench(pty_chunk=chunk), far=far, lift_after_s=0.2)
    play_and_record(made)
    made.wait(ToneHeard)
    hang_up(made)
    assert np.array_equal(made.line.heard_by_caller(), PROMPT)
    assert aligned(far.tobytes(), made.sink.pcm.tobytes())


def test_recording_begins_with_the_first_sample(bench: MakeBench) -> None:
    """At no delay CONNECT and audio come in one read; a byte too many or too few would turn silence into noise."""
    made = answer(bench(delays=CommandDelays.none()), answers=False)
    made.do(Record())
    eventually(lambda: len(made.sink.pcm) > 8000)
    hang_up(made)
    assert not made.sink.pcm.any()


def test_a_call_may_be_recorded_twice_with_a_prompt_between(bench: MakeBench) -> None:
    made = answer(bench(), answers=False)
    made.do(Record())
    made.wait(RecordingStarted)
    made.do(Play("short"))
    made.wait(PromptFinished)
    made.do(Record())
    made.wait(RecordingStarted, 2)
    hang_up(made)
    assert np.array_equal(made.line.heard_by_caller(), PROMPT)
    assert not made.sink.pcm.any()


def test_recording_while_recording_changes_nothing(bench: MakeBench) -> None:
    made = answer(bench(), answers=False)
    made.do(Record())
    made.do(Record())
    eventually(lambda: len(made.sink.pcm) > 8000)
    hang_up(made)
    assert len(made.of(RecordingStarted)) == 1


def test_a_sink_without_room_makes_the_line_wait(bench: MakeBench) -> None:
    far = noise(4.0)
    made = answer(bench(), far=far, lift_after_s=0.2)
    made.do(Record())
    made.wait(RecordingStarted)
    made.sink.room = False
    eventually(lambda: made.line.host_waits > 0)
    stood = made.clock.now()
    real = time.monotonic()
    eventually(lambda: time.monotonic() > real + 0.5)
    assert made.clock.now() == stood
    made.sink.room = True
    made.wait(ToneHeard)
    hang_up(made)
    assert aligned(far.tobytes(), made.sink.pcm.tobytes())
    assert not made.of(LineFailed)


def test_calls_follow_each_other(bench: MakeBench) -> None:
    made = bench().ready()
    for count, caller in enumerate(("0311112222", "P"), 1):
        made.line.ring(make_call(caller, answers=False))
        made.wait(CallerIdShown, count)
        before = len(made.of(RingHeard))
        made.wait(RingHeard, before + 1)
        made.do(Answer())
        made.do(HangUp())
        made.wait(LineReleased, count)
        assert made.line.wait_call_over(60)
    assert [event.caller for event in made.of(CallerIdShown)] == [
        CallerId(number="0311112222"),
        CallerId(absence="P"),
    ]


# --- speed --------------------------------------------------------------------------------------------------------


def test_answering_is_quick(bench: MakeBench) -> None:
    """Budget: decision to first command 50 ms, to off-hook command 300 ms. Best of five: the machine may be busy."""
    made = bench(speed=1).ready()
    first: list[float] = []
    off_hook: list[float] = []
    for count in range(1, 6):
        at = len(made.line.transcript_of_commands)
        decided = time.monotonic()
        made.do(Answer())
        eventually(lambda at=at: len(made.line.transcript_of_commands) > at)
        first.append(time.monotonic() - decided)
        eventually(lambda at=at: "AT+VLS=1" in made.line.transcript_of_commands[at:])
        off_hook.append(time.monotonic() - decided)
        made.do(HangUp())
        made.wait(LineReleased, count)
    assert min(first) <= 0.05, first
    assert min(off_hook) <= 0.3, off_hook


def test_hanging_up_breaks_a_prompt_off(bench: MakeBench) -> None:
    made = answer(bench(speed=5), answers=False)
    made.do(Play("long"))
    eventually(lambda: len(made.line.heard_by_caller()) > 8000)
    began = made.clock.now()
    hang_up(made)
    assert made.clock.now() - began < 10.0, "the prompt has 60 s"
    assert [type(event) for event in made.events[-2:]] == [PromptFinished, LineReleased]
    heard = made.line.heard_by_caller()
    assert np.array_equal(heard, PROMPTS["long"][: len(heard)])


def test_a_caller_who_hangs_up_during_a_prompt_is_told_at_once(bench: MakeBench) -> None:
    made = answer(bench(speed=5), answers=False, hangs_up="announcement")
    made.do(Play("long"))
    made.wait(ToneHeard)
    assert not made.of(PromptFinished)
    hang_up(made)
    assert made.line.wait_call_over(60)


def test_closing_releases_the_line(bench: MakeBench) -> None:
    made = answer(bench(), answers=False)
    made.do(Play("long"))
    eventually(lambda: len(made.line.heard_by_caller()) > 8000)
    made.modem.close()
    assert not made.line.off_hook
    assert not made.of(LineFailed)


def test_the_heart_beats_while_playing_recording_and_waiting(bench: MakeBench) -> None:
    made = answer(bench(), answers=False)
    for command in (Play("long"), Record()):
        made.do(command)
        beats = made.beats
        eventually(lambda beats=beats: made.beats > beats + 20)
    made.unplug()
    made.wait(LineFailed)
    beats = made.beats
    eventually(lambda: made.beats > beats + 20)


# --- differences between modems -------------------------------------------------------------------------------------


def test_a_refused_coding_is_not_used(bench: MakeBench) -> None:
    made = answer(bench(faults=Faults(no_16_bit=True)), answers=False)
    made.do(Play("short"))
    made.wait(PromptFinished)
    hang_up(made)
    assert np.array_equal(made.line.heard_by_caller(), decode("ulaw", encode("ulaw", PROMPT)))


def test_a_garbled_number_is_a_caller_without_number(bench: MakeBench) -> None:
    made = answer(bench(faults=Faults(cid_garbled=True)), caller_id="0312345678", answers=False)
    assert made.of(CallerIdShown) == [CallerIdShown(CallerId())]
    hang_up(made)


@pytest.mark.parametrize("faults", [Faults(cid_other_keys=True), Faults(cid_after_rings=1), Faults(blank_lines=True)])
def test_a_number_is_read_however_it_is_reported(bench: MakeBench, faults: Faults) -> None:
    made = bench(faults=faults).ready()
    made.line.ring(make_call("0312345678", answers=False))
    assert made.wait(CallerIdShown).caller == CallerId(number="0312345678")
    made.wait(RingHeard)
    assert len(made.of(CallerIdShown)) == 1


def test_a_recording_may_end_without_ok(bench: MakeBench) -> None:
    made = answer(bench(faults=Faults(never_ok_after_rx=True)), answers=False)
    made.do(Record())
    made.do(Play("short"))
    made.wait(PromptFinished)
    made.do(Record())
    made.wait(RecordingStarted, 2)
    hang_up(made)
    assert not made.of(LineFailed)
    assert np.array_equal(made.line.heard_by_caller(), PROMPT)


def test_the_modem_reporting_itself_off_hook_is_no_household(bench: MakeBench) -> None:
    made = answer(bench(faults=Faults(bogus_h_after_vls=True, ring_after_answer=True)), answers=False)
    made.do(Play("short"))
    made.wait(PromptFinished)
    hang_up(made)
    assert not made.of(HandsetLifted)


@pytest.mark.parametrize("faults", [Faults(no_busy_code=True), Faults(quiet_code_instead_of_busy=True)])
def test_busy_tone_is_heard_without_the_modems_help(bench: MakeBench, faults: Faults) -> None:
    made = answer(bench(faults=faults), far=noise(1.0), lift_after_s=0.2)
    made.do(Record())
    made.wait(ToneHeard)
    hang_up(made)


def test_a_second_caller_during_the_call_does_not_disturb_the_recording(bench: MakeBench) -> None:
    far = noise(7.0)
    made = answer(bench(faults=Faults(second_cid_in_call=True, bogus_d_in_rx=True)), far=far, lift_after_s=0.2)
    made.do(Record())
    made.wait(ToneHeard)
    hang_up(made)
    assert aligned(far.tobytes(), made.sink.pcm.tobytes())


def test_rings_during_initialisation_are_not_the_last_ones(bench: MakeBench) -> None:
    made = bench(plugged=False, speed=5)
    made.line.ring(make_call(answers=False, rings=30))
    made.plug()
    made.wait(LineReady)
    rings = len(made.of(RingHeard))
    made.wait(RingHeard, rings + 1)
    made.do(Answer())
    made.wait(Answered)


# --- failures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        (Faults(mute=True), "no modem answers to AT"),
        (Faults(error_to_fclass8=True), "no voice mode"),
        (Faults(mute_after=4), "modem answered nothing to AT"),
    ],
)
def test_a_modem_of_no_use_is_named_and_tried_again(bench: MakeBench, faults: Faults, reason: str) -> None:
    made = bench(faults=faults, speed=50)
    assert reason in made.wait(LineFailed).reason
    assert made.of(LineFailed)[0].reason.startswith(str(made.port))
    made.wait(LineFailed, 2)
    assert not made.of(LineReady)


def commands_until_ready(bench: MakeBench) -> int:
    made = bench().ready()
    count = len(made.line.transcript_of_commands)
    made.close()
    made.port.unlink()
    return count


COMMANDS_OF_A_CALL = (
    "AT+FCLASS=8",
    "AT+VLS=1",
    "AT+VSM=129,8000",
    "AT+VSD=128,0",
    "AT+VIT=0",
    "AT+VTX",
    "AT+VRX",
    "ATH",
)


@pytest.mark.parametrize("command", COMMANDS_OF_A_CALL)
def test_a_modem_that_falls_silent_in_a_call_is_let_go(bench: MakeBench, command: str) -> None:
    answered = commands_until_ready(bench) + COMMANDS_OF_A_CALL.index(command)
    made = bench(faults=Faults(mute_after=answered), speed=50, delays=CommandDelays.none()).ready()
    for order, then in ((Answer(), Answered), (Play("short"), PromptFinished), (Record(), RecordingStarted)):
        made.do(order)
        eventually(lambda then=then: bool(made.of(then) or made.of(LineFailed)))
    made.do(HangUp())
    assert made.wait(LineFailed).reason == f"{made.port}: modem answered nothing to {command}"
    eventually(lambda: not made.line.off_hook, "the line being released")
    made.wait(LineFailed, 2)


def test_a_modem_that_dies_while_idle_is_noticed(bench: MakeBench) -> None:
    answered = commands_until_ready(bench)
    made = bench(faults=Faults(mute_after=answered), speed=200).ready()
    assert "does not answer AT" in made.wait(LineFailed).reason


def test_a_line_held_for_nobody_is_released(bench: MakeBench) -> None:
    made = bench().ready()
    made.do(Answer())
    made.wait(Answered)
    assert "without a task" in made.wait(LineFailed).reason
    eventually(lambda: not made.line.off_hook, "the line being released")
    made.wait(LineReady, 2)


class NoPrompts(dict[str, Pcm]):
    def __missing__(self, name: str) -> Pcm:
        raise AudioError(f"prompts/{name}.flac: missing; reinstall denwaban")


def test_a_missing_prompt_releases_the_line(bench: MakeBench) -> None:
    made = answer(bench(prompts=NoPrompts(other=PROMPT)), answers=False)
    made.do(Play("short"))
    assert "prompts/short.flac: missing" in made.wait(LineFailed).reason
    eventually(lambda: not made.line.off_hook, "the line being released")


def test_a_missing_port_is_told_and_waited_for(bench: MakeBench) -> None:
    made = bench(plugged=False)
    reason = made.wait(LineFailed).reason
    for part in (str(made.port), "No such file", "[line] port", "dialout"):
        assert part in reason
    made.plug()
    made.wait(LineReady)


def test_an_unplugged_modem_is_told_and_taken_up_again(bench: MakeBench) -> None:
    made = answer(bench(), answers=False)
    made.do(Record())
    made.wait(RecordingStarted)
    made.unplug()
    made.wait(LineFailed)
    made.plug()
    made.wait(LineReady, 2)
    made.line.ring(make_call("P", answers=False))
    made.wait(CallerIdShown)


def test_commands_for_a_lost_call_do_not_reach_the_next(bench: MakeBench) -> None:
    made = answer(bench(), answers=False)
    made.unplug()
    made.wait(LineFailed)
    made.do(Answer())
    made.do(Play("long"))
    made.plug()
    made.wait(LineReady, 2)
    made.wait_line_time(5.0)
    assert not made.line.off_hook
    assert "AT+VLS=1" not in made.line.transcript_of_commands


def test_the_port_is_for_one_program(bench: MakeBench) -> None:
    made = bench().ready()
    with pytest.raises(LineError, match="cannot open"):
        identify(str(made.port), made.clock)


def test_identify_names_the_modem_and_leaves_it_alone(bench: MakeBench) -> None:
    made = bench().ready()
    made.modem.close()
    facts = identify(str(made.port), made.clock)
    assert (facts.name, facts.family) == ("Denwaban Virtual voice modem", "generic")
    assert not made.line.off_hook
