"""Home Assistant finds the box, follows it, loses it cleanly, and may ask for a drill. Real Mosquitto."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import fastjsonschema
import pytest

from denwaban.alert import wire
from denwaban.alert.home import (
    STATUS_TOPIC,
    CallState,
    Home,
    PhoneState,
    discovery,
    discovery_topic,
    state_message,
)
from denwaban.alerting import phone_state
from denwaban.drill_button import EVERY_S, DrillButton
from denwaban.effects import ReportHealth
from denwaban.errands import Errands
from denwaban.events import Level
from denwaban.phases import Phase, SessionState
from denwaban.supervise import HEARTBEAT_ENV
from tests.alert.alert_desk import UNIT, Desk, Listener, an_alert
from tests.alert.test_alert_schema import check
from tests.fakes.ports import FakeClock
from tests.fixtures_broker import Mosquitto, until

Listen = Callable[[int, str], Listener]

# What https://www.home-assistant.io/integrations/mqtt/ and its pages on sensor, binary_sensor and button ask for.
_TOPIC = {"type": "string", "pattern": "^[^#+]+$"}
_ENTITY = {
    "type": "object",
    "required": ["platform", "unique_id", "name"],
    "properties": {
        "platform": {"enum": ["sensor", "binary_sensor", "button"]},
        "unique_id": {"type": "string"},
        "availability_topic": _TOPIC,
        "state_topic": _TOPIC,
        "command_topic": _TOPIC,
    },
    "allOf": [
        {
            "if": {"properties": {"platform": {"const": "button"}}},
            "then": {"required": ["command_topic"]},
            "else": {"required": ["state_topic"]},
        },
        {
            "if": {"properties": {"device_class": {"const": "enum"}}, "required": ["device_class"]},
            "then": {"required": ["options"], "properties": {"platform": {"const": "sensor"}}},
        },
        {
            "if": {"properties": {"platform": {"const": "binary_sensor"}}},
            "then": {"properties": {"device_class": {"enum": ["problem", "connectivity"]}}},
        },
    ],
}
_DISCOVERY = {
    "type": "object",
    "required": ["device", "origin", "components"],
    "additionalProperties": False,
    "properties": {
        "device": {
            "type": "object",
            "required": ["identifiers"],
            "additionalProperties": False,
            "properties": {
                "identifiers": {"type": "array", "minItems": 1},
                **{name: {"type": "string"} for name in ("name", "manufacturer", "model", "sw_version")},
            },
        },
        "origin": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {name: {"type": "string"} for name in ("name", "sw_version", "support_url")},
        },
        "components": {"type": "object", "minProperties": 6, "additionalProperties": _ENTITY},
    },
}


def test_the_discovery_message_is_as_home_assistant_documents_it() -> None:
    fastjsonschema.compile(_DISCOVERY)(discovery(UNIT))
    ids = [entity["unique_id"] for entity in discovery(UNIT)["components"].values()]
    assert len(set(ids)) == len(ids)
    with pytest.raises(fastjsonschema.JsonSchemaException):
        fastjsonschema.compile(_DISCOVERY)(discovery(UNIT) | {"origin": {}})


@pytest.mark.parametrize("call", get_args(CallState))
@pytest.mark.parametrize("last_alert", [None, 1_750_000_000.0])
def test_the_state_is_as_the_schema_says(call: CallState, last_alert: float | None) -> None:
    for hearing in (None, "well", "deaf"):
        check("state", json.loads(state_message(PhoneState(call, Level.CAUTION), last_alert, hearing)))


def test_the_templates_say_what_the_entities_may_be() -> None:
    jinja2 = pytest.importorskip("jinja2")
    components = discovery(UNIT)["components"]

    def shown(entity: str, *state: object) -> str:
        value = json.loads(state_message(*state))
        return jinja2.Template(components[entity]["value_template"]).render(value_json=value)

    for call in get_args(CallState):
        assert shown("call", PhoneState(call), None, None) in components["call"]["options"]
    for level in Level:
        assert shown("level", PhoneState(level=level), None, None) in components["level"]["options"]
    assert [shown("line", PhoneState(), None, hearing) for hearing in ("well", "deaf", None)] == ["OFF", "ON", "None"]
    assert shown("last_alert", PhoneState(), 1_750_000_000.0, None) == "2025-06-15T15:06:40.000Z"


def test_every_phase_of_a_call_has_a_word() -> None:
    for phase in Phase:
        assert phone_state(SessionState("boot", phase=phase)).call in get_args(CallState)


def _home(desk: Desk, drills: list[str], *, shown: bool = True) -> Home:
    return Home(UNIT, desk.folder / "home-assistant", shown=shown, start_drill=lambda: drills.append("drill"))


@pytest.mark.broker
def test_the_box_is_found_followed_and_found_again_after_a_restart_of_home_assistant(
    desk: Desk, mosquitto: Mosquitto, listen: Listen
) -> None:
    phone = [PhoneState()]
    alerts = desk.alerts(desk.settings(mosquitto.port), home=_home(desk, []), phone=lambda: phone[0])
    found = listen(mosquitto.port, discovery_topic(UNIT))
    assert json.loads(found.next().payload) == discovery(UNIT)
    states = listen(mosquitto.port, wire.state_topic(UNIT))
    first = states.next()
    assert first.retain
    assert json.loads(first.payload) == {"v": 1, "call": "idle", "level": "quiet", "last_alert": None, "hearing": None}
    phone[0] = PhoneState("listening", Level.ALERT)
    alerts.submit(an_alert(), 1_750_000_000.0)
    until(lambda: json.loads(states.next().payload)["last_alert"], "the alert in the state")
    alerts.report(ReportHealth("deaf", "line"), 1.0)
    until(lambda: json.loads(states.next().payload)["hearing"] == "deaf", "the line in the state")
    states.client.publish(STATUS_TOPIC, b"online", 1)
    assert json.loads(found.next().payload) == discovery(UNIT)
    again = json.loads(states.next().payload)
    assert (again["call"], again["level"], again["hearing"]) == ("listening", "alert", "deaf")
    alerts.close()
    later = desk.alerts(desk.settings(mosquitto.port), home=_home(desk, []))
    assert later._last_alert == 1_750_000_000.0, "remembered over a restart"


@pytest.mark.broker
def test_a_box_that_is_not_to_be_shown_any_more_takes_everything_away(
    desk: Desk, mosquitto: Mosquitto, listen: Listen
) -> None:
    settings = desk.settings(mosquitto.port)
    shown = desk.alerts(settings, home=_home(desk, []))
    everything = listen(mosquitto.port, "homeassistant/#")
    assert everything.next().payload
    shown.close()
    hidden = desk.alerts(settings, home=_home(desk, [], shown=False))
    assert everything.next().payload == b"", "an empty retained message takes the device away"
    until(lambda: not (desk.folder / "home-assistant").exists(), "everything to be taken away")
    hidden.close()
    never = desk.alerts(settings, home=_home(desk, [], shown=False))
    assert never.wait_connected(60)
    left = listen(mosquitto.port, "#")
    never.submit(an_alert(), 1.0)
    topics = {left.next().topic for _ in range(4)}
    assert not [topic for topic in topics if topic.startswith("homeassistant") or topic.endswith("/state")]


def test_a_disk_that_takes_no_mark_stops_nothing(tmp_path: Path) -> None:
    home = Home(UNIT, tmp_path / "no folder" / "mark", shown=True, start_drill=lambda: None)
    assert [topic for topic, _payload in home.due(None, None)] == [discovery_topic(UNIT), wire.state_topic(UNIT)]
    assert home.due(None, None) == []


@pytest.mark.broker
def test_a_press_starts_a_drill_and_an_old_or_wrong_one_does_not(
    desk: Desk, mosquitto: Mosquitto, listen: Listen
) -> None:
    drills: list[str] = []
    press = listen(mosquitto.port, wire.drill_topic(UNIT))
    press.client.publish(wire.drill_topic(UNIT), b"PRESS", 1, retain=True).wait_for_publish(60)
    desk.alerts(desk.settings(mosquitto.port), home=_home(desk, drills))
    listen(mosquitto.port, discovery_topic(UNIT)).next()  # from here on it listens
    for payload in (b"", b"press", b"x" * 5000, b"PRESS"):
        press.client.publish(wire.drill_topic(UNIT), payload, 1).wait_for_publish(60)
    until(lambda: drills, "the drill")
    assert drills == ["drill"]


def test_no_drill_starts_during_a_call(tmp_path: Path) -> None:
    drills: list[str] = []
    home = Home(UNIT, tmp_path / "mark", shown=True, start_drill=lambda: drills.append("drill"))
    for call in get_args(CallState):
        home.phone = lambda call=call: PhoneState(call)
        assert home.take(wire.drill_topic(UNIT), b"PRESS")
    assert drills == ["drill"], "only when idle"


def test_a_press_runs_the_command_and_another_one_soon_after_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HEARTBEAT_ENV, "7")
    ran, clock = tmp_path / "ran", FakeClock()
    say = f"str(sys.argv[1:]) + ' ' + str({HEARTBEAT_ENV!r} in os.environ) + '|'"
    program = f"import os, sys; open({str(ran)!r}, 'a').write({say})"
    errands = Errands([sys.executable, "-c", program], ["--config", "c.toml"], clock.wall)
    button, expected = DrillButton(clock, errands), "['drill', '--json', '--config', 'c.toml'] False|"

    def over() -> bool:
        errand = errands.now("drill")
        return errand is not None and errand.status is not None

    for _ in range(3):
        button.press()
    until(over, "the end of the drill")
    assert ran.read_text() == expected
    clock.advance(EVERY_S + 1)
    button.press()
    until(lambda: ran.read_text() == 2 * expected, "the second drill")
    until(over, "its end")


def test_a_drill_that_cannot_be_started_is_told(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    DrillButton(clock, Errands(["/no/such/program"], [], clock.wall)).press()
    assert "cannot be started" in caplog.text
