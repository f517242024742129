"""Recordings survive what happens to boxes: kill -9, power cuts, full cards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from denwaban.errors import StoreError
from denwaban.events import SAMPLE_RATE, Pcm
from denwaban.store.recordings import (
    FlacRecorder,
    RecordingFile,
    apply_retention,
    delete_recording,
    too_old_or_too_many,
)

_KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
import numpy as np
from denwaban.store.recordings import FlacRecorder
pcm = np.load(sys.argv[2])
recorder = FlacRecorder(Path(sys.argv[1]))
for at in range(0, len(pcm), 160):
    recorder.write(pcm[at:at + 160])
os.kill(os.getpid(), signal.SIGKILL)
"""

_FULL_DISK_WRITER = """
import resource, sys
from pathlib import Path
import numpy as np
from denwaban.errors import StoreError
from denwaban.store.recordings import FlacRecorder
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
pcm = np.load(sys.argv[2])
recorder = FlacRecorder(Path(sys.argv[1]))
errors = 0
for at in range(0, len(pcm), 160):
    try:
        recorder.write(pcm[at:at + 160])
    except StoreError as error:
        assert sys.argv[1] in str(error)
        errors += 1
recorder.close()
print(errors)
"""


def _noise(seconds: float) -> Pcm:
    """Like a noisy line: does not compress, so the file grows as fast as it ever will."""
    return np.random.default_rng(7).normal(0, 1500, int(seconds * SAMPLE_RATE)).astype(np.int16)


def _read(path: Path) -> Pcm:
    return soundfile.read(path, dtype="int16")[0]


def _run(program: str, path: Path, pcm: Pcm) -> subprocess.CompletedProcess[str]:
    given_audio = path.with_suffix(".npy")
    np.save(given_audio, pcm)
    command = [sys.executable, "-c", program, str(path), str(given_audio)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


@pytest.mark.parametrize("seconds", [1.5, 10.0, 63.37, 600.0])
def test_recording_is_readable_to_the_last_second_after_kill_9(tmp_path: Path, seconds: float) -> None:
    pcm = _noise(seconds)
    ended = _run(_KILLED_WRITER, tmp_path / "call.flac", pcm)
    assert ended.returncode == -9, ended.stderr
    heard = _read(tmp_path / "call.flac")
    assert len(heard) >= len(pcm) - SAMPLE_RATE
    np.testing.assert_array_equal(heard, pcm[: len(heard)])


def test_recording_is_readable_from_what_was_synced_before_a_power_cut(tmp_path: Path, monkeypatch) -> None:
    """A power cut leaves, at worst, what the last fdatasync put on the card: keep exactly that and read it."""
    on_card = tmp_path / "on_card.flac"
    real_sync = os.fdatasync

    def sync_and_keep(fd: int) -> None:
        real_sync(fd)
        shutil.copyfile(f"/proc/self/fd/{fd}", on_card)

    monkeypatch.setattr(os, "fdatasync", sync_and_keep)
    pcm = _noise(5.0)
    recorder = FlacRecorder(tmp_path / "call.flac")
    for at in range(0, len(pcm), 160):
        recorder.write(pcm[at : at + 160])
        if at >= 1.2 * SAMPLE_RATE:
            heard = _read(on_card)
            assert len(heard) >= at + 160 - SAMPLE_RATE
            np.testing.assert_array_equal(heard, pcm[: len(heard)])
    recorder.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9000), max_size=12))
def test_closed_recording_is_whole_whatever_the_chunks(tmp_path_factory, sizes: list[int]) -> None:
    path = tmp_path_factory.mktemp("chunks") / "call.flac"
    chunks = [np.arange(size, dtype=np.int16) for size in (100, *sizes)]
    recorder = FlacRecorder(path)
    for chunk in chunks:
        recorder.write(chunk)
    recorder.close()
    np.testing.assert_array_equal(_read(path), np.concatenate(chunks))


def test_full_disk_is_told_once_and_what_was_recorded_stays_readable(tmp_path: Path) -> None:
    pcm = _noise(30)
    ended = _run(_FULL_DISK_WRITER, tmp_path / "call.flac", pcm)
    assert ended.stdout.strip() == "1", ended.stderr
    heard = _read(tmp_path / "call.flac")
    assert len(heard) > 5 * SAMPLE_RATE
    np.testing.assert_array_equal(heard, pcm[: len(heard)])


def test_recording_never_overwrites_another_one(tmp_path: Path) -> None:
    (tmp_path / "call.flac").write_bytes(b"earlier")
    with pytest.raises(StoreError, match=r"call\.flac"):
        FlacRecorder(tmp_path / "call.flac")
    assert (tmp_path / "call.flac").read_bytes() == b"earlier"


def test_recording_is_for_its_owner_only(tmp_path: Path) -> None:
    FlacRecorder(tmp_path / "calls" / "call.flac").close()
    assert (tmp_path / "calls" / "call.flac").stat().st_mode & 0o077 == 0


def _files(*ages_days: float) -> list[RecordingFile]:
    return [RecordingFile(Path(f"{age}.flac"), 1e9 - age * 86400, 1_000_000) for age in ages_days]


def test_retention_takes_the_old_and_then_the_oldest_beyond_the_size() -> None:
    files = _files(1, 2, 3, 40)
    assert {file.path.stem for file in too_old_or_too_many(files, 1e9, 30, 100)} == {"40"}
    assert {file.path.stem for file in too_old_or_too_many(files, 1e9, 365, 2)} == {"3", "40"}
    assert too_old_or_too_many(files, 1e9, 365, 4) == ()


def test_retention_spares_the_running_recording_and_other_files(tmp_path: Path) -> None:
    for name in ("old.flac", "running.flac", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (0, 0))
    assert apply_retention(tmp_path, 1e9, 30, 100, recording_now=tmp_path / "running.flac") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "running.flac"]


def test_a_recording_is_deleted_and_one_that_never_was_is_no_error(tmp_path: Path) -> None:
    recorder = FlacRecorder(tmp_path / "call.flac")
    recorder.write(_noise(1.0))
    recorder.close()
    for _ in range(2):
        delete_recording(tmp_path / "call.flac")
    delete_recording(tmp_path / "no folder" / "call.flac")
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_cannot_be_deleted_is_named(tmp_path: Path) -> None:
    (tmp_path / "call.flac").mkdir()
    with pytest.raises(StoreError, match=r"call.flac: the recording cannot be deleted"):
        delete_recording(tmp_path / "call.flac")
