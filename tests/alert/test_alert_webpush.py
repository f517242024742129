"""Push services get what the standards say and nothing they could read; browsers are woken as they asked to be."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from denwaban.alert import wire
from denwaban.alert.keys import new_private_key, public_part
from denwaban.alert.replies import Refused
from denwaban.alert.seal import sign, to_json
from denwaban.alert.webpush import (
    MAX_PLAIN,
    PURPOSE,
    Subscription,
    encrypt,
    is_subscription,
    public_key,
    read_subscription,
    request,
)
from denwaban.events import Level
from tests.alert.push_service import Browser, claims, decoded, encoded

UNIT_KEY, CONTACT_KEY, PUSH_KEY = new_private_key(), new_private_key(), new_private_key()
BROWSER = Browser()
TOLD = {
    **{"v": 1, "unit": "box-1", "contact": "musume", "at": 1_750_000_000_000},
    **{"endpoint": "https://push.example/send/abc", **BROWSER.keys()},
}
ENVELOPE = wire.Envelope("box-1", "68f1c2-1", "new", Level.ALERT, 1_750_000_000.0, 7, False)


def told(**changes: object) -> bytes:
    return to_json({"v": 1, "signed": sign(CONTACT_KEY, PURPOSE, TOLD | changes)})


def read(payload: bytes) -> Subscription:
    return read_subscription(payload, "box-1", "musume", public_part(CONTACT_KEY))


def test_encryption_is_that_of_rfc_8291() -> None:
    """The example of its section 5 and appendix A."""
    to = Subscription(
        *("", "https://push.example/"),
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        *("BTBZMqHH6r4Tts7J_aSIgg", 0),
    )
    secret = int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    key = ec.derive_private_key(secret, ec.SECP256R1())
    made = encrypt(b"When I grow up, I want to be a watermelon", to, decoded("DGv6ra1nlYgDCS1FRnbzlw"), key)
    assert encoded(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_a_request_says_who_sends_and_only_the_browser_reads_it() -> None:
    made = request(read(told()), b"the message", "68f1c2-1", PUSH_KEY, "https://family.example/", 1_750_000_000.9)
    assert made.endpoint == "https://push.example/send/abc"
    assert BROWSER.decrypt(made.body) == b"the message"
    scheme, token, key = made.headers["Authorization"].replace(",", "").split()
    assert (scheme, key) == ("vapid", f"k={public_key(PUSH_KEY)}")
    said = claims(token.removeprefix("t="), public_key(PUSH_KEY))
    assert said == {"aud": "https://push.example", "exp": 1_750_043_200, "sub": "https://family.example/"}
    assert made.headers["Urgency"] == "high"
    assert "68f1c2-1" not in str(made.headers), "alerts are told apart by a hash"


@given(st.lists(st.text(max_size=80), max_size=10), st.text(max_size=40))
def test_whatever_was_heard_a_push_is_small_enough(phrases: list[str], number: str) -> None:
    nonces = tuple((name, "n" * 22) for name in ("calling", "false_alarm", "call_later", "ask_hang_up"))
    detail = wire.Detail(
        *("refund", "還付金があると言ってATMへ誘う詐欺", 0.93, number, None, tuple(phrases)),
        *((("far", "長い話" * 100),) * 12, "ATMでお金が戻ることはありません。" * 4, "r" * 22, nonces),
    )
    payload = wire.push_message(ENVELOPE, detail, UNIT_KEY, "musume", public_part(CONTACT_KEY), MAX_PLAIN)
    assert len(payload) <= MAX_PLAIN
    assert len(encrypt(payload, read(told()))) <= 4096, "RFC 8030 §7.2"
    reader = wire.Reader("box-1", public_part(UNIT_KEY), "musume", CONTACT_KEY)
    _, came = wire.read_message(payload, reader)
    assert came is not None
    assert (came.transcript, came.choices, came.advice) == ((), nonces, detail.advice)
    assert came.evidence == detail.evidence[: len(came.evidence)]


def test_three_phrases_always_fit() -> None:
    detail = wire.Detail(
        *("refund", "家族や親族を名乗る詐欺", 0.93, "0312345678", None, ("あ" * 80,) * 10, (), "い" * 90, "r" * 22),
        tuple((name, "n" * 22) for name in ("calling", "false_alarm", "call_later", "ask_hang_up")),
    )
    payload = wire.push_message(ENVELOPE, detail, UNIT_KEY, "musume", public_part(CONTACT_KEY), MAX_PLAIN)
    _, came = wire.read_message(payload, wire.Reader("box-1", public_part(UNIT_KEY), "musume", CONTACT_KEY))
    assert came is not None
    assert len(came.evidence) >= 3


def test_a_subscription_is_told_apart_from_an_answer() -> None:
    assert is_subscription(told())
    for payload in (b"", b"{}", b'{"signed":1}', told().replace(b"ey", b"xx"), b"x" * 10_000):
        assert not is_subscription(payload)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (told(unit="box-2"), "wrong_unit"),
        (told(contact="son"), "wrong_unit"),
        (told(endpoint="http://push.example/"), "malformed"),
        (told(endpoint="https://"), "malformed"),
        (told(endpoint="https://push.example/\r\nHost: x"), "malformed"),
        (told(endpoint="https://[push.example/"), "malformed"),
        (told(endpoint="https://push.example/" + "x" * 1000), "malformed"),
        (told(endpoint=None), "malformed"),
        (told(endpoint="https://push.example:99999/x"), "malformed"),
        (told(endpoint="https://push.example:x/"), "malformed"),
        (told(endpoint="https://a..b/"), "malformed"),
        (told(endpoint=f"https://{'a' * 64}.example/"), "malformed"),
        (told(p256dh="AAAA"), "malformed"),
        (told(p256dh=7), "malformed"),
        (told(auth="AAAA"), "malformed"),
        (told(at="now"), "malformed"),
        (told(at=2**63), "malformed"),
        (told(at=True), "malformed"),
        (told(v=2), "malformed"),
        (told(more="x" * 4096), "oversized"),
        (to_json({"v": 1, "signed": sign(UNIT_KEY, PURPOSE, TOLD)}), "wrong_signature"),
        (to_json({"v": 1, "signed": sign(CONTACT_KEY, "denwaban-reply", TOLD)}), "wrong_signature"),
        (json.dumps({"v": 1}).encode(), "wrong_signature"),
    ],
)
def test_what_is_no_subscription_is_refused_for_its_reason(payload: bytes, why: str) -> None:
    with pytest.raises(Refused) as refused:
        read(payload)
    assert refused.value.why == why
