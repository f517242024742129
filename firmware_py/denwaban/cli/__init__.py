"""The command `denwaban`: one module per group of commands; each registers its parsers and does no more than speak."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from denwaban import __version__
from denwaban.cli import (
    alerts,
    analyze,
    box,
    calls,
    configuration,
    contact,
    contacts,
    doctor,
    lists,
    models,
    rehearse,
    setup,
    web,
)
from denwaban.errors import DenwabanError

_DESCRIPTION = "Minds the telephone of an elderly household: screens unknown callers and detects scam calls on the box."
_EPILOG = """examples:
  denwaban demo                      three calls through the virtual line, with a contact who is told
  denwaban setup                     the first start, step by step
  denwaban doctor                    what is ready, what is missing, what to do
  denwaban run --config config.toml  the box itself
  denwaban analyze call.wav --json   judge a recording

`denwaban COMMAND --help` explains a command."""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="denwaban",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"denwaban {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (
        box,
        setup,
        rehearse,
        analyze,
        calls,
        lists,
        web,
        contacts,
        alerts,
        contact,
        models,
        configuration,
        doctor,
    ):
        module.register(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = parser().parse_args(argv)
    try:
        return int(options.command(options))
    except DenwabanError as error:
        print(f"denwaban: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone; that is its right
        return 1
