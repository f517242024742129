"""The wire: a pseudo-terminal whose slave side looks like a modem's serial port.

Two things a PTY lacks are stood in for: DTR (the host closes the port) by the slave's hang-up, and CTS (the modem is
not ready) by not reading. The kernel keeps about 19 KiB each way (measured, Linux 6.18): 1.2 s of 16-bit sound.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import select
import termios
import tty
from typing import Final

_READ_AT_ONCE: Final = 4096


class PtyEnd:
    """The modem's end. One owner thread, except `path`."""

    def __init__(self, chunk: int | None = None, seed: int = 1) -> None:
        """`chunk`: read and write at most a random 1..chunk bytes at a time."""
        self._master, slave = os.openpty()
        self.path = os.ttyname(slave)
        # Otherwise the terminal would echo the modem's answers back to the modem before the host sets the port up.
        tty.setraw(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._poll = select.poll()
        self._poll.register(self._master, 0)
        self._chunk = chunk
        self._random = random.Random(seed)
        self._connected = False

    def connected(self) -> bool:
        """A host has the port open now."""
        connected = not any(event & select.POLLHUP for _, event in self._poll.poll(0))
        if self._connected and not connected:
            self._forget_the_host()
        self._connected = connected
        return connected

    def read(self, most: int) -> bytes:
        """What the host has sent, at most so many bytes; empty if nothing."""
        if most <= 0:
            return b""
        try:
            return os.read(self._master, self._portion(min(most, _READ_AT_ONCE)))
        except BlockingIOError:
            return b""
        except OSError as error:
            return _nothing_if_closed(error)

    def write(self, data: bytes) -> int:
        """Offer bytes to the host; how many the kernel took (0 when it is full)."""
        try:
            return os.write(self._master, data[: self._portion(len(data))])
        except BlockingIOError:
            return 0
        except OSError as error:
            return len(_nothing_if_closed(error))

    def wait(self, seconds: float, for_input: bool, for_room: bool) -> None:
        """Sleep, or until the host has written or read."""
        readable = [self._master] if for_input else []
        writable = [self._master] if for_room else []
        # select, not poll: poll sleeps whole milliseconds, and a tick at speed 50 is 0.4 ms.
        select.select(readable, writable, [], max(0.0, seconds))

    def close(self) -> None:
        """Unplug: the host's reads and writes fail."""
        os.close(self._master)

    def _portion(self, most: int) -> int:
        return most if self._chunk is None else min(most, self._random.randint(1, self._chunk))

    def _forget_the_host(self) -> None:
        """Throw away what is under way in both directions: the next host must not read the last one's answers.
        What the slave's line discipline holds can be flushed only from the slave side (seen on Linux 6.18)."""
        with contextlib.suppress(OSError):
            while os.read(self._master, _READ_AT_ONCE):
                pass
        with contextlib.suppress(OSError, termios.error):
            slave = os.open(self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                termios.tcflush(slave, termios.TCIFLUSH)
                tty.setraw(slave)
            finally:
                os.close(slave)


def _nothing_if_closed(error: OSError) -> bytes:
    if error.errno == errno.EIO:
        return b""
    raise error
