"""A sound server of the tests' own with two null devices, reached by PortAudio as a sound card would be.

`room` is the loudspeaker: what is played into it is recorded from its monitor. `coupler` is the line: its monitor is
the box's input, and what the test plays into it is the sound of the telephone.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt

from denwaban.events import Pcm
from tests.fixtures_broker import until

INSTALL = "sudo apt install libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins"
SERVER = (
    "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes",
    "--log-target=stderr",
)  # fmt: skip
ALSA = """</usr/share/alsa/alsa.conf>
pcm.room {{ type pulse server "{server}" device "room" hint {{ show on description "room" }} }}
pcm.coupler {{ type pulse server "{server}" device "coupler.monitor" hint {{ show on description "coupler" }} }}
"""


class SoundServer:
    """PulseAudio with sinks that can be unplugged."""

    def __init__(self, folder: Path) -> None:
        socket = folder / "native"
        self.address = f"unix:{socket}"
        own = {"XDG_RUNTIME_DIR": str(folder), "HOME": str(folder), "PULSE_SERVER": self.address}
        self.environment = {**os.environ, **own}
        self._modules: dict[str, str] = {}
        load = f"module-native-protocol-unix auth-anonymous=1 socket={socket}"
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen([*SERVER, "-L", load], env=self.environment, stderr=self._log)
        try:
            until(socket.exists, "the sound server's socket", 10)
        except AssertionError:
            self.close()
            raise

    def control(self, *words: str) -> str:
        command = ["pactl", *words]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout.strip()

    def plug(self, name: str, rate: int = 48_000) -> None:
        options = (f"sink_name={name}", f"rate={rate}", "channels=1", "format=s16le")
        self._modules[name] = self.control("load-module", "module-null-sink", *options)

    def unplug(self, name: str) -> None:
        self.control("unload-module", self._modules.pop(name))

    def play(self, pcm: Pcm, rate: int, name: str) -> subprocess.Popen[bytes]:
        """Begin to play; the process ends when all is played.

        With seconds in the server's hands: where a busy machine lets its buffer run dry, PulseAudio puts silence in
        (measured with 0.1 s: pieces of 20 to 100 ms, in every recording of the monitor alike, `parec`'s as the box's).
        """
        command = ["pacat", "--playback", f"--device={name}", "--format=s16le", f"--rate={rate}", "--channels=1"]
        process = subprocess.Popen([*command, "--latency-msec=2000"], env=self.environment, stdin=subprocess.PIPE)

        def feed() -> None:
            assert process.stdin is not None
            process.stdin.write(pcm.tobytes())
            process.stdin.close()

        threading.Thread(target=feed, daemon=True).start()  # a pipe holds less than a call
        return process

    def record(self, name: str, rate: int) -> Tape:
        return Tape(self, name, rate)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._log.close()


class Tape:
    """Records the monitor of a sink until stopped."""

    def __init__(self, server: SoundServer, name: str, rate: int) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `stop`
        command = ["parec", f"--device={name}.monitor", "--format=s16le", f"--rate={rate}", "--channels=1"]
        self._process = subprocess.Popen(
            [*command, "--latency-msec=20"], env=server.environment, stdout=self._file, stderr=subprocess.DEVNULL
        )
        until(lambda: len(self.pcm), "the recording begins", 10)

    @property
    def pcm(self) -> Pcm:
        size = os.fstat(self._file.fileno()).st_size // 2 * 2
        return np.frombuffer(os.pread(self._file.fileno(), size, 0), np.int16)

    def stop(self) -> Pcm:
        self._process.terminate()
        self._process.wait(10)
        pcm = self.pcm.copy()
        self._file.close()
        return pcm


def likeness(recorded: npt.NDArray[np.int16], wanted: npt.NDArray[np.int16]) -> float:
    """The highest normalised correlation of `wanted` with any stretch of `recorded`: 1 is the same sound."""
    if len(recorded) < len(wanted):
        return 0.0
    long, short = recorded.astype(np.float64), wanted.astype(np.float64)
    size = 1 << (len(long) + len(short)).bit_length()  # other sizes may take seconds
    product = np.fft.irfft(np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size)), size)
    product = product[: len(long) - len(short) + 1]
    sums = np.concatenate(([0.0], np.cumsum(long**2)))
    power = sums[len(short) :] - sums[: -len(short)]
    return float(np.max(product / np.sqrt(np.maximum(power, 1.0) * np.sum(short**2))))
