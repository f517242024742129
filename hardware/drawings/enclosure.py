"""The dimensioned drawing of the printable box, from the numbers in `enclosure/box.scad`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hardware.drawings.panel import BUTTONS, LEDS
from hardware.drawings.svg import SOFT, Drawing, number

SOURCE: Final = Path(__file__).parents[1] / "enclosure" / "box.scad"
_ASSIGNMENT: Final = re.compile(r"^(\w+) = ([\d.]+);", re.MULTILINE)
_SCALE: Final = 4.0
_MEASURE: Final = "#1d4f91"


@dataclass(frozen=True, slots=True)
class Box:
    """The numbers of the OpenSCAD file, in millimetres."""

    size: dict[str, float]

    def __getitem__(self, name: str) -> float:
        return self.size[name]

    @property
    def length(self) -> float:
        return self["inner_length"] + 2 * self["wall"]

    @property
    def depth(self) -> float:
        return self["inner_depth"] + 2 * self["wall"]

    @property
    def height(self) -> float:
        return self["inner_height"] + 2 * self["wall"]

    def columns(self, count: int) -> list[float]:
        """Centres of a row of lamps or buttons, from the outer left wall."""
        first = self.length / 2 - self["button_pitch"] * (count - 1) / 2
        return [first + self["button_pitch"] * index for index in range(count)]


def read_box() -> Box:
    """The assignments at the top of `box.scad`."""
    return Box({name: float(value) for name, value in _ASSIGNMENT.findall(SOURCE.read_text("utf-8"))})


def _across(drawing: Drawing, left: float, right: float, y: float, millimetres: float) -> None:
    """A measure from left to right, its number above."""
    drawing.line((left, y), (right, y), color=_MEASURE, width=1.2)
    drawing.polygon((left, y), (left + 9, y - 4), (left + 9, y + 4), fill=_MEASURE)
    drawing.polygon((right, y), (right - 9, y - 4), (right - 9, y + 4), fill=_MEASURE)
    drawing.text((left + right) / 2, y - 6, number(millimetres), 14, "middle", color=_MEASURE)


def _upright(drawing: Drawing, x: float, top: float, bottom: float, millimetres: float) -> None:
    """A measure from top to bottom, its number to the right."""
    drawing.line((x, top), (x, bottom), color=_MEASURE, width=1.2)
    drawing.polygon((x, top), (x - 4, top + 9), (x + 4, top + 9), fill=_MEASURE)
    drawing.polygon((x, bottom), (x - 4, bottom - 9), (x + 4, bottom - 9), fill=_MEASURE)
    drawing.text(x + 8, (top + bottom) / 2 + 5, number(millimetres), 14, color=_MEASURE)


def _helper(drawing: Drawing, x1: float, y1: float, x2: float, y2: float) -> None:
    drawing.line((x1, y1), (x2, y2), color=_MEASURE, width=0.8)


def _lid(drawing: Drawing, box: Box, x: float, y: float) -> None:
    """From above, front at the bottom."""
    wide, deep = box.length * _SCALE, box.depth * _SCALE
    drawing.text(x, y - 66, "ふた(上から見た図。下が手前)", 17, bold=True)
    drawing.rect(x, y, wide, deep, fill="#f8fafc", radius=box["corner"] * _SCALE)
    lamp_y = y + deep - (box["wall"] + box["lamp_front"]) * _SCALE
    button_y = y + deep - (box["wall"] + box["button_front"]) * _SCALE
    for column, lamp in zip(box.columns(len(LEDS)), LEDS, strict=True):
        middle = x + column * _SCALE
        drawing.circle(middle, lamp_y, box["lamp_hole"] / 2 * _SCALE, fill="#ffffff", color=lamp.color, width=4)
        drawing.text(middle, lamp_y - 30, lamp.label, 17, "middle", bold=True)
    for column, button in zip(box.columns(len(BUTTONS)), BUTTONS, strict=True):
        middle = x + column * _SCALE
        drawing.circle(middle, button_y, box["button_hole"] / 2 * _SCALE, fill="#ffffff")
        drawing.text(middle, button_y - 60, button.name, 17, "middle", bold=True)
    edge = box["wall"] + box["post"] / 2
    for left in (edge, box.length - edge):
        for top in (edge, box.depth - edge):
            drawing.circle(x + left * _SCALE, y + top * _SCALE, box["lid_hole"] / 2 * _SCALE, fill="#ffffff")
    first, second = (x + column * _SCALE for column in box.columns(len(BUTTONS))[:2])
    _helper(drawing, first, button_y, first, y + deep + 34)
    _helper(drawing, second, button_y, second, y + deep + 34)
    _across(drawing, first, second, y + deep + 28, box["button_pitch"])
    _across(drawing, x, x + wide, y - 18, box.length)
    _upright(drawing, x + wide + 18, y, y + deep, box.depth)
    _helper(drawing, x + box.columns(len(LEDS))[0] * _SCALE, lamp_y, x - 86, lamp_y)
    _upright(drawing, x - 80, lamp_y, y + deep, box["lamp_front"] + box["wall"])
    _helper(drawing, first, button_y, x - 46, button_y)
    _upright(drawing, x - 40, button_y, y + deep, box["button_front"] + box["wall"])
    _helper(drawing, x - 86, y + deep, x, y + deep)
    hole = f"ボタン穴 直径{number(box['button_hole'])}、ランプ穴 直径{number(box['lamp_hole'])}、"
    drawing.text(x, y + deep + 62, f"{hole}ねじ穴 直径{number(box['lid_hole'])}", 14, color=_MEASURE)


def _base(drawing: Drawing, box: Box, x: float, y: float) -> None:
    """From above without the lid."""
    wide, deep, wall = box.length * _SCALE, box.depth * _SCALE, box["wall"] * _SCALE
    drawing.text(x, y - 66, "本体(ふたを外して上から見た図)", 17, bold=True)
    drawing.rect(x, y, wide, deep, fill="#dfe3e8", radius=box["corner"] * _SCALE)
    drawing.rect(x + wall, y + wall, wide - 2 * wall, deep - 2 * wall, fill="#ffffff")
    post = box["post"] * _SCALE
    for left in (x + wall, x + wide - wall - post):
        for top in (y + wall, y + deep - wall - post):
            drawing.rect(left, top, post, post, fill="#dfe3e8")
            drawing.circle(left + post / 2, top + post / 2, box["screw_hole"] / 2 * _SCALE, fill="#ffffff")
    left, top = x + wall + box["board_left"] * _SCALE, y + wall + box["board_back"] * _SCALE
    long, short = box["board_length"] * _SCALE, box["board_depth"] * _SCALE
    drawing.rect(left, top, long, short, fill="#e4f3e6", color="#1a7f37")
    for hole_x in (23.5, 81.5):
        for hole_y in (3.5, 52.5):
            drawing.circle(left + hole_x * _SCALE, top + short - hole_y * _SCALE, 5.4, fill="#ffffff")
    drawing.texts(left + long / 2 + 20, top + 92, ("Raspberry Pi 4/5", "40ピンは手前"), 16, 1.5, "middle", bold=True)
    drawing.rect(left + 27 * _SCALE, top + short - 24, 51 * _SCALE, 14, fill="#1b1f24", color="none")
    usb = box["usb_width"] * _SCALE
    drawing.rect(x - 2, top + (short - usb) / 2, wall + 4, usb, fill="#f2b134")
    drawing.texts(left + 16, top + 92, ("← USB", "   LAN"), 14)
    power = box["power_width"] * _SCALE
    power_left = left + long - power - 4 * _SCALE
    drawing.rect(power_left, y - 2, power, wall + 4, fill="#f2b134")
    drawing.text(power_left + power / 2, top + 30, "電源 USB-C・HDMI ↑", 14, "middle")
    drawing.text(x + wide / 2, y + deep - 90, "ここはボタンとランプの配線の場所", 15, "middle", color=SOFT)
    _across(drawing, power_left, power_left + power, y - 18, box["power_width"])
    _across(drawing, x + wall, x + wide - wall, y + deep + 28, box["inner_length"])
    _upright(drawing, x + wide + 18, y + wall, y + deep - wall, box["inner_depth"])
    _across(drawing, left, left + long, top + short + 30, box["board_length"])
    _upright(drawing, left + long + 14, top, top + short, box["board_depth"])


def _side(drawing: Drawing, box: Box, x: float, y: float) -> None:
    """The left wall, front at the right."""
    deep, high, wall = box.depth * _SCALE, box.height * _SCALE, box["wall"] * _SCALE
    drawing.text(x, y - 22, "左側面(右が手前)", 17, bold=True)
    drawing.rect(x, y, deep, high, fill="#f8fafc")
    drawing.line((x, y + wall), (x + deep, y + wall))
    usb_left = x + wall + (box["board_back"] + (box["board_depth"] - box["usb_width"]) / 2) * _SCALE
    usb_bottom = box["wall"] + box["standoff"] + box["board_thickness"] - 1
    usb_top = y + high - (usb_bottom + box["usb_height"]) * _SCALE
    drawing.rect(usb_left, usb_top, box["usb_width"] * _SCALE, box["usb_height"] * _SCALE, fill="#f2b134")
    _across(drawing, usb_left, usb_left + box["usb_width"] * _SCALE, usb_top - 8, box["usb_width"])
    _upright(
        drawing, usb_left + box["usb_width"] * _SCALE + 14, usb_top, usb_top + box["usb_height"] * _SCALE,
        box["usb_height"],
    )  # fmt: skip
    _upright(drawing, x + deep + 18, y, y + high, box.height)


def box() -> Drawing:
    """Lid, base and left side at 4 pixels to the millimetre."""
    size = read_box()
    drawing = Drawing(1310, 990, "印刷できるケース(box.scad)の寸法図")
    drawing.text(40, 42, "印刷できるケースの寸法図(単位 mm)", 22, bold=True)
    drawing.text(40, 70, "まだ一度も印刷していない(未試験)。寸法は box.scad から作った", 15, color="#b3261e")
    _lid(drawing, size, 130, 180)
    _base(drawing, size, 740, 180)
    _side(drawing, size, 130, 770)
    drawing.texts(
        740,
        780,
        (
            f"壁・底・ふた {number(size['wall'])}、内側の高さ {number(size['inner_height'])}",
            f"Pi の支柱 {number(size['standoff'])}(M2.5 タッピング、下穴 {number(size['board_hole'])})",
            f"ふたの柱(M3 タッピング、下穴 {number(size['screw_hole'])})",
            "モデム、サウンドカード、スピーカーは箱の外に置く",
            "素材 PETG か ABS(熱くなるので PLA は避ける)",
            "ふたの名札は、紙のシールに印刷して貼る",
        ),
        15,
        1.75,
    )
    return drawing
