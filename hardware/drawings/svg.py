"""A sheet of paper that becomes SVG text: the same call gives the same bytes on every machine."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from html import escape
from typing import Final, Literal

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]

FONTS: Final = "'BIZ UDGothic','Noto Sans CJK JP','Noto Sans JP','Hiragino Sans','Yu Gothic',sans-serif"
"""The first is what the pictures are laid out for: a Japanese character is as wide as the type is high, others half."""
INK: Final = "#1b1f24"
SOFT: Final = "#4a535d"


def number(value: float) -> str:
    """At most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def width_of(text: str, size: float) -> float:
    """Width in BIZ UDGothic."""
    wide = sum(2 if unicodedata.east_asian_width(character) in "WFA" else 1 for character in text)
    return wide * size / 2


@dataclass(frozen=True, slots=True)
class Label:
    """A text and the rectangle it takes."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Label) -> bool:
        apart = self.right <= other.left or other.right <= self.left or self.bottom <= other.top
        return not (apart or other.bottom <= self.top)


@dataclass(slots=True)
class Drawing:
    """Units are pixels, or tenths of a millimetre where `paper` gives the size (in mm) of the printed sheet."""

    width: float
    height: float
    title: str
    paper: tuple[float, float] | None = None
    labels: list[Label] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    def line(self, *points: Point, color: str = INK, width: float = 2.0, dash: str = "") -> None:
        path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{number(width)}"'
            f' stroke-linejoin="round" stroke-linecap="round"{dashes}/>'
        )

    def polygon(self, *points: Point, fill: str = INK, color: str = "none", width: float = 2.0) -> None:
        path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self.parts.append(
            f'<polygon points="{path}" fill="{fill}" stroke="{color}" stroke-width="{number(width)}"'
            ' stroke-linejoin="round"/>'
        )

    def rect(
        self, x: float, y: float, w: float, h: float, fill: str = "none", color: str = INK, width: float = 2.0,
        radius: float = 0.0, dash: str = "",
    ) -> None:  # fmt: skip
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(w)}" height="{number(h)}" rx="{number(radius)}"'
            f' fill="{fill}" stroke="{color}" stroke-width="{number(width)}"{dashes}/>'
        )

    def circle(self, x: float, y: float, r: float, fill: str = "none", color: str = INK, width: float = 2.0) -> None:
        self.parts.append(
            f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(r)}" fill="{fill}" stroke="{color}"'
            f' stroke-width="{number(width)}"/>'
        )

    def dot(self, x: float, y: float, color: str = INK) -> None:
        """Wires meet here."""
        self.circle(x, y, 4, fill=color, color="none")

    def text(
        self, x: float, y: float, text: str, size: float = 16.0, anchor: Anchor = "start", bold: bool = False,
        color: str = INK,
    ) -> float:  # fmt: skip
        """Text on the base line `y`. Returns the x after it."""
        indent = len(text) - len(text.lstrip(" "))
        if indent and anchor == "start":
            # SVG swallows spaces at the beginning
            x, text = x + width_of(" " * indent, size), text.lstrip(" ")
        wide = width_of(text, size)
        left = {"start": x, "middle": x - wide / 2, "end": x - wide}[anchor]
        self.labels.append(Label(text, left, y - 0.82 * size, left + wide, y + 0.12 * size))
        weight = ' font-weight="700"' if bold else ""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(
            f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}" fill="{color}"{weight}{place}>'
            f"{escape(text, quote=False)}</text>"
        )
        return left + wide

    def texts(
        self, x: float, y: float, lines: tuple[str, ...], size: float = 16.0, gap: float = 1.45,
        anchor: Anchor = "start", bold: bool = False, color: str = INK,
    ) -> float:  # fmt: skip
        """Lines below each other. Returns the base line after the last."""
        for line in lines:
            self.text(x, y, line, size, anchor, bold, color)
            y += gap * size
        return y

    def svg(self) -> str:
        w, h = number(self.width), number(self.height)
        size = f'width="{w}" height="{h}"'
        if self.paper is not None:
            size = f'width="{number(self.paper[0])}mm" height="{number(self.paper[1])}mm"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" {size} role="img"'
                f' font-family="{FONTS}">',
                f"<title>{escape(self.title, quote=False)}</title>",
                f'<rect width="{w}" height="{h}" fill="#ffffff"/>',
                *self.parts,
                "</svg>\n",
            ]
        )
