"""docs/wire.schema.json says what the unit and its contacts really send, and refuses what the program refuses."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import fastjsonschema
import pytest
from fastjsonschema import JsonSchemaValueException
from jwcrypto.jws import JWS

from denwaban.alert import pairing, wire
from denwaban.alert.keys import new_private_key, public_part, thumbprint
from denwaban.alert.replies import ContactSays, reply_message
from denwaban.alert.seal import decrypt, sign, to_json
from denwaban.alert.webpush import PURPOSE, public_key, read_subscription
from denwaban.alert.words import known_categories
from denwaban.effects import SendAlert
from denwaban.events import CallerId, Evidence, Level, Reply

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "wire.schema.json").read_text("utf-8"))
UNIT_KEY, CONTACT_KEY = new_private_key(), new_private_key()
ALERT = SendAlert(
    *("alert-1", "call-1", "new", Level.ALERT, "refund", 0.93, CallerId("0312345678")),
    evidence=tuple(Evidence("証" * 200, n / 20) for n in range(20)),
    transcript=tuple(("far", "話" * 900) for _ in range(20)),
)
ENVELOPE = wire.Envelope("box-1", "alert-1", "new", Level.ALERT, 1_750_000_000.0, 1, drill=False)


def check(part: str, value: object) -> None:
    """Raises JsonSchemaValueException unless the value is as that part of the schema says."""
    fastjsonschema.compile({**SCHEMA, "$ref": f"#/definitions/{part}"})(value)


def signed(token: str) -> object:
    jws = JWS()
    jws.deserialize(token)
    return json.loads(jws.objects["payload"])


def detail_of(alert: SendAlert, level: str = "transcript") -> object:
    detail = replace(wire.detail_of(alert, level), receipt="r", choices=tuple((one, "n") for one in get_args(Reply)))
    message = json.loads(wire.contact_message(ENVELOPE, detail, UNIT_KEY, "musume", public_part(CONTACT_KEY)))
    check("message", message)
    return signed(decrypt(CONTACT_KEY, message["detail"]))


@pytest.mark.parametrize("event", get_args(wire.AlertEvent))
@pytest.mark.parametrize("level", list(Level))
def test_envelopes_are_as_the_schema_says(event: str, level: Level) -> None:
    message = json.loads(wire.public_message(replace(ENVELOPE, event=event, level=level), UNIT_KEY))
    check("message", message)
    check("envelope", signed(message["signed"]))


@pytest.mark.parametrize("level", ["minimal", "words", "transcript"])
@pytest.mark.parametrize("caller", [None, CallerId("0312345678"), CallerId(None, "P"), CallerId("9" * 90)])
def test_details_are_as_the_schema_says(level: str, caller: CallerId | None) -> None:
    for category in [*known_categories(), ""]:
        check("detail", detail_of(replace(ALERT, caller=caller, category=category), level))


@pytest.mark.parametrize("hearing", ["deaf", "well"])
@pytest.mark.parametrize("reason", ["line", "speech"])
def test_reports_of_health_are_as_the_schema_says(hearing: str, reason: str) -> None:
    message = json.loads(wire.health_message(wire.Health("box-1", hearing, reason, 1.0, 7, False, "nonce"), UNIT_KEY))
    check("message", message)
    check("health", signed(message["signed"]))


@pytest.mark.parametrize("said", ["received", "drill", *get_args(Reply)])
def test_replies_are_as_the_schema_says(said: str) -> None:
    message = json.loads(reply_message(ContactSays("box-1", "musume", "a", 1, said, "nonce", True), CONTACT_KEY))
    check("message", message)
    check("reply", signed(message["signed"]))


def test_pairing_is_as_the_schema_says() -> None:
    invitation = pairing.Invitation("box-1", thumbprint(UNIT_KEY), "musume", "b", 1883, False, pairing.new_code())
    for payload in (
        pairing.ask_message(invitation, CONTACT_KEY),
        pairing.confirm_message(invitation, UNIT_KEY, CONTACT_KEY),
    ):
        message = json.loads(payload)
        check("pairing_message", message)
        check("pairing", signed(message["signed"]))


def test_pairing_with_a_page_is_as_the_schema_says_and_so_is_how_it_is_woken() -> None:
    invitation = pairing.Invitation("box-1", thumbprint(UNIT_KEY), "musume", "b", 1883, False, pairing.new_code())
    confirm = pairing.confirm_message(invitation, UNIT_KEY, CONTACT_KEY, public_key(UNIT_KEY))
    check("pairing", signed(json.loads(confirm)["signed"]))
    body = {
        **{"v": 1, "unit": "box-1", "contact": "musume", "endpoint": "https://push.example/abc"},
        **{"p256dh": public_key(new_private_key()), "auth": "A" * 22, "at": 1_750_000_000_000},
    }
    check("subscription", body)
    payload = to_json({"v": 1, "signed": sign(CONTACT_KEY, PURPOSE, body)})
    check("message", json.loads(payload))
    assert read_subscription(payload, "box-1", "musume", public_part(CONTACT_KEY)).endpoint == body["endpoint"]
    with pytest.raises(JsonSchemaValueException):
        check("subscription", body | {"endpoint": "http://push.example/abc"})


def test_availability_is_as_the_schema_says() -> None:
    for payload in (wire.ONLINE, wire.OFFLINE):
        check("availability", payload.decode())


BREAKS: list[Callable[[dict[str, object]], object]] = [
    lambda body: body.pop("unit"),
    lambda body: body.update(v=2),
    lambda body: body.update(sequence=-1),
    lambda body: body.update(event="gone"),
    lambda body: body.update(level="panic"),
    lambda body: body.update(at="yesterday"),
    lambda body: body.update(drill="no"),
    lambda body: body.update(unit="a/b"),
]


@pytest.mark.parametrize("break_it", BREAKS)
def test_the_schema_refuses_what_is_wrong(break_it: Callable[[dict[str, object]], object]) -> None:
    body = signed(json.loads(wire.public_message(ENVELOPE, UNIT_KEY))["signed"])
    assert isinstance(body, dict)
    check("envelope", body | {"new in version 1.1": 1})
    broken = copy.deepcopy(body)
    break_it(broken)
    with pytest.raises(JsonSchemaValueException):
        check("envelope", broken)
