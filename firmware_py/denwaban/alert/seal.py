"""Seals JSON objects: signed by the unit (JWS, ES256), encrypted to one contact (JWE, ECDH-ES+A256KW, A256GCM).

Only these algorithms, only the compact form, only the header fields listed here: a header that says anything else is
refused before any of it is acted on. `typ` names the purpose, so that a token signed for one cannot pass for another.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from jwcrypto.common import JWException, base64url_decode
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from denwaban.alert.keys import thumbprint
from denwaban.errors import WireError

MAX_BYTES: Final = 64 * 1024
"""Of a whole message. The largest we make is under 56 kB (see `wire.py`); brokers commonly allow 256 kB and more."""

_JWS: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
_JWE: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){4}")
_ALG, _ENC = "ECDH-ES+A256KW", "A256GCM"


def sign(key: JWK, purpose: str, body: dict[str, Any]) -> str:
    """Compact JWS of `body`."""
    token = JWS(to_json(body))
    token.add_signature(key, None, json.dumps({"alg": "ES256", "typ": purpose, "kid": thumbprint(key)}))
    return str(token.serialize(compact=True))


def verify(key: JWK, purpose: str, token: str) -> dict[str, Any]:
    """The body of a token that `key` (public) signed for this purpose; WireError for anything else."""
    if _header(token, _JWS) != {"alg": "ES256", "typ": purpose, "kid": thumbprint(key)}:
        raise WireError(f"not signed by this unit as {purpose}")
    try:
        jws = JWS()
        jws.allowed_algs = ["ES256"]
        jws.deserialize(token, key)
        return from_json(jws.payload)
    except (JWException, ValueError, TypeError) as error:
        raise WireError("the signature is wrong") from error


def purpose(token: str) -> object:
    """What a token says it was signed for; not verified. WireError when it is no token."""
    return _header(token, _JWS).get("typ")


def encrypt(key: JWK, text: str) -> str:
    """Compact JWE of a signed token, for the owner of `key` (public)."""
    header = {"alg": _ALG, "enc": _ENC, "kid": thumbprint(key)}
    token = JWE(text.encode("ascii"), json.dumps(header), algs=[_ALG, _ENC])
    token.add_recipient(key)
    return str(token.serialize(compact=True))


def decrypt(key: JWK, token: str) -> str:
    """The signed token inside; WireError when it is not for `key` or was tampered with."""
    header = _header(token, _JWE)
    # No "zip": a small message must not unpack into a large one.
    if header.keys() != {"alg", "enc", "kid", "epk"} or (header["alg"], header["enc"]) != (_ALG, _ENC):
        raise WireError(f"not encrypted with {_ALG} and {_ENC}")
    if header["kid"] != thumbprint(key):
        raise WireError("encrypted to another key: register this contact's present public key on the unit")
    try:
        jwe = JWE(algs=[_ALG, _ENC])
        jwe.deserialize(token, key)
        return bytes(jwe.payload).decode("ascii")
    except (JWException, ValueError, TypeError, KeyError) as error:
        raise WireError("the encrypted part is damaged") from error


def to_json(body: dict[str, Any]) -> bytes:
    """Compact UTF-8 JSON. Half a surrogate pair (no valid text) becomes '?'."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def from_json(data: bytes) -> dict[str, Any]:
    """A JSON object; WireError for anything else or anything too large."""
    if len(data) > MAX_BYTES:
        raise WireError(f"larger than {MAX_BYTES} bytes")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise WireError("not JSON") from error
    if not isinstance(body, dict):
        raise WireError("not a JSON object")
    return body


def _header(token: str, form: re.Pattern[str]) -> dict[str, Any]:
    if len(token) > MAX_BYTES:
        raise WireError(f"larger than {MAX_BYTES} bytes")
    if not form.fullmatch(token):
        raise WireError("not a compact token")
    try:
        return from_json(base64url_decode(token.split(".", 1)[0]))
    except (ValueError, TypeError) as error:
        raise WireError("not a token: the header is not base64url") from error
