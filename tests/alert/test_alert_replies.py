"""What a contact says is obeyed only if it is genuine; all else is refused for a reason that is counted."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.common import base64url_decode
from jwcrypto.jws import JWS

from denwaban.alert.keys import new_private_key, public_part
from denwaban.alert.replies import MAX_BYTES, ContactSays, Refused, read_reply, reply_message
from denwaban.alert.seal import sign, to_json

KEY, OTHER = new_private_key(), new_private_key()
SAYS = ContactSays("box-1", "musume", "alert-7", 3, "calling", "nonce-1", False)
BODY = {
    **{"v": 1, "unit": "box-1", "contact": "musume", "id": "alert-7", "sequence": 3},
    **{"reply": "calling", "nonce": "n", "drill": False},
}


def _why(payload: bytes, unit: str = "box-1", contact: str = "musume") -> str:
    with pytest.raises(Refused) as refused:
        read_reply(payload, unit, contact, public_part(KEY))
    return refused.value.why


def _signed(**changes: object) -> bytes:
    return to_json({"v": 1, "signed": sign(KEY, "denwaban-reply", BODY | changes)})


@pytest.mark.parametrize(
    "said", ["received", "calling", "false_alarm", "call_later", "hang_up", "ask_hang_up", "drill"]
)
def test_what_a_contact_says_comes_back_whole(said: str) -> None:
    says = replace(SAYS, said=said)
    assert read_reply(reply_message(says, KEY), "box-1", "musume", public_part(KEY)) == says


def test_another_key_another_unit_and_another_contact_are_refused() -> None:
    assert _why(reply_message(SAYS, OTHER)) == "wrong_signature"
    assert _why(reply_message(SAYS, KEY), unit="box-2") == "wrong_unit"
    assert _why(reply_message(SAYS, KEY), contact="musuko") == "wrong_unit"
    assert _why(to_json({"v": 1, "signed": sign(KEY, "denwaban-envelope", BODY)})) == "wrong_signature"


def test_an_oversized_message_is_refused_unread() -> None:
    assert _why(b" " * MAX_BYTES + reply_message(SAYS, KEY)) == "oversized"


@pytest.mark.parametrize(
    "change",
    [
        {"reply": "burn_it"},
        {"sequence": True},
        {"sequence": -1},
        {"sequence": 2**63},
        {"sequence": "3"},
        {"nonce": ""},
        {"nonce": "n" * 200},
        {"nonce": "合言葉"},
        {"drill": 0},
        {"id": None},
        {"v": 2},
    ],
)
def test_a_signed_message_with_a_wrong_field_is_refused(change: dict[str, object]) -> None:
    assert _why(_signed(**change)) == "malformed"


def test_half_a_character_is_refused_before_a_database_sees_it() -> None:
    header = base64url_decode(sign(KEY, "denwaban-reply", BODY).split(".")[0]).decode()
    token = JWS(json.dumps(BODY | {"nonce": "\ud800"}))
    token.add_signature(KEY, None, header)
    assert _why(to_json({"v": 1, "signed": token.serialize(compact=True)})) == "malformed"


def test_unknown_fields_are_tolerated() -> None:
    message = json.loads(_signed(mood="worried")) | {"extra": 1}
    assert read_reply(to_json(message), "box-1", "musume", public_part(KEY)).said == "calling"


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_nothing_else(payload: bytes) -> None:
    assert _why(payload) in ("malformed", "wrong_signature")
