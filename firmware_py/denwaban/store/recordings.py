"""Recordings: one FLAC file a call, readable at any moment, whatever cuts the power.

libsndfile writes each FLAC block as soon as it is full, but leaves the total number of samples in the header at 0
until `close`, and refuses to decode a file with 0 there (error 39), or with more there than the file holds. So we keep
that field true ourselves while recording: sync the blocks, then write their number of samples into the header. Nothing
needs repair after a crash, and every FLAC player reads the file. Against numbered segments or a raw journal converted
later: no second format, no start-up pass, no double disk space.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import soundfile

from denwaban.errors import StoreError
from denwaban.events import SAMPLE_RATE, Pcm

_log = logging.getLogger(__name__)

_COMPRESSION: Final = 0.25
"""libsndfile maps 0..1 to FLAC levels 0..8. Level 2 is the highest with short blocks; noise is 1 % larger than at 5."""

_BLOCK: Final = 1152
"""Samples per block of FLAC levels 0-2 (libFLAC `stream_encoder.h`): 0.144 s. Level 3 and up take 4096: 0.512 s."""

_SYNC_SAMPLES: Final = 2 * SAMPLE_RATE // 5
"""Every 0.4 s. A power cut loses at most two intervals (the header follows the blocks by one) and a block: 0.944 s."""

_TOTAL_AT: Final = 18
"""Where STREAMINFO holds rate (20 bits), channels - 1 (3), bits - 1 (5), total samples (36): RFC 9639 §8.2."""


class FlacRecorder:
    """Records one call to `path` (a `ports.Recorder`): mono 16-bit FLAC at 8 kHz. Use from one thread.

    `write` may take as long as the card takes to sync (tens of milliseconds). When the disk fails, `write` raises
    StoreError once, keeps what is there readable, and ignores the rest of the call.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = self._synced = self._readable = 0
        self._failed = self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise StoreError(f"{path}: this recording exists already; it is not overwritten") from error
        except OSError as error:
            raise StoreError(f"{path}: the recording cannot be written ({error.strerror})") from error
        self._file = soundfile.SoundFile(
            self._fd, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC", closefd=False, compression_level=_COMPRESSION
        )
        _sync_folder(path.parent)

    @property
    def path(self) -> Path:
        return self._path

    def write(self, pcm: Pcm) -> None:
        """Append samples (any number). Raises StoreError the first time the disk fails."""
        if self._failed or self._closed:
            return
        try:
            self._file.write(pcm)
            self._written += len(pcm)
            if self._written - self._synced >= _SYNC_SAMPLES:
                self._sync()
        except (OSError, soundfile.SoundFileError, AssertionError) as error:
            # python-soundfile asserts that everything was written: a short write shows as AssertionError.
            self._give_up()
            raise StoreError(
                f"{self._path}: recording stopped, the disk is full or failed ({error}); check with df"
            ) from error

    def close(self) -> None:
        """Finish the file; does nothing the second time. Raises StoreError when its end cannot be written."""
        if self._closed:
            return
        self._closed = True
        try:
            self._file.close()
            os.fsync(self._fd)
        except (OSError, soundfile.SoundFileError) as error:
            raise StoreError(
                f"{self._path}: the end of the recording was not written ({error}); check with df"
            ) from error
        finally:
            os.close(self._fd)

    def _sync(self) -> None:
        os.fdatasync(self._fd)
        self._synced = self._written
        # The encoder lets a block go when the next sample has come.
        self._readable = (self._written - 1) // _BLOCK * _BLOCK
        self._write_total()

    def _write_total(self) -> None:
        fields = SAMPLE_RATE << 44 | 0 << 41 | 15 << 36 | self._readable
        os.pwrite(self._fd, fields.to_bytes(8, "big"), _TOTAL_AT)

    def _give_up(self) -> None:
        self._failed = self._closed = True
        try:
            self._file.close()
        except (OSError, soundfile.SoundFileError):
            _log.debug("closing a failed recording failed too")
        try:
            # Closing may have put the encoder's own count there, blocks included that never reached the disk.
            self._write_total()
        except OSError:
            _log.warning("the header of a recording cut by a full disk could not be written")
        finally:
            os.close(self._fd)


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A finished recording on disk; `at` is when it was last written, seconds since the epoch."""

    path: Path
    at: float
    size_bytes: int


def too_old_or_too_many(
    files: Iterable[RecordingFile], now: float, max_age_days: float, max_total_mb: float
) -> tuple[RecordingFile, ...]:
    """Those to delete: all older than `max_age_days`, then the oldest until the rest fits `max_total_mb` (10^6)."""
    doomed: list[RecordingFile] = []
    room = max_total_mb * 1e6
    for file in sorted(files, key=lambda file: (-file.at, file.path)):
        room -= file.size_bytes
        if room < 0 or now - file.at > max_age_days * 86400:
            doomed.append(file)
    return tuple(doomed)


def apply_retention(
    folder: Path,
    now: float,
    max_age_days: float,
    max_total_mb: float,
    recording_now: Path | None = None,
    kept: frozenset[str] = frozenset(),
) -> int:
    """Delete recordings by age and total size, never the one being written nor those of the calls `kept`; returns how
    many went."""
    paths = (path for path in folder.glob("*.flac") if path != recording_now and path.stem not in kept)
    files = [file for path in paths if (file := _look(path))]
    doomed = too_old_or_too_many(files, now, max_age_days, max_total_mb)
    for file in doomed:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{file.path}: the old recording cannot be deleted ({error.strerror})") from error
    return len(doomed)


def delete_recording(path: Path) -> None:
    """Delete a recording, if it is there. Raises StoreError when it cannot be deleted."""
    try:
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            _sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path}: the recording cannot be deleted ({error.strerror}); delete it by hand") from error


def _look(path: Path) -> RecordingFile | None:
    try:
        stat = path.stat()
    except FileNotFoundError:  # deleted from the household's page meanwhile
        return None
    return RecordingFile(path, stat.st_mtime, stat.st_size)


def _sync_folder(folder: Path) -> None:
    # Without this a power cut may take the new file's name, however often its content was synced (fsync(2)).
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
