"""The shipped spoken prompts: table and sound. The box has no speech synthesis on board."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import soundfile

from denwaban.errors import AudioError
from denwaban.events import SAMPLE_RATE, Pcm

PROMPTS_DIR: Final = Path(__file__).parents[1] / "prompts"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One row of `prompts.toml`."""

    name: str
    path: Path
    target: Literal["line", "room"]
    text: str
    text_en: str


class PromptLibrary:
    """Prompts by name. Files are read when needed; the whole set is checked by `missing`."""

    def __init__(self, folder: Path = PROMPTS_DIR) -> None:
        try:
            table = tomllib.loads((folder / "prompts.toml").read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise AudioError(f"{folder / 'prompts.toml'}: {error}; reinstall denwaban") from error
        self._prompts = {
            name: Prompt(name, folder / row["file"], row["target"], row.get("text", ""), row.get("text_en", ""))
            for name, row in table.items()
        }

    @property
    def names(self) -> list[str]:
        """Every prompt of the table."""
        return list(self._prompts)

    def __getitem__(self, name: str) -> Prompt:
        try:
            return self._prompts[name]
        except KeyError:
            raise AudioError(f"no prompt is called {name!r}") from None

    def line_pcm(self, name: str) -> Pcm:
        """The sound of a prompt for the telephone line: 8 kHz, mono."""
        pcm, rate = self.sound(name)
        if rate != SAMPLE_RATE:
            raise AudioError(f"{self[name].path}: {rate} Hz; prompts for the line have {SAMPLE_RATE} Hz")
        return pcm

    def sound(self, name: str) -> tuple[Pcm, int]:
        """(samples, rate) of any prompt."""
        path = self[name].path
        try:
            pcm, rate = soundfile.read(path, dtype="int16")
        except (OSError, soundfile.SoundFileError) as error:
            raise AudioError(f"{path}: {error}; reinstall denwaban") from error
        return pcm, int(rate)

    def missing(self) -> list[Path]:
        """Files that the table names but that are not there."""
        return [prompt.path for prompt in self._prompts.values() if not prompt.path.is_file()]
