"""How much memory the box takes, without and with the speech model, each in a process of its own.

    .venv/bin/python bench/memory.py --json [--models-dir FOLDER]

The whole box is built as `denwaban run` builds it (detector, dictionary, database, outbox, alerts, prompts, driver) on
a virtual line, whose own share is told apart; "in use" is after recognising a few seconds of a shipped call.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_data_path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware_py")]

START_LIMIT_S = 60.0
TALK_S = 20
STAGES = ("interpreter", "virtual_line", "box_without_speech_model", "box_with_whisper", "whisper_in_use")


def rss_mb() -> float:
    """Resident memory of this process, 10^6 bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * 4096 / 1e6, 1)


class Mute:
    """A recogniser that hears nothing."""

    name = "mute"
    heard_until = 0.0

    def start(self) -> Mute:
        return self

    def feed(self, pcm: object) -> Sequence[object]:  # noqa: ARG002 - the port's signature
        return ()

    def finish(self) -> Sequence[object]:
        return ()


def measure_here(stage: str, models_dir: Path) -> dict[str, float]:
    """Memory of this process once the stage is reached."""
    if stage == "interpreter":
        return {"rss_mb": rss_mb()}
    from denwaban.sim.clock import LineClock  # noqa: PLC0415 - what is not measured is not loaded
    from denwaban.sim.virtual_line import VirtualLine  # noqa: PLC0415

    clock = LineClock()
    with VirtualLine(clock) as line, tempfile.TemporaryDirectory() as folder:
        if stage == "virtual_line":
            return {"rss_mb": rss_mb()}
        return {"rss_mb": run_box(stage, line.port, clock, Path(folder), models_dir)}


def run_box(stage: str, port: str, clock: object, folder: Path, models_dir: Path) -> float:
    """Build and run the box until it listens for rings."""
    from denwaban.app import build_box, load_speech  # noqa: PLC0415
    from denwaban.config import AlertsConfig, Config, LineConfig, SoundConfig, SpeechConfig, UnitConfig  # noqa: PLC0415
    from denwaban.detect.model import load_model  # noqa: PLC0415
    from denwaban.events import LineReady  # noqa: PLC0415
    from denwaban.shipped import shipped_models  # noqa: PLC0415

    config = Config(
        unit=UnitConfig(data_dir=str(folder)),
        line=LineConfig(port=port),
        speech=SpeechConfig(models_dir=str(models_dir)),
        alerts=AlertsConfig(host="127.0.0.1", port=9),
        sound=SoundConfig(speaker="none"),
    )
    ready = threading.Event()
    with_speech = stage != "box_without_speech_model"
    recognizer = load_speech(config, load_model(shipped_models() / "scam-ja")) if with_speech else Mute()
    box = build_box(
        config,
        clock=clock,  # type: ignore[arg-type]
        observer=lambda happening: ready.set() if isinstance(happening, LineReady) else None,
        line_waits=True,
        recognizer=recognizer,  # type: ignore[arg-type]
    )
    thread = threading.Thread(target=box.run, name="box", daemon=True)
    thread.start()
    if not ready.wait(START_LIMIT_S):
        raise SystemExit("the box was not ready in time")
    if stage == "whisper_in_use":
        recognise(recognizer)
    used = rss_mb()
    box.stop()
    thread.join(30)
    return used


def recognise(recognizer: object) -> None:
    """Some seconds of a shipped call."""
    import soundfile  # noqa: PLC0415

    from denwaban.shipped import shipped_calls  # noqa: PLC0415

    pcm, rate = soundfile.read(shipped_calls() / "telecom-stop" / "far.flac", dtype="int16")
    call = recognizer.start()  # type: ignore[attr-defined]
    call.feed(pcm[: TALK_S * rate])
    call.finish()


def measure(models_dir: Path) -> dict[str, object]:
    """One fresh process for each stage."""
    result: dict[str, object] = {"bench": "memory"}
    for stage in STAGES:
        command = [sys.executable, __file__, "--stage", stage, "--models-dir", str(models_dir)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            raise SystemExit(f"{stage}: {done.stderr.strip().splitlines()[-1:]}")
        result[f"{stage}_mb"] = json.loads(done.stdout)["rss_mb"]
    return result


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Memory of the box (RSS, 10^6 bytes).")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--models-dir", type=Path, default=user_data_path("denwaban") / "models")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(measure_here(options.stage, options.models_dir)))
        return 0
    result = measure(options.models_dir)
    if options.json:
        print(json.dumps(result))
    else:
        print("\n".join(f"{name:32}{value:>8}" for name, value in result.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
