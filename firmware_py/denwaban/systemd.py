"""Tells systemd how the service fares: the datagrams of sd_notify(3). Elsewhere, without its socket, tells nobody."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Final

Notify = Callable[[str], None]
"""Takes lines such as `READY=1` or `STATUS=…`."""

_ADDRESS_ENV: Final = "NOTIFY_SOCKET"


def notifier(environ: MutableMapping[str, str] = os.environ) -> Notify:
    """How to reach the systemd that started this process; taken out of `environ`, so that no child speaks for us."""
    address = environ.pop(_ADDRESS_ENV, "")
    if not address.startswith(("/", "@")):
        return lambda _lines: None
    if address.startswith("@"):  # Linux's abstract sockets
        address = "\0" + address[1:]
    return lambda lines: _send(address, lines)


def _send(address: str, lines: str) -> None:
    """Never waits and never fails: a systemd that does not listen must not stop who minds the telephone."""
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    with sender, contextlib.suppress(OSError):
        sender.sendto(lines.encode(), address)
