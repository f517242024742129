"""`models`: list, fetch and verify speech models."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from denwaban.cli.common import Commands, add_command, add_config, add_json, config_of, print_json
from denwaban.errors import ModelError
from denwaban.shipped import shipped_models
from denwaban.transcribe.catalog import Catalog, load_catalog


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "models",
        "list, fetch or verify speech models",
        "  denwaban models list\n  denwaban models fetch whisper-base\n  denwaban models verify",
        "Speech models are not part of the program: models/catalog.toml says where each comes from, with its hashes.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listed = add_command(actions, "list", "what the catalogue knows and what is here")
    add_json(listed)
    fetched = add_command(actions, "fetch", "fetch a model; a broken download is resumed")
    fetched.add_argument("id", help="model, from `models list`")
    verified = add_command(actions, "verify", "compare every file with its hash; exit 1 if one is wrong")
    verified.add_argument("id", nargs="?", help="model (default: all that are here)")
    for action, command in ((listed, _list), (fetched, _fetch), (verified, _verify)):
        add_config(action)
        action.set_defaults(command=command)


def _catalog() -> Catalog:
    return load_catalog(shipped_models() / "catalog.toml")


def _list(options: argparse.Namespace) -> int:
    folder = config_of(options).models_dir
    rows = [
        {
            "id": model.id,
            "engine": model.engine,
            "language": model.language,
            "licence": model.licence,
            "mb": round(model.size / 1e6),
            "purpose": model.purpose,
            "here": (folder / model.id).is_dir(),
        }
        for model in _catalog().models
    ]
    if options.json:
        for row in rows:
            print_json(row)
        return 0
    table = Table(*rows[0], title=f"speech models in {folder}")
    for row in rows:
        table.add_row(
            *(("yes" if value else "no") if isinstance(value, bool) else str(value) for value in row.values())
        )
    Console().print(table)
    return 0


def _fetch(options: argparse.Namespace) -> int:
    folder = config_of(options).models_dir
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(options.id, total=None)
        path = _catalog().fetch(options.id, folder, lambda done, total: bar.update(task, completed=done, total=total))
    print(f"{path}: fetched and verified")
    return 0


def _verify(options: argparse.Namespace) -> int:
    folder = config_of(options).models_dir
    catalog = _catalog()
    here = [model.id for model in catalog.models if (folder / model.id).is_dir()]
    if options.id is None and not here:
        raise ModelError(f"no speech model in {folder}; run: denwaban models fetch whisper-base")
    for model_id in [options.id] if options.id else here:
        catalog.verify(model_id, folder)
        print(f"{model_id}: whole")
    return 0
