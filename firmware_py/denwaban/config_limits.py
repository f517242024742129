"""What the values of a configuration must be beyond their types."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from denwaban.rules import parse_quiet_hours
from denwaban.screening import pattern_of

if TYPE_CHECKING:  # it loads this module
    from denwaban.config import AlertsConfig, Config, PanelConfig, ScreeningConfig

MOST_TURNS: Final = 99


def out_of_range(config: Config) -> Iterator[str]:
    """One sentence for each value that has the right type and cannot be meant."""
    for key, low, high in _RANGES:
        section, name = key.split(".")
        value = getattr(getattr(config, section), name)
        if not low <= value <= high:
            most = f"{low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
            yield f"{key}: must be {most}, not {value}"
    yield from _bad_numbers(config.screening)
    yield from _bad_names(config)
    yield from _bad_addresses(config.alerts)
    yield from _bad_pins(config.panel)


_RANGES: Final = (
    ("speech.threads", 1, 4),
    ("sound.volume", 1, 100),
    ("alerts.port", 1, 65535),
    ("alerts.receipt_s", 5, 3600),
    ("alerts.reply_s", 5, 3600),
    ("web.port", 1, 65535),
    ("screening.handset_wait_s", 5, math.inf),
    ("screening.max_call_s", 60, math.inf),
    ("screening.message_s", 0, 300),
    ("screening.ring_through_min", 0, 240),
    ("recording.keep_days", 1, math.inf),
    ("recording.max_mb", 1, math.inf),
)
"""Least and most of a number. To keep no recordings there is recording.enabled."""


def _bad_numbers(screening: ScreeningConfig) -> Iterator[str]:
    for key in ("allow", "block"):
        for number in getattr(screening, key):
            try:
                pattern_of(number)
            except ValueError as error:
                yield f"screening.{key}: {number!r} {error}"
    try:
        parse_quiet_hours(screening.quiet_hours)
    except ValueError as error:
        yield f"screening.quiet_hours: {error}"


_THIS_MACHINE: Final = re.compile(r"(http|ws)://(localhost|127\.0\.0\.1)[:/]")


def _bad_addresses(alerts: AlertsConfig) -> Iterator[str]:
    """A browser gives keys to encrypted pages only, and lets those talk to encrypted brokers only."""
    for name, scheme in (("page", "https://"), ("websocket", "wss://")):
        address = getattr(alerts, name)
        if address and not address.startswith(scheme) and not _THIS_MACHINE.match(address):
            yield f"alerts.{name}: must begin with {scheme}, not {address!r}"
        if "#" in address:
            yield f"alerts.{name}: must be without #, not {address!r}"


def _bad_names(config: Config) -> Iterator[str]:
    names = [contact.name for contact in config.contacts]
    for name in (config.unit.name, *names):
        if not name or not all(c.isascii() and (c.isalnum() or c == "-") for c in name):
            yield f"unit.name and contacts.name: letters, digits and hyphens only, not {name!r}"
    for name in {name for name in names if names.count(name) > 1}:
        yield f"contacts: the name {name!r} is used twice"
    for contact in config.contacts:
        if not 1 <= contact.turn <= MOST_TURNS:
            yield f"contacts.turn: must be 1 to {MOST_TURNS}, not {contact.turn}"
        try:
            parse_quiet_hours(contact.hours)
        except ValueError as error:
            yield f"contacts.hours: {error}"


def _bad_pins(panel: PanelConfig) -> Iterator[str]:
    pins: dict[int, str] = {}
    for name, pin in dataclasses.asdict(panel).items():
        if pin != 0 and not 2 <= pin <= 27:  # 0 and 1 read the memory of an add-on board
            yield f"panel.{name}: must be 2 to 27 (GPIO number, not the place on the header), or 0 for none, not {pin}"
        elif pin and pin in pins:
            yield f"panel.{name}: GPIO {pin} is taken by panel.{pins[pin]}"
        pins.setdefault(pin, name)
