"""What Home Assistant is shown, and may ask for: MQTT device discovery, one state message, a button for a drill.

Format: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload. The broker, and whoever may read
there, then sees when calls are; so it is off unless the configuration says otherwise.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from denwaban import __version__
from denwaban.alert import wire
from denwaban.effects import Hearing
from denwaban.events import Level

_log = logging.getLogger(__name__)

STATUS_TOPIC: Final = "homeassistant/status"
"""Home Assistant says `online` here when it has started: everything is published again."""
PRESSED: Final = b"PRESS"

CallState = Literal["idle", "ringing", "left_alone", "screening", "listening", "ending"]

_CALL_WORDS: Final[dict[CallState, str]] = {
    "idle": "待機中",
    "ringing": "呼び出し中",
    "left_alone": "登録した相手",
    "screening": "応対中",
    "listening": "見守り中",
    "ending": "終わり",
}
_LEVEL_WORDS: Final = {"quiet": "ふつう", "caution": "注意", "alert": "警報"}


@dataclass(frozen=True, slots=True)
class PhoneState:
    """Where the box is with a call."""

    call: CallState = "idle"
    level: Level = Level.QUIET


def discovery_topic(unit: str) -> str:
    """Retained; an empty message takes the device away."""
    return f"homeassistant/device/denwaban-{wire.checked_name(unit, 'unit')}/config"


def discovery(unit: str) -> dict[str, Any]:
    """The device and its entities."""
    me, version = _me(unit), {"sw_version": __version__}
    return {
        "device": {"identifiers": [me], "name": f"電話番 {unit}", "manufacturer": "denwaban", **version},
        "origin": {"name": "denwaban", **version},
        "components": {
            "call": _sensor(unit, "call", "通話", _looked_up("call", _CALL_WORDS), _one_of(_CALL_WORDS)),
            "level": _sensor(unit, "level", "警戒の段階", _looked_up("level", _LEVEL_WORDS), _one_of(_LEVEL_WORDS)),
            "last_alert": _sensor(
                unit, "last-alert", "最後の警報", "{{ value_json.last_alert }}", {"device_class": "timestamp"}
            ),
            "line": {
                **_entity(unit, "binary_sensor", "line", "見守りの異常"),
                "state_topic": wire.state_topic(unit),
                "value_template": _looked_up("hearing", {"well": "OFF", "deaf": "ON"}),
                "device_class": "problem",
            },
            "online": {
                **{"platform": "binary_sensor", "name": "箱の接続", "unique_id": f"{me}-online"},
                "state_topic": wire.availability_topic(unit),
                "payload_on": wire.ONLINE.decode(),
                "payload_off": wire.OFFLINE.decode(),
                "device_class": "connectivity",
            },
            "drill": {
                **_entity(unit, "button", "drill", "訓練を始める"),
                "command_topic": wire.drill_topic(unit),
                "payload_press": PRESSED.decode(),
            },
        },
    }


def _me(unit: str) -> str:
    return f"denwaban-{unit}"


def _entity(unit: str, platform: str, what: str, name: str) -> dict[str, object]:
    """One that is unavailable while the box is."""
    head = {"platform": platform, "name": name, "unique_id": f"{_me(unit)}-{what}"}
    return {**head, "availability_topic": wire.availability_topic(unit)}


def _sensor(unit: str, what: str, name: str, template: str, more: Mapping[str, object]) -> dict[str, object]:
    shown = {"state_topic": wire.state_topic(unit), "value_template": template}
    return {**_entity(unit, "sensor", what, name), **shown, **more}


def _one_of(words: Mapping[Any, str]) -> dict[str, object]:
    return {"device_class": "enum", "options": [*words.values()]}


def _looked_up(field: str, words: Mapping[Any, str]) -> str:
    """A template; Home Assistant takes `None` for unknown."""
    return f"{{{{ {json.dumps(words, ensure_ascii=False)}.get(value_json.{field}, 'None') }}}}"


def state_message(phone: PhoneState, last_alert: float | None, hearing: Hearing | None) -> bytes:
    """The retained payload of the state topic. `last_alert`: seconds since the epoch."""
    assert phone.call in get_args(CallState)
    return json.dumps(
        {
            **{"v": wire.VERSION, "call": phone.call, "level": str(phone.level)},
            **{"last_alert": None if last_alert is None else wire.iso(last_alert), "hearing": hearing},
        }
    ).encode()


class Home:
    """What this connection still has to say to Home Assistant. For the alerts thread; `phone` is asked there.

    Where it is not `shown` any more, what an earlier run published is taken away; `marker` exists as long as there is
    something.
    """

    def __init__(self, unit: str, marker: Path, *, shown: bool, start_drill: Callable[[], object]) -> None:
        self._unit = unit
        self._marker = marker
        self._shown = shown
        self._start_drill = start_drill
        self._discovery = json.dumps(discovery(unit), ensure_ascii=False).encode()
        self._said: dict[str, bytes] = {}
        self._removing: set[int] = set()
        self.phone: Callable[[], PhoneState] = PhoneState

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe."""
        return (STATUS_TOPIC, wire.drill_topic(self._unit)) if self._shown else ()

    def begin(self) -> None:
        """A new connection, or Home Assistant has started: it knows nothing."""
        self._said.clear()
        self._removing.clear()

    def due(self, last_alert: float | None, hearing: Hearing | None) -> list[tuple[str, bytes]]:
        """(topic, payload) to publish now, retained; each is given out once."""
        if self._shown:
            told, state = self._discovery, state_message(self.phone(), last_alert, hearing)
        elif self._marker.exists():
            told, state = b"", b""
        else:
            return []
        payloads = ((discovery_topic(self._unit), told), (wire.state_topic(self._unit), state))
        news = [(topic, payload) for topic, payload in payloads if self._said.get(topic) != payload]
        if news and self._shown:
            self._mark()
        self._said.update(news)
        return news

    def sent(self, mid: int) -> None:
        """A message of `due` is on its way."""
        if not self._shown:
            self._removing.add(mid)

    def acknowledged(self, mid: int) -> None:
        """The broker has a message; when it has forgotten everything of us, so do we."""
        if mid in self._removing:
            self._removing.discard(mid)
            if not self._removing:
                with contextlib.suppress(OSError):  # then it is taken away once more at the next start
                    self._marker.unlink(missing_ok=True)

    def take(self, topic: str, payload: bytes) -> bool:
        """A message came; False when it is none for us."""
        if topic == STATUS_TOPIC:
            if payload == wire.ONLINE:
                self.begin()
        elif topic == wire.drill_topic(self._unit):
            if payload == PRESSED and self.phone().call == "idle":
                self._start_drill()
        else:
            return False
        return True

    def _mark(self) -> None:
        try:
            if not self._marker.exists():
                self._marker.touch(0o600)
        except OSError as error:
            _log.error("what Home Assistant is shown could not be taken away later: %s", error)
