"""Makes family/test/golden.json: messages as the box writes them, good and bad, for the tests of the page.

`python tests/family/make_golden.py`. Keys and tokens are fresh each time, so remake it only when the wire changes: the
file proves that what was readable once stays so.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from denwaban.alert import wire
from denwaban.alert.keys import new_private_key, private_text, public_part, public_text, thumbprint
from denwaban.alert.pairing import Invitation, confirm_message
from denwaban.alert.seal import decrypt, encrypt, sign
from denwaban.effects import SendAlert
from denwaban.events import CallerId, Evidence, Level

PATH = Path(__file__).parents[2] / "family" / "test" / "golden.json"
UNIT, CONTACT = "box-1", "daughter"
AT = 1_750_000_000.5
ENVELOPE = wire.Envelope(UNIT, "68f1c2-1", "new", Level.ALERT, AT, 7, False)
MARKUP = '<img src=x onerror="alert(1)"> & <script>alert(2)</script>'
ALERT = SendAlert(
    *("68f1c2-1", "68f1c2-1", "new", Level.ALERT, "refund", 0.93, CallerId("0312345678")),
    evidence=(Evidence("還付金", 0.6), Evidence("ATM", 0.3)),
    transcript=(("far", "還付金があります"), ("near", "はい"), ("unknown", MARKUP)),
)


def main() -> None:
    unit, contact, stranger = new_private_key(), new_private_key(), new_private_key()
    detail = replace(
        wire.detail_of(ALERT),
        receipt="the-receipt",
        choices=(("calling", "nonce-1"), ("false_alarm", "nonce-2"), ("hang_up", "nonce-3"), ("new_one", "nonce-4")),
    )

    def message(envelope: wire.Envelope = ENVELOPE, told: wire.Detail = detail, **keys: object) -> str:
        given = {"unit_key": unit, "contact": CONTACT, "contact_key": contact} | keys
        return wire.contact_message(envelope, told, **given).decode()

    def changed(payload: str, **fields: object) -> str:
        return json.dumps(json.loads(payload) | fields)

    good = message()
    parts = json.loads(good)
    withheld = replace(detail, number=None, absence="P", evidence=(), transcript=(), choices=(), receipt="")
    ended = replace(ENVELOPE, event="end", sequence=8, drill=True)
    inner = decrypt(contact, parts["detail"])
    zipped = parts["detail"].replace(parts["detail"].split(".")[0], _header(parts["detail"], zip="DEF"))
    health = wire.Health(UNIT, "deaf", "line", AT, 9, False, "the-drill")
    invitation = Invitation(
        *(UNIT, thumbprint(unit), CONTACT, "broker.example", 8883, True, "the-code"),
        websocket="wss://broker.example:8884/mqtt",
        username=CONTACT,
        password="a+b c",
    )
    other_box = replace(invitation, unit_kid=thumbprint(stranger))
    golden = {
        "unit": UNIT,
        "contact": CONTACT,
        "unit_key": json.loads(public_text(unit)),
        "contact_key": json.loads(private_text(contact)),
        "alerts": {
            "whole": good,
            "withheld, over, drill": message(ended, withheld),
            "envelope only": wire.public_message(ENVELOPE, unit).decode(),
            "with keys of a later version": changed(good, later=True),
        },
        "health": wire.health_message(health, unit).decode(),
        "refused": {
            "signed by another box": message(unit_key=stranger),
            "of another unit": message(replace(ENVELOPE, unit="box-2")),
            "for another contact": message(contact="son"),
            "encrypted to another key": message(contact_key=public_part(stranger)),
            "detail of another alert": changed(message(replace(ENVELOPE, id="other")), signed=parts["signed"]),
            "detail of another sequence": changed(good, signed=json.loads(message(ended))["signed"]),
            "detail signed by another": changed(good, detail=encrypt(contact, sign(stranger, "denwaban-detail", {}))),
            "detail not signed as one": changed(good, detail=encrypt(contact, sign(unit, "denwaban-envelope", {}))),
            "detail compressed": changed(good, detail=zipped),
            "detail tampered with": changed(good, detail=parts["detail"][:-4] + "AAAA"),
            "detail twice encrypted": changed(good, detail=encrypt(contact, encrypt(contact, inner))),
            "signature tampered with": changed(good, signed=parts["signed"][:-4] + "AAAA"),
            "health as an alert": wire.health_message(health, unit).decode(),
            "of a later version": changed(good, v=2),
            "no object": "[]",
            "no JSON": "{",
            "nothing": "",
        },
        "pairing": {
            "address": invitation.url("https://family.example/"),
            "bare": invitation.url(),
            "confirm": confirm_message(invitation, unit, contact).decode(),
            "another box": confirm_message(other_box, unit, contact).decode(),
            "another code": confirm_message(replace(invitation, code="guessed"), unit, contact).decode(),
            "another contact's key": confirm_message(invitation, unit, stranger).decode(),
        },
    }
    PATH.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _header(token: str, **more: str) -> str:
    from jwcrypto.common import base64url_decode, base64url_encode  # noqa: PLC0415

    return base64url_encode(json.dumps(json.loads(base64url_decode(token.split(".", 1)[0])) | more))


if __name__ == "__main__":
    main()
