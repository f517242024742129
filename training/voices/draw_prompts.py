"""Draw the waveforms of the prompts, to look at: `python -m training.voices.draw_prompts FILE.svg`.

Grey is the file; blue what the loudspeaker gets at volume 100. The red lines are full scale.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from denwaban.audio.loudness import amplified
from denwaban.audio.prompts import PromptLibrary
from denwaban.events import Pcm

PIXELS_PER_S: Final = 40
STEP_S: Final = 0.025
HALF: Final = 24
"""Height of full scale, in pixels."""
ROW: Final = 2 * HALF + 12
LEFT: Final = 200
COLORS: Final = {"louder": "#4477aa", "file": "#bbbbbb", "full scale": "#cc3311"}


def envelope(pcm: Pcm, rate: int) -> npt.NDArray[np.float64]:
    """The least and the greatest sample of each step; full scale is 1. Shape (steps, 2)."""
    size = int(rate * STEP_S)
    steps = np.pad(pcm, (0, -len(pcm) % size)).reshape(-1, size) / 32768.0
    return np.stack([steps.min(axis=1), steps.max(axis=1)], axis=1)


def _shape(values: npt.NDArray[np.float64], middle: float, color: str) -> str:
    x = LEFT + np.arange(len(values)) * STEP_S * PIXELS_PER_S
    there = [f"{at:.1f},{middle - high * HALF:.1f}" for at, high in zip(x, values[:, 1], strict=True)]
    back = [f"{at:.1f},{middle - low * HALF:.1f}" for at, low in zip(x, values[:, 0], strict=True)]
    return f'<polygon points="{" ".join(there + back[::-1])}" fill="{color}"/>'


def _row(library: PromptLibrary, name: str, middle: float) -> Iterator[str]:
    pcm, rate = library.sound(name)
    width = len(pcm) / rate * PIXELS_PER_S
    if library[name].target == "room":
        yield _shape(envelope(amplified(pcm, rate, 100), rate), middle, COLORS["louder"])
    yield _shape(envelope(pcm, rate), middle, COLORS["file"])
    for edge in (middle - HALF, middle + HALF):
        yield f'<path d="M{LEFT} {edge}h{width:.1f}" stroke="{COLORS["full scale"]}" stroke-width="0.5"/>'
    yield f'<text x="4" y="{middle + 4}">{name} {len(pcm) / rate:.1f} s</text>'


def drawing(library: PromptLibrary) -> str:
    """All prompts, one below the other, as SVG."""
    longest = max(len(pcm) / rate for pcm, rate in map(library.sound, library.names))
    width, height = LEFT + longest * PIXELS_PER_S + 10, ROW * len(library.names)
    rows = [part for i, name in enumerate(library.names) for part in _row(library, name, ROW * (i + 0.5))]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" font-size="12">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *rows, "</svg>", ""])


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(prog="python -m training.voices.draw_prompts", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.parse_args().file.write_text(drawing(PromptLibrary()), "utf-8")


if __name__ == "__main__":
    main()
