"""The promise that the household's telephone line is never kept: whatever happens to the box, within 5 s it is free.

The real program, supervisor and all, at the virtual line, in real time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from denwaban.events import SAMPLE_RATE
from denwaban.sim.callfile import Behaviour, CallFile
from denwaban.sim.clock import LineClock
from denwaban.sim.virtual_line import VirtualLine

RELEASED_WITHIN_S = 5.0
PATIENCE_S = 120.0
ROOT = Path(__file__).parents[1]
MODELS = Path(os.environ.get("DENWABAN_MODELS", "~/.local/share/denwaban/models")).expanduser()

pytestmark = [
    pytest.mark.speech,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not (MODELS / "whisper-base").is_dir(), reason="run: denwaban models fetch whisper-base"),
]

BREAK_PLAYING = """
import threading
from denwaban.audio import prompts
def broken(self, name):
    {action}
prompts.PromptLibrary.line_pcm = broken
"""


def eventually(condition: Callable[[], object], what: str, limit_s: float = PATIENCE_S) -> float:
    """Real seconds until `condition` holds."""
    began = time.monotonic()
    pause = threading.Event()
    while not condition():
        assert time.monotonic() - began < limit_s, f"{what}: not within {limit_s} s"
        pause.wait(0.005)
    return time.monotonic() - began


def a_call() -> CallFile:
    """A caller who waits while nobody comes to the telephone."""
    silence = np.zeros(SAMPLE_RATE, np.int16)
    behaviour = Behaviour(answers=False, rings=30)
    return CallFile("made", "", "", None, "0312345678", None, None, False, behaviour, (), silence, silence)


def children(pid: int) -> list[int]:
    try:
        return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def alive(pid: int) -> bool:
    """Running or stopped; a zombie that nobody has waited for has released everything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class RealBox:
    """`denwaban run` at a virtual line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.line = VirtualLine(LineClock(speed=1))
        self.line.start()
        self._log = (folder / "log").open("wb")
        config = folder / "config.toml"
        config.write_text(
            f'unit.data_dir = "{folder / "data"}"\nline.port = "{self.line.port}"\n'
            f'speech.models_dir = "{MODELS}"\nsound.speaker = "none"\n'
        )
        self._command = [sys.executable, "-m", "denwaban", "run", "--config", str(config)]
        self.supervisor: subprocess.Popen[bytes] | None = None
        self.workers: set[int] = set()

    def start(self, site: str = "") -> RealBox:
        """`site`: Python that the program runs first."""
        (self.folder / "sitecustomize.py").write_text(site)
        path = os.pathsep.join((str(self.folder), str(ROOT / "firmware_py")))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        self.supervisor = subprocess.Popen(self._command, env=environment, stderr=self._log)
        self.wait_ready()
        return self

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def wait_ready(self, times: int = 1) -> None:
        def ready() -> bool:
            assert self.supervisor is not None
            assert self.supervisor.poll() is None, self.log
            return self.log.count("LineReady") >= times

        eventually(ready, f"ready {times} times: {self.log}")

    @property
    def worker(self) -> int:
        assert self.supervisor is not None
        (pid,) = children(self.supervisor.pid)
        self.workers.add(pid)
        return pid

    def take_a_call(self) -> int:
        """Let it answer a call and speak; returns the worker's process id."""
        pid = self.worker
        self.line.ring(a_call())
        eventually(lambda: self.line.off_hook and len(self.line.heard_by_caller()) > SAMPLE_RATE, "playing")
        return pid

    def close(self) -> None:
        if self.supervisor is not None:
            self.supervisor.terminate()
            try:
                self.supervisor.wait(30)
            except subprocess.TimeoutExpired:
                self.supervisor.kill()
                self.supervisor.wait()
        for pid in filter(alive, self.workers):
            os.kill(pid, signal.SIGKILL)
        self.line.close()
        self._log.close()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[RealBox]:
    made = RealBox(tmp_path)
    yield made
    made.close()


def released(box: RealBox) -> float:
    seconds = eventually(lambda: not box.line.off_hook, f"line released: {box.log}")
    sys.stdout.write(f"released after {seconds:.2f} s\n")  # shown by pytest -rP
    return seconds


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_a_killed_or_hung_box_releases_the_line_and_comes_back(box: RealBox, blow: signal.Signals) -> None:
    worker = box.start().take_a_call()
    os.kill(worker, blow)
    seconds = released(box)
    assert seconds <= RELEASED_WITHIN_S
    assert not alive(worker)
    box.wait_ready(2)
    assert box.line.wait_call_over(PATIENCE_S)
    assert box.take_a_call() != worker


def test_a_box_whose_supervisor_is_killed_leaves_by_itself(box: RealBox) -> None:
    worker = box.start().take_a_call()
    assert box.supervisor is not None
    box.supervisor.kill()
    seconds = released(box)
    assert seconds <= RELEASED_WITHIN_S
    eventually(lambda: not alive(worker), "the worker gone")


@pytest.mark.parametrize(
    "action",
    ["raise RuntimeError('broken on purpose')", "threading.Event().wait()"],
    ids=["dead thread", "hung thread"],
)
def test_a_dead_or_hung_line_thread_releases_the_line(box: RealBox, action: str) -> None:
    box.start(BREAK_PLAYING.format(action=action))
    worker = box.worker
    box.line.ring(a_call())
    eventually(lambda: box.line.off_hook, "answered")
    seconds = released(box)
    # The thread breaks when the modem has been made ready to play, up to half a second after it went off-hook.
    assert seconds <= RELEASED_WITHIN_S + 0.5
    eventually(lambda: not alive(worker), "the worker gone")
    box.wait_ready(2)


def test_a_box_told_to_stop_hangs_up_and_goes(box: RealBox) -> None:
    box.start().take_a_call()
    assert box.supervisor is not None
    box.supervisor.terminate()
    assert box.supervisor.wait(PATIENCE_S) == 0
    assert not box.line.off_hook
    assert "line failed" not in box.log.lower()
