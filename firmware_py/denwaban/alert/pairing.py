"""Pairing: a contact's client and a unit learn each other's keys by a code that only the two have seen. Pure.

The code is shown at the unit and good for minutes and for one contact. The contact's client makes its key pair itself
and sends the public key, signed with it, with an HMAC of the code over its thumbprint: whoever runs the broker can
neither put a key of its own in its place nor read the code. The invitation holds the thumbprint of the unit's key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from jwcrypto.jwk import JWK

from denwaban.alert.keys import public_text, read_public_key, thumbprint
from denwaban.alert.seal import from_json, sign, to_json, verify
from denwaban.alert.wire import VERSION, checked_name
from denwaban.errors import WireError

MAX_BYTES: Final = 4096
_ASK: Final = "denwaban-pair"
_CONFIRM: Final = "denwaban-paired"
_SCHEME: Final = "denwaban"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the QR code says. `unit_kid`: RFC 7638 thumbprint of the unit's key; `code`: 128 random bits."""

    unit: str
    unit_kid: str
    contact: str
    host: str
    port: int
    tls: bool
    code: str
    websocket: str = ""
    """Address of the broker for the family's page, wss://…; empty: there is none."""
    username: str = ""
    password: str = ""
    """The contact's at the broker; empty: none, or handed over otherwise."""

    def url(self, page: str = "") -> str:
        """For the QR code. With `page`, the https address of the family's page, the code opens it; what comes after
        the # stays in the telephone and is not sent to whoever serves the page."""
        fields = {"v": VERSION, "h": self.host, "p": self.port, "t": int(self.tls), "u": self.unit, "k": self.unit_kid}
        fields |= {"c": self.contact, "s": self.code}
        more = {"w": self.websocket, "n": self.username, "a": self.password}
        query = urlencode(fields | {name: value for name, value in more.items() if value})
        return f"{page}#pair?{query}" if page else f"{_SCHEME}:pair?{query}"


def new_code() -> str:
    """A code nobody can guess."""
    return secrets.token_urlsafe(16)


def read_invitation(url: str) -> Invitation:
    """WireError for anything but an invitation."""
    try:
        before, _, query = url.strip().partition("pair?")
        fields = {name: values[-1] for name, values in parse_qs(query, strict_parsing=True).items()}
        if not (before == f"{_SCHEME}:" or before.endswith("#")) or fields["v"] != str(VERSION):
            raise ValueError("another scheme or version")
        invitation = Invitation(
            unit=checked_name(fields["u"], "unit"),
            unit_kid=fields["k"],
            contact=checked_name(fields["c"], "contact"),
            host=fields["h"],
            port=int(fields["p"]),
            tls=fields["t"] == "1",
            code=fields["s"],
            websocket=fields.get("w", ""),
            username=fields.get("n", ""),
            password=fields.get("a", ""),
        )
    except (ValueError, KeyError) as error:
        raise WireError("not an invitation: want the whole denwaban:pair?… address that the box shows") from error
    if not 0 < invitation.port < 65536:
        raise WireError("not an invitation: the port is no port")
    return invitation


def ask_topic(invitation: Invitation) -> str:
    """Where the contact's client sends its key."""
    return f"denwaban/v{VERSION}/{invitation.unit}/pair/{invitation.contact}"


def confirm_topic(invitation: Invitation) -> str:
    """Where the unit answers."""
    return f"denwaban/v{VERSION}/{invitation.unit}/paired/{invitation.contact}"


def ask_message(invitation: Invitation, contact_key: JWK) -> bytes:
    """The contact's public key for the unit (`contact_key`: private)."""
    return _message(invitation, contact_key, _ASK, thumbprint(contact_key))


def read_ask(payload: bytes, invitation: Invitation) -> JWK:
    """The contact's public key; WireError unless its owner knows the code and holds the private key."""
    return _read(payload, invitation, _ASK, None)


def confirm_message(invitation: Invitation, unit_key: JWK, contact_key: JWK, push_key: str = "") -> bytes:
    """The unit's public key for the contact (`unit_key`: private), bound to the contact's; and its public VAPID key."""
    more = {"push": push_key} if push_key else {}
    return _message(invitation, unit_key, _CONFIRM, thumbprint(contact_key), more)


def read_confirm(payload: bytes, invitation: Invitation, contact_key: JWK) -> JWK:
    """The unit's public key; WireError unless it is the one of the invitation and has taken `contact_key`."""
    unit_key = _read(payload, invitation, _CONFIRM, thumbprint(contact_key))
    if thumbprint(unit_key) != invitation.unit_kid:
        raise WireError("another box answers; do not go on, and ask the household to show a new code")
    return unit_key


def _message(
    invitation: Invitation, key: JWK, purpose: str, contact_kid: str, more: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    body = {
        **{"v": VERSION, "unit": invitation.unit, "contact": invitation.contact, "kid": contact_kid},
        "mac": _mac(invitation, purpose, contact_kid),
        **more,
    }
    public = json.loads(public_text(key))
    return to_json({"v": VERSION, "jwk": public, "signed": sign(key, purpose, body)})


def _read(payload: bytes, invitation: Invitation, purpose: str, contact_kid: str | None) -> JWK:
    """The sender's key. `contact_kid` None: the sender is the contact."""
    if len(payload) > MAX_BYTES:
        raise WireError(f"larger than {MAX_BYTES} bytes")
    message = from_json(payload)
    token = message.get("signed")
    if message.get("v") != VERSION or not isinstance(token, str):
        raise WireError("not a pairing message of this version")
    key = read_public_key(json.dumps(message.get("jwk")))
    body: dict[str, Any] = verify(key, purpose, token)
    wanted = contact_kid or thumbprint(key)
    if (body.get("unit"), body.get("contact"), body.get("kid")) != (invitation.unit, invitation.contact, wanted):
        raise WireError("the pairing message is for somebody else")
    if not hmac.compare_digest(
        str(body.get("mac")).encode(errors="replace"), _mac(invitation, purpose, wanted).encode()
    ):
        raise WireError("the code is wrong")
    return key


def _mac(invitation: Invitation, purpose: str, contact_kid: str) -> str:
    text = "\n".join((purpose, invitation.unit, invitation.unit_kid, invitation.contact, contact_kid))
    return hmac.new(invitation.code.encode(), text.encode(), hashlib.sha256).hexdigest()
