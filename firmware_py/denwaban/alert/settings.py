"""What the alert stage must be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """How to reach the broker."""

    host: str = "127.0.0.1"
    port: int = 1883
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    username: str | None = None
    password_file: Path | None = None
    """The password is the first line of this file; read anew for each connection, so it can be changed any time."""
    tls: bool = False
    ca_file: Path | None = None
    """PEM file of the authorities to trust with TLS; None: those of the system."""
    keepalive_s: int = 30
    connect_timeout_s: float = 10.0
    reconnect_min_s: float = 1.0
    reconnect_max_s: float = 60.0
    """The wait between attempts doubles from min to max; each is multiplied by a random 0.5..1.0, so that a city's
    boxes do not all come back in the same second. A new alert does not wait: it tries at once."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A registered family member. `name` is part of an MQTT topic, which the broker sees: an id, not a real name."""

    name: str
    role: str = ""
    public_jwk: str | None = None
    """The contact's P-256 public key as JSON (RFC 7517). Without it the contact learns only that there is an alert."""
