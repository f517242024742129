"""Fixtures of the alert tests: a broker, a unit, a contact."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.alert.alert_desk import Desk, Listener
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


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(tmp_path, stack)


@pytest.fixture
def listen(desk: Desk) -> Callable[[int, str], Listener]:
    def connect(port: int, topics: str) -> Listener:
        listener = Listener(paho.Client(CallbackAPIVersion.VERSION2), queue.Queue())
        subscribed: queue.Queue[None] = queue.Queue()
        listener.client.on_message = lambda _client, _data, message: listener.messages.put(message)
        listener.client.on_subscribe = lambda *_: subscribed.put(None)
        listener.client.connect("127.0.0.1", port)
        listener.client.subscribe(topics, 1)
        listener.client.loop_start()

        def end() -> None:
            listener.client.disconnect()
            listener.client.loop_stop()

        desk.stack.callback(end)
        subscribed.get(timeout=60)
        return listener

    return connect
