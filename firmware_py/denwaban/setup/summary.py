"""What this line can and cannot do, out of what the modem says, what was measured and what is configured."""

from __future__ import annotations

from denwaban.config import Config
from denwaban.line.probe import ModemFacts
from denwaban.ports import Capabilities
from denwaban.setup.steps import Finding, found
from denwaban.setup.trial import Measured, difference_finding


def summarise(
    capabilities: Capabilities, facts: ModemFacts, measured: Measured | None, config: Config
) -> tuple[Finding, ...]:
    """One finding per thing that matters to the household. `measured`: None when no call was tried."""
    tried = measured if measured is not None and measured.answered else None
    return (
        *_announcing(capabilities, tried),
        _number(facts, tried, config),
        *_hearing(tried),
        _handset(facts, tried),
        *_release(tried, config),
        *(() if capabilities.can_cut else (found("sum_cannot_cut", "note"),)),
        *(() if capabilities.hears_outgoing else (found("sum_deaf_on_hook", "note"),)),
        *(() if tried else (found("sum_untried", "note"),)),
    )


def _announcing(capabilities: Capabilities, tried: Measured | None) -> tuple[Finding, ...]:
    if not capabilities.can_announce:
        return (found("sum_silent", "note"),)
    if tried is not None and tried.warning_heard is False:
        return (found("sum_warning_unheard", "bad"),)
    return (found("sum_announces"),)


def _number(facts: ModemFacts, tried: Measured | None, config: Config) -> Finding:
    """Screening by number needs a modem that reads it and a line that sends it."""
    if tried is not None and tried.caller is not None:
        return found("sum_number_shown")
    if not facts.shows_caller:
        return found("sum_number_impossible", "note")
    if tried is None:
        return found("sum_number_untried", "note")
    return found("sum_number_unread" if config.line.number_service else "sum_number_off", "note")


def _hearing(tried: Measured | None) -> tuple[Finding, ...]:
    if tried is None:
        return ()
    voices = {"caller": tried.far, "household": tried.near}
    deaf = [who for who, level in voices.items() if level is None]
    if deaf:
        return tuple(found(f"sum_{who}_unheard", "note") for who in deaf)
    return found("sum_hears_both"), *difference_finding(tried)


def _handset(facts: ModemFacts, tried: Measured | None) -> Finding:
    sensed = facts.senses_extension if tried is None else tried.pickup_sensed
    return found("sum_pickup_sensed") if sensed else found("sum_pickup_by_voice", "note")


def _release(tried: Measured | None, config: Config) -> tuple[Finding, ...]:
    if tried is None or tried.end_noticed is None:
        return ()
    if tried.end_noticed:
        return (found("sum_end_noticed"),)
    return (found("sum_end_unnoticed", "bad", minutes=round(config.screening.max_call_s / 60)),)
