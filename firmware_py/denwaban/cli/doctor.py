"""`doctor`: what is ready, what is missing, what to do about it."""

from __future__ import annotations

import argparse
import itertools
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape

from denwaban.checks import run_checks
from denwaban.cli.common import Commands, add_command, add_config, add_json, config_of, print_json
from denwaban.finding import Finding
from denwaban.sound_checks import spoken

_MARK = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "bad": "[bold red]✗[/]"}


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "doctor",
        "check ports, modem, models, broker, disk and clock; exit 1 if the box is not ready",
        "  denwaban doctor\n  denwaban doctor --config config.toml --json\n  denwaban doctor --speak",
    )
    add_config(parser)
    parser.add_argument("--speak", action="store_true", help="also say something in the room")
    add_json(parser)
    parser.set_defaults(command=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    console = Console(highlight=False)
    ready = True
    config = config_of(options)
    for finding in itertools.chain(run_checks(config), spoken(config) if options.speak else ()):
        ready &= finding.state != "bad"
        if options.json:
            print_json({key: value for key, value in asdict(finding).items() if key != "facts" or value})
        else:
            _show(console, finding)
    if not options.json:
        console.print("[green]ready[/]" if ready else "[bold red]not ready[/]")
    return 0 if ready else 1


def _show(console: Console, finding: Finding) -> None:
    console.print(f"{_MARK[finding.state]} {finding.what}: {escape(finding.found)}")
    if finding.do:
        console.print(f"    → {finding.do}", markup=False)
