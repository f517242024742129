"""What can be wrong with a modem, as switches, and how long it takes to answer. By default nothing is wrong.

Each switch stands for a field failure or a difference between real modems.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Range = tuple[float, float]
"""Shortest and longest, seconds of line time."""


LATE_S: Final = 7.0
PIECE_S: Final = 0.3


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
    """Falls silent after this many command lines, until its power is cut (`VirtualLine.replug`)."""
    late_answer_to: str = ""
    """Answers a line with this command `LATE_S` too late."""
    error_to_fclass8: bool = False
    """Old firmware without voice."""
    no_16_bit: bool = False
    """Refuses the 16-bit linear coding it advertises."""
    vsm_error: bool = False
    """Refuses every coding it advertises."""
    ifc_error: bool = False
    """Refuses +IFC."""
    forgets_on_reset: bool = False
    """Z also forgets the stored profile and the country."""
    blank_lines: bool = False
    """An empty line before every answer."""
    keeps_echo: bool = False
    """Accepts E0 and goes on echoing, so that an answer begins `\\r\\r\\n`."""
    loses_characters: int = 0
    """Every n-th line lacks its first character; USB clones do this."""
    doubles_characters: int = 0
    """Every n-th line has its first character twice."""
    dle_ends_reads: bool = False
    """What follows a `<DLE>` comes later, in a read of its own."""

    # Caller id and ringing
    cid_missing: bool = False
    cid_garbled: bool = False
    """Random bytes instead of the number."""
    cid_after_rings: int = 0
    """Report after so many ordinary rings instead of before the first."""
    cid_other_keys: bool = False
    """DATE, TIME and NAME around NMBR, keys without blanks around `=`."""
    cid_name_first: bool = False
    """NAME before NMBR, neither DATE nor TIME."""
    cid_in_pieces: bool = False
    """The report stops in the middle of a line, even of a character, and goes on `PIECE_S` later."""
    second_cid_in_call: bool = False
    """Another report in the middle of the conversation (call waiting)."""
    ring_per_car: bool = False
    """RING for every pulse before the report."""
    hook_codes_on_hook: bool = False
    """Tells of the parallel telephone while it is on-hook itself, in data mode too. We know of no modem that does."""
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
    silence_code_instead_of_busy: bool = False
    """`<DLE>s` where `<DLE>b` belongs."""
    no_busy_tone: bool = False
    """The exchange releases in silence: neither code nor tone."""
    overrun_in_rx: bool = False
    """Loses 0.1 s of sound one second into every recording, and says `<DLE>o`."""
    never_ok_after_rx: bool = False
    """Recording ends with `<DLE><ETX>` and no OK."""


ORDINARY_DELAYS: Final = CommandDelays()
NO_FAULTS: Final = Faults()
