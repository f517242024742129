"""A box that does not hear says so once, and says once that it is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from denwaban.effects import Effect, ReportHealth, Warn
from denwaban.events import LineFailed, LineReady
from denwaban.health import DEAF_AFTER_S, PROVEN_EVERY_S, WELL_AFTER_S, Health, due, noted

DEAF, WELL = ReportHealth("deaf", "line"), ReportHealth("well", "line")


class Watch:
    """Asks every second, as the main loop does."""

    def __init__(self, *, well: bool = True) -> None:
        self.health, self.now = Health(), 1000.0
        self.effects: list[Effect] = []
        if well:
            self.ready().wait(WELL_AFTER_S + 1)
            self.effects.clear()

    def failed(self) -> Watch:
        self.health = noted(self.health, LineFailed("gone"), self.now)
        return self

    def ready(self) -> Watch:
        self.health = noted(self.health, LineReady("modem"), self.now)
        return self

    def wait(self, seconds: float) -> list[Effect]:
        start = len(self.effects)
        for _ in range(round(seconds)):
            self.now += 1
            self.health, effects = due(self.health, self.now)
            self.effects += effects
        return self.effects[start:]

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
