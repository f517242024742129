"""The sheet for the household: two A4 pages in large type. Lengths are tenths of a millimetre; 18 pt are 63.5."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hardware.drawings.panel import BUTTONS, GREEN, RED
from hardware.drawings.svg import INK, Drawing, width_of

PT: Final = 3.5278
BODY: Final = 18 * PT
SMALL: Final = 16 * PT
_RUBY: Final = re.compile(r"\{([^|{}]+)\|([^|{}]+)\}")
_LEFT: Final = 130.0
_RIGHT: Final = 1970.0
_NAVY: Final = "#123a6b"


@dataclass(frozen=True, slots=True)
class LampRow:
    """What the lamps look like and what that says. Green shines, red blinks: it is drawn with rays."""

    lit: tuple[str, ...]
    look: str
    meaning: str


LAMPS: Final = (
    LampRow((), "ついていない", "ふだんのとき"),
    LampRow((GREEN,), "みどり", "聞いて、{録音|ろくおん}しています"),
    LampRow((GREEN, RED), "あかがゆっくり点滅", "お気をつけください"),
    LampRow((GREEN, RED), "あかが{速|はや}く点滅", "いますぐ、電話を切って!"),
    LampRow((RED,), "あかが2回ずつ点滅", "箱の{故障|こしょう}。{窓口|まどぐち}へ電話を"),
)


def say(
    drawing: Drawing, x: float, y: float, text: str, size: float = BODY, bold: bool = False, color: str = INK
) -> float:
    """Text in which {漢字|かんじ} carries its reading above. Returns the x after it."""
    position = 0
    for match in _RUBY.finditer(text):
        x = (
            drawing.text(x, y, text[position : match.start()], size, bold=bold, color=color)
            if match.start() > position
            else x
        )
        base, reading = match.groups()
        middle = x + width_of(base, size) / 2
        drawing.text(middle, y - 0.98 * size, reading, size * 0.46, "middle", color=color)
        x = drawing.text(x, y, base, size, bold=bold, color=color)
        position = match.end()
    return drawing.text(x, y, text[position:], size, bold=bold, color=color) if position < len(text) else x


def _heading(drawing: Drawing, y: float, text: str) -> None:
    drawing.rect(_LEFT, y - 92, _RIGHT - _LEFT, 120, fill=_NAVY, color="none", radius=12)
    drawing.text(_LEFT + 30, y, text, 24 * PT, bold=True, color="#ffffff")


def _promise(drawing: Drawing, y: float) -> None:
    """The most important sentence of the sheet."""
    drawing.rect(_LEFT, y, _RIGHT - _LEFT, 400, fill="#fff7d6", color=INK, width=8, radius=24)
    drawing.text(1050, y + 124, "この箱が動かなくても、", 32 * PT, "middle", bold=True)
    drawing.text(1050, y + 252, "電話は使えます。", 32 * PT, "middle", bold=True)
    drawing.text(1050, y + 352, "110番・119番も、いつもの電話機からかけられます。", BODY, "middle")


def _lamp(drawing: Drawing, x: float, y: float, row: LampRow) -> None:
    for index, color in enumerate((GREEN, RED)):
        middle = x + index * 92
        shines = color in row.lit
        drawing.circle(middle, y, 26, fill=color if shines else "#ffffff", color=INK, width=5)
        if shines and color == RED:
            for dx, dy in ((0, -1), (0, 1), (-0.71, -0.71), (0.71, -0.71), (-0.71, 0.71), (0.71, 0.71)):
                drawing.line((middle + 33 * dx, y + 33 * dy), (middle + 46 * dx, y + 46 * dy), color=color, width=7)


def _button(drawing: Drawing, x: float, y: float, name: str) -> None:
    drawing.rect(x, y, 440, 92, fill="#e8edf3", color=INK, width=5, radius=46)
    drawing.text(x + 220, y + 67, name, BODY, "middle", bold=True)


def page1() -> Drawing:
    """What the box does, lamps, buttons."""
    drawing = Drawing(2100, 2970, "電話番のご案内 1", paper=(210, 297))
    drawing.text(_LEFT, 226, "電話番のご案内", 34 * PT, bold=True)
    drawing.text(_LEFT + 180, 112, "でんわばん", 13 * PT, "middle")
    drawing.text(_RIGHT, 226, "おもて", SMALL, "end")
    _promise(drawing, 272)
    _heading(drawing, 800, "この箱がすること")
    y = 926.0
    for text in (
        "1 知らない番号の電話に、箱が先に出ます。",
        "  {相手|あいて}に「{録音|ろくおん}しています」と伝えます。",
        "2 「お電話です」と、声でお呼びします。",
        "  {受話器|じゅわき}を取って、ふつうにお話しください。",
        "3 あやしい話が出たら、声とランプで知らせます。",
        "  ご家族にも知らせます。",
    ):
        say(drawing, _LEFT + 20, y, text)
        y += 97
    say(drawing, _LEFT + 20, y, "番号をかくした電話と海外からの電話は、お{断|ことわ}りします。", SMALL)
    say(drawing, _LEFT + 20, y + 90, "{登録|とうろく}した番号の電話は、いつもどおり鳴ります。", SMALL)
    say(drawing, _LEFT + 20, y + 180, "その電話は、聞きません。{録音|ろくおん}もしません。", SMALL)
    _heading(drawing, 1826, "ランプの見かた")
    y = 1942.0
    for row in LAMPS:
        _lamp(drawing, _LEFT + 60, y - 22, row)
        say(drawing, _LEFT + 270, y, row.look, SMALL, bold=True)
        say(drawing, _LEFT + 870, y, row.meaning, SMALL, bold="!" in row.meaning)
        y += 104
    _heading(drawing, 2512, "ボタン(長く押してください)")
    y = 2560.0
    for button in BUTTONS:
        _button(drawing, _LEFT + 20, y, button.name)
        say(drawing, _LEFT + 490, y + 67, button.meaning, SMALL)
        y += 118
    return drawing


def _number(drawing: Drawing, y: float, who: str, number: str = "", hint: str = "") -> None:
    drawing.line((_LEFT, y + 34), (_RIGHT, y + 34), color="#8a929b", width=4)
    say(drawing, _LEFT + 20, y, who, BODY, bold=True)
    if number:
        drawing.text(_LEFT + 960, y + 4, number, 26 * PT, bold=True)
    if hint:
        say(drawing, _LEFT + 1300, y, hint, SMALL)


def page2() -> Drawing:
    """When it warns, whom to call, when the box is ill."""
    drawing = Drawing(2100, 2970, "電話番のご案内 2", paper=(210, 297))
    drawing.rect(_LEFT, 100, _RIGHT - _LEFT, 236, fill=RED, color="none", radius=24)
    drawing.text(1050, 195, "「電話を切ってください」", 26 * PT, "middle", bold=True, color="#ffffff")
    drawing.text(1050, 290, "と言われたら", 22 * PT, "middle", bold=True, color="#ffffff")
    y = 455.0
    for head, text in (
        ("1", "{受話器|じゅわき}を置いてください。だまって切ってかまいません。"),
        ("2", "その番号には、かけ直さないでください。"),
        ("3", "お金、カード、{暗証番号|あんしょうばんごう}の話が出ていたら、"),
        ("", "下のどこかに、かならず電話してください。"),
    ):
        if head:
            drawing.circle(_LEFT + 60, y - 24, 46, fill=INK, color="none")
            drawing.text(_LEFT + 60, y, head, BODY, "middle", bold=True, color="#ffffff")
        say(drawing, _LEFT + 140, y, text, BODY, bold=True)
        y += 122
    say(drawing, _LEFT + 20, y + 10, "箱がだまっていても、{相手|あいて}が本物とはかぎりません。", BODY)
    say(drawing, _LEFT + 20, y + 116, "{迷|まよ}ったら、いったん切って、ご家族に聞いてください。", BODY)
    _heading(drawing, 1210, "電話をかけるところ")
    _number(drawing, 1370, "ご家族")
    _number(drawing, 1500, "ご家族")
    _number(drawing, 1630, "箱の{窓口|まどぐち}")
    _number(drawing, 1760, "{警察|けいさつ}の{相談|そうだん}", "#9110")
    say(drawing, _LEFT + 20, 1880, "#9110がつながらない電話機では:", SMALL)
    drawing.line((_LEFT + 1010, 1890), (_RIGHT, 1890), color="#8a929b", width=4)
    _number(drawing, 2010, "{買|か}い物・{契約|けいやく}の{相談|そうだん}", "188")
    _number(drawing, 2140, "いそぐとき", "110", "火事・{救急|きゅうきゅう}は 119")
    _heading(drawing, 2320, "箱の具合が悪いとき")
    y = 2448.0
    for text in (
        "1 箱の{電源|でんげん}を、コンセントから{抜|ぬ}いてください。",
        "2 電話機は、そのまま使えます。",
        "3 上の「箱の{窓口|まどぐち}」に、お電話ください。",
    ):
        say(drawing, _LEFT + 20, y, text)
        y += 104
    say(drawing, _LEFT + 20, y, "{停電|ていでん}のときに使えるかは、電話機と回線の種類によります。", SMALL)
    drawing.line((_LEFT, 2810), (_RIGHT, 2810), color="#8a929b", width=3)
    drawing.text(_LEFT, 2862, "箱の番号:", SMALL * 0.85)
    drawing.text(_LEFT + 700, 2862, "取り付けた日:", SMALL * 0.85)
    drawing.text(_LEFT + 1330, 2862, "取り付けた人:", SMALL * 0.85)
    return drawing
