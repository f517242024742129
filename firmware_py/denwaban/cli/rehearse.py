"""`demo` and `simulate`: calls through the virtual line and the real box, shown live."""

from __future__ import annotations

import argparse
import json
import logging
import re
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, cast, get_args

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from denwaban.cli.common import Commands, add_command, add_config, add_json, config_of, print_json, speed
from denwaban.clock import SystemClock
from denwaban.drill import run_drill
from denwaban.errors import CallFileError
from denwaban.events import Button
from denwaban.paths import drills_path
from denwaban.rehearsal import CallResult, Press, Record, Rehearsal, Report
from denwaban.shipped import shipped_calls
from denwaban.sim.callfile import CallFile, from_audio, load_call

DEMO_CALLS: Final = ("withheld-robocall", "telecom-stop", "daughter-warns")
_LEVEL_STYLE: Final = {"quiet": "green", "caution": "yellow", "alert": "bold red"}
_SIDE: Final = {"far": "caller   ", "near": "household", "unknown": "someone  "}


def register(commands: Commands) -> None:
    """Add the commands."""
    demo = add_command(
        commands,
        "demo",
        "three calls through the virtual line: a refused one, a scam, a harmless one that sounds like one",
        "  denwaban demo\n  denwaban demo --speed 8 --json",
        "Plays calls into a virtual telephone line; modem driver, recogniser, detector, database and MQTT are the real "
        "ones. Exit status 0 only if every call ended as its file says it must.",
    )
    demo.add_argument("--calls", nargs="+", metavar="NAME", default=DEMO_CALLS, help="call files to play")
    simulate, drill = _simulate_parser(commands), _drill_parser(commands)
    for parser, command in ((demo, _demo), (simulate, _simulate), (drill, _drill)):
        parser.add_argument(
            "--speed",
            type=speed,
            default=1.0,
            metavar="N",
            help="at most N times real time; delays are true at 1 (default)",
        )
        add_config(parser)
        add_json(parser)
        parser.set_defaults(command=command, parser=parser)


def _drill_parser(commands: Commands) -> argparse.ArgumentParser:
    drill = add_command(
        commands,
        "drill",
        "a rehearsed scam call through the whole chain to the contacts",
        "  denwaban drill\n  denwaban drill --local --json",
        "Plays a scam call into a virtual line, with this box's broker and contacts; everything is marked as a drill. "
        "The box at work goes on meanwhile. --local brings a broker and a contact who answers. Exit status 0 only when "
        "a contact confirmed and answered, and the household would have heard it.",
    )
    drill.add_argument("--local", action="store_true", help="with a broker and a contact of its own")
    drill.add_argument("--wait", type=float, default=180.0, metavar="S", help="seconds to wait for an answer (180)")
    return drill


def _simulate_parser(commands: Commands) -> argparse.ArgumentParser:
    simulate = add_command(
        commands,
        "simulate",
        "one call through the virtual line",
        "  denwaban simulate telecom-stop\n"
        "  denwaban simulate path/to/callfolder\n"
        "  denwaban simulate telecom-stop --press family@40 --press stop@50\n"
        "  denwaban simulate --wav far.wav --near near.wav --caller-id 0312345678",
    )
    simulate.add_argument("call", nargs="?", help="a shipped call's name or a call folder")
    simulate.add_argument("--wav", type=Path, metavar="FILE", help="sound of the caller (mono, 8–48 kHz)")
    simulate.add_argument("--near", type=Path, metavar="FILE", help="sound of the household")
    simulate.add_argument("--caller-id", metavar="N", help="digits, +digits, or P, O, C, S (default: no report)")
    simulate.add_argument(
        "--press",
        type=_press,
        action="append",
        default=[],
        metavar="BUTTON@S",
        help="hold a button (family, stop or fine) S seconds after the call came; may be repeated",
    )
    return simulate


def _press(text: str) -> Press:
    button, _, seconds = text.partition("@")
    if button not in get_args(Button) or re.fullmatch(r"\d+(\.\d+)?", seconds, re.ASCII) is None:
        raise argparse.ArgumentTypeError(f"want family, stop or fine, @ and seconds, such as family@40, not {text!r}")
    return Press(cast(Button, button), float(seconds))


def _demo(options: argparse.Namespace) -> int:
    return _rehearse([_find(name) for name in options.calls], options)


def _simulate(options: argparse.Namespace) -> int:
    if (options.call is None) == (options.wav is None):
        options.parser.error("give a call or --wav FILE")
    call = _find(options.call) if options.call else from_audio(options.wav, options.near, options.caller_id)
    if options.press:  # what is expected of the call is without them
        call = replace(call, outcome=None, level=None)
    return _rehearse([call], options, options.press)


def _drill(options: argparse.Namespace) -> int:
    config = config_of(options)
    _quiet_log()
    # Broken off it must still take its folder away: the box's keys are in it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    report: Report = print_json if options.json else _Live(Console(highlight=False))
    result = run_drill(config, report, local=options.local, speed=options.speed, wait_s=options.wait)
    record = {"event": "drill", "at": SystemClock().wall(), **asdict(result), "ok": result.ok}
    if not options.local:
        with drills_path(config).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    if options.json:
        print_json(record)
    else:
        print("the drill went through" if result.ok else "the drill did NOT go through")
    return 0 if result.ok else 1


