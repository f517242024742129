"""What several commands share."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from denwaban.config import Config, find_config, load_config

Commands = Any
"""What argparse calls `_SubParsersAction`, which is not public."""


def add_command(
    commands: Commands, name: str, summary: str, examples: str = "", description: str = ""
) -> argparse.ArgumentParser:
    """A sub-command with help and examples."""
    return commands.add_parser(  # type: ignore[no-any-return]
        name,
        help=summary,
        description=description or summary,
        epilog=f"examples:\n{examples}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config FILE`."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="configuration (default: $DENWABAN_CONFIG, ./config.toml, then the user's; else the defaults)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def speed(text: str) -> float:
    """The argument of `--speed`."""
    value = float(text)
    if not 0.1 <= value <= 100:
        raise argparse.ArgumentTypeError("want 0.1 to 100")
    return value


def config_of(options: argparse.Namespace) -> Config:
    """The configuration in force. Raises ConfigError."""
    path = find_config(options.config)
    return load_config(path) if path is not None else Config()


def print_json(value: Any) -> None:
    """One line of JSON on standard output, at once."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Logs for systemd or a person; no numbers, names or transcripts are ever logged."""
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s %(threadName)s %(name)s: %(message)s")
