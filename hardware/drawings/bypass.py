"""The fail-safe bypass: what happens to the telephone when the box dies."""

from __future__ import annotations

from typing import Final

from hardware.drawings.panel import HEARTBEAT_PIN
from hardware.drawings.svg import SOFT, Drawing
from hardware.drawings.symbols import (
    capacitor,
    capacitor_upright,
    changeover,
    coil,
    diode,
    diode_up,
    ground,
    open_contact,
    open_contact_upright,
    resistor,
    resistor_upright,
    transistor,
)

HEARTBEAT_HZ: Final = 50
C1_UF: Final = 0.22
C2_UF: Final = 2.2
R1_KOHM: Final = 390
GATE_V: Final = (0.5, 1.1)
"""Between these the transistor begins to conduct, by its data sheet. The times are computed in tests/hardware."""

_WARNING: Final = "#b3261e"
_LINE: Final = "#1d4f91"


def _box(drawing: Drawing, x: float, y: float, w: float, h: float, title: str, line: str = "") -> None:
    drawing.rect(x, y, w, h, fill="#f3f4f6", color=SOFT, radius=6)
    middle = y + h / 2
    drawing.text(x + w / 2, middle + (6 if not line else -4), title, 16, "middle", bold=True)
    if line:
        drawing.text(x + w / 2, middle + 18, line, 13, "middle", color=SOFT)


def _pump(drawing: Drawing) -> None:
    """From the heartbeat to the gate."""
    y = 250.0
    _box(drawing, 40, y - 30, 130, 60, "GPIO26", f"{HEARTBEAT_PIN}番・{HEARTBEAT_HZ} Hz")
    drawing.line((170, y), (295, y))
    resistor(drawing, 225, y, "1 kΩ")
    capacitor(drawing, 300, y)
    drawing.text(300, y - 26, f"C1 {C1_UF} µF", 14, "middle")
    drawing.line((305, y), (540, y))
    drawing.dot(350, y)
    drawing.line((350, y), (350, 340))
    diode_up(drawing, 350, 300)
    drawing.text(334, 305, "D1", 14, "end")
    diode(drawing, 400, y)
    drawing.text(400, y - 22, "D2", 14, "middle")
    for x in (445, 505):
        drawing.dot(x, y)
        drawing.line((x, y), (x, 340))
    drawing.rect(440, 292, 10, 16, fill="#ffffff", color="none")
    capacitor_upright(drawing, 445, 300)
    drawing.text(425, 330, "C2", 14, "end")
    resistor_upright(drawing, 505, 300)
    drawing.text(522, 305, "R1", 14)
    for x in (350, 445, 505):
        ground(drawing, x, 340)
    drawing.text(40, 390, f"C2 {C2_UF} µF、R1 {R1_KOHM} kΩ、D1・D2 1N4148、D3 1N4007、", 14, color=SOFT)
    drawing.text(40, 412, f"Q1 しきい値 {GATE_V[0]}〜{GATE_V[1]} V の N-MOSFET(例 IRLML6344)", 14, color=SOFT)


def _switch(drawing: Drawing) -> None:
    """The transistor, the coil and what its contact feeds."""
    transistor(drawing, 580, 250)
    drawing.text(622, 262, "Q1", 14)
    drawing.line((600, 290), (600, 340))
    ground(drawing, 600, 340)
    drawing.line((600, 210), (600, 120))
    coil(drawing, 600, 170, "K1")
    drawing.dot(600, 130)
    drawing.dot(600, 205)
    drawing.line((600, 130), (680, 130), (680, 205), (600, 205))
    diode_up(drawing, 680, 168)
    drawing.text(698, 173, "D3", 14)
    drawing.text(600, 112, "+5V(2番)", 14, "middle")
    drawing.text(556, 176, "5V コイル", 14, "end", color=SOFT)
    _box(drawing, 720, 232, 110, 60, "12V", "アダプター")
    _box(drawing, 860, 372, 110, 60, "認証品", "FXO/FXS")
    drawing.line((830, 262), (870, 262), color=_WARNING, width=2.5)
    open_contact(drawing, 900, 262)
    drawing.line((930, 262), (945, 262), (945, 372), color=_WARNING, width=2.5)
    drawing.text(900, 228, "K1 の接点(a接点)", 14, "middle")
    drawing.line((775, 292), (775, 402), (860, 402), width=2.5)
    drawing.text(765, 350, "−", 16, "end")
    drawing.text(850, 254, "+", 16, "middle")


