"""A bad telephone cable for bytes: stands between a client and a broker, and delays, throttles, swallows or cuts."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

_CHUNK = 512


@dataclass
class BadLink:
    """A TCP relay to `port` of the loopback interface; `self.port` is its own. What is set holds at once for all."""

    target: int
    bytes_per_s: float = 0.0
    """0: as fast as it goes."""
    delay_s: float = 0.0
    swallows: bool = False
    """Takes everything and passes nothing on, without closing: a half-open connection."""
    cut_after: int | None = None
    """The first connection is cut after so many bytes towards the broker."""
    connections: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self._server = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._server.settimeout(0.1)
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        self._stack.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self.target), 5.0)
            except TimeoutError:
                continue
            except OSError:  # the broker is away
                with suppress(OSError, UnboundLocalError):
                    near.close()
                continue
            self.connections += 1
            limit = self.cut_after if self.connections == 1 else None
            for end in (near, far):
                self._stack.callback(end.close)
            threading.Thread(target=self._relay, args=(near, far, limit), daemon=True).start()
            threading.Thread(target=self._relay, args=(far, near, None), daemon=True).start()

    def _relay(self, source: socket.socket, to: socket.socket, limit: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(_CHUNK if limit is None else min(_CHUNK, max(1, limit - passed))):
                if self.swallows:
                    self._ended.wait()
                    return
                slow = len(data) / self.bytes_per_s if self.bytes_per_s else 0.0
                self._ended.wait(self.delay_s + slow)
                to.sendall(data)
                passed += len(data)
                if limit is not None and passed >= limit:
                    break
        for end in (source, to):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
