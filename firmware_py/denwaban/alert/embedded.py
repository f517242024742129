"""A broker inside the program, for the demo and for trying things out: amqtt on a free port of this machine only.

For real use run Mosquitto. amqtt is asyncio; it gets a thread and an event loop of its own.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import Any, Final

from denwaban.errors import DenwabanError

_HOST: Final = "127.0.0.1"
_TRIES: Final = 5
_START_S: Final = 20.0


class EmbeddedBroker:
    """An MQTT 3.1.1 broker on loopback without passwords. `start` and `stop` once each."""

    def __init__(self) -> None:
        self.host = _HOST
        self.port = 0
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._settled = threading.Event()
        self._error: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> None:
        """Return when connections are accepted at `host`:`port`. DenwabanError when that cannot be."""
        # amqtt logs each connection at INFO and clients that go away as WARNING or ERROR; transitions (its state
        # machine) likewise.
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._thread.start()
        if not self._settled.wait(_START_S):
            self._error = f"not ready after {_START_S:g} s"
        if self._error is not None:
            raise DenwabanError(f"the built-in broker did not start: {self._error}")

    def stop(self, timeout: float = 20.0) -> None:
        """Close all connections and end the thread."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001  # the thread's top: `start` tells it
            self._error = str(error) or type(error).__name__
        finally:
            self._settled.set()

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        broker = await self._started()
        self._settled.set()
        try:
            await self._stopping.wait()
        finally:
            await broker.shutdown()

    async def _started(self) -> Any:
        try:
            from amqtt.broker import Broker  # noqa: PLC0415  # an optional dependency
            from amqtt.errors import BrokerError  # noqa: PLC0415
        except ImportError as error:
            raise DenwabanError("amqtt is missing: pip install 'denwaban[demo]'") from error
        for left in reversed(range(_TRIES)):
            self.port = _free_port()
            broker = Broker(_config(self.port))
            try:
                await broker.start()
            except BrokerError:  # somebody took the port between our look and amqtt's
                if not left:
                    raise
            else:
                return broker
        raise AssertionError("unreachable")


def _config(port: int) -> dict[str, Any]:
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{_HOST}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
