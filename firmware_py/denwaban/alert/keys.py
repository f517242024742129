"""Keys: the unit signs with its own, each contact decrypts with theirs. All are on the curve P-256 (RFC 7518 §6.2)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from jwcrypto.common import JWException
from jwcrypto.jwk import JWK

from denwaban.errors import StoreError, WireError

_PUBLIC: Final = ("kty", "crv", "x", "y")
_PRIVATE: Final = (*_PUBLIC, "d")
_MAX_KEY: Final = 2048
"""Characters; a P-256 key is about 200."""


def new_private_key() -> JWK:
    """A fresh P-256 key pair."""
    return JWK.generate(kty="EC", crv="P-256")


def public_part(key: JWK) -> JWK:
    """The key without its secret."""
    return read_public_key(public_text(key))


def public_text(key: JWK) -> str:
    """The public part as JSON, for the other side's configuration."""
    return _text(key.export_public(as_dict=True), _PUBLIC)


def private_text(key: JWK) -> str:
    """The whole key as JSON: a secret."""
    return _text(key.export_private(as_dict=True), _PRIVATE)


def read_public_key(text: str) -> JWK:
    """A P-256 public key from JSON. WireError for anything else; a private key is refused, it does not belong here."""
    fields = _fields(text)
    if "d" in fields:
        raise WireError(
            "this is a private key: register the public one, and replace the pair, it has been shown around"
        )
    return _key(fields, _PUBLIC)


def read_private_key(text: str) -> JWK:
    """A P-256 key pair from JSON. WireError for anything else."""
    return _key(_fields(text), _PRIVATE)


def thumbprint(key: JWK) -> str:
    """RFC 7638 SHA-256 thumbprint of the public key."""
    return str(key.thumbprint())


class UnitKey:
    """The unit's signing key, kept in a file that only its owner can read."""

    def __init__(self, jwk: JWK) -> None:
        self.jwk = jwk

    @property
    def public_jwk(self) -> str:
        return public_text(self.jwk)

    @classmethod
    def load_or_create(cls, path: Path) -> UnitKey:
        """Read the key, or make one when there is no file.

        Raises StoreError when the file cannot be used. It is never replaced: the contacts have pinned this key.
        """
        try:
            if not path.exists():
                _create(path, private_text(new_private_key()))
            path.chmod(0o600)  # a restored backup may have opened it
            return cls(read_private_key(path.read_text("ascii")))
        except OSError as error:
            raise StoreError(f"{path}: the unit's key cannot be read or made ({error.strerror})") from error
        except (WireError, UnicodeDecodeError) as error:
            raise StoreError(
                f"{path}: the unit's key is damaged; put back the backup, "
                "or delete the file and pair every contact again"
            ) from error


def _create(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(fd)
    part.replace(path)  # a power cut leaves the whole key or none


def _text(fields: dict[str, str], wanted: tuple[str, ...]) -> str:
    return json.dumps({name: fields[name] for name in wanted})


def _fields(text: str) -> dict[str, object]:
    if len(text) > _MAX_KEY:
        raise WireError(f"not a key: longer than {_MAX_KEY} characters")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError('not a key: want JSON as {"kty":"EC","crv":"P-256","x":"…","y":"…"}') from error
    if not isinstance(fields, dict) or fields.get("kty") != "EC" or fields.get("crv") != "P-256":
        raise WireError('not a P-256 key: want {"kty":"EC","crv":"P-256","x":"…","y":"…"}')
    return fields


def _key(fields: dict[str, object], wanted: tuple[str, ...]) -> JWK:
    values = {name: fields.get(name) for name in wanted}
    if not all(isinstance(value, str) and value for value in values.values()):
        raise WireError(f"not a P-256 key: {', '.join(wanted)} must all be there")
    try:
        key = JWK(**values)
        key.get_op_key("verify")  # builds the point: refuses one that is not on the curve
    except (JWException, ValueError, TypeError) as error:
        raise WireError("not a P-256 key: the numbers are not a point of the curve") from error
    return key
