"""The look: readable in both schemes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LOOK = Path(__file__).parents[2] / "firmware_py" / "denwaban" / "web" / "static" / "look.css"
LEVELS = ("quiet", "caution", "alert")
WORDS = [
    *((text, ground) for text in ("text", "soft", "accent", *LEVELS) for ground in ("ground", "card")),
    *((text, f"{level}-ground") for level in LEVELS for text in ("text", level)),
    *(("soft", "quiet-ground"), ("on-accent", "accent"), ("text", "mark")),
]


def colours(scheme: str) -> dict[str, str]:
    light, _, rest = LOOK.read_text("utf-8").partition("@media (prefers-color-scheme: dark)")
    return dict(re.findall(r"--([\w-]+): (#\w{6});", light if scheme == "light" else rest))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_and_controls_be_seen(scheme: str) -> None:
    of = colours(scheme)
    assert {
        pair: contrast(of[pair[0]], of[pair[1]]) for pair in WORDS if contrast(of[pair[0]], of[pair[1]]) < 4.5
    } == {}
    assert min(contrast(of["edge"], of[ground]) for ground in ("ground", "card")) >= 3


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
