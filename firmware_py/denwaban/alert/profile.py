"""What a contact's client keeps after pairing: whom it listens to, its own key, the unit's pinned one."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from denwaban.alert.keys import private_text, public_text, read_private_key, read_public_key
from denwaban.alert.settings import MqttSettings
from denwaban.alert.wire import Reader
from denwaban.errors import StoreError, WireError


@dataclass(frozen=True, slots=True)
class Profile:
    """A pairing."""

    reader: Reader
    settings: MqttSettings

    def save(self, path: Path) -> None:
        """Write it for its owner only. Raises StoreError."""
        key, mqtt = self.reader.private_key, self.settings
        assert key is not None, "a paired contact has a key"
        fields = {
            **{"v": 1, "unit": self.reader.unit, "unit_key": public_text(self.reader.unit_key)},
            **{"contact": self.reader.contact, "key": private_text(key)},
            **{"host": mqtt.host, "port": mqtt.port, "tls": mqtt.tls, "username": mqtt.username},
            **{"ca_file": _text(mqtt.ca_file), "password_file": _text(mqtt.password_file)},
        }
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = path.with_name(path.name + ".part")
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump(fields, file, indent=1)
            part.replace(path)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written ({error.strerror})") from error


def load_profile(path: Path) -> Profile:
    """Raises StoreError that says what to do."""
    try:
        fields = json.loads(path.read_text("utf-8"))
        unit_key, key = read_public_key(str(fields["unit_key"])), read_private_key(fields["key"])
        settings = MqttSettings(
            host=fields["host"],
            port=fields["port"],
            tls=fields["tls"],
            username=fields["username"],
            ca_file=_path(fields["ca_file"]),
            password_file=_path(fields["password_file"]),
        )
        return Profile(Reader(fields["unit"], unit_key, fields["contact"], key), settings)
    except FileNotFoundError as error:
        raise StoreError(f"{path}: not paired yet; `denwaban contact pair URL` with what the box shows") from error
    except (OSError, ValueError, KeyError, TypeError, WireError) as error:
        raise StoreError(f"{path}: damaged or unreadable ({error}); pair again") from error


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _path(text: Any) -> Path | None:
    return None if text is None else Path(text)
