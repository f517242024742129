"""The wire: what goes in comes out, for the right reader only, and garbage is nothing but a WireError."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto.common import base64url_encode
from jwcrypto.jwe import JWE

from denwaban.alert import wire
from denwaban.alert.keys import new_private_key, public_part, thumbprint
from denwaban.alert.seal import MAX_BYTES, encrypt, sign, to_json
from denwaban.effects import SendAlert
from denwaban.errors import WireError
from denwaban.events import CallerId, Evidence, Level

UNIT_KEY, CONTACT_KEY, OTHER_KEY = new_private_key(), new_private_key(), new_private_key()
ENVELOPE = wire.Envelope("box-1", "alert-7", "new", Level.ALERT, 1_750_000_000.125, 3, False)
DETAIL = wire.Detail(
    category="refund",
    kind="還付金があると言ってATMへ誘う詐欺",
    score=0.93,
    number="0312345678",
    absence=None,
    evidence=("還付金", "ATM"),
    transcript=(("far", "還付金があります"), ("near", "はい")),
    advice="すぐ電話を",
)
READER = wire.Reader("box-1", public_part(UNIT_KEY), "musume", CONTACT_KEY)


def _sealed(envelope: wire.Envelope = ENVELOPE, contact: str = "musume", unit_key=UNIT_KEY, to=CONTACT_KEY) -> bytes:
    return wire.contact_message(envelope, DETAIL, unit_key, contact, public_part(to))


def _alert(**changes: object) -> SendAlert:
    alert = SendAlert(
        *("alert-7", "call-1", "new", Level.ALERT, "refund", 0.9, CallerId("0312345678")),
        evidence=(Evidence("弱い", 0.1), Evidence("強い", 0.9)),
        transcript=(("far", "もしもし"),),
    )
    return replace(alert, **changes)


def test_message_comes_back_whole_for_its_contact() -> None:
    assert wire.read_message(_sealed(), READER) == (ENVELOPE, DETAIL)


def test_public_message_carries_the_envelope_and_nothing_else() -> None:
    payload = wire.public_message(ENVELOPE, UNIT_KEY)
    assert wire.read_envelope(payload, "box-1", public_part(UNIT_KEY)) == ENVELOPE
    assert wire.read_message(payload, READER) == (ENVELOPE, None)
    assert json.loads(payload).keys() == {"v", "signed"}


def test_broker_sees_no_number_and_no_word() -> None:
    payload = _sealed().decode()
    for secret in ("0312345678", "還付金", "refund"):
        assert secret not in payload
        assert json.dumps(secret).strip('"') not in payload


def test_reader_without_key_gets_the_envelope() -> None:
    assert wire.read_message(_sealed(), replace(READER, private_key=None)) == (ENVELOPE, None)


def test_wrong_reader_is_refused() -> None:
    with pytest.raises(WireError, match="another key"):
        wire.read_message(_sealed(), replace(READER, private_key=OTHER_KEY))
    with pytest.raises(WireError, match="another contact"):
        wire.read_message(_sealed(), replace(READER, contact="musuko"))


def test_message_of_another_unit_is_refused() -> None:
    with pytest.raises(WireError, match="not signed by this unit"):
        wire.read_message(_sealed(unit_key=OTHER_KEY), READER)
    with pytest.raises(WireError, match="another unit"):
        wire.read_message(_sealed(replace(ENVELOPE, unit="box-2")), READER)


@pytest.mark.parametrize("change", [{"id": "alert-8"}, {"sequence": 4}])
def test_detail_cannot_be_moved_to_another_alert(change: dict[str, object]) -> None:
    message = json.loads(_sealed(replace(ENVELOPE, **change)))
    message["detail"] = json.loads(_sealed())["detail"]
    with pytest.raises(WireError, match="another alert"):
        wire.read_message(json.dumps(message).encode(), READER)


def test_detail_signed_by_somebody_else_is_refused() -> None:
    body = {"v": 1, "unit": "box-1", "id": "alert-7", "sequence": 3, "contact": "musume"}
    for forged in (sign(OTHER_KEY, "denwaban-detail", body), sign(UNIT_KEY, "denwaban-envelope", body), "no.to.ken"):
        message = json.loads(_sealed())
        message["detail"] = encrypt(public_part(CONTACT_KEY), forged)
        with pytest.raises(WireError):
            wire.read_message(json.dumps(message).encode(), READER)


def test_unsigned_and_compressed_tokens_are_refused() -> None:
    bomb = JWE(
        b"x" * 200_000,
        json.dumps({"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "zip": "DEF", "kid": thumbprint(CONTACT_KEY)}),
    )
    bomb.add_recipient(public_part(CONTACT_KEY))
    message = json.loads(_sealed()) | {"detail": bomb.serialize(compact=True)}
    with pytest.raises(WireError, match="not encrypted with"):
        wire.read_message(json.dumps(message).encode(), READER)
    header, body, signature = json.loads(_sealed())["signed"].split(".")
    none = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    for token in (f"{none}.{body}.{signature}", f"{none}.{body}.", f"{header}.{body}.AAAA"):
        with pytest.raises(WireError):
            wire.read_envelope(json.dumps({"v": 1, "signed": token}).encode(), "box-1", public_part(UNIT_KEY))


def test_newer_version_says_update() -> None:
    message = json.loads(_sealed()) | {"v": 2}
    with pytest.raises(WireError, match="update"):
        wire.read_message(json.dumps(message).encode(), READER)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("event", "gone"), ("level", "panic"), ("at", "yesterday"), ("at", "2025-01-01T00:00:00"), ("at", 5)],
        *[("sequence", True), ("sequence", "1"), ("drill", 1), ("unit", None), ("id", 7), ("v", None)],
    ],
)
def test_signed_nonsense_is_a_wire_error_naming_the_field(name: str, value: object) -> None:
    body = {"v": 1, "unit": "box-1", "id": "a", "event": "new", "level": "alert", "at": "2025-01-01T00:00:00Z"}
    body |= {"sequence": 1, "drill": False, name: value}
    payload = json.dumps({"v": 1, "signed": sign(UNIT_KEY, "denwaban-envelope", body)}).encode()
    with pytest.raises(WireError, match=f"{name}:"):
        wire.read_envelope(payload, "box-1", public_part(UNIT_KEY))


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["score", "number", "absence", "evidence", "transcript", "advice", "kind", "category"]),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=3)),
)
def test_signed_detail_of_any_shape_is_read_or_refused(name: str, value: object) -> None:
    body = {
        **{"v": 1, "unit": "box-1", "id": "alert-7", "sequence": 3, "contact": "musume", "category": "", "kind": ""},
        **{"score": 1, "number": None, "absence": None, "evidence": [], "transcript": [], "advice": "", name: value},
    }
    token = encrypt(public_part(CONTACT_KEY), sign(UNIT_KEY, "denwaban-detail", body))
    try:
        detail = wire.open_detail(CONTACT_KEY, public_part(UNIT_KEY), token, ENVELOPE, "musume")
    except WireError:
        return
    assert isinstance(detail, wire.Detail)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=400) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
def test_garbage_is_nothing_but_a_wire_error(payload: bytes) -> None:
    with pytest.raises(WireError):
        wire.read_message(payload, READER)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_damaged_message_is_a_wire_error_or_unchanged(data: st.DataObject) -> None:
    payload = bytearray(_sealed())
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        # The last character of base64url has spare bits: such a change is no change. A damaged name of the detail
        # makes it an unknown field.
        assert wire.read_message(bytes(payload), READER) in ((ENVELOPE, DETAIL), (ENVELOPE, None))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda x: st.lists(x, max_size=4) | st.dictionaries(st.text(max_size=8), x, max_size=4),
)


@settings(deadline=None, max_examples=300)
@given(st.fixed_dictionaries({"v": st.just(1)}, optional={"signed": _JSON, "detail": _JSON}), _JSON)
def test_any_json_is_nothing_but_a_wire_error(message: dict[str, object], header: object) -> None:
    with pytest.raises(WireError):
        wire.read_message(json.dumps(message).encode(), READER)
    token = f"{base64url_encode(json.dumps(header))}.e30.AAAA"
    with pytest.raises(WireError):
        wire.read_message(json.dumps({"v": 1, "signed": token}).encode(), READER)
    encrypted = f"{base64url_encode(json.dumps(header))}.AAAA.AAAA.AAAA.AAAA"
    with pytest.raises(WireError):
        wire.read_message(json.dumps(json.loads(_sealed()) | {"detail": encrypted}).encode(), READER)


@pytest.mark.parametrize(
    "epk",
    [{}, {"kty": "EC"}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "x", None, {"kty": "oct", "k": "AA"}],
)
def test_hostile_ephemeral_key_is_a_wire_error(epk: object) -> None:
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "kid": thumbprint(CONTACT_KEY), "epk": epk}
    token = f"{base64url_encode(json.dumps(header))}.AAAA.AAAA.AAAA.AAAA"
    with pytest.raises(WireError):
        wire.open_detail(CONTACT_KEY, public_part(UNIT_KEY), token, ENVELOPE, "musume")


def test_oversized_and_deep_messages_are_refused() -> None:
    with pytest.raises(WireError, match="larger than"):
        wire.read_message(b" " * (MAX_BYTES + 1), READER)
    with pytest.raises(WireError):
        wire.read_message(b"[" * 60_000, READER)
    with pytest.raises(WireError):
        wire.read_message(b'{"v":' + b"9" * 60_000 + b"}", READER)


def test_largest_detail_fits_the_wire() -> None:
    alert = _alert(
        transcript=tuple(("unknown", "\x01" * 5000) for _ in range(50)),
        evidence=tuple(Evidence("\x01" * 5000, 0.1) for _ in range(50)),
        caller=CallerId("\x01" * 5000),
    )
    payload = wire.contact_message(ENVELOPE, wire.detail_of(alert), UNIT_KEY, "musume", public_part(CONTACT_KEY))
    assert len(payload) < MAX_BYTES
    _, detail = wire.read_message(payload, READER)
    assert detail is not None
    assert len(detail.transcript) == 12


def test_half_a_surrogate_in_a_transcript_does_not_stop_an_alert() -> None:
    detail = wire.detail_of(_alert(transcript=(("far", "壊れた\ud800文字"),)))
    payload = wire.contact_message(ENVELOPE, detail, UNIT_KEY, "musume", public_part(CONTACT_KEY))
    _, read = wire.read_message(payload, READER)
    assert read is not None
    assert read.transcript == (("far", "壊れた?文字"),)


def test_detail_tells_the_strongest_phrase_first_and_keeps_the_last_words() -> None:
    detail = wire.detail_of(_alert(transcript=tuple(("far", str(n)) for n in range(40))))
    assert detail.evidence == ("強い", "弱い")
    assert [text for _, text in detail.transcript] == [str(n) for n in range(28, 40)]
    assert wire.detail_of(_alert(caller=CallerId(absence="P"))).absence == "P"
    assert wire.detail_of(_alert(caller=None)).number is None


@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "a b", "$SYS", "a\0", "x" * 65, "a\n"])
def test_name_that_is_no_topic_level_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        wire.alert_topic(name)
    with pytest.raises(WireError):
        wire.contact_topic("box-1", name)


def test_topics_are_as_documented() -> None:
    assert wire.availability_topic("box-1") == "denwaban/v1/box-1/availability"
    assert wire.alert_topic("box-1") == "denwaban/v1/box-1/alert"
    assert wire.contact_topic("box-1", "長女") == "denwaban/v1/box-1/alert/長女"
    assert wire.iso(1_750_000_000.125) == "2025-06-15T15:06:40.125Z"


HEALTH = wire.Health("box-1", "deaf", "line", 1_750_000_000.125, 4, False, "nonce")


def test_report_of_health_comes_back_whole_and_is_of_this_unit_alone() -> None:
    payload = wire.health_message(HEALTH, UNIT_KEY)
    assert wire.read_health(payload, "box-1", public_part(UNIT_KEY)) == HEALTH
    assert json.loads(payload).keys() == {"v", "signed"}
    with pytest.raises(WireError, match="another unit"):
        wire.read_health(payload, "box-2", public_part(UNIT_KEY))
    with pytest.raises(WireError):
        wire.read_health(payload, "box-1", public_part(OTHER_KEY))


def test_a_report_of_a_box_that_knows_no_drills_offers_none() -> None:
    body = {"v": 1, "unit": "box-1", "hearing": "well", "reason": "line", "at": wire.iso(1.0), "sequence": 4}
    payload = to_json({"v": 1, "signed": sign(UNIT_KEY, "denwaban-health", body | {"drill": False})})
    assert wire.read_health(payload, "box-1", public_part(UNIT_KEY)).drill_nonce == ""


def test_report_of_health_is_no_alert_and_an_alert_is_no_report_of_health() -> None:
    with pytest.raises(WireError):
        wire.read_message(wire.health_message(HEALTH, UNIT_KEY), READER)
    with pytest.raises(WireError):
        wire.read_health(wire.public_message(ENVELOPE, UNIT_KEY), "box-1", public_part(UNIT_KEY))


@given(st.binary(max_size=200))
def test_garbage_for_health_is_nothing_but_a_wire_error(payload: bytes) -> None:
    with pytest.raises(WireError):
        wire.read_health(payload, "box-1", public_part(UNIT_KEY))
