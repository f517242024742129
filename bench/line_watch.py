"""What exchange and box did during a soak, in line time, and whether the two agree: the account."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from bench.line_plan import Caller
from denwaban import events as ev
from denwaban.effects import CloseCall, Effect, OpenCall
from denwaban.sim import line_events as show
from denwaban.sim.answers import SECOND_CALLER

SLACK_S: Final = 1.5
"""Line time between a ring and its event, or a pulled plug and its LineFailed, at high speed on a busy machine."""
MOST_RINGS_UNDECIDED: Final = 3


class Time(Protocol):
    """The part of a clock that is needed."""

    def now(self) -> float: ...


@dataclass(slots=True)
class ExchangeCall:
    """One call as the exchange placed it."""

    caller: Caller
    arrived: float
    rings: list[float] = field(default_factory=list)
    far_gone: float | None = None
    ended: float | None = None


@dataclass(slots=True)
class BoxCall:
    """One call as the box recorded it."""

    began: float
    decision: str = "none"
    caller: ev.CallerId | None = None
    shown: list[ev.CallerId] = field(default_factory=list)
    """Reports before the decision."""
    heard: list[ev.CallerId] = field(default_factory=list)
    """All reports while the record was open."""
    outcome: str | None = None
    closed: float | None = None


class Watch:
    """Takes the events of the line (its thread) and of the box (the main thread). Holds one visit at a time."""

    def __init__(self, clock: Time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began: float | None = None
        self._shown: list[ev.CallerId] = []
        self._open: BoxCall | None = None
        self._ready = False
        self._box_off_hook = False
        self.plugged = False
        self.expected: list[Caller] = []
        self.calls: list[ExchangeCall] = []
        self.records: list[BoxCall] = []
        self.away: list[tuple[float, float | None]] = [(0.0, None)]
        """When the box had no modem; None as end means that it has none now."""
        self.problems: list[str] = []
        self.failures: list[tuple[float, str]] = []
        """LineFailed while the modem was plugged in and had been ready."""
        self.longest_hold_s = 0.0

    # --- for the runner -------------------------------------------------------------------------------------------

    def begin(self, callers: tuple[Caller, ...]) -> None:
        """Forget the last visit; these are the callers to come."""
        with self._lock:
            self.expected = list(callers)
            self.calls, self.records, self.failures = [], [], []
            self.away = self.away[-1:]

    def unplugged(self) -> None:
        """The modem is being pulled out: with it go the call on the line and whoever waits behind it."""
        with self._lock:
            self.plugged = self._box_off_hook = False
            self._modem_gone()
            for call in self.calls:
                call.ended = call.ended or self._clock.now()

    def plugged_in(self) -> None:
        self.plugged = True

    @property
    def ready(self) -> bool:
        """The box has a modem that it can use, as far as it knows."""
        return self._ready

    @property
    def call_on(self) -> bool:
        """The exchange has a call on the line."""
        return bool(self.calls) and self.calls[-1].ended is None

    @property
    def missed(self) -> bool:
        """The exchange rang while the box had a modem, and the box has recorded nothing."""
        return not self.records and any(call.rings and not _all_away(self, call) for call in self.calls)

    # --- the line's thread ----------------------------------------------------------------------------------------

    def line(self, event: show.LineEvent) -> None:
        """An observer for `VirtualLine`."""
        now = self._clock.now()
        with self._lock:
            match event:
                case show.CallArrived():
                    self.calls.append(ExchangeCall(self.expected[len(self.calls)], now))
                case show.Ringing() if self.calls:
                    self.calls[-1].rings.append(now)
                case show.CallLost() if self._box_off_hook:
                    self._cut_off()
                case show.CallerHungUp() if self.calls:
                    self.calls[-1].far_gone = now
                case show.LineFree() if self.calls:
                    self.calls[-1].ended = now
                case show.OffHook(who="box"):
                    self._box_off_hook = True
                case show.OnHook(who="box"):
                    self._released(now)

    def _cut_off(self) -> None:
        """Answered while alerting: excused only as the second ring of an earlier call of which nothing was told."""
        if self._began is None or self._began >= self.calls[-1].arrived or self._shown:
            self.problems.append("the box answered during the alerting pulses; the caller was cut off")

    def _released(self, now: float) -> None:
        self._box_off_hook = False
        far_gone = self.calls[-1].far_gone if self.calls else None
        if far_gone is not None:
            self.longest_hold_s = max(self.longest_hold_s, now - far_gone)

    # --- the box's main thread ------------------------------------------------------------------------------------

    def box(self, happening: ev.Event | Effect) -> None:
        """An observer for `Loop`."""
        now = self._clock.now()
        with self._lock:
            match happening:
                case ev.RingHeard() | ev.CallerIdShown():
                    if self._began is None:
                        self._began = now
                    if isinstance(happening, ev.CallerIdShown):
                        self._shown.append(happening.caller)
                case ev.LineReady():
                    self._modem_back(now)
                case ev.LineFailed(reason):
                    if self.plugged and self._ready:
                        self.failures.append((now, reason.partition(": ")[2]))
                    self._modem_gone()
                case OpenCall():
                    began = now if self._began is None else self._began
                    self._open = BoxCall(began, happening.decision, happening.caller, list(self._shown), self._shown)
                    self.records.append(self._open)
                case CloseCall():
                    self._closed(happening, now)

    def _closed(self, closed: CloseCall, now: float) -> None:
        if self._open is None:
            self.problems.append("the box closed a call that it had not opened")
        else:
            self._open.outcome, self._open.closed = closed.outcome, now
        self._open = self._began = None
        self._shown = []

    def _modem_gone(self) -> None:
        self._ready = False
        if self.away[-1][1] is not None:
            self.away.append((self._clock.now(), None))

    def _modem_back(self, now: float) -> None:
        self._ready = True
        self.away[-1] = (self.away[-1][0], now)


@dataclass
class Account:
    """Every call of the exchange, by what became of it."""

    outcomes: Counter[str] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    placed: int = 0
    unaccounted: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        return not self.unaccounted and not self.problems

    def settle(self, watch: Watch, wrong: tuple[str, ...], reports: bool, where: str) -> None:
        """Book one visit. `wrong`: what is wrong with the modem; `reports`: it prints callers in Japan."""
        clean = reports and not wrong
        records = [one for one in watch.records if one.caller != ev.CallerId(SECOND_CALLER)]
        self.explained["a record of a second caller shown on-hook"] += len(watch.records) - len(records)
        self.placed += len(watch.calls)
        for number, call in enumerate(watch.calls):
            later = watch.calls[number + 1].arrived if number + 1 < len(watch.calls) else float("inf")
            mine = [one for one in records if call.arrived <= one.began < later]
            earlier = watch.calls[number - 1] if number else None
            before = next((one for one in records if one.began < call.arrived and _open_at(one, call.arrived)), None)
            if not mine and earlier is not None and before is not None and not _told_apart(earlier, call, before):
                self.explained["taken for the call before; nothing told them apart"] += 1
            else:
                self._book(watch, call, mine, clean, where)
        if not watch.calls and records:
            self._problem(f"{len(records)} records without a call", where)
        for problem in watch.problems:
            self._problem(problem, where)
        watch.problems.clear()
        for _at, reason in watch.failures:
            self.failures[f"{reason} [{', '.join(wrong) or 'nothing wrong'}]"] += 1
            if not wrong:
                self._problem(f"the driver gave up a modem of which nothing is wrong: {reason}", where)

    def _book(self, watch: Watch, call: ExchangeCall, mine: list[BoxCall], clean: bool, where: str) -> None:
        if mine:
            self.outcomes[str(mine[0].outcome)] += 1
            for record in mine:
                self._check(watch, call, record, clean, where)
            if len(mine) > 1 and not _away(watch, call.arrived, mine[-1].began):
                self._problem(f"{len(mine)} records for one call: {[one.outcome for one in mine]}", where)
        elif not call.rings:
            self.explained["ended before the first ring"] += 1
        elif _all_away(watch, call):
            self.explained["the modem was gone"] += 1
        elif any(at >= call.arrived for at, _reason in watch.failures):
            self.explained["the modem had fallen silent; the driver noticed"] += 1
        else:
            self.unaccounted += 1
            self._problem(f"{len(call.rings)} rings belong to no record", where)

    def _check(self, watch: Watch, call: ExchangeCall, record: BoxCall, clean: bool, where: str) -> None:
        """Known callers ring through, nobody else does; who is refused is to be refused; the rest is screened."""
        if record.outcome is None:
            self._problem("a record was never closed", where)
        did, away = record.decision.partition(":")[0], _away(watch, call.arrived, record.closed or call.arrived)
        if did == "none" and len(call.rings) > MOST_RINGS_UNDECIDED and not away:
            self._problem(f"{len(call.rings)} rings and no decision", where)
        if did in ("none", call.caller.action):
            return
        if did != "screen" or _caller_id(call.caller.report) in record.shown or (clean and not away):
            self._problem(f"a caller to {call.caller.action} was met with {record.decision}", where)

    def _problem(self, text: str, where: str) -> None:
        self.problems.append(f"{where}: {text}")


def _away(watch: Watch, start: float, end: float) -> bool:
    """The box had no modem at some time in between."""
    return any(gone < end and (back is None or back > start) for gone, back in watch.away)


def _all_away(watch: Watch, call: ExchangeCall) -> bool:
    """The box had no modem at any of the call's rings."""
    return all(_away(watch, ring - SLACK_S, ring + SLACK_S) for ring in call.rings)


def _open_at(record: BoxCall, at: float) -> bool:
    return record.closed is None or record.closed > at


def _told_apart(earlier: ExchangeCall, call: ExchangeCall, record: BoxCall) -> bool:
    """The box was told of this caller, and it is another one."""
    caller = _caller_id(call.caller.report)
    return caller in record.heard and call.caller != earlier.caller


def _caller_id(report: str | None) -> ev.CallerId | None:
    """What the box is to make of the exchange's report; None without one."""
    if report is None:
        return None
    return ev.CallerId(number=report) if report[-1].isdigit() else ev.CallerId(absence=cast(ev.Absence, report))


class Losses(logging.Handler):
    """Counts what the driver's log says of lost sound, and keeps what should never be logged: tracebacks."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.tracebacks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        for kind in ("overrun", "underrun"):
            self.counts[kind] += kind in text
        if record.exc_info:
            self.tracebacks.append(f"{text}: {record.exc_info[1]!r}")