def _line_contacts(drawing: Drawing) -> None:
    """Four poles in the telephone line, drawn without current."""
    _box(drawing, 40, 600, 110, 130, "回線", "L1・L2")
    _box(drawing, 830, 600, 120, 130, "電話機", "T1・T2")
    for y in (624.0, 694.0):
        drawing.line((150, y), (640, y), color=_LINE, width=3)
        changeover(drawing, 640, y + 16)
        drawing.line((724, y + 16), (830, y + 16), color=_LINE, width=3)
    drawing.text(560, 614, "b接点(切れているとき直結)", 14, "middle", color=_LINE)
    drawing.text(690, 608, "K1-1", 14)
    drawing.text(690, 686, "K1-2", 14)
    for x, y in ((220, 624.0), (290, 694.0)):
        drawing.dot(x, y, _LINE)
        drawing.line((x, y), (x, 724), color=_LINE, width=3)
        open_contact_upright(drawing, x, 754)
        drawing.line((x, 784), (x, 820), color=_LINE, width=3)
    drawing.text(200, 760, "K1-3", 14, "end")
    drawing.text(316, 760, "K1-4", 14)
    _box(drawing, 180, 820, 150, 56, "FXO(回線側)")
    _box(drawing, 400, 820, 110, 56, "電話番")
    _box(drawing, 575, 820, 190, 56, "FXS(ベルを鳴らす側)")
    drawing.line((330, 848), (400, 848), dash="6 5")
    drawing.line((510, 848), (575, 848), dash="6 5")
    drawing.line((590, 820), (590, 656), (640, 656), color=_LINE, width=3)
    drawing.line((615, 820), (615, 726), (640, 726), color=_LINE, width=3)


def bypass() -> Drawing:
    """Figure 1 for builders, figure 2 for makers only."""
    drawing = Drawing(1000, 1130, "故障・停電のとき、回線を電話機に直結するしくみ")
    drawing.text(40, 42, "故障・停電のとき、回線を電話機に直結するしくみ", 22, bold=True)
    drawing.text(40, 72, "どちらの図も、作って確かめてはいない(未試験)", 15, color=_WARNING)
    drawing.text(40, 116, "図1 停電時直結(lifeline)つきの認証品の", 16, bold=True)
    drawing.text(82, 140, "電源だけを切る(電話線に触れない)", 16, bold=True)
    _pump(drawing)
    _switch(drawing)
    drawing.line((40, 460), (960, 460), color="#c9ced4")
    drawing.text(40, 496, "図2 リレーで直結する(4回路。電流なしの状態で描いた。コイルの駆動は図1と同じ)", 16, bold=True)
    drawing.text(
        40, 524, "電話線に触れる回路。認定・検査を受ける製造者の参考。個人が回線につないではいけない(law.md)", 15,
        color=_WARNING,
    )  # fmt: skip
    drawing.text(
        40,
        552,
        "K1-1・K1-2:電話機の切り替え。K1-3・K1-4:箱の回線側の切り離し(固まった箱も、回線をふさがない)",
        14,
    )
    _line_contacts(drawing)
    drawing.line((40, 902), (960, 902), color="#c9ced4")
    drawing.texts(
        40,
        936,
        (
            "1. 電流なし(停電・故障・起動前)= 回線は電話機に直結。箱の電源なしで、110・119にかけられること。",
            "2. コイルに電流が流れるのは、プログラムが心拍(50 Hz の方形波)を出している間だけ。信号が 0 や 1 で",
            "   止まっても離れる。計算では 0.3〜1.6 秒後(目標 2 秒以内)。PWM 機能で出してはいけない(死んでも続く)。",
            "3. リレーを引くのは、回線が空いているときだけ。通話中は切り替えない(故障で離れるときは別)。",
            "4. 離れる瞬間、通話中なら短い断がある。通話が残るかどうかは、本物の回線でしかわからない。",
            "5. 心拍は、回線を扱う部分と判断する部分(スレッド)が両方生きているときだけ出す。プログラムは未対応(計画)。",
        ),
        15,
        1.8,
    )
    return drawing
