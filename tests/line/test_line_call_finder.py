"""Calls found in the sound of the telephone alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_sound import added, call_on_line, on_line, rest, sine, tone

from denwaban.events import SAMPLE_RATE, Event, HandsetLifted, HandsetReplaced, Pcm, RingHeard, ToneHeard
from denwaban.line.call_finder import SILENCE_S, CallFinder
from denwaban.line.listening import KEPT_S
from denwaban.shipped import shipped_calls
from denwaban.sim.audio_path import LineLevels
from denwaban.sim.callfile import CallFile, load_call
from denwaban.sim.number_display import message, signal

CALLS = [load_call(path.parent) for path in sorted(shipped_calls().glob("*/call.toml"))]
CALLED = [RingHeard(), HandsetLifted()]
TELEPHONES = [ToneHeard("dial"), HandsetLifted()]
STEP = SAMPLE_RATE // 10


def heard(*sounds: Pcm) -> list[tuple[float, Event]]:
    """(seconds, event) for everything found."""
    finder, audio = CallFinder(), np.concatenate(sounds)
    return [
        ((start + STEP) / SAMPLE_RATE, event)
        for start in range(0, len(audio), STEP)
        for event in finder.feed(audio[start : start + STEP])
    ]


def events(*sounds: Pcm) -> list[Event]:
    return [event for _at, event in heard(*sounds)]


LOUDNESSES = [*((call, 0.0) for call in CALLS), *((call, 12.0) for call in CALLS[::3])]


@pytest.mark.parametrize(("call", "weaker_db"), LOUDNESSES, ids=lambda one: getattr(one, "id", str(one)))
def test_every_call_file_is_one_call_found_within_its_first_words(call: CallFile, weaker_db: float) -> None:
    levels = LineLevels(far_db=-12.0 - weaker_db, near_db=-3.0 - weaker_db, noise_dbfs=-60.0 - weaker_db)
    found = heard(rest(5.0), call_on_line(call, levels), rest(SILENCE_S + 3.0))
    assert [event for _at, event in found] == [*CALLED, HandsetReplaced()]
    spoken = min((turn.t0 for turn in call.turns), default=0.0)
    assert found[0][0] <= 5.0 + spoken + KEPT_S
    last = max((turn.t1 for turn in call.turns), default=call.seconds)
    assert found[-1][0] >= 5.0 + last


AT_REST = {
    "silence": np.zeros(60 * SAMPLE_RATE, np.int16),
    "the recorder's noise": rest(60.0),
    "loud noise": rest(60.0, -40.0),
    "mains hum": added(sine(50, 60.0, -30), sine(150, 60.0, -45), sine(450, 60.0, -50), rest(60.0)),
    "ringing current, 1 s of 3": np.concatenate([np.concatenate([sine(16, 1.0, -6), rest(2.0)]) for _ in range(10)]),
    "a message with a number": np.concatenate([rest(3.0), signal(message("09012345678")), rest(3.0)]),
    "a click a second": np.concatenate([np.concatenate([rest(0.02, -10), rest(0.98)]) for _ in range(30)]),
    "a plug that is pulled out": np.concatenate([rest(5.0), rest(0.2, -6), np.zeros(40_000, np.int16)]),
}


@pytest.mark.parametrize("sound", AT_REST.values(), ids=AT_REST.keys())
def test_a_telephone_at_rest_is_no_call(sound: Pcm) -> None:
    assert events(sound) == []


def test_hum_that_sets_in_is_no_call() -> None:
    assert events(rest(10.0), added(sine(50, 60.0, -30), sine(350, 60.0, -50), rest(60.0))) == []


def test_a_dial_tone_is_the_household_telephoning_and_its_first_seconds_no_end() -> None:
    found = events(rest(3.0), tone("dial", 6.0), rest(2.0), CALLS[0].near[: 10 * SAMPLE_RATE])
    assert found == TELEPHONES


def test_a_household_that_does_not_dial_ends_with_the_silence() -> None:
    assert events(tone("dial", 6.0), rest(SILENCE_S + 1.0)) == [*TELEPHONES, HandsetReplaced()]


def test_busy_tone_ends_a_call_at_once_and_begins_none() -> None:
    call = call_on_line(CALLS[0])
    found = heard(rest(2.0), call, tone("busy", 20.0), rest(5.0))
    assert [event for _at, event in found] == [*CALLED, ToneHeard("busy")]
    assert found[-1][0] <= 2.0 + len(call) / SAMPLE_RATE + 4.0


def test_the_next_call_after_a_busy_tone_is_a_new_one() -> None:
    call = call_on_line(CALLS[0])
    assert events(call, tone("busy", 5.0), rest(3.0), call) == [*CALLED, ToneHeard("busy"), *CALLED]


def test_a_pause_of_fifteen_seconds_is_within_a_call() -> None:
    call = call_on_line(CALLS[0])
    assert events(call, on_line(np.zeros(15 * SAMPLE_RATE, np.int16)), call, rest(5.0)) == CALLED


def test_whoever_knows_that_it_rings_ends_the_call_before() -> None:
    finder = CallFinder()
    finder.feed(call_on_line(CALLS[0]))
    assert finder.new_call() == [HandsetReplaced()]
    assert finder.new_call() == []


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=8))
@settings(max_examples=20)
def test_any_chunking_gives_the_same_events(sizes: list[int]) -> None:
    audio = np.concatenate([rest(1.0), call_on_line(CALLS[0])[: 8 * SAMPLE_RATE], tone("busy", 4.0)])
    whole, finder, found, at, turn = CallFinder().feed(audio), CallFinder(), [], 0, 0
    while at < len(audio):
        found += finder.feed(audio[at : at + sizes[turn % len(sizes)]])
        at, turn = at + sizes[turn % len(sizes)], turn + 1
    assert found == whole == [*CALLED, ToneHeard("busy")]
