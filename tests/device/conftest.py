"""A sound server for the tests of devices; where there can be none, they are skipped and say why."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from denwaban.audio.device import SoundSystem, load_sounddevice
from denwaban.errors import AudioError
from tests.device.sound_server import ALSA, INSTALL, SoundServer


@pytest.fixture(scope="session")
def sound_server() -> Iterator[SoundServer]:
    """Skips, saying what is missing, where there is no PortAudio or PulseAudio."""
    missing = [name for name in ("pulseaudio", "pactl", "pacat", "parec") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)} here; {INSTALL}")
    try:
        load_sounddevice()
    except AudioError as error:
        pytest.skip(f"{error}; {INSTALL}")
    with tempfile.TemporaryDirectory(prefix="sound") as folder:
        config = Path(folder) / "asound.conf"
        try:
            server = SoundServer(Path(folder))
        except (AssertionError, OSError) as error:
            pytest.skip(f"the sound server does not start here: {error}")
        config.write_text(ALSA.format(server=server.address), "utf-8")
        before = {key: os.environ.get(key) for key in ("ALSA_CONFIG_PATH", "PULSE_SERVER")}
        os.environ.update(ALSA_CONFIG_PATH=str(config), PULSE_SERVER=server.address)
        try:
            yield server
        finally:
            server.close()
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key)
                else:
                    os.environ[key] = value


@pytest.fixture
def system(sound_server: SoundServer) -> Iterator[SoundSystem]:
    """PortAudio as it sees the server's devices, both of them plugged in."""
    for name in ("room", "coupler"):
        sound_server.plug(name)
    system = SoundSystem()
    assert system.refresh()
    yield system
    for name in ("room", "coupler"):
        sound_server.unplug(name)
