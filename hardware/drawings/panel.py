"""What stands on the lid of the box, and to which pins it goes. Drawings and sheet are made from this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Led:
    """A lamp: GPIO by its BCM number, `pin` by its place in the 40-pin header."""

    name: str
    label: str
    """What the lid says beside it."""
    color: str
    gpio: int
    pin: int
    ohms: int


@dataclass(frozen=True, slots=True)
class Button:
    """A button between a GPIO and ground; the pull-up is that of the Raspberry Pi. `meaning` is for the sheet."""

    name: str
    meaning: str
    gpio: int
    pin: int


GREEN: Final = "#1a7f37"
RED: Final = "#c62828"

# A red LED has about 1.9 V, a green one of the old kind about 2.1 V, so 330 ohms let 3.6 to 4.2 mA flow:
# bright enough in a room, far below the 16 mA of a pin. (Calculated from typical data sheets.)
LEDS: Final = (
    Led("みどり", "聞いています", GREEN, gpio=17, pin=11, ohms=330),
    Led("あか", "ご注意", RED, gpio=22, pin=15, ohms=330),
)
"""The lamp that is lit while the box listens, and the one that blinks: `[panel] listening_pin` and `alarm_pin`."""
LED_GROUND: Final = 25

BUTTONS: Final = (
    Button("家族をよぶ", "ご家族に「電話をください」と伝えます", gpio=5, pin=29),
    Button("録音をやめる", "{録音|ろくおん}を消し、この電話の見守りもやめます", gpio=6, pin=31),
    Button("大丈夫な人", "この{相手|あいて}は心配ない、と箱に教えます", gpio=13, pin=33),
)
"""`[panel] family_pin`, `stop_pin`, `fine_pin`. Held, a button means it at once; pressed shortly, the
box says what the button is for."""
BUTTON_GROUND: Final = 39
HEARTBEAT_GPIO: Final = 26
HEARTBEAT_PIN: Final = 37

HEADER: Final = {
    **{1: "3V3", 2: "5V", 3: "GPIO2", 4: "5V", 5: "GPIO3", 6: "GND", 7: "GPIO4", 8: "GPIO14", 9: "GND", 10: "GPIO15"},
    **{11: "GPIO17", 12: "GPIO18", 13: "GPIO27", 14: "GND", 15: "GPIO22", 16: "GPIO23", 17: "3V3", 18: "GPIO24"},
    **{19: "GPIO10", 20: "GND", 21: "GPIO9", 22: "GPIO25", 23: "GPIO11", 24: "GPIO8", 25: "GND", 26: "GPIO7"},
    **{27: "GPIO0", 28: "GPIO1", 29: "GPIO5", 30: "GND", 31: "GPIO6", 32: "GPIO12", 33: "GPIO13", 34: "GND"},
    **{35: "GPIO19", 36: "GPIO16", 37: "GPIO26", 38: "GPIO20", 39: "GND", 40: "GPIO21"},
}
"""The 40-pin header, the same on the Raspberry Pi 4 and 5 (raspberrypi.com, “GPIO and the 40-pin header”)."""
