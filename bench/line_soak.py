"""A soak of the telephone line: the plan's calls through the real loop, session, driver and database on the emulator.

Only recognition, loudspeaker and alerts are stand-ins. Modems are pulled out and come back under another name.
"""

from __future__ import annotations

import gc
import heapq
import itertools
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from bench.line_box import House, PacedClock, Sounds, build_loop
from bench.line_plan import Stretch, Visit, fingerprint
from bench.line_watch import Account, Losses, Watch
from denwaban.audio.prompts import PromptLibrary
from denwaban.line.conversation import IDLE_CHECK_S
from denwaban.session import Phase
from denwaban.sim.faults import NO_FAULTS, CommandDelays
from denwaban.sim.profiles import GENERIC
from denwaban.sim.simulation import LineSetup
from denwaban.sim.virtual_line import VirtualLine
from denwaban.store.database import Database

READY_LIMIT_S: Final = 60.0
"""Line time the first call of a stretch waits for the modem; the next calls wait for nothing."""
REOPEN_LIMIT_S: Final = 60.0
"""Real seconds, as the driver counts its pauses between two tries: longer than the longest of them."""
VISIT_LIMIT_S: Final = 900.0
"""Longest call of the plan, and every limit of the session behind it."""
QUIET_S: Final = 8.0
"""So long nothing may happen before a visit counts as over: longer than the session waits for another ring."""
HANDSET_LIMIT_S: Final = 20.0
STANDSTILL_S: Final = 180.0
"""Real seconds."""
SWITCH_S: Final = 0.0005
"""Real seconds between thread switches: Python's 5 ms would be a quarter of a second of line time."""
WARM_UP: Final = 0.25
"""Share of line time before memory is watched: caches of the database and of the allocator fill up."""
GROWTH_LIMIT_MB_PER_H: Final = 1.0
GROWTH_JUDGED_FROM_H: Final = 2.0

Report = dict[str, Any]


class Stuck(Exception):
    """The soak cannot go on; the message says where it stands."""


