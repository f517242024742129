"""Web Push: what a contact's browser says to be woken by, and what its push service gets. Pure.

RFC 8291 encrypts for the browser, so the push service reads nothing; inside is a message of our own wire, signed and
encrypted once more. RFC 8292 (VAPID) lets the push service take messages from this box only.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from denwaban.alert.replies import MAX_BYTES, Refused
from denwaban.alert.seal import from_json, purpose, to_json, verify
from denwaban.errors import WireError

PURPOSE: Final = "denwaban-push"
MAX_PLAIN: Final = 3900
"""Bytes of a message. Push services take 4,096 (RFC 8030 §7.2), of which the encryption needs 103."""
_RECORD: Final = 4096
_DAY_S: Final = 86_400
_TOKEN_S: Final = 12 * 3600.0
"""How long a VAPID token is good; RFC 8292 §2 allows a day, and clocks differ."""
_MAX_ENDPOINT: Final = 1000


class Address(Protocol):
    """Where a browser is woken, and the keys to write to it."""

    @property
    def endpoint(self) -> str: ...

    @property
    def p256dh(self) -> str: ...

    @property
    def auth(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where a contact's browser is woken. `told_at`: by the contact's clock, in ms; a later one replaces an earlier."""

    contact: str
    endpoint: str
    p256dh: str
    auth: str
    told_at: int


@dataclass(frozen=True, slots=True)
class Request:
    """One POST to a push service."""

    endpoint: str
    headers: dict[str, str]
    body: bytes


def is_subscription(payload: bytes) -> bool:
    """Whether this claims to be one, among what contacts send."""
    try:
        token = from_json(payload[: MAX_BYTES + 1]).get("signed")
        return isinstance(token, str) and purpose(token) == PURPOSE
    except WireError:
        return False


def read_subscription(payload: bytes, unit: str, contact: str, contact_key: JWK) -> Subscription:
    """What `contact` tells `unit` (`contact_key`: public). Raises Refused."""
    if len(payload) > MAX_BYTES:
        raise Refused("oversized")
    try:
        token = from_json(payload).get("signed")
        body = verify(contact_key, PURPOSE, token if isinstance(token, str) else "")
    except WireError as error:
        raise Refused("wrong_signature") from error
    if (body.get("unit"), body.get("contact")) != (unit, contact):
        raise Refused("wrong_unit")
    told: list[Any] = [body.get(name) for name in ("endpoint", "p256dh", "auth", "at")]
    subscription = Subscription(contact, *told)
    if body.get("v") != 1 or not _sound(subscription):
        raise Refused("malformed")
    return subscription


def _sound(one: Subscription) -> bool:
    if not all(isinstance(text, str) for text in (one.endpoint, one.p256dh, one.auth)) or type(one.told_at) is not int:
        return False
    try:
        parts = urlsplit(one.endpoint)
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _decoded(one.p256dh))
        host = (parts.hostname or "").encode("idna")  # ValueError for what http.client could not ask either
        return (
            (parts.scheme, len(_decoded(one.auth))) == ("https", 16)
            and bool(host)
            and parts.port != 0
            and re.fullmatch(r"[\x21-\x7e]+", one.endpoint) is not None
            and len(one.endpoint) <= _MAX_ENDPOINT
            and 0 <= one.told_at < 2**63
        )
    except ValueError:
        return False


def public_key(key: JWK) -> str:
    """A VAPID key as a browser wants it: the uncompressed point, base64url."""
    return _encoded(_point(key.get_op_key("verify")))


def request(to: Address, message: bytes, alert_id: str, key: JWK, sender: str, wall: float) -> Request:
    """The POST that has `message` delivered. `key`: the box's private VAPID key; `sender`: an https or mailto address
    under which the push service finds whoever runs this (RFC 8292 §2.1). A later message of an alert replaces one that
    still waits."""
    parts = urlsplit(to.endpoint)
    token = JWS(to_json({"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(wall + _TOKEN_S), "sub": sender}))
    token.add_signature(key, None, '{"typ":"JWT","alg":"ES256"}')
    topic = _encoded(hashlib.sha256(alert_id.encode()).digest())[:32]
    headers = {
        **{"TTL": str(_DAY_S), "Urgency": "high", "Topic": topic},
        **{"Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream"},
        "Authorization": f"vapid t={token.serialize(compact=True)}, k={public_key(key)}",
    }
    return Request(to.endpoint, headers, encrypt(message, to))


def encrypt(
    message: bytes,
    to: Address,
    salt: bytes | None = None,
    own_key: EllipticCurvePrivateKey | None = None,
) -> bytes:
    """RFC 8291 with one record of RFC 8188. `salt` and `own_key` are fresh unless given."""
    salt, own_key = salt or os.urandom(16), own_key or generate_private_key(SECP256R1())
    theirs = _decoded(to.p256dh)
    ours = _point(own_key.public_key())
    shared = own_key.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(SECP256R1(), theirs))
    secret = _derived(shared, _decoded(to.auth), b"WebPush: info\0" + theirs + ours, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + _RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return head + AESGCM(key).encrypt(nonce, message + b"\x02", None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def _point(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
