"""The speaker and the line's sound input on a PortAudio that the test plays; a real one: tests/device."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from denwaban.audio import speaker as speaker_module
from denwaban.audio.device import SoundSystem, choose
from denwaban.audio.line_input import SoundInput
from denwaban.audio.prompts import PromptLibrary
from denwaban.audio.speaker import SoundSpeaker
from denwaban.errors import AudioError
from tests.fixtures_broker import until

RATE = 24_000
MakeSpeaker = Callable[..., SoundSpeaker]


class PortAudio:
    """As much of sounddevice as we use. Devices are seen as of the last initialisation, as PortAudio's are."""

    def __init__(self, *names: str, rates: tuple[int, ...] = (RATE,), channels: int = 2) -> None:
        self.plugged = list(names)
        self.rates = rates
        self.channels = channels
        self.default = self
        self.device = (0, 0)
        self.initialised = 0
        self.streams: list[FakeStream] = []
        self.paused = False
        self._seen = list(names)

    def query_devices(self) -> list[dict[str, Any]]:
        counts = {"max_output_channels": self.channels, "max_input_channels": self.channels}
        return [{"name": name, "default_samplerate": float(self.rates[0]), **counts} for name in self._seen]

    def _terminate(self) -> None:
        assert all(stream.closed for stream in self.streams), "PortAudio forgets open streams"

    def _initialize(self) -> None:
        self._seen = list(self.plugged)
        self.initialised += 1

    def OutputStream(self, **options: Any) -> FakeStream:
        name = self._seen[options["device"]]
        if name not in self.plugged:
            raise RuntimeError("Device unavailable")
        if options["samplerate"] not in self.rates or options["channels"] != self.channels:
            raise RuntimeError("Invalid sample rate or channels")
        self.streams.append(FakeStream(self, name, options["samplerate"]))
        return self.streams[-1]

    RawInputStream = OutputStream

    @property
    def played(self) -> npt.NDArray[np.int16]:
        return np.concatenate([np.zeros(0, np.int16), *(part for one in self.streams for part in one.parts)])


class FakeStream:
    """Takes a quarter of a second at a time; gives a steady sound."""

    def __init__(self, system: PortAudio, name: str, rate: int) -> None:
        self._system, self._name, self.rate = system, name, rate
        self.parts: list[npt.NDArray[np.int16]] = []
        self.closed = False

    def start(self) -> None:
        pass

    def _check(self) -> None:
        if self._name not in self._system.plugged:
            raise RuntimeError("Unanticipated host error")

    @property
    def write_available(self) -> int:
        self._check()
        return 0 if self._system.paused else self.rate // 4

    @property
    def read_available(self) -> int:
        self._check()
        return self.rate // 10

    def read(self, count: int) -> tuple[bytes, bool]:
        return np.full((count, self._system.channels), 100, np.int16).tobytes(), False

    def write(self, frames: npt.NDArray[np.int16]) -> None:
        assert frames.shape[1] == self._system.channels
        self.parts.append(frames[:, 0].copy())

    def abort(self) -> None:
        self._check()

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def prompts(tmp_path: Path) -> PromptLibrary:
    """Three prompts of a second each; the level tells which it is."""
    table = ""
    for name, level in (("chime", 1000), ("scam_warning", 2000), ("advice_atm", 3000)):
        soundfile.write(tmp_path / f"{name}.flac", np.full(RATE, level, np.int16), RATE)
        table += f'[{name}]\nfile = "{name}.flac"\ntarget = "room"\n'
    (tmp_path / "prompts.toml").write_text(table, "utf-8")
    return PromptLibrary(tmp_path)


@pytest.fixture
def make(prompts: PromptLibrary, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeSpeaker]:
    monkeypatch.setattr(speaker_module, "RETRY_S", 0.05)
    made: list[SoundSpeaker] = []

    def speaker(library: PortAudio, device: str = "", volume: int = 50) -> SoundSpeaker:
        made.append(SoundSpeaker(prompts, SoundSystem(lambda: library), device, volume))
        return made[-1]

    yield speaker
    for one in made:
        one.close()


def in_order(sound: npt.NDArray[np.int16]) -> list[int]:
    """The levels that were played, in order."""
    steady = sound[np.isin(sound, (1000, 2000, 3000))]
    return [int(level) for i, level in enumerate(steady) if i == 0 or level != steady[i - 1]]


def test_prompts_are_played_one_after_another_and_whole(make: MakeSpeaker) -> None:
    library = PortAudio("USB loudspeaker")
    speaker = make(library, "usb")
    speaker.say("scam_warning")
    speaker.say("advice_atm")
    until(lambda: len(library.played) == 2 * RATE, "both played")
    assert in_order(library.played) == [2000, 3000]
    until(lambda: all(stream.closed for stream in library.streams), "the device is let go between prompts")


def test_it_is_heard_until_the_room_is_quiet_again(make: MakeSpeaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker_module, "ECHO_S", 0.1)
    library = PortAudio("USB loudspeaker")
    speaker = make(library)
    assert not speaker.speaking
    library.paused = True
    speaker.say("advice_atm")
    until(lambda: speaker.speaking, "it speaks")
    library.paused = False
    until(lambda: len(library.played) == RATE, "all is played")
    assert speaker.speaking, "the device's buffer is not"
    until(lambda: not speaker.speaking, "the room is quiet", 5)


