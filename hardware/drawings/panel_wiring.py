"""Lamps and buttons on the 40-pin header."""

from __future__ import annotations

from typing import Final

from hardware.drawings.panel import BUTTON_GROUND, BUTTONS, HEADER, HEARTBEAT_PIN, LED_GROUND, LEDS
from hardware.drawings.svg import SOFT, Drawing
from hardware.drawings.symbols import led, push_button, resistor

_ODD_X: Final = 660.0
_EVEN_X: Final = 710.0
_FIRST_Y: Final = 130.0
_PITCH: Final = 30.0
_BUS_X: Final = 250.0
_LAMP_ROWS: Final = (240.0, 340.0)
_BUTTON_ROWS: Final = (556.0, 624.0, 692.0)
_GROUND: Final = "#1b1f24"
_BUTTON_WIRE: Final = "#1d4f91"


def _pin_y(pin: int) -> float:
    return _FIRST_Y + _PITCH * ((pin - 1) // 2)


def _header(drawing: Drawing) -> None:
    drawing.rect(_ODD_X - 24, _FIRST_Y - 24, _EVEN_X - _ODD_X + 48, 19 * _PITCH + 48, fill="#e8f0fa", radius=6)
    used = {*(one.pin for one in LEDS), *(one.pin for one in BUTTONS), LED_GROUND, BUTTON_GROUND}
    for pin, name in HEADER.items():
        x, y = (_ODD_X if pin % 2 else _EVEN_X), _pin_y(pin)
        fill = "#f2b134" if pin in used else "#ffffff"
        if pin == HEARTBEAT_PIN:
            fill = "#f7d9d6"
        if pin == 1:
            drawing.rect(x - 12, y - 12, 24, 24, fill=fill)
        else:
            drawing.circle(x, y, 12, fill=fill)
        drawing.text(x, y + 5, str(pin), 13, "middle")
        if pin % 2 == 0:
            drawing.text(_EVEN_X + 36, y + 5, name, 13, color=SOFT)
    drawing.text(
        (_ODD_X + _EVEN_X) / 2, _FIRST_Y - 36, "Raspberry Pi 4/5 の40ピン(上から見た図)", 15, "middle", bold=True
    )
    drawing.text(_EVEN_X + 84, _pin_y(1) + 5, "← こちら側に SD カード", 13, color=SOFT)
    drawing.text(_EVEN_X + 84, _pin_y(39) + 5, "← こちら側に USB・LAN", 13, color=SOFT)


def _lamps(drawing: Drawing) -> None:
    for lamp, row in zip(LEDS, _LAMP_ROWS, strict=True):
        y = _pin_y(lamp.pin)
        drawing.line((_ODD_X - 12, y), (600, y), (600, row), (_BUS_X, row), color=lamp.color, width=2.5)
        drawing.text(592, row - 8, f"{lamp.pin}番 {HEADER[lamp.pin]}", 13, "end", color=SOFT)
        resistor(drawing, 450, row, f"{lamp.ohms}Ω")
        led(drawing, 340, row, lamp.color)
        drawing.dot(_BUS_X, row)
        drawing.text(_BUS_X - 16, row + 6, f"ランプ {lamp.name}", 16, "end", bold=True)
    y = _pin_y(LED_GROUND)
    drawing.line((_BUS_X, _LAMP_ROWS[0]), (_BUS_X, y), (_ODD_X - 12, y), color=_GROUND, width=2.5)
    drawing.text(592, y - 8, f"{LED_GROUND}番 GND(ランプ共通)", 13, "end", color=SOFT)
    drawing.text(340, _LAMP_ROWS[0] + 36, "K(短い足)  A(長い足)", 13, "middle", color=SOFT)


def _buttons(drawing: Drawing) -> None:
    for index, (button, row) in enumerate(zip(BUTTONS, _BUTTON_ROWS, strict=True)):
        y, turn = _pin_y(button.pin), 596.0 + 16 * index
        drawing.line((_ODD_X - 12, y), (turn, y), (turn, row), (428, row), color=_BUTTON_WIRE, width=2.5)
        drawing.line((372, row), (_BUS_X, row), color=_BUTTON_WIRE, width=2.5)
        push_button(drawing, 400, row)
        drawing.text(580, row - 8, f"{button.pin}番 {HEADER[button.pin]}", 13, "end", color=SOFT)
        drawing.dot(_BUS_X, row)
        drawing.text(_BUS_X - 16, row + 6, f"ボタン {button.name}", 16, "end", bold=True)
    y = _pin_y(BUTTON_GROUND) + 30
    drawing.line(
        (_BUS_X, _BUTTON_ROWS[0]), (_BUS_X, y), (_ODD_X, y), (_ODD_X, _pin_y(BUTTON_GROUND) + 12), color=_GROUND,
        width=2.5,
    )  # fmt: skip
    drawing.text(580, y - 8, f"{BUTTON_GROUND}番 GND(ボタン共通)", 13, "end", color=SOFT)


def panel() -> Drawing:
    """The wires of the lid."""
    drawing = Drawing(1000, 940, "ランプとボタンの配線")
    drawing.text(40, 42, "ランプとボタンの配線", 22, bold=True)
    drawing.text(40, 70, "この図のとおりに組み立てた箱は、まだない(未試験)", 15, color="#b3261e")
    _lamps(drawing)
    _buttons(drawing)
    _header(drawing)
    drawing.texts(
        40,
        806,
        (
            "・配線は Pi の電源を抜いてから。5V(2番・4番)と 3V3(1番・17番)には、何もつながない。",
            "・ランプは LED 1個に抵抗1本。330Ωで約4 mA(計算値。GPIO 1本の目安 16 mA 以下)。",
            "・ボタンは押すと GND につながる。抵抗はいらない(Pi の中のプルアップを使う)。",
            f"・{HEARTBEAT_PIN}番(GPIO26)は心拍の信号に予約(bypass.svg)。並列つなぎでは、何もつながない。",
        ),
        15,
        1.8,
    )
    return drawing
