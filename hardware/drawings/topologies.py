"""Four ways to put the box to a telephone line, as block diagrams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from hardware.drawings.svg import SOFT, Drawing, Point

Cable = Literal["line", "usb", "audio", "signal", "lan", "power", "cord"]
CABLES: Final[dict[Cable, tuple[str, str, str]]] = {
    "line": ("#1d4f91", "", "電話線(2線、6極2芯)"),
    "usb": ("#6b747d", "", "USB"),
    "audio": ("#1a7f37", "", "音声"),
    "signal": ("#0b7d86", "", "GPIO の配線"),
    "lan": ("#b35900", "", "LAN"),
    "power": ("#b3261e", "7 5", "電源"),
    "cord": ("#7b3fa0", "", "受話器コード(4極4芯)"),
}
"""Color, dashes, what it is called in the legend."""

_FILL: Final = {"ours": "#e8f0fa", "bought": "#ffffff", "house": "#f3f4f6", "outside": "#fff7e6"}


@dataclass(frozen=True, slots=True)
class Block:
    """A device: where, and what is written in it."""

    x: float
    y: float
    w: float
    h: float
    title: str
    lines: tuple[str, ...] = ()
    kind: str = "bought"


def _block(drawing: Drawing, block: Block) -> None:
    drawing.rect(block.x, block.y, block.w, block.h, fill=_FILL[block.kind], color=SOFT, width=2, radius=8)
    height = 20 + 22 * len(block.lines)
    top = block.y + (block.h - height) / 2 + 16
    if block.title:
        drawing.text(block.x + block.w / 2, top, block.title, 17, "middle", bold=True)
    drawing.texts(block.x + block.w / 2, top + 24, block.lines, 14, 1.5, "middle", color=SOFT)


def _cable(drawing: Drawing, kind: Cable, *points: Point) -> None:
    color, dash, _name = CABLES[kind]
    drawing.line(*points, color=color, width=4 if kind in ("line", "cord") else 3, dash=dash)


def _legend(drawing: Drawing, y: float, kinds: tuple[Cable, ...]) -> None:
    x = 40.0
    for kind in kinds:
        _cable(drawing, kind, (x, y), (x + 44, y))
        x = drawing.text(x + 54, y + 5, CABLES[kind][2], 14, color=SOFT) + 34


def _notes(drawing: Drawing, y: float, notes: tuple[tuple[str, str], ...]) -> None:
    for head, text in notes:
        drawing.text(40, y, head, 15, bold=True)
        drawing.text(190, y, text, 15)
        y += 27


def _sheet(title: str, state: str, blocks: tuple[Block, ...], height: float = 560) -> Drawing:
    drawing = Drawing(1000, height, title)
    drawing.text(40, 42, title, 22, bold=True)
    drawing.text(40, 70, state, 15, color="#b3261e")
    for block in blocks:
        _block(drawing, block)
    return drawing


def parallel() -> Drawing:
    """The way the program works today."""
    drawing = _sheet(
        "A 並列つなぎ(標準)",
        "ソフトウェアは対応済み(仮想の回線)。本物の回線では未試験",
        (
            Block(40, 110, 150, 70, "壁の電話端子", ("または TEL ポート",), "outside"),
            Block(250, 110, 150, 70, "二股の分岐器", ("6極2芯、2分配",)),
            Block(470, 110, 150, 70, "電話機", ("そのまま使う",), "house"),
            Block(250, 240, 150, 80, "USB音声モデム", ("認証マークを", "確かめる")),
            Block(470, 240, 190, 80, "Raspberry Pi 4/5", ("電話番",), "ours"),
            Block(740, 110, 220, 70, "ランプ・ボタン", ("GPIO(panel.svg)",), "ours"),
            Block(740, 200, 220, 60, "USBスピーカー", ("案内と警告の声",)),
            Block(740, 280, 220, 60, "ACアダプター", ("Pi 専用品",)),
            Block(470, 350, 190, 50, "家庭のルーター", (), "house"),
        ),
    )
    _cable(drawing, "line", (190, 145), (250, 145))
    _cable(drawing, "line", (400, 145), (470, 145))
    _cable(drawing, "line", (325, 180), (325, 240))
    drawing.text(335, 215, "モデムの LINE 端子へ", 13, color=SOFT)
    _cable(drawing, "usb", (400, 280), (470, 280))
    _cable(drawing, "signal", (660, 260), (690, 260), (690, 145), (740, 145))
    _cable(drawing, "usb", (660, 280), (710, 280), (710, 230), (740, 230))
    _cable(drawing, "power", (660, 305), (740, 305))
    _cable(drawing, "lan", (565, 320), (565, 350))
    drawing.text(40, 265, "電話機は、モデムの", 14, color=SOFT)
    drawing.text(40, 287, "PHONE 端子には", 14, color=SOFT)
    drawing.text(40, 309, "つながない", 14, color=SOFT)
    _legend(drawing, 430, ("line", "usb", "signal", "lan", "power"))
    _notes(
        drawing,
        470,
        (
            ("箱が止まったら", "モデムが回線を離し、電話機はそのまま使える(電源断で離すかは機種ごとに要確認)"),
            ("できないこと", "通話を切る・電話機のベルを鳴らす(箱がチャイムと声で呼ぶ)"),
            ("聞こえない通話", "家の人が先に取った通話と、家からかけた通話(受話器を感じるモデムなら一部聞ける)"),
        ),
    )
    return drawing


def listen_only() -> Drawing:
    """Nothing of ours touches the line."""
    drawing = _sheet(
        "B 聞くだけのつなぎ(回線に触れない)",
        "ソフトウェアは対応。本物の機器では未試験",
        (
            Block(40, 110, 150, 70, "壁の電話端子", ("または TEL ポート",), "outside"),
            Block(250, 110, 180, 70, "電話機の本体", ("そのまま使う",), "house"),
            Block(500, 110, 200, 70, "受話器録音アダプター", ("市販品・電池不要",)),
            Block(780, 110, 180, 70, "受話器", (), "house"),
            Block(500, 240, 200, 60, "USBサウンドカード", ("マイク入力",)),
            Block(500, 340, 200, 60, "Raspberry Pi 4/5", ("電話番",), "ours"),
            Block(780, 320, 180, 44, "USBスピーカー"),
            Block(780, 376, 180, 44, "ACアダプター"),
        ),
    )
    _cable(drawing, "line", (190, 145), (250, 145))
    _cable(drawing, "cord", (430, 145), (500, 145))
    _cable(drawing, "cord", (700, 145), (780, 145))
    _cable(drawing, "audio", (600, 180), (600, 240))
    drawing.text(612, 215, "3.5 mm プラグ", 13, color=SOFT)
    _cable(drawing, "usb", (600, 300), (600, 340))
    _cable(drawing, "usb", (700, 355), (740, 355), (740, 342), (780, 342))
    _cable(drawing, "power", (700, 385), (740, 385), (740, 398), (780, 398))
    drawing.texts(
        40,
        240,
        ("コードレスの子機、受話器の", "コードがない電話機、", "スピーカーホンの声には", "使えない"),
        14,
        color=SOFT,
    )
    _legend(drawing, 455, ("line", "cord", "audio", "usb", "power"))
    _notes(
        drawing,
        495,
        (
            ("箱が止まったら", "電話は何も変わらない(電話線には何もつないでいない)"),
            ("できないこと", "先に出る・録音を相手に伝える・断る・切る。番号も見えない"),
        ),
    )
    return drawing


def series() -> Drawing:
    """What the commercial devices do."""
    drawing = _sheet(
        "C 直列つなぎ(認証品の FXO/FXS アダプターを間に入れる)",
        "ソフトウェアは未対応(計画)。未試験",
        (
            Block(40, 145, 140, 70, "壁の電話端子", ("アナログ回線",), "outside"),
            Block(290, 100, 300, 170, "", ()),
            Block(310, 150, 120, 60, "LINE(FXO)", ("回線側",)),
            Block(450, 150, 120, 60, "PHONE(FXS)", ("ベルを鳴らす",)),
            Block(700, 145, 140, 70, "電話機", ("そのまま使う",), "house"),
            Block(290, 330, 190, 70, "Raspberry Pi 4/5", ("電話番・SIP サーバー",), "ours"),
            Block(560, 320, 180, 90, "電源の見張り", ("心拍が止まれば切る", "(bypass.svg 図1)"), "ours"),
            Block(800, 340, 160, 50, "12V アダプター"),
        ),
        600,
    )
    drawing.text(440, 130, "認証品のゲートウェイ", 17, "middle", bold=True)
    _cable(drawing, "line", (180, 180), (310, 180))
    _cable(drawing, "line", (570, 180), (700, 180))
    drawing.text(440, 245, "停電時は LINE と PHONE を直結する機種", 14, "middle", color=SOFT)
    _cable(drawing, "lan", (385, 270), (385, 330))
    _cable(drawing, "signal", (480, 365), (560, 365))
    drawing.text(520, 352, "心拍", 13, "middle", color=SOFT)
    _cable(drawing, "power", (800, 365), (740, 365))
    _cable(drawing, "power", (650, 320), (650, 250), (590, 250))
    drawing.texts(
        40,
        300,
        ("選ぶ条件:", "・技適マークがある", "・停電時の直結(lifeline)", "・ナンバー・ディスプレイ"),
        14,
        color=SOFT,
    )
    _legend(drawing, 455, ("line", "lan", "signal", "power"))
    _notes(
        drawing,
        497,
        (
            ("箱が止まったら", "心拍が止まる → アダプターの電源が切れる → 中のリレーが回線と電話機を直結する"),
            ("できること", "ベルを鳴らさずに先に出る・断る・切る・相手と家の声を分けて聞く"),
            ("注意", "「停電時の直結」はメーカーの説明による。日本の回線と電話機での動きは未確認"),
        ),
    )
    return drawing


def sip() -> Drawing:
    """On a line of optical fibre."""
    drawing = _sheet(
        "D SIP つなぎ(ひかり電話などの IP 電話)",
        "ソフトウェアは未対応(計画)。未試験",
        (
            Block(40, 120, 150, 70, "光回線", ("ONU",), "outside"),
            Block(270, 110, 220, 90, "ホームゲートウェイ", ("SIP の内線 3〜7:IP 端末", "内線 1〜2:TEL ポート")),
            Block(600, 110, 160, 44, "電話機", (), "house"),
            Block(285, 290, 190, 80, "Raspberry Pi 4/5", ("電話番", "(内線のひとつ)"), "ours"),
            Block(600, 270, 200, 50, "USBスピーカー"),
            Block(600, 340, 200, 50, "ACアダプター"),
        ),
    )
    _cable(drawing, "lan", (190, 155), (270, 155))
    _cable(drawing, "line", (490, 132), (600, 132))
    drawing.text(545, 122, "TEL", 13, "middle", color=SOFT)
    _cable(drawing, "lan", (380, 200), (380, 290))
    drawing.text(392, 250, "LAN(SIP・RTP、音声は µ-law)", 13, color=SOFT)
    _cable(drawing, "usb", (475, 315), (540, 315), (540, 295), (600, 295))
    _cable(drawing, "power", (475, 345), (540, 345), (540, 365), (600, 365))
    drawing.texts(40, 250, ("電話線には触れない。", "内線の登録は、", "機種ごとに", "設定画面で行う"), 14, color=SOFT)
    _legend(drawing, 425, ("lan", "line", "usb", "power"))
    _notes(
        drawing,
        465,
        (
            ("箱が止まったら", "内線がひとつ減るだけ。TEL ポートの電話機はそのまま鳴る"),
            ("停電では", "ひかり電話そのものが止まる(箱のあるなしに関わらない)"),
            ("要確認", "箱が応答する前に TEL ポートの電話機が鳴るか。機種と設定による"),
        ),
    )
    return drawing
