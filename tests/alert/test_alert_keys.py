"""Keys stay secret, survive restarts and are never silently replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.alert.keys import (
    UnitKey,
    new_private_key,
    private_text,
    public_text,
    read_private_key,
    read_public_key,
    thumbprint,
)
from denwaban.errors import StoreError, WireError


def test_unit_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "unit.jwk"
    first = UnitKey.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    again = UnitKey.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert again.public_jwk == first.public_jwk
    assert '"d"' not in first.public_jwk
    assert [entry.name for entry in path.parent.iterdir()] == ["unit.jwk"]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}'])
def test_damaged_unit_key_is_told_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "unit.jwk"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"unit\.jwk.*damaged"):
        UnitKey.load_or_create(path)
    assert path.read_bytes() == content


def test_unreadable_place_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        UnitKey.load_or_create(tmp_path / "file" / "unit.jwk")


def test_keys_come_back_from_text() -> None:
    key = new_private_key()
    assert thumbprint(read_public_key(public_text(key))) == thumbprint(key)
    assert private_text(read_private_key(private_text(key))) == private_text(key)


def test_private_key_is_refused_where_a_public_one_belongs() -> None:
    with pytest.raises(WireError, match="private key"):
        read_public_key(private_text(new_private_key()))


_ALMOST = ("[]", '{"kty":"RSA"}', '{"kty":"EC","crv":"P-256","x":1,"y":2}', "[" * 2000)


@given(st.text(max_size=60) | st.sampled_from(_ALMOST))
def test_any_text_is_no_key(text: str) -> None:
    for read in (read_public_key, read_private_key):
        with pytest.raises(WireError):
            read(text)


def test_point_off_the_curve_is_refused() -> None:
    with pytest.raises(WireError, match="point"):
        read_public_key('{"kty":"EC","crv":"P-256","x":"' + "A" * 43 + '","y":"' + "A" * 42 + 'E"}')