class Soak:
    """One run of a plan; use once. `progress` gets a line of text now and then."""

    def __init__(self, plan: Sequence[Stretch], folder: Path, speed: float, progress: Callable[[str], None]) -> None:
        self._plan = plan
        self._progress = progress
        self._process = psutil.Process()
        self._before = self._resources()
        self._clock = PacedClock(speed)
        self._watch = Watch(self._clock)
        self._account = Account()
        self._port = folder / "modem"
        self._stretch = plan[0]
        self._repaired, self._told = False, 0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._not_ready_since = self._plugged_at = 0.0
        self._counts: Counter[str] = Counter()
        self._repairs: Counter[str] = Counter()
        self._memory: list[tuple[float, float]] = []
        self._line = self._new_line()
        self._database = Database(folder / "soak.sqlite", on_error=lambda error: self._trouble(f"database: {error}"))
        self._house, self._sounds = House(), Sounds()
        prompts = PromptLibrary().line_pcm
        self._loop = build_loop(str(self._port), self._clock, prompts, self._database, self._house, self._watch.box)
        self._box = threading.Thread(target=self._loop.run, name="box", daemon=True)

    def run(self) -> Report:
        """Make every call; returns the figures, with the account's problems and `balanced`."""
        losses, started = Losses(), time.monotonic()
        log, hook = logging.getLogger("denwaban"), threading.excepthook
        level, propagate = log.level, log.propagate
        log.addHandler(losses)
        log.propagate = False
        log.setLevel(logging.WARNING)
        switch = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        threading.excepthook = lambda died: self._trouble(f"thread {died.thread} died of {died.exc_value!r}")
        self._box.start()
        try:
            for stretch in self._plan:
                self._run_stretch(stretch, started)
        except Stuck as stuck:
            self._trouble(str(stuck))
        finally:
            self._close()
            threading.excepthook = hook
            sys.setswitchinterval(switch)
            log.removeHandler(losses)
            log.propagate = propagate
            log.setLevel(level)
        self._account.problems += losses.tracebacks
        return self._figures(losses, time.monotonic() - started)

    # --- stretches and visits -------------------------------------------------------------------------------------

    def _run_stretch(self, stretch: Stretch, started: float) -> None:
        self._stretch, self._repaired = stretch, False
        self._unplug()
        self._plug_in()
        self._until(lambda: self._watch.ready, READY_LIMIT_S)
        for visit in stretch.visits:
            self._visit(visit)
        gc.collect()
        self._memory.append((self._clock.now() / 3600, self._process.memory_info().rss / 1e6))
        self._tell(self._clock.now() / (time.monotonic() - started))

    def _tell(self, speed: float) -> None:
        account = self._account
        for problem in account.problems[self._told :]:
            self._progress(problem)
        self._told = len(account.problems)
        self._progress(
            f"{account.placed} calls, {self._clock.now() / 3600:.2f} h of line time at {speed:.0f}x, "
            f"{sum(account.explained.values())} explained, {account.unaccounted} unaccounted, {self._told} problems"
        )

    def _visit(self, visit: Visit) -> None:
        where = (
            f"visit {visit.n} ({visit.kind}; {self._stretch.profile.name}, {', '.join(self._stretch.wrong) or 'ok'})"
        )
        self._watch.begin(visit.callers)
        self._sleep(visit.pause_s)
        if visit.kind == "household dials out":
            self._line.lift_handset()
            self._sleep(visit.talk_s)
            self._line.replace_handset()
        elif visit.kind == "modem is away":
            self._unplug()
        for caller in visit.callers:
            self._line.ring(self._sounds.call(visit, caller))
        if visit.callers:
            self._in_the_call(visit, where)
        if not self._until(self._over, VISIT_LIMIT_S):
            self._stuck(where)
        self._settle(where)

    def _in_the_call(self, visit: Visit, where: str) -> None:
        """Wait for the call to arrive and put on the agenda what happens while it lasts."""
        line = self._line
        if not self._until(lambda: bool(self._watch.calls) or line is not self._line, VISIT_LIMIT_S):
            self._trouble(f"{where}: the line never became free for the next call ({self._state()})")
        if visit.lift_after_s is not None:
            self._later(visit.lift_after_s, lambda: line.lift_handset() if self._watch.call_on else None)
        if visit.kind == "unplugged in the call":
            self._later(visit.unplug_after_s or 0.0, self._unplug)
        if visit.unplug_after_s is not None:
            self._later(visit.unplug_after_s + visit.away_s, self._plug_in)

    def _over(self) -> bool:
        """Nothing has gone on for a while: no call, nobody off-hook, box idle."""
        busy = self._watch.call_on or self._line.off_hook or self._loop.state.phase is not Phase.IDLE or self._agenda
        now = self._clock.now()
        if busy or self._line.busy or self._line.handset_off_hook:
            self._quiet_since = now
        if self._line.handset_off_hook and not self._watch.call_on and now - self._call_on_until > HANDSET_LIMIT_S:
            self._line.replace_handset()
        if self._watch.call_on or not self._line.handset_off_hook:
            self._call_on_until = now
        return now - self._quiet_since >= QUIET_S

    _quiet_since = _call_on_until = 0.0

    def _settle(self, where: str) -> None:
        if self._watch.missed and self._watch.ready and not self._watch.failures:
            # A modem that has hung itself up is as quiet as an idle one; the driver asks it only now and then.
            self._until(lambda: bool(self._watch.failures), IDLE_CHECK_S * 1.1 + READY_LIMIT_S)
        wrong = () if self._repaired else self._stretch.wrong
        self._account.settle(self._watch, wrong, self._repaired or self._stretch.profile is GENERIC, where)

    def _stuck(self, where: str) -> None:
        self._trouble(f"{where}: stuck ({self._state()}); the modem is pulled out to go on")
        self._unplug()
        self._plug_in()
        if not self._until(self._over, VISIT_LIMIT_S):
            raise Stuck(f"{where}: the box does not become idle any more ({self._state()})")

    def _state(self) -> str:
        line = self._line
        return f"session {self._loop.state.phase.name}, modem off-hook {line.off_hook}, handset {line.handset_off_hook}"

    # --- the modem and its plug -----------------------------------------------------------------------------------

    def _new_line(self) -> VirtualLine:
        stretch = self._stretch
        setup = LineSetup(
            profile=GENERIC if self._repaired else stretch.profile,
            delays=CommandDelays(seed=stretch.delay_seed),
            faults=NO_FAULTS if self._repaired else stretch.faults,
        )
        line = VirtualLine(self._clock, observer=self._watch.line, setup=setup, pty_chunk=stretch.pty_chunk)
        line.start()
        return line

    def _unplug(self) -> None:
        """Pull the modem out; what stands ready for plugging in has another PTY."""
        self._port.unlink(missing_ok=True)
        self._watch.unplugged()
        self._counts["host_waits"] += self._line.host_waits
        self._line.close()
        self._line = self._new_line()

    def _plug_in(self) -> None:
        if not self._watch.plugged:
            self._counts["plugged_in"] += 1
            self._port.symlink_to(self._line.port)
            self._watch.plugged_in()
        self._not_ready_since, self._plugged_at = self._clock.now(), time.monotonic()

    def _repair_if_due(self) -> None:
        if self._watch.ready or not self._watch.plugged:
            self._not_ready_since = self._clock.now()
        elif (self._repaired or not self._stretch.wrong) and time.monotonic() - self._plugged_at < REOPEN_LIMIT_S:
            return  # its pauses before it opens the port again are real ones
        elif self._clock.now() - self._not_ready_since > self._stretch.repair_after_s:
            what = f"{self._stretch.profile.name}: {', '.join(self._stretch.wrong) or 'nothing wrong'}"
            if self._repaired or not (self._stretch.wrong or self._stretch.profile is not GENERIC):
                self._trouble(f"the driver does not come to terms with a good modem ({what})")
            self._repaired = True
            self._repairs[what] += 1
            self._unplug()
            self._plug_in()

    # --- time -----------------------------------------------------------------------------------------------------

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self._clock.now() + seconds, next(self._order), action))

    def _sleep(self, seconds: float) -> None:
        self._until(lambda: False, seconds)

    def _until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Let line time pass until `condition`, doing what is due; False after `limit_s` of line time."""
        end, real_end = self._clock.now() + limit_s, time.monotonic() + STANDSTILL_S + limit_s / self._clock.speed * 20
        while not condition():
            now = self._clock.now()
            if now >= end:
                return False
            if time.monotonic() > real_end:
                raise Stuck(f"line time stands still at {now:.0f} s ({self._state()})")
            if not self._box.is_alive():
                raise Stuck("the box's main loop died")
            while self._agenda and self._agenda[0][0] <= now:
                heapq.heappop(self._agenda)[2]()
            self._repair_if_due()
            time.sleep(0.002)
        return True

    # --- the end --------------------------------------------------------------------------------------------------

    def _close(self) -> None:
        if self._line.off_hook:
            self._trouble("the line is off-hook at the end")
        if self._loop.state.phase is not Phase.IDLE:
            self._trouble(f"the session ends in {self._loop.state.phase.name}")
        self._loop.stop()
        self._box.join(60)
        self._counts["host_waits"] += self._line.host_waits
        self._line.close()
        if not self._database.flush(60):
            self._trouble("the database did not take the last writes in 60 s")
        kept = self._database.calls(limit=1_000_000)
        self._counts["records"] = len(kept)
        still_open = sum(one.closed_at is None for one in kept)
        if still_open or len(kept) != self._loop.state.calls:
            self._trouble(
                f"{self._loop.state.calls} calls of the session, {len(kept)} records, {still_open} not closed"
            )
        self._database.close()
        gc.collect()
        if self._resources() != self._before:
            self._trouble(f"threads and file descriptors: {self._before} before, {self._resources()} after")

    def _resources(self) -> tuple[int, int]:
        return threading.active_count(), self._process.num_fds()

    def _trouble(self, text: str) -> None:
        self._account.problems.append(text)

    def _figures(self, losses: Losses, real_s: float) -> Report:
        account, hours = self._account, self._clock.now() / 3600
        growth = growth_mb_per_h(self._memory)
        if growth is not None and hours >= GROWTH_JUDGED_FROM_H and growth > GROWTH_LIMIT_MB_PER_H:
            self._trouble(f"memory grows by {growth:.2f} MB an hour of line time")
        return {
            "plan": fingerprint(self._plan),
            "calls": account.placed,
            "not_placed": sum(len(v.callers) for stretch in self._plan for v in stretch.visits) - account.placed,
            "records": self._counts["records"],
            "line_hours": round(hours, 2),
            "real_minutes": round(real_s / 60, 1),
            "speed_reached": round(hours * 3600 / real_s, 1),
            "outcomes": dict(account.outcomes.most_common()),
            "explained": {what: count for what, count in account.explained.most_common() if count},
            "unaccounted": account.unaccounted,
            "balanced": account.balanced,
            "problems": account.problems,
            "driver_gave_up": dict(account.failures.most_common()),
            "plugged_in": self._counts["plugged_in"],
            "repaired": dict(self._repairs),
            "alerts": self._house.alerts,
            "overruns": losses.counts["overrun"],
            "underruns": losses.counts["underrun"],
            "held_for_the_box_s": round(self._clock.held_s, 1),
            "host_waits": self._counts["host_waits"],
            "longest_hold_after_caller_gone_s": round(self._watch.longest_hold_s, 1),
            "rss_mb": round(self._memory[-1][1], 1) if self._memory else None,
            "rss_growth_mb_per_h": growth,
            "threads_and_fds": self._before,
        }


def growth_mb_per_h(memory: Sequence[tuple[float, float]]) -> float | None:
    """Slope of (hours, MB) behind the warm-up, by least squares; None for fewer than three points."""
    warm = [(at, mb) for at, mb in memory if at >= WARM_UP * memory[-1][0]]
    if len(warm) < 3:
        return None
    return round(float(np.polyfit([at for at, _mb in warm], [mb for _at, mb in warm], 1)[0]), 2)
