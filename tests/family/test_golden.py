"""What the tests of the family's page read is what the box's own reader takes, and refuses."""

from __future__ import annotations

import json

import pytest

from denwaban.alert import wire
from denwaban.alert.keys import public_text, read_private_key, read_public_key
from denwaban.alert.pairing import read_confirm, read_invitation
from denwaban.errors import WireError
from denwaban.events import Level
from tests.family.make_golden import AT, MARKUP, PATH

GOLDEN = json.loads(PATH.read_text("utf-8"))
CONTACT_KEY = read_private_key(json.dumps(GOLDEN["contact_key"]))
UNIT_KEY = read_public_key(json.dumps(GOLDEN["unit_key"]))
READER = wire.Reader(GOLDEN["unit"], UNIT_KEY, GOLDEN["contact"], CONTACT_KEY)


def test_a_whole_message_is_read() -> None:
    envelope, detail = wire.read_message(GOLDEN["alerts"]["whole"].encode(), READER)
    assert (envelope.id, envelope.level, envelope.at, envelope.sequence) == ("68f1c2-1", Level.ALERT, AT, 7)
    assert detail is not None
    assert detail.evidence == ("還付金", "ATM")
    assert detail.transcript[-1] == ("unknown", MARKUP)
    assert dict(detail.choices)["calling"] == "nonce-1"


@pytest.mark.parametrize("name", GOLDEN["alerts"])
def test_every_good_message_is_read(name: str) -> None:
    assert wire.read_message(GOLDEN["alerts"][name].encode(), READER)


def test_a_report_of_health_is_read() -> None:
    assert wire.read_health(GOLDEN["health"].encode(), READER.unit, UNIT_KEY).hearing == "deaf"


@pytest.mark.parametrize("name", GOLDEN["refused"])
def test_every_bad_message_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        wire.read_message(GOLDEN["refused"][name].encode(), READER)


def test_the_invitation_is_the_same_with_and_without_the_page() -> None:
    invitation = read_invitation(GOLDEN["pairing"]["address"])
    assert invitation == read_invitation(GOLDEN["pairing"]["bare"])
    assert (invitation.username, invitation.password) == ("daughter", "a+b c")
    confirmed = read_confirm(GOLDEN["pairing"]["confirm"].encode(), invitation, CONTACT_KEY)
    assert public_text(confirmed) == public_text(UNIT_KEY)
    for name in ("another box", "another code", "another contact's key"):
        with pytest.raises(WireError):
            read_confirm(GOLDEN["pairing"][name].encode(), invitation, CONTACT_KEY)
