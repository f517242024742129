"""What can be wrong with a modem, as switches, and how long it takes to answer. By default nothing is wrong.

Each switch stands for a field failure or a difference between real modems.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Range = tuple[float, float]
"""Shortest and longest, seconds of line time."""


@dataclass(frozen=True, slots=True)
class CommandDelays:
    """Time from a command to its answer. Estimates: no table of a real modem's latencies is published."""

    ordinary: Range = (0.005, 0.05)
    off_hook: Range = (0.1, 0.4)
    reset: Range = (0.3, 1.5)
    hang_up: Range = (0.2, 1.0)
    seed: int = 1

    @classmethod
    def none(cls) -> CommandDelays:
        """Answer with the next tick."""
        nothing = (0.0, 0.0)
        return cls(ordinary=nothing, off_hook=nothing, reset=nothing, hang_up=nothing)


@dataclass(frozen=True, slots=True)
class Faults:
    """Switches; all off by default."""

    # Commands
    mute: bool = False
    """Answers nothing at all, not even echo."""
    mute_after: int | None = None
    """Falls silent for good after this many command lines."""
    error_to_fclass8: bool = False
    """Old firmware without voice."""
    no_16_bit: bool = False
    """Refuses the 16-bit linear coding it advertises."""
    ifc_error: bool = False
    """Refuses +IFC."""
    forgets_on_reset: bool = False
    """Z also forgets the stored profile and the country."""
    blank_lines: bool = False
    """An empty line before every answer."""

    # Caller id and ringing
    cid_missing: bool = False
    cid_garbled: bool = False
    """Random bytes instead of the number."""
    cid_after_rings: int = 0
    """Report after so many ordinary rings instead of before the first."""
    cid_other_keys: bool = False
    """DATE, TIME and NAME around NMBR, keys without blanks around `=`."""
    second_cid_in_call: bool = False
    """Another report in the middle of the conversation (call waiting)."""
    ring_per_car: bool = False
    """RING for every pulse before the report."""
    ring_after_answer: bool = False
    """One late RING behind the answer to +VLS=1."""

    # Voice
    bogus_h_after_vls: bool = False
    """`<DLE>H` about itself when it goes off-hook."""
    bogus_d_in_rx: bool = False
    """A dial-tone code one second into every recording."""
    no_busy_code: bool = False
    quiet_code_instead_of_busy: bool = False
    """`<DLE>q` where `<DLE>b` belongs."""
    never_ok_after_rx: bool = False
    """Recording ends with `<DLE><ETX>` and no OK."""


ORDINARY_DELAYS: Final = CommandDelays()
NO_FAULTS: Final = Faults()
