"""`web`: the household's page, and the one-time code for its PIN."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from typing import Final

from denwaban.cli.common import Commands, add_command, add_config, config_of
from denwaban.config import find_config
from denwaban.errors import ConfigError
from denwaban.paths import page_secrets

_MALLOC: Final = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "131072"}
"""Else glibc keeps the 19 MB of a PIN's hash for each thread (mallopt(3))."""
_PACKAGES: Final = ("argon2", "jinja2", "python_multipart", "starlette", "uvicorn")


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "web",
        "the household's page in the home network, and the one-time code for its PIN",
        "  denwaban web                 serve the page until Ctrl-C\n"
        "  denwaban web code            print a code with which the household chooses its PIN",
        "Serves the household's page at [web] host and port: a process of its own beside `denwaban run`. It is HTTP: "
        "who is in the same network could read it.",
    )
    add_config(parser)
    parser.set_defaults(command=_serve)
    actions = parser.add_subparsers(metavar="ACTION")
    code = add_command(
        actions,
        "code",
        "print a one-time code with which a PIN is chosen, also where one was forgotten",
        description="Prints a new code of eight digits for the label of the box. It works once; the one before no "
        "longer does. The PIN in force stays until the code is used.",
    )
    add_config(code)
    code.set_defaults(command=_code)


def require_packages() -> None:
    """Raises ConfigError that names the way out where the page's packages are missing."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError("web", (f"missing: {', '.join(missing)}; type: pip install 'denwaban[web]'",))


def _serve(options: argparse.Namespace) -> int:
    config_of(options)
    require_packages()
    path = find_config(options.config)
    # A fresh process: this one has loaded recogniser and detector, which the page does not need.
    given = [] if path is None else ["--config", str(path)]
    os.execve(sys.executable, [sys.executable, "-m", "denwaban.page", *given], {**os.environ, **_MALLOC})


def _code(options: argparse.Namespace) -> int:
    config = config_of(options)
    require_packages()
    from denwaban.web.pin import PinFile  # noqa: PLC0415 - only where the extra `web` is installed

    print(PinFile(page_secrets(config)).new_code())
    return 0
