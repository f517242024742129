"""What the alert stage must be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Protocol = Literal["auto", "3.1.1", "5"]
DetailLevel = Literal["minimal", "words", "transcript"]
Language = Literal["ja", "en"]


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """How to reach the broker."""

    host: str = "127.0.0.1"
    port: int = 1883
    protocol: Protocol = "auto"
    """auto: 5, or 3.1.1 where the broker does not know 5."""
    username: str | None = None
    password_file: Path | None = None
    """The password is the first line of this file; read anew for each connection, so it can be changed any time."""
    tls: bool = False
    ca_file: Path | None = None
    """PEM file of the authorities to trust with TLS; None: those of the system."""
    cert_file: Path | None = None
    """PEM file of our own certificate, for brokers that want one."""
    key_file: Path | None = None
    """PEM file of its private key; None: it is in `cert_file`."""
    keepalive_s: int = 30
    connect_timeout_s: float = 10.0
    reconnect_min_s: float = 1.0
    reconnect_max_s: float = 60.0
    """The wait between attempts doubles from min to max; each is multiplied by a random 0.5..1.0, so that a city's
    boxes do not all come back in the same second. A new alert does not wait: it tries at once."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the family may be silent. Seconds."""

    receipt_s: float = 30.0
    """No receipt for so long: the contacts of the next turn are told, and the message is offered again."""
    reply_s: float = 120.0
    """A receipt, but no answer for so long: the next turn."""
    longest_s: float = 6 * 3600.0
    """The wait for a receipt doubles from offer to offer up to this."""
    offers: int = 40
    """So many offers without a receipt (about a week) are enough. Counted, not timed: the clock may be wrong."""
    choices_s: float = 12 * 3600.0
    """An answer is obeyed for so long after it was offered."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A registered family member. `name` is part of an MQTT topic, which the broker sees: an id, not a real name."""

    name: str
    role: str = ""
    public_jwk: str | None = None
    """The contact's P-256 public key as JSON (RFC 7517). Without it the contact learns only that there is an alert."""
    detail: DetailLevel = "transcript"
    language: Language = "ja"
    hours: str = ""
    """When to be told first, in Japanese time, such as "07:00-22:00". At other times the contact's turn is the last."""
    notify_file: Path | None = None
    """Addresses of Apprise, one a line, tried in order: short notes go there, beside what goes to a program."""
    turn: int = 1
    """1 is told at once, 2 when nobody of 1 has answered, and so on."""
    push: bool = False
    """The contact's browser has told where to wake it."""
