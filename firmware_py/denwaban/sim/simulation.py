"""Exchange, modem and clock as one: line time in ticks, host bytes in and out. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from denwaban.sim.audio_path import PLAIN_AGC, PLAIN_LEVELS, TICK_S, AgcSettings, LineLevels
from denwaban.sim.clock import LineClock
from denwaban.sim.exchange import Exchange
from denwaban.sim.faults import NO_FAULTS, ORDINARY_DELAYS, CommandDelays, Faults
from denwaban.sim.line_events import LineEvent, OffHook, OnHook
from denwaban.sim.modem import VoiceModem
from denwaban.sim.profiles import GENERIC, ModemProfile

SECOND_CALL_AFTER_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class LineSetup:
    """Everything about a virtual line that is not the household and the caller."""

    profile: ModemProfile = GENERIC
    delays: CommandDelays = ORDINARY_DELAYS
    faults: Faults = NO_FAULTS
    levels: LineLevels = PLAIN_LEVELS
    agc: AgcSettings = PLAIN_AGC


PLAIN_SETUP: Final = LineSetup()


class LineSimulation:
    """One line, one modem."""

    def __init__(self, clock: LineClock, setup: LineSetup = PLAIN_SETUP) -> None:
        self.clock = clock
        self._setup = setup
        faults = setup.faults
        self.modem = VoiceModem(setup.profile, setup.delays, faults, setup.agc)
        second_call = SECOND_CALL_AFTER_S if faults.second_cid_in_call else None
        self.exchange = Exchange(setup.levels, second_call, not faults.no_busy_tone)

    def cut_power(self) -> None:
        """The modem loses its power and gets it back: on-hook, factory settings, not hung any more."""
        setup = self._setup
        self.modem = VoiceModem(setup.profile, setup.delays, replace(setup.faults, mute_after=None), setup.agc)

    def tick(self) -> tuple[LineEvent, ...]:
        """20 ms of line time; what happened in it."""
        self.clock.advance(TICK_S)
        line = self.exchange.tick(self.modem.box_state())
        self.modem.tick(line)
        return line.events


def hook_change(event: LineEvent) -> tuple[float, str] | None:
    """A line of the hook log, if the event is one."""
    match event:
        case OffHook():
            return event.at, f"{event.who} off-hook"
        case OnHook():
            return event.at, f"{event.who} on-hook"
    return None
