"""The catalogue of speech models: `models/catalog.toml`, read and checked."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from denwaban.errors import ModelError
from denwaban.transcribe.fetch import Progress, fetch
from denwaban.transcribe.models import Archive, Digest, Model, ModelFile, Source, verify


@dataclass(frozen=True, slots=True)
class Catalog:
    """The models that this version of the program knows."""

    models: tuple[Model, ...]

    def model(self, model_id: str) -> Model:
        """The model of that name. Raises ModelError that lists the names there are."""
        for model in self.models:
            if model.id == model_id:
                return model
        raise ModelError(f"no speech model {model_id!r}; there are: {', '.join(model.id for model in self.models)}")

    def fetch(self, model_id: str, models_dir: Path, progress: Progress | None = None) -> Path:
        """Download a model unless it is there and whole; its folder. Raises ModelError with the way out."""
        return fetch(self.model(model_id), models_dir, progress)

    def verify(self, model_id: str, models_dir: Path) -> None:
        """Compare an installed model with the catalogue, byte by byte. Raises ModelError with the way out."""
        verify(self.model(model_id), models_dir)


def load_catalog(path: Path) -> Catalog:
    """Read a catalogue file. Raises ModelError naming the file and what is wrong in it."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["models"]
        return Catalog(tuple(_model(table) for table in tables))
    except OSError as error:
        raise ModelError(f"{path}: cannot read the model catalogue: {error.strerror}") from error
    except KeyError as error:
        raise ModelError(f"{path}: the key {error} is missing; reinstall denwaban") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: not a model catalogue ({error}); reinstall denwaban") from error


def _model(table: dict[str, Any]) -> Model:
    return Model(
        id=table["id"],
        engine=table["engine"],
        language=table["language"],
        title=table["title"],
        licence=table["licence"],
        purpose=table["purpose"],
        size=table["size"],
        download=table["download"],
        files=tuple(
            ModelFile(_inside(file["path"]), file.get("size"), _digest(file) or _no_hash(file))
            for file in table["files"]
        ),
        sources=tuple(_source(source) for source in table["sources"]),
    )


def _source(table: dict[str, Any]) -> Source:
    return Source(
        kind=table["kind"],
        archives=tuple(_archive(archive) for archive in table["archives"]),
        prefix=table.get("prefix", ""),
        joined={_inside(path): tuple(members) for path, members in table.get("joined", {}).items()},
        whole=table.get("whole", False),
    )


def _archive(table: dict[str, Any]) -> Archive:
    where = ("url",) if "url" in table else ("project", "version")
    return Archive(_inside(table["name"]), digest=_digest(table), **{key: table[key] for key in where})


def _digest(table: dict[str, Any]) -> Digest | None:
    if "sha256" in table:
        return Digest("sha256", table["sha256"])
    return Digest("git-sha1", table["git_sha1"]) if "git_sha1" in table else None


def _no_hash(table: dict[str, Any]) -> Digest:
    raise ValueError(f"{table['path']} has neither sha256 nor git_sha1")


def _inside(path: str) -> str:
    """A relative path that stays in its folder."""
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError(f"the path {path} leaves its folder")
    return path