def _quiet_log() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("denwaban.alert.mqtt").setLevel(logging.ERROR)


def _find(name: str) -> CallFile:
    shipped = shipped_calls() / name
    if "/" not in name and shipped.is_dir():
        return load_call(shipped)
    if Path(name).is_dir():
        return load_call(Path(name))
    names = ", ".join(sorted(path.parent.name for path in shipped_calls().glob("*/call.toml")))
    raise CallFileError(f"no call {name!r}; shipped calls: {names}")


def _rehearse(calls: Sequence[CallFile], options: argparse.Namespace, presses: Sequence[Press] = ()) -> int:
    _quiet_log()
    report: Report = print_json if options.json else _Live(Console(highlight=False))
    with (
        tempfile.TemporaryDirectory(prefix="denwaban-") as folder,
        Rehearsal(Path(folder), config_of(options).models_dir, calls, options.speed, report, presses) as rehearsal,
    ):
        results = list(rehearsal.run())
    if not options.json:
        _print_table(results)
    return 0 if all(result.ok for result in results) else 1


class _Live:
    """Shows records to a person as they come."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, record: Record) -> None:
        show = getattr(self, f"_{record['event']}", None)
        if show is not None:
            show(record)

    def _line_out(self, record: Record, text: str) -> None:
        self._console.print(f"[dim]{record.get('t', 0):7.1f}[/]  {text}", soft_wrap=True)

    def _call_started(self, record: Record) -> None:
        self._console.rule(f"[bold]{record['title']}[/]  [dim]{record['title_en']}[/]")

    def _line(self, record: Record) -> None:
        match record["what"]:
            case "caller_id":
                text = f"caller's number: {_number(record['number'])}"
            case "ring":
                text = f"ring {record['n']}"
            case "off_hook":
                text = f"{record['who']} picks up"
            case "on_hook":
                text = f"{record['who']} hangs up"
            case _:
                text = "the caller is gone"
        self._line_out(record, f"[cyan]☎  {text}[/]")

    def _decision(self, record: Record) -> None:
        self._line_out(record, f"[cyan]⚖  decision: {record['decision']}[/]")

    def _spoken(self, record: Record) -> None:
        self._line_out(record, f"[dim]   {_SIDE[record['side']]} says: {escape(record['text'])}[/]")

    def _heard(self, record: Record) -> None:
        style = _LEVEL_STYLE[record["level"]]
        bar = "█" * round(record["call_score"] * 10)
        score = "     " if record["score"] is None else f"{record['score']:.2f} "
        self._line_out(record, f"👂 {_SIDE[record['side']]} {score}[{style}]{bar:10}[/] {escape(record['text'])}")
        if record["evidence"]:
            self._line_out(record, f"   [magenta]counted: {escape('・'.join(record['evidence']))}[/]")

    def _box_says(self, record: Record) -> None:
        self._line_out(record, f"[yellow]🔊 {record['text']}[/]")

    def _button(self, record: Record) -> None:
        self._line_out(record, f"[cyan]◉  button {record['button']} is held[/]")

    def _alert_decided(self, record: Record) -> None:
        self._line_out(record, f"[red]✉  alert {record['kind']} decided[/]")

    def _alert_received(self, record: Record) -> None:
        delay = "" if record["delay_s"] is None else f", {record['delay_s']:.2f} s after the telling words"
        lines = [
            f"[bold]{record['scam']}[/]   number: {_number(record['number'])}",
            f"words: {escape('・'.join(record['evidence']))}",
            f"{record['advice']}",
        ]
        title = f"the daughter's phone: alert {record['kind']}{delay}"
        self._console.print(Panel("\n".join(lines), title=title, border_style="red", expand=False))

    def _contact_confirmed(self, record: Record) -> None:
        self._line_out(record, f"[green]✓  {escape(record['role'])} has it ({record['seconds']:.2f} s)[/]")

    def _contact_answered(self, record: Record) -> None:
        self._line_out(record, f"[green]✓  {escape(record['role'])} answers: {record['reply']}[/]")

    def _trouble(self, record: Record) -> None:
        self._line_out(record, f"[bold red]✗ {record['what']}: {escape(record['reason'])}[/]")

    def _call_ended(self, record: Record) -> None:
        mark = "[green]as expected[/]" if record["ok"] else "[bold red]NOT as expected[/]"
        self._console.print(f"         {record['outcome']['outcome']}, {record['outcome']['level']}: {mark}\n")


def _number(text: Any) -> str:
    return {"P": "withheld", "O": "out of area", "C": "payphone", "S": "service conflict", None: "none"}.get(
        text, str(text)
    )


def _print_table(results: list[CallResult]) -> None:
    table = Table("call", "expected", "was", "score", "alert after", "", title="denwaban")
    for result in results:
        call = result.call
        table.add_row(
            call.id,
            f"{call.outcome or '-'} / {call.level or '-'}",
            f"{result.outcome} / {result.level}",
            f"{result.score:.2f}",
            "-" if result.delay_s is None else f"{result.delay_s:.2f} s",
            "[green]ok[/]" if result.ok else "[bold red]wrong[/]",
        )
    Console().print(table)
