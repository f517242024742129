"""A box that does not hear says so once, and says once that it is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from denwaban.effects import Effect, ReportHealth, Warn
from denwaban.events import Event, LineFailed, LineReady, ListenerFailed, TranscriptFinished
from denwaban.health import (
    DEAF_AFTER_S,
    HEALTHY,
    HUNG,
    PROVEN_EVERY_S,
    UNHEARD_S,
    WELL_AFTER_S,
    due,
    noted,
)

DEAF, WELL = ReportHealth("deaf", "line"), ReportHealth("well", "line")
UNHEARD, HEARD = ReportHealth("deaf", "speech"), ReportHealth("well", "speech")


class Watch:
    """Asks every second, as the main loop does."""

    def __init__(self, *, well: bool = True) -> None:
        self.health, self.now = HEALTHY, 1000.0
        self.effects: list[Effect] = []
        if well:
            self.ready().wait(WELL_AFTER_S + 1)
            self.effects.clear()

    def took(self, *events: Event) -> Watch:
        for event in events:
            self.health = noted(self.health, event, self.now)
        return self

    def failed(self) -> Watch:
        return self.took(LineFailed("gone"))

    def ready(self) -> Watch:
        return self.took(LineReady("modem"))

    def unheard_call(self) -> Watch:
        return self.took(ListenerFailed("broken"), TranscriptFinished("a"))

    def wordless_call(self) -> Watch:
        return self.took(TranscriptFinished("a"))

    def heard_call(self) -> Watch:
        return self.took(TranscriptFinished("a", heard=True))

    def wait(self, seconds: float) -> list[Effect]:
        start = len(self.effects)
        for _ in range(round(seconds)):
            self.now += 1
            self.health, effects = due(self.health, self.now)
            self.effects += effects
        return self.effects[start:]

    @property
    def news(self) -> list[Effect]:
        """Without what is said every hour."""
        return [one for one, before in zip(self.effects, [WELL, *self.effects], strict=False) if one != before]

    @property
    def reports(self) -> list[Effect]:
        return [effect for effect in self.effects if isinstance(effect, ReportHealth)]


def test_a_short_interruption_is_nobodys_concern() -> None:
    watch = Watch()
    watch.failed().wait(DEAF_AFTER_S - 10)
    watch.ready().wait(3000)
    assert watch.effects == []


def test_deafness_is_told_once_to_family_and_household_and_its_end_once() -> None:
    watch = Watch()
    for _ in range(600):
        watch.failed().wait(10)
    assert watch.reports == [DEAF]
    assert watch.effects.count(Warn("line_fault")) == 1
    watch.ready().wait(3000)
    assert watch.reports == [DEAF, WELL]
    assert watch.effects.count(Warn("line_fault")) == 1


def test_a_modem_that_comes_back_for_moments_only_is_still_out_of_order() -> None:
    watch = Watch()
    for _ in range(20):
        watch.failed().wait(10)
        watch.ready().wait(20)
    assert watch.reports == [DEAF]


def test_a_box_that_hears_says_so_every_hour_and_a_deaf_one_does_not() -> None:
    watch = Watch()
    watch.wait(3 * PROVEN_EVERY_S)
    assert watch.reports == [WELL] * 3
    watch.effects.clear()
    watch.failed().wait(3 * PROVEN_EVERY_S)
    assert watch.reports == [DEAF]


def test_every_failure_after_recovery_is_told_again() -> None:
    watch = Watch()
    for _ in range(2):
        watch.failed().wait(DEAF_AFTER_S)
        watch.ready().wait(WELL_AFTER_S)
    assert watch.reports == [DEAF, WELL, DEAF, WELL]


def test_a_box_that_starts_says_that_it_is_well() -> None:
    """Else a report of deafness from before the restart would stand at the broker for ever."""
    watch = Watch(well=False)
    watch.ready().wait(3600)
    assert watch.effects == [WELL]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 400)), max_size=60))
def test_reports_alternate_whatever_the_modem_does(course: list[tuple[bool, int]]) -> None:
    watch = Watch()
    for ready, seconds in course:
        (watch.ready() if ready else watch.failed()).wait(seconds)
    assert all(one != other for one, other in zip([WELL, *watch.reports], watch.reports, strict=False))


# --- listening to calls ---------------------------------------------------------------------------------------------


def test_one_unheard_call_may_be_chance() -> None:
    watch = Watch()
    watch.unheard_call().wait(3000)
    watch.heard_call().wait(3000)
    watch.unheard_call().wait(3000)
    watch.heard_call().wait(2 * UNHEARD_S)
    assert watch.news == []


def test_the_second_unheard_call_in_a_row_is_told_at_once_to_family_and_household_and_a_heard_one_ends_it() -> None:
    watch = Watch()
    watch.unheard_call().wait(60)
    assert watch.unheard_call().wait(1) == [UNHEARD, Warn("line_fault")]
    watch.unheard_call().wait(2 * PROVEN_EVERY_S)
    assert watch.heard_call().wait(1) == [HEARD]
    assert watch.news == [UNHEARD, Warn("line_fault"), HEARD]


def test_a_single_unheard_call_that_no_other_disproves_is_told_after_a_day() -> None:
    watch = Watch()
    watch.unheard_call().wait(UNHEARD_S - 10)
    assert watch.news == []
    watch.wait(20)
    assert watch.news == [UNHEARD, Warn("line_fault")]


def test_a_call_without_words_is_neither_failed_nor_proof() -> None:
    watch = Watch()
    for _ in range(5):
        watch.wordless_call().wait(60)
    watch.unheard_call().wordless_call().wait(60)
    assert watch.news == []
    watch.unheard_call().wordless_call().wait(60)
    assert watch.news == [UNHEARD, Warn("line_fault")]


def test_a_box_whose_listening_hung_before_its_start_says_so_until_a_call_is_heard() -> None:
    watch = Watch(well=False)
    watch.health = HUNG
    watch.ready().wait(2 * PROVEN_EVERY_S)
    assert watch.effects == [UNHEARD, Warn("line_fault")]
    watch.heard_call().wait(1)
    assert watch.reports == [UNHEARD, HEARD]


def test_of_two_parts_out_of_order_the_line_is_told_first_and_the_household_once() -> None:
    watch = Watch()
    watch.unheard_call().unheard_call().wait(10)
    watch.failed().wait(DEAF_AFTER_S)
    watch.ready().wait(WELL_AFTER_S)
    assert watch.effects == [UNHEARD, Warn("line_fault"), DEAF, UNHEARD]
