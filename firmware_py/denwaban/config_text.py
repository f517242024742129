"""The configuration as people see it: the values in force, and the example file."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Final

from denwaban.config import Config

_SECRETS: Final = frozenset(("password_file",))


def show(config: Config) -> dict[str, Any]:
    """The effective values as plain data, secrets masked."""

    def mask(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: ("***" if k in _SECRETS and v else mask(v)) for k, v in value.items()}
        return [mask(item) for item in value] if isinstance(value, (list, tuple)) else value

    shown = mask(dataclasses.asdict(config))
    shown["unit"]["data_dir"] = str(config.data_dir)
    shown["speech"]["models_dir"] = str(config.models_dir)
    return typing.cast(dict[str, Any], shown)


def example() -> str:
    """Every key with its unit, default and meaning, as TOML."""
    lines = [
        "# denwaban: all keys with their defaults. Copy to config.toml and keep what you change.",
        "# `denwaban config check` finds mistakes; `denwaban config show` prints what is in force.",
    ]
    hints = typing.get_type_hints(Config)
    for section in dataclasses.fields(Config):
        kind = hints[section.name]
        repeated = typing.get_origin(kind) is tuple
        kind = typing.get_args(kind)[0] if repeated else kind
        head = f"[[{section.name}]]" if repeated else f"[{section.name}]"
        lines += ["", f"# {kind.__doc__}", f"# {head}" if repeated else head]
        for item in dataclasses.fields(kind):
            lines += [f"# {item.metadata['meaning']}"]
            assignment = f"{item.name} = {_toml(item.default)}"
            lines.append(f"# {assignment}" if repeated else assignment)
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple():
            return "[]"
        case _:
            return repr(value)
