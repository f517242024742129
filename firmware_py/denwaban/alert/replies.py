"""What a contact sends to the unit: receipts, answers, that a drill is wanted. Pure. For other programs: docs/wire.md.

Each is signed with the contact's key and names a nonce that the unit gave to this contact for this one purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from jwcrypto.jwk import JWK

from denwaban.alert.seal import from_json, sign, to_json, verify
from denwaban.errors import WireError
from denwaban.events import Reply

MAX_BYTES: Final = 4096
"""Of a whole message; ours have about 600."""
_PURPOSE: Final = "denwaban-reply"
_VERSION: Final = 1
_MAX_TEXT: Final = 128

Said = Reply | Literal["received", "drill"]

Why = Literal[
    "oversized", "malformed", "wrong_signature", "wrong_unit", "unknown_contact", "unknown_nonce", "stale", "replayed"
]
"""Why a contact's message is not obeyed."""


class Refused(WireError):
    """A contact's message that is not obeyed; `why` is what it is counted under."""

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(f"a contact's message was refused: {why}")


@dataclass(frozen=True, slots=True)
class ContactSays:
    """One message of a contact. `nonce`: the one that the unit gave out for just this."""

    unit: str
    contact: str
    id: str
    sequence: int
    said: Said
    nonce: str
    drill: bool


def reply_message(says: ContactSays, contact_key: JWK) -> bytes:
    """The payload, signed by the contact (`contact_key`: private)."""
    body = {
        **{"v": _VERSION, "unit": says.unit, "contact": says.contact, "id": says.id, "sequence": says.sequence},
        **{"reply": says.said, "nonce": says.nonce, "drill": says.drill},
    }
    return to_json({"v": _VERSION, "signed": sign(contact_key, _PURPOSE, body)})


def read_reply(payload: bytes, unit: str, contact: str, contact_key: JWK) -> ContactSays:
    """What `contact` says to `unit` (`contact_key`: public). Raises Refused."""
    if len(payload) > MAX_BYTES:
        raise Refused("oversized")
    try:
        message = from_json(payload)
    except WireError as error:
        raise Refused("malformed") from error
    token = message.get("signed")
    if message.get("v") != _VERSION or not isinstance(token, str):
        raise Refused("malformed")
    try:
        body = verify(contact_key, _PURPOSE, token)
    except WireError as error:
        raise Refused("wrong_signature") from error
    if (body.get("unit"), body.get("contact")) != (unit, contact):
        raise Refused("wrong_unit")
    return _says(body)


def _says(body: dict[str, object]) -> ContactSays:
    texts = {name: body.get(name) for name in ("unit", "contact", "id", "reply", "nonce")}
    # Ours are ASCII; what JSON calls text may hold half a character, which no database takes.
    if body.get("v") != _VERSION or not all(_is_name(text) for text in texts.values()):
        raise Refused("malformed")
    sequence, drill, said = body.get("sequence"), body.get("drill"), cast(str, texts["reply"])
    if type(sequence) is not int or type(drill) is not bool or said not in ("received", "drill", *get_args(Reply)):
        raise Refused("malformed")
    if not 0 <= sequence < 2**63:
        raise Refused("malformed")  # no more fits into the database
    names = cast(dict[str, str], texts)
    return ContactSays(names["unit"], names["contact"], names["id"], sequence, cast(Said, said), names["nonce"], drill)


def _is_name(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and 0 < len(text) <= _MAX_TEXT
