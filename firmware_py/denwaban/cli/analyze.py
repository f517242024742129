"""`analyze`: judge a recording or written calls. A contract other programs call: standard output is JSON lines only."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from denwaban.analysis import CallAudio, TextAnalyzer, analyze_audio, analyze_lines, parse_caller
from denwaban.app import listener_for_recording, load_speech
from denwaban.cli.common import Commands, add_command, print_json
from denwaban.config import Config, load_config
from denwaban.detect.model import load_model
from denwaban.shipped import shipped_models

_EXAMPLES = """  denwaban analyze call.wav --caller-id 0312345678 --json
  denwaban analyze --text calls.jsonl --json | jq .level"""


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "analyze",
        "judge a recording (WAV, FLAC, OGG) or written calls (JSON lines)",
        _EXAMPLES,
        "Judge calls with the box's own listener and detector. Prints JSON lines: for text one verdict per call, for a "
        "recording one line per utterance and the verdict last. Exit status 0 whatever the verdict.",
    )
    parser.add_argument(
        "audio", nargs="?", type=Path, metavar="CALL", help="mono two-wire mix, or stereo: far left, near right"
    )
    parser.add_argument(
        "--text",
        type=Path,
        metavar="FILE",
        help="JSON lines {id, turns: [{speaker, text}, …], …}; - for standard input",
    )
    parser.add_argument("--caller-id", metavar="N", help="digits, +digits, or P, O, C, S (recordings only)")
    parser.add_argument("--direction", choices=("in", "out"), default="in", help="who dialled (recordings only)")
    parser.add_argument("--json", action="store_true", help="the only output there is; accepted for clarity")
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration; the user's own is not read")
    parser.set_defaults(command=_analyze, parser=parser)


def _analyze(options: argparse.Namespace) -> int:
    if (options.audio is None) == (options.text is None):
        options.parser.error("give a recording or --text FILE")
    config = load_config(options.config) if options.config else Config()
    return _text(options, config) if options.text is not None else _audio(options, config)


def _text(options: argparse.Namespace, config: Config) -> int:
    analyzer = TextAnalyzer(load_model(shipped_models() / "scam-ja"), config.detector.sensitivity)
    failed = False
    try:
        name = 0 if str(options.text) == "-" else options.text
        source = open(name, encoding="utf-8-sig", errors="replace")  # noqa: SIM115 - closed below
    except OSError as error:
        print(f"denwaban: {options.text}: {error.strerror}", file=sys.stderr)
        return 1
    with source:
        for verdict in analyze_lines(analyzer, source):
            failed |= "error" in verdict
            print_json(verdict)
    return 1 if failed else 0


def _audio(options: argparse.Namespace, config: Config) -> int:
    audio, caller = CallAudio(options.audio), parse_caller(options.caller_id)
    model = load_model(shipped_models() / "scam-ja")
    listener = listener_for_recording(config, model, load_speech(config, model), audio.channels, caller)
    for line in analyze_audio(audio, listener):
        print_json(line)
    return 0
