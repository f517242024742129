"""The pictures of `hardware/`: kept as the script makes them, readable, true to the tables they come from."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree

import pytest

from hardware.drawings.enclosure import read_box
from hardware.drawings.make import HARDWARE, PDF, PICTURES
from hardware.drawings.panel import (
    BUTTON_GROUND,
    BUTTONS,
    HEADER,
    HEARTBEAT_GPIO,
    HEARTBEAT_PIN,
    LED_GROUND,
    LEDS,
)
from hardware.drawings.sheet import PT
from hardware.drawings.svg import Drawing

MEANT = {
    "drawings/parallel.svg": ("USB音声モデム", "電話機", "二股の分岐器", "未試験"),
    "drawings/listen-only.svg": ("受話器録音アダプター", "USBサウンドカード", "未試験"),
    "drawings/series.svg": ("LINE(FXO)", "PHONE(FXS)", "電源の見張り", "未対応"),
    "drawings/sip.svg": ("ホームゲートウェイ", "未対応"),
    "drawings/panel.svg": ("ランプ みどり", "ボタン 家族をよぶ", "330Ω", "37番"),
    "drawings/bypass.svg": ("K1-1", "K1-4", "110・119", "個人が回線につないではいけない"),
    "enclosure/box.svg": ("家族をよぶ", "未試験"),
    "sheet/page1.svg": ("この箱が動かなくても、", "電話は使えます。", "ランプの見かた", "家族をよぶ"),
    "sheet/page2.svg": ("「電話を切ってください」", "#9110", "188", "110"),
}
each_picture = pytest.mark.parametrize("name", PICTURES)


@each_picture
def test_the_kept_picture_is_what_the_script_makes(name: str) -> None:
    assert (HARDWARE / name).read_text("utf-8") == PICTURES[name]().svg(), "run: make drawings"


@each_picture
def test_a_picture_is_well_formed_and_says_what_it_must(name: str) -> None:
    said = "".join(ElementTree.fromstring(PICTURES[name]().svg()).itertext())
    assert not [words for words in MEANT[name] if words not in said]


@each_picture
def test_no_label_hides_another_or_leaves_the_paper(name: str) -> None:
    drawing = PICTURES[name]()
    hidden = [(one.text, other.text) for one, other in itertools.combinations(drawing.labels, 2) if one.meets(other)]
    outside = [
        label.text
        for label in drawing.labels
        if label.left < 0 or label.top < 0 or label.right > drawing.width or label.bottom > drawing.height
    ]
    assert (hidden, outside) == ([], [])


def test_labels_that_overlap_are_noticed() -> None:
    drawing = Drawing(100, 100, "")
    drawing.text(10, 50, "電話番", 10)
    drawing.text(35, 50, "電話番", 10)
    first, second = drawing.labels
    assert first.meets(second)


def test_lamps_and_buttons_use_pins_of_their_own() -> None:
    pins = {one.pin: one.gpio for one in (*LEDS, *BUTTONS)} | {HEARTBEAT_PIN: HEARTBEAT_GPIO}
    assert len(pins) == len(LEDS) + len(BUTTONS) + 1
    assert {pin: HEADER[pin] for pin in pins} == {pin: f"GPIO{gpio}" for pin, gpio in pins.items()}
    assert HEADER[LED_GROUND] == HEADER[BUTTON_GROUND] == "GND"


def test_a_lamp_takes_less_than_a_pin_may_give() -> None:
    assert all(1000 * (3.3 - 1.8) / lamp.ohms <= 8 for lamp in LEDS)


def test_board_and_buttons_fit_into_the_box() -> None:
    box = read_box()
    front_of_board = box["inner_depth"] - box["board_back"] - box["board_depth"]
    assert box["board_left"] + box["board_length"] <= box["inner_length"] - box["post"]
    assert box["button_front"] + box["button_hole"] / 2 < front_of_board, "a button stands above the board"
    assert box["button_hole"] < box["button_pitch"]
    assert 2 * box["button_pitch"] + box["button_hole"] <= box["inner_length"] - 2 * box["lip"]


def test_the_sheet_for_the_household_is_printed_large() -> None:
    """All of it 16 pt or more, but for the readings above characters and what the installer fills in."""
    small = {
        label.text
        for name in ("sheet/page1.svg", "sheet/page2.svg")
        for label in PICTURES[name]().labels
        if (label.bottom - label.top) / 0.94 < 16 * PT - 0.1
    }
    for_the_installer = {"箱の番号:", "取り付けた日:", "取り付けた人:"}
    assert [text for text in small - for_the_installer if not re.fullmatch(r"[ぁ-ん]+", text)] == []


def test_the_printed_sheet_has_two_pages_and_is_small() -> None:
    content = (HARDWARE / PDF).read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(content) < 300_000
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 2
