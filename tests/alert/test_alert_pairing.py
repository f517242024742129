"""Keys are exchanged with whoever knows the code, and with nobody else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.alert.keys import new_private_key, public_text, thumbprint
from denwaban.alert.pairing import (
    MAX_BYTES,
    Invitation,
    ask_message,
    confirm_message,
    new_code,
    read_ask,
    read_confirm,
    read_invitation,
)
from denwaban.alert.seal import to_json
from denwaban.errors import WireError

UNIT_KEY, CONTACT_KEY, OTHER_KEY = new_private_key(), new_private_key(), new_private_key()
INVITATION = Invitation("box-1", thumbprint(UNIT_KEY), "musume", "broker.example", 8883, True, new_code())
GUESSED = replace(INVITATION, code=new_code())


def test_an_invitation_survives_its_address() -> None:
    assert read_invitation(f" {INVITATION.url()}\n") == INVITATION


def test_both_sides_learn_each_other_s_key() -> None:
    assert public_text(read_ask(ask_message(INVITATION, CONTACT_KEY), INVITATION)) == public_text(CONTACT_KEY)
    confirmed = read_confirm(confirm_message(INVITATION, UNIT_KEY, CONTACT_KEY), INVITATION, CONTACT_KEY)
    assert public_text(confirmed) == public_text(UNIT_KEY)


def test_whoever_does_not_know_the_code_is_refused_on_both_sides() -> None:
    with pytest.raises(WireError, match="code is wrong"):
        read_ask(ask_message(GUESSED, OTHER_KEY), INVITATION)
    with pytest.raises(WireError, match="code is wrong"):
        read_confirm(confirm_message(GUESSED, UNIT_KEY, CONTACT_KEY), INVITATION, CONTACT_KEY)


def test_a_broker_cannot_put_its_own_key_in_place_of_the_contact_s() -> None:
    message = json.loads(ask_message(INVITATION, CONTACT_KEY))
    message["jwk"] = json.loads(public_text(OTHER_KEY))
    with pytest.raises(WireError):
        read_ask(to_json(message), INVITATION)


def test_another_box_is_told_apart_even_if_it_knows_the_code() -> None:
    with pytest.raises(WireError, match="another box"):
        read_confirm(confirm_message(INVITATION, OTHER_KEY, CONTACT_KEY), INVITATION, CONTACT_KEY)


def test_a_confirmation_for_another_contact_s_key_is_refused() -> None:
    with pytest.raises(WireError, match="somebody else"):
        read_confirm(confirm_message(INVITATION, UNIT_KEY, OTHER_KEY), INVITATION, CONTACT_KEY)


def test_a_request_does_not_pass_for_a_confirmation() -> None:
    with pytest.raises(WireError):
        read_confirm(ask_message(INVITATION, UNIT_KEY), INVITATION, CONTACT_KEY)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://example.org/",
        INVITATION.url().replace("v=1", "v=2"),
        INVITATION.url().replace("p=8883", "p=0"),
        INVITATION.url().replace("p=8883", "p=x"),
        INVITATION.url().replace("c=musume", "c=a%2Fb"),
        INVITATION.url().partition("&s=")[0],
    ],
)
def test_what_is_no_invitation_is_refused(url: str) -> None:
    with pytest.raises(WireError):
        read_invitation(url)


@given(st.binary(max_size=200))
def test_any_bytes_are_no_pairing_message(payload: bytes) -> None:
    with pytest.raises(WireError):
        read_ask(payload, INVITATION)


def test_an_oversized_message_is_refused() -> None:
    with pytest.raises(WireError, match="larger"):
        read_ask(b" " * MAX_BYTES + ask_message(INVITATION, CONTACT_KEY), INVITATION)
