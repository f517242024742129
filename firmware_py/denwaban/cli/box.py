"""`run` and `sim`: the box, and the virtual line to try it on."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from denwaban.app import build_box
from denwaban.cli.common import Commands, add_command, add_config, config_of, log_to_stderr
from denwaban.clock import SystemClock
from denwaban.config import find_config
from denwaban.errors import DenwabanError
from denwaban.health import HEALTHY, HUNG
from denwaban.paths import state_socket
from denwaban.shipped import shipped_calls
from denwaban.sim.callfile import load_call
from denwaban.sim.clock import LineClock
from denwaban.sim.line_events import CallerHungUp, CallerIdSent, LineEvent, LineFree, OffHook, OnHook, Ringing
from denwaban.sim.profiles import PROFILES
from denwaban.sim.simulation import LineSetup
from denwaban.sim.virtual_line import VirtualLine
from denwaban.supervise import CANNOT_START, HEARTBEAT_ENV, LISTENING_HUNG, UNHEARD_ENV, Pulse, Supervisor
from denwaban.systemd import notifier
from denwaban.vitals import VitalSigns

_log = logging.getLogger(__name__)


def register(commands: Commands) -> None:
    """Add the commands."""
    run = add_command(
        commands,
        "run",
        "run the box",
        "  denwaban run\n  denwaban run --config /etc/denwaban/config.toml",
        "Run the box on the line of the configuration. A small parent process restarts it when it dies or hangs, so "
        "that the telephone line is always released within seconds. SIGUSR1 prints where every thread is.",
    )
    add_config(run)
    run.set_defaults(command=_run)
    sim = add_command(
        commands,
        "sim",
        "run a virtual telephone line to try the box on",
        "  denwaban sim                 prints its serial port; type the name of a call to ring\n"
        "  denwaban sim --calls DIR     call files of your own\n"
        "  denwaban sim --profile conexant     another modem at its port",
        "A virtual line with a voice modem. It prints the port to put into [line] port of a configuration, then reads "
        "commands: a call's name rings, `list` names the calls, `quit` ends.",
    )
    sim.add_argument("--calls", type=Path, default=shipped_calls(), metavar="DIR", help="folder of call files")
    sim.add_argument("--profile", choices=sorted(PROFILES), default="generic", help="the emulated modem")
    sim.set_defaults(command=_sim)


def _run(options: argparse.Namespace) -> int:
    if HEARTBEAT_ENV in os.environ:
        return _work(options)
    config = config_of(options)  # report mistakes once, before anything is started again and again
    log_to_stderr()
    vitals = VitalSigns()
    vitals.serve(state_socket(config))
    return Supervisor([sys.executable, "-m", "denwaban", *sys.argv[1:]], notifier(), vitals).run()


def _work(options: argparse.Namespace) -> int:
    log_to_stderr()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    threading.excepthook = _die
    try:
        config = config_of(options)
        box = build_box(
            config,
            clock=SystemClock(),
            pulse=Pulse(),
            config_file=find_config(options.config),
            health=HUNG if UNHEARD_ENV in os.environ else HEALTHY,
        )
    except DenwabanError as error:
        print(f"denwaban: {error}", file=sys.stderr)
        return CANNOT_START
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: box.stop())
    try:
        box.run()
    finally:
        if box.loop.hung:
            os._exit(LISTENING_HUNG)  # an ordinary exit may wait for the thread that hangs
    return 0


def _die(failure: threading.ExceptHookArgs) -> None:
    """A dead thread ends the process: the port closes, the line is free, and the parent starts afresh."""
    name = failure.thread.name if failure.thread else "?"
    _log.critical("thread %s died", name, exc_info=(failure.exc_type, failure.exc_value or failure.exc_type(), None))
    os._exit(70)


# --- the virtual line ------------------------------------------------------------------------------------------------


def _sim(options: argparse.Namespace) -> int:
    folder: Path = options.calls
    with VirtualLine(LineClock(), observer=_show, setup=LineSetup(PROFILES[options.profile])) as line:
        print(f"port {line.port}", flush=True)
        print(f'put this into config.toml:  [line] port = "{line.port}"', file=sys.stderr)
        print(f"calls: {', '.join(_names(folder))}", file=sys.stderr)
        for text in sys.stdin:
            word = text.strip()
            if word in ("quit", "exit"):
                break
            if word == "list":
                print("\n".join(_names(folder)), flush=True)
            elif word:
                _ring(line, folder / word)
        return 0


def _ring(line: VirtualLine, folder: Path) -> None:
    try:
        line.ring(load_call(folder))
    except DenwabanError as error:
        print(error, file=sys.stderr)


def _names(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("*/call.toml"))


def _show(event: LineEvent) -> None:
    match event:
        case CallerIdSent():
            text = f"caller {event.text}"
        case Ringing():
            text = f"ring {event.n}"
        case OffHook():
            text = f"{event.who} off-hook"
        case OnHook():
            text = f"{event.who} on-hook"
        case CallerHungUp():
            text = "caller hung up"
        case LineFree():
            text = "line free"
        case _:
            return
    print(f"{event.at:8.2f} {text}", flush=True)
