"""Sound devices through sounddevice (PortAudio): found by name, opened at a rate they take, found again after a return.

PortAudio looks for devices once, when it is initialised, and forgets its open streams when that is done anew. So there
is one `SoundSystem` in a program, and who holds a stream asks it now and then whether to make way.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from denwaban.errors import AudioError
from denwaban.events import Pcm

Direction = Literal["input", "output"]

FALLBACK_RATES: Final = (48_000, 44_100)
"""What nearly every sound chip takes; tried after the wanted rate and the device's own."""
MAKE_WAY_LIMIT_S: Final = 0.5
"""Holders look every 20 ms; their threads must not stand still for long."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An open stream. Its methods never wait and raise AudioError when the device is gone."""

    raw: Any
    name: str
    rate: int
    channels: int

    def write(self, pcm: Pcm) -> int:
        """Hand over as many samples as there is room for now; how many that were."""
        try:
            part = pcm[: self.raw.write_available]
            if len(part):
                self.raw.write(np.repeat(part[:, None], self.channels, axis=1))
            return len(part)
        except Exception as error:
            raise AudioError(f"sound device {self.name!r} is gone: {error}") from error

    def read(self) -> tuple[Pcm, bool]:
        """What has been heard since the last time, possibly nothing, and whether sound was lost before it."""
        try:
            data, lost = self.raw.read(self.raw.read_available)
        except Exception as error:
            raise AudioError(f"sound device {self.name!r} is gone: {error}") from error
        frames = np.frombuffer(data, np.int16).reshape(-1, self.channels)
        mono = frames[:, 0] if self.channels == 1 else np.clip(frames.sum(axis=1, dtype=np.int32), -32768, 32767)
        return mono.astype(np.int16), bool(lost)


def load_sounddevice() -> Any:
    """The sounddevice module. Raises AudioError that says what to install."""
    try:
        import sounddevice  # noqa: PLC0415 - PortAudio is optional and loaded when first needed
    except ImportError as error:
        raise AudioError("sounddevice is not installed; install denwaban[audio]") from error
    except OSError as error:
        raise AudioError(
            'PortAudio is missing; `sudo apt install libportaudio2`, or set [sound] speaker = "none"'
        ) from error
    return sounddevice


def choose(devices: Sequence[Mapping[str, Any]], wanted: str, direction: Direction) -> int | None:
    """The index of the device of this name, else of the first whose name contains it, whatever the case."""
    named = {i: str(one["name"]).casefold() for i, one in enumerate(devices) if one[f"max_{direction}_channels"] > 0}
    wanted = wanted.casefold()
    exact = [i for i, name in named.items() if name == wanted]
    return next(iter(exact or [i for i, name in named.items() if wanted in name]), None)


class SoundSystem:
    """Opens streams. Every method may be called from any thread and raises AudioError that says what to do."""

    def __init__(self, load: Callable[[], Any] = load_sounddevice) -> None:
        self._load = load
        self._changed = threading.Condition()
        self._open = 0
        self._refreshing = False

    def find(self, wanted: str, direction: Direction) -> Mapping[str, Any]:
        """What PortAudio knows of the device; `wanted` is (part of) its name, empty the default device."""
        library = self._load()
        try:
            devices = list(library.query_devices())
            index = choose(devices, wanted, direction) if wanted else library.default.device[direction == "output"]
        except Exception as error:
            raise AudioError(f"no sound devices: {error}") from error
        if index is None or not 0 <= index < len(devices) or devices[index][f"max_{direction}_channels"] <= 0:
            raise AudioError(_missing(devices, wanted, direction))
        return {**devices[index], "index": index}

    def open(self, wanted: str, direction: Direction, rate: int, latency_s: float) -> Stream:
        """Open and start a stream of 16-bit samples, if possible with this rate and one channel."""
        library = self._load()
        with self._changed:
            if not self._changed.wait_for(lambda: not self._refreshing, MAKE_WAY_LIMIT_S):
                raise AudioError("the sound devices are being looked for; try again")
            device = self.find(wanted, direction)
            stream = _opened(library, device, direction, rate, latency_s)
            self._open += 1
            return stream

    def close(self, stream: Stream) -> None:
        """Close a stream at once; what it has not played is lost."""
        try:
            stream.raw.abort()
            stream.raw.close()
        except Exception:  # noqa: BLE001 - it is gone already: the device was unplugged
            pass
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    @property
    def must_make_way(self) -> bool:
        """Whether somebody waits for all streams to be closed; then close yours and open it again."""
        return self._refreshing

    def refresh(self, *, disturb: bool = True) -> bool:
        """Look for devices anew; False if somebody holds a stream and is not to be disturbed or does not make way."""
        library = self._load()
        with self._changed:
            if self._refreshing or (self._open and not disturb):
                return False
            self._refreshing = True
            try:
                if not self._changed.wait_for(lambda: self._open == 0, MAKE_WAY_LIMIT_S):
                    return False
                # The only way to see devices that came after the start; sounddevice has no public name for it.
                with contextlib.suppress(Exception):  # where it failed to initialise the last time
                    library._terminate()
                library._initialize()
                return True
            except Exception as error:
                raise AudioError(f"no sound devices: {error}") from error
            finally:
                self._refreshing = False
                self._changed.notify_all()


def _opened(library: Any, device: Mapping[str, Any], direction: Direction, rate: int, latency_s: float) -> Stream:
    # sounddevice's InputStream sets the shape of an array, which NumPy 2.5 warns about and later ones refuse.
    kind = library.OutputStream if direction == "output" else library.RawInputStream
    name, failure = str(device["name"]), "it takes no rate that we know"
    for each in dict.fromkeys((rate, int(device["default_samplerate"]), *FALLBACK_RATES)):
        for channels in (1, 2):
            if channels > device[f"max_{direction}_channels"]:
                continue
            options = {"device": device["index"], "samplerate": each, "channels": channels, "dtype": "int16"}
            try:
                raw = kind(latency=latency_s, **options)
                raw.start()
            except Exception as error:  # noqa: BLE001 - as above
                failure = str(error)
            else:
                return Stream(raw, name, each, channels)
    raise AudioError(f"sound device {name!r} cannot be opened: {failure}; is another program using it?")


def _missing(devices: Sequence[Mapping[str, Any]], wanted: str, direction: Direction) -> str:
    names = ", ".join(repr(str(one["name"])) for one in devices if one[f"max_{direction}_channels"] > 0) or "none"
    key = "speaker" if direction == "output" else "line_input"
    what = f"no sound {direction} is called {wanted!r}" if wanted else f"there is no default sound {direction}"
    return f"{what}; there are: {names}. Plug it in, or correct [sound] {key}"
