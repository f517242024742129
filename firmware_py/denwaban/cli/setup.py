"""`setup`: the guided first start at a terminal, on a real line or on a virtual one."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from denwaban.audio.prompts import PromptLibrary
from denwaban.cli.common import Commands, add_command, add_json, speed
from denwaban.cli.terminal import InputEnded, Lines, Terminal
from denwaban.clock import SystemClock
from denwaban.config import find_config, user_config
from denwaban.line.profiles import PROFILES
from denwaban.ports import Clock
from denwaban.setup.config_file import ConfigFile
from denwaban.setup.line import SerialBench, usb_modems
from denwaban.setup.virtual import VirtualHousehold
from denwaban.setup.wizard import Plan, Wizard
from denwaban.setup.words import LANGUAGES, Words
from denwaban.sim.clock import LineClock
from denwaban.sim.virtual_line import VirtualLine

INTERRUPTED = 130


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "setup",
        "the first start, step by step: find the modem, try a call, write the configuration",
        "  denwaban setup                        in Japanese; --lang en for English\n"
        "  denwaban setup --virtual              an exercise on a virtual line, without telephone or modem\n"
        "  denwaban setup --skip-call --yes      modem and configuration only, without questions",
        "Guides through the first start in eight steps, one of them a call from a mobile phone. Ctrl-C releases the "
        "line and changes no setting. Exit status 0 only if the configuration is written and no step failed.",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--port", default="", metavar="PORT", help="the modem's serial port (default: look for it)")
    where.add_argument("--virtual", action="store_true", help="an exercise: the program plays line, caller, household")
    parser.add_argument("--skip-call", action="store_true", help="do not try a call")
    parser.add_argument("--yes", action="store_true", help="ask nobody: take the answer of just Enter")
    parser.add_argument("--lang", choices=LANGUAGES, default="ja", help="language of the screen (default: ja)")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="configuration to write (default: the one in force, else the user's)",
    )
    parser.add_argument(
        "--speed", type=speed, default=1.0, metavar="N", help="with --virtual: at most N times real time"
    )
    add_json(parser)
    parser.set_defaults(command=_setup)


def _setup(options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    with contextlib.ExitStack() as stack:
        keeper = ConfigFile(_path(options, stack))
        household: VirtualHousehold | None = None
        clock: Clock = SystemClock()
        if options.virtual:
            clock = LineClock(options.speed)
            household = VirtualHousehold(stack.enter_context(VirtualLine(clock)))
        # Programs read the results on standard output, people the screen on standard error.
        console = Console(stderr=options.json, highlight=False)
        lines = None if options.yes else Lines(sys.stdin)
        kept = not _is_passing(options)
        terminal = stack.enter_context(
            Terminal(Words(options.lang), console, lines, household, kept=kept, json=options.json)
        )
        prompts, profile = PromptLibrary().line_pcm, PROFILES.get(keeper.existing.line.profile)
        bench = SerialBench(clock, prompts, profile, household.modems if household else usb_modems)
        terminal.hello()
        return _guide(terminal, Wizard(terminal, bench, keeper, Plan(options.port, options.skip_call)), keeper)


def _guide(terminal: Terminal, wizard: Wizard, keeper: ConfigFile) -> int:
    """Whatever interrupts the wizard has released the line by the time it arrives here."""
    try:
        well = wizard.run()
    except KeyboardInterrupt:
        terminal.stopped("stopped_late" if wizard.written else "stopped")
        return INTERRUPTED
    except InputEnded:
        terminal.stopped("input_ended")
        return 1
    in_force = find_config(None)
    found_by_itself = in_force is not None and in_force.resolve() == keeper.path
    terminal.goodbye(well, wizard.written, "" if found_by_itself else f" --config {keeper.path}")
    return 0 if well else 1


def _is_passing(options: argparse.Namespace) -> bool:
    """An exercise whose configuration nobody asked to keep."""
    return options.virtual and options.config is None


def _path(options: argparse.Namespace, stack: contextlib.ExitStack) -> Path:
    """The file to write; an exercise must not touch the configuration in force unless told to."""
    if _is_passing(options):
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="denwaban-"))) / "config.toml"
    return find_config(options.config) or user_config()
