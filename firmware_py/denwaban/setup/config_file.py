"""Writing a configuration: only what differs from the defaults, checked before it takes the place of anything."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from denwaban.config import Config, load_config
from denwaban.errors import ConfigError

_HEAD: Final = "# Written by `denwaban setup`: what differs from the defaults. All keys: `denwaban config example`\n"


class ConfigFile:
    """The port `Keeper` on a file."""

    def __init__(self, path: Path) -> None:
        """Reads what is there. Raises ConfigError when that has mistakes, or when nothing could be written there."""
        self._path = Path(os.path.realpath(path.expanduser()))
        self._existing = load_config(self._path) if self._path.exists() else Config()
        folder = self._path.parent
        while not folder.exists():
            folder = folder.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise self._unwritable(f"{folder} is no folder that can be written")

    @property
    def path(self) -> Path:
        return self._path

    @property
    def existing(self) -> Config:
        return self._existing

    def text(self, config: Config) -> str:
        return minimal_toml(config)

    def write(self, config: Config) -> Path | None:
        new = self._path.with_name(self._path.name + ".new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_private(new, minimal_toml(config).encode())
            try:
                if load_config(new) != config:
                    raise ConfigError(str(self._path), ("would not read as it was meant; please report this",))
                copy = self._keep_old()
                new.replace(self._path)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    new.unlink()
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error
        return copy

    def _keep_old(self) -> Path | None:
        """A copy under a name of its own: a second run must not overwrite what somebody wrote by hand."""
        if not self._path.exists():
            return None
        names = (self._path.with_name(f"{self._path.name}.bak{n or ''}") for n in range(1000))
        copy = next(name for name in names if not name.exists())
        _write_private(copy, self._path.read_bytes())
        return copy

    def _unwritable(self, reason: str) -> ConfigError:
        return ConfigError(str(self._path), (f"cannot be written: {reason}; give another place with --config FILE",))


def _write_private(path: Path, data: bytes) -> None:
    """On disk when it returns, readable by its owner only."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def minimal_toml(config: Config) -> str:
    """The keys that differ from the defaults, as TOML that reads back as the same configuration."""
    return _HEAD + "".join(_sections(config))


def _sections(config: Config) -> Iterator[str]:
    for section in dataclasses.fields(config):
        value = getattr(config, section.name)
        if isinstance(value, tuple):
            for item in value:
                yield f"\n[[{section.name}]]\n" + "".join(_changed(item))
        elif lines := list(_changed(value)):
            yield f"\n[{section.name}]\n" + "".join(lines)


def _changed(table: Any) -> Iterator[str]:
    for key in dataclasses.fields(table):
        value = getattr(table, key.name)
        if value != key.default:
            yield f"{key.name} = {_value(value)}\n"


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            # TOML's basic strings are JSON's, but for DEL, which TOML wants escaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case tuple():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return repr(value)
