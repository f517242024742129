"""Every emulated modem with the driver at its port, over a real pseudo-terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from line_bench import Bench, eventually, make_call, noise

from denwaban.effects import Answer, HangUp, Play, Record
from denwaban.events import (
    Answered,
    CallerId,
    CallerIdShown,
    HandsetLifted,
    LineFailed,
    LineReady,
    LineReleased,
    PromptFinished,
    RingHeard,
    ToneHeard,
)
from denwaban.line.encoding import Law, decode, encode
from denwaban.line.modem import identify
from denwaban.sim.codec import Coding
from denwaban.sim.codec import encode as sent_by_modem
from denwaban.sim.commands import parse_line
from denwaban.sim.faults import Faults
from denwaban.sim.profiles import (
    CONEXANT,
    CONEXANT_WITHOUT_JAPAN,
    GENERIC,
    MULTITECH,
    PROFILES,
    SI24XX,
    USR,
    USR_OLD,
    ModemProfile,
)
from denwaban.sim.settings import Book

PROMPT = noise(1.5, seed=8)
MakeBench = Callable[..., Bench]
LAWS: dict[str, tuple[Law, Coding]] = {
    "generic": ("linear16", Coding.SIGNED_16),
    "usr5637": ("linear16", Coding.SIGNED_16),
    "conexant": ("linear8", Coding.UNSIGNED_8),
    "multitech": ("linear16", Coding.SIGNED_16),
    "si24xx": ("ulaw", Coding.ULAW),
}
USABLE = [GENERIC, USR, CONEXANT, MULTITECH, SI24XX]
each = pytest.mark.parametrize("profile", USABLE, ids=lambda profile: profile.name)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[MakeBench]:
    made: list[Bench] = []

    def make(**options: object) -> Bench:
        made.append(Bench(tmp_path, **{"prompts": {"short": PROMPT}, **options}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


def answer(made: Bench, **call: object) -> Bench:
    made.ready().line.ring(make_call(**call))  # type: ignore[arg-type]
    made.wait(RingHeard)
    made.do(Answer())
    made.wait(Answered)
    return made


def aligned(part: bytes, whole: bytes) -> bool:
    at = whole.find(part)
    return at >= 0 and at % 2 == 0


@each
def test_a_call_is_announced_recorded_and_ended(bench: MakeBench, profile: ModemProfile) -> None:
    far = noise(2.0)
    made = answer(bench(profile=profile), caller_id="0312345678", far=far, lift_after_s=0.2)
    made.do(Play("short"))
    made.wait(PromptFinished)
    made.do(Record())
    made.wait(ToneHeard)
    made.do(HangUp())
    made.wait(LineReleased)
    law, coding = LAWS[profile.name]
    assert profile.model in made.of(LineReady)[0].modem
    assert made.of(CallerIdShown) == [CallerIdShown(CallerId(number="0312345678"))]
    assert np.array_equal(made.line.heard_by_caller(), decode(law, encode(law, PROMPT)))
    assert aligned(decode(law, sent_by_modem(far, coding)).tobytes(), made.sink.pcm.tobytes())
    assert not made.of(LineFailed)


@each
def test_the_lifted_telephone_is_reported_where_the_facts_say_so(bench: MakeBench, profile: ModemProfile) -> None:
    made = bench(profile=profile).ready()
    made.modem.close()
    senses = identify(str(made.port), made.clock).senses_extension
    made.close()
    made.port.unlink()
    made = answer(bench(profile=profile), far=noise(1.0), lift_after_s=0.2)
    made.do(Record())
    made.wait(ToneHeard)
    assert bool(made.of(HandsetLifted)) == (senses is True)


@each
def test_an_idle_line_hears_nothing_of_the_household(bench: MakeBench, profile: ModemProfile) -> None:
    """What `doctor` says of every family: a call that the household answers first is not heard."""
    made = bench(profile=profile).ready()
    made.line.ring(make_call(far=noise(1.0)))
    made.wait(RingHeard)
    made.line.lift_handset()
    eventually(lambda: made.line.handset_off_hook)
    made.wait_line_time(2.0)
    made.line.replace_handset()
    made.wait_line_time(1.0)
    assert not made.of(HandsetLifted)


def test_a_recording_longer_than_the_modems_timer_goes_on(bench: MakeBench) -> None:
    assert MULTITECH.inactivity_s > 0
    far = noise(MULTITECH.inactivity_s * 2.0)
    made = answer(bench(profile=MULTITECH), far=far, lift_after_s=0.2)
    made.do(Record())
    made.wait(ToneHeard)
    assert far.tobytes() in made.sink.pcm.tobytes()


def test_what_some_modems_forget_is_sent_again_after_every_call(bench: MakeBench) -> None:
    made = bench(profile=CONEXANT).ready()
    for count, caller in enumerate(("0311112222", "0333334444"), 1):
        made.line.ring(make_call(caller, answers=False))
        made.wait(CallerIdShown, count)
        made.wait(RingHeard, len(made.of(RingHeard)) + 1)
        made.do(Answer())
        made.do(HangUp())
        made.wait(LineReleased, count)
        assert made.line.wait_call_over(60)
        assert made.line.transcript_of_commands[-4:] == ("AT+GCI=00", "AT-SCID=1", "AT+VCID=1", "AT-STE=3")


def test_a_unit_without_japan_shows_no_number_and_says_so(bench: MakeBench) -> None:
    made = bench(profile=CONEXANT_WITHOUT_JAPAN)
    assert not made.modem.capabilities.shows_caller
    answer(made, caller_id="0312345678", answers=False)
    assert not made.of(CallerIdShown)
    assert not made.modem.capabilities.shows_caller


def test_capabilities_follow_the_modem(bench: MakeBench) -> None:
    made = bench(plugged=False)
    made.wait(LineFailed)
    assert not made.modem.capabilities.shows_caller
    made.plug()
    made.wait(LineReady)
    assert made.modem.capabilities.shows_caller


def test_old_firmware_is_told_with_the_way_out(bench: MakeBench) -> None:
    reason = bench(profile=USR_OLD).wait(LineFailed).reason
    for part in ("no voice mode", "update its firmware to 1.2.23", "this one has 1.2.20"):
        assert part in reason


def test_the_japanese_type_of_caller_id_is_needed_where_it_exists(bench: MakeBench) -> None:
    """The emulated chip stays silent without `+VCDT=3`; under the generic profile nobody sends it."""
    nameless = replace(SI24XX, identity=("D",), manufacturer="", model="", revision="")
    made = bench(profile=nameless).ready()
    made.line.ring(make_call("0312345678", answers=False))
    assert made.wait(CallerIdShown).caller == CallerId(number="0312345678")
    assert "AT+VCDT=3" in made.line.transcript_of_commands


@each
def test_a_family_accepts_all_that_is_sent_to_it(bench: MakeBench, profile: ModemProfile) -> None:
    """Only the shorter form of +VSM may be refused; a refused +VSD or +VIT would go unnoticed otherwise."""
    made = answer(bench(profile=profile), answers=False)
    made.do(HangUp())
    made.wait(LineReleased)
    expected = {"generic": {"AT+VCDT=3"}, "conexant": {"AT+VSM=1,8000"}}
    assert refused(profile, made.line.transcript_of_commands) == expected.get(profile.name, set())


def refused(profile: ModemProfile, texts: tuple[str, ...]) -> set[str]:
    """Those settings that the emulated modem answers with ERROR."""
    book = Book(profile, Faults())
    commands = {text: parse_line(text) or [] for text in texts}
    hook = ("+FCLASS", "+VLS", "+VTX", "+VRX", "H")
    return {
        text
        for text, parsed in commands.items()
        if any(command.name not in hook and book.run(command) is None for command in parsed)
    }


def test_every_emulated_modem_is_tried() -> None:
    assert {profile.name for profile in (*USABLE, USR_OLD, CONEXANT_WITHOUT_JAPAN)} == set(PROFILES)
