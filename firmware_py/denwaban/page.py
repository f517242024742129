"""The household's page as a process of its own: `python -m denwaban.page`, which `denwaban web` becomes.

Of its own, so that neither its errors nor its memory touch a call; and small, because it loads neither recogniser nor
detector.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import socket
import sys
from pathlib import Path
from typing import Final

import uvicorn

from denwaban.clock import SystemClock
from denwaban.config import Config, load_config
from denwaban.errands import Errands
from denwaban.errors import ConfigError, DenwabanError
from denwaban.household import StoredHousehold
from denwaban.household_family import StoredFamily
from denwaban.paths import page_secrets
from denwaban.web.pin import PinFile
from denwaban.web.server import build

_log = logging.getLogger(__name__)

_PROGRAM: Final = (sys.executable, "-m", "denwaban")
NICE: Final = 10
"""The box's own work comes first."""
MOST_CONNECTIONS: Final = 40


def server_of(config: Config, file: Path | None) -> uvicorn.Server:
    """The server, not yet running. `file`: the configuration's, for the commands it runs."""
    clock = SystemClock()
    pin = PinFile(page_secrets(config))
    errands = Errands(_PROGRAM, ("--config", str(file)) if file else (), clock.wall)
    family = StoredFamily(config, errands, clock.wall, file.parent / "contacts" if file else None)
    app = build(StoredHousehold(config), family, pin, wall=clock.wall, monotonic=clock.now, names=config.web.names)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=config.web.host,
            port=config.web.port,
            access_log=False,  # addresses of pages hold ids of calls; nobody needs a list of who looked when
            server_header=False,
            proxy_headers=False,  # else a header could claim an address of this network
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=2,
            log_level="warning",
            ws="none",
        )
    )


def _listening(config: Config) -> socket.socket:
    """The socket of the page. Raises ConfigError that names the port and the way out."""
    try:
        found = socket.getaddrinfo(config.web.host, config.web.port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(found[0], socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(found[4])
    except OSError as error:
        where = f"{config.web.host}:{config.web.port}"
        raise ConfigError("web", (f"host, port: {where}: {error.strerror}; choose others in [web]",)) from error
    return listening


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    parser = argparse.ArgumentParser(prog="denwaban web")
    parser.add_argument("--config", type=Path)
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    with contextlib.suppress(PermissionError):  # a service may be forbidden to, and has its own `Nice=`
        os.nice(NICE)
    try:
        config = load_config(options.config) if options.config else Config()
        server, listening = server_of(config, options.config), _listening(config)
    except DenwabanError as error:
        print(f"denwaban: {error}", file=sys.stderr)  # noqa: T201 - what the command says
        return 1
    _log.info("the page is at http://%s:%d/", config.web.host, config.web.port)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.serve([listening]))
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
