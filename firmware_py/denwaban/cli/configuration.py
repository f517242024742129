"""`config`: check a configuration, show what is in force, print the example."""

from __future__ import annotations

import argparse

from denwaban.cli.common import Commands, add_command, add_config, add_json, config_of, print_json
from denwaban.config import find_config
from denwaban.config_text import example, show


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "config",
        "check or show the configuration",
        "  denwaban config check --config config.toml\n"
        "  denwaban config show --json\n"
        "  denwaban config example > config.toml",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = add_command(actions, "check", "find every mistake at once; exit 1 if there is one")
    add_config(check)
    check.set_defaults(command=_check)
    shown = add_command(actions, "show", "the values in force, secrets masked")
    add_config(shown)
    add_json(shown)
    shown.set_defaults(command=_show)
    add_command(actions, "example", "every key with default and meaning, as TOML").set_defaults(command=_example)


def _check(options: argparse.Namespace) -> int:
    config_of(options)
    print(f"{find_config(options.config) or 'no configuration file: the defaults'}: no mistakes")
    return 0


def _show(options: argparse.Namespace) -> int:
    values = show(config_of(options))
    if options.json:
        print_json(values)
        return 0
    for section, keys in values.items():
        if isinstance(keys, dict):
            print("\n".join(f"{section}.{key} = {value!r}" for key, value in keys.items()))
        for i, item in enumerate(keys if isinstance(keys, list) else []):
            print("\n".join(f"{section}[{i}].{key} = {value!r}" for key, value in item.items()))
    return 0


def _example(_options: argparse.Namespace) -> int:
    print(example(), end="")
    return 0
