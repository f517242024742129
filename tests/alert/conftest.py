"""Fixtures of the alert tests: a broker, a unit, a contact."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures_broker import SKIP, BrokerMissing, Mosquitto, mosquitto_program


@pytest.fixture
def stopped_mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A real Mosquitto, not yet started. Fails with the line to type where it is missing."""
    if os.environ.get(SKIP) == "1":
        pytest.skip(f"{SKIP}=1")
    try:
        mosquitto_program()
    except BrokerMissing as error:
        pytest.fail(str(error))
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    yield broker
    broker.stop()


@pytest.fixture
def mosquitto(stopped_mosquitto: Mosquitto) -> Mosquitto:
    """A real, running Mosquitto."""
    stopped_mosquitto.start()
    return stopped_mosquitto