def test_a_scam_warning_breaks_a_chime_off(make: MakeSpeaker) -> None:
    library = PortAudio("USB loudspeaker")
    speaker = make(library)
    library.paused = True
    speaker.say("chime")
    until(lambda: library.streams, "the chime has begun")
    speaker.say("scam_warning")
    library.paused = False
    until(lambda: 2000 in library.played, "the warning")
    assert np.count_nonzero(library.played == 1000) < RATE // 2


@pytest.mark.parametrize("rate", [24_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_plays_in_full_at_any_rate_of_the_device(make: MakeSpeaker, rate: int, channels: int) -> None:
    library = PortAudio("card", rates=(rate,), channels=channels)
    make(library).say("scam_warning")
    until(lambda: len(library.played) >= rate - 2, "played")
    assert abs(len(library.played) - rate) <= 2
    assert np.abs(library.played.astype(int)[rate // 10 : -rate // 10] - 2000).max() <= 20


def test_a_loudspeaker_that_was_not_there_gets_the_warning_when_it_is_plugged_in(
    make: MakeSpeaker, caplog: pytest.LogCaptureFixture
) -> None:
    library = PortAudio("HDMI")
    speaker = make(library, "usb")
    speaker.say("scam_warning")
    until(lambda: "there are: 'HDMI'" in caplog.text, "the log names what there is")
    library.plugged.append("USB loudspeaker")
    until(lambda: len(library.played) == RATE, "played")
    assert caplog.text.count("cannot speak") == 1, "the same trouble is logged once"


def test_a_loudspeaker_that_is_pulled_out_while_it_speaks_says_it_again_when_it_is_back(make: MakeSpeaker) -> None:
    library = PortAudio("usb")
    speaker = make(library, "usb")
    library.paused = True
    speaker.say("scam_warning")
    until(lambda: library.streams, "begun")
    library.plugged.clear()
    library.paused = False
    until(lambda: library.initialised, "looking for it")
    library.plugged.append("usb")
    until(lambda: len(library.played) >= RATE, "played")


def test_a_device_that_takes_no_sound_is_given_up(
    make: MakeSpeaker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(speaker_module, "STUCK_S", 0.1)
    library = PortAudio("usb")
    library.paused = True
    make(library).say("scam_warning")
    until(lambda: "hangs" in caplog.text, "given up")


def test_an_unknown_prompt_and_no_portaudio_disturb_nobody(make: MakeSpeaker, prompts: PromptLibrary) -> None:
    def missing() -> Any:
        raise AudioError("PortAudio is missing; `sudo apt install libportaudio2`")

    speaker = SoundSpeaker(prompts, SoundSystem(missing), "", 100)
    speaker.say("chime")
    speaker.close()
    library = PortAudio("usb")
    other = make(library)
    other.say("no such prompt")
    other.say("chime")
    until(lambda: len(library.played) == RATE, "played")


def test_closing_silences_at_once(make: MakeSpeaker) -> None:
    library = PortAudio("usb")
    speaker = make(library)
    library.paused = True
    speaker.say("scam_warning")
    until(lambda: library.streams, "begun")
    speaker.close()
    assert "speaker" not in {thread.name for thread in threading.enumerate()}


def test_a_name_is_found_whatever_its_case_and_the_whole_name_before_a_part() -> None:
    devices = [
        {"name": name, "max_output_channels": 0 if name == "USB mic" else 2, "max_input_channels": 1}
        for name in ("USB mic", "USB Audio 2", "usb audio")
    ]
    assert choose(devices, "USB AUDIO", "output") == 2
    assert choose(devices, "usb", "output") == 1
    assert choose(devices, "usb", "input") == 0
    assert choose(devices, "hdmi", "output") is None


def test_a_missing_device_is_named_with_those_there_are() -> None:
    with pytest.raises(AudioError, match=r"no sound input is called 'coupler'; there are: 'usb'.*\[sound\] line_input"):
        SoundSystem(lambda: PortAudio("usb")).find("coupler", "input")


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_line_is_heard_at_8_khz_from_any_card(rate: int, channels: int) -> None:
    source = SoundInput(SoundSystem(lambda: PortAudio("card", rates=(rate,), channels=channels)), "card")
    source.open()
    pcm = np.concatenate([source.read() for _ in range(20)])
    source.close()
    assert 2 * 8000 - 1000 < len(pcm) <= 2 * 8000, "at most an eighth of a second late"
    assert abs(float(np.median(pcm)) - 100 * channels) < 2


def test_a_line_makes_way_while_a_loudspeaker_is_looked_for() -> None:
    library = PortAudio("coupler")
    system = SoundSystem(lambda: library)
    source = SoundInput(system, "coupler")
    source.open()
    assert not system.refresh(disturb=False)
    done: list[bool] = []
    looking = threading.Thread(target=lambda: done.append(system.refresh()))
    looking.start()
    until(lambda: len(source.read()) >= 0 and done, "looked")
    looking.join()
    assert done == [True]
    assert library.initialised == 1
    assert len(source.read()) > 0
    assert source.losses == 1
    source.close()


def test_a_line_that_is_pulled_out_says_so() -> None:
    library = PortAudio("coupler")
    source = SoundInput(SoundSystem(lambda: library), "coupler")
    source.open()
    library.plugged.clear()
    with pytest.raises(AudioError, match="'coupler' is gone"):
        source.read()
    source.close()
    with pytest.raises(AudioError, match="no sound input"):
        source.open()
    library.plugged.append("coupler")
    source.open()
    assert len(source.read()) > 0
