"""Where the box keeps what, below its data folder."""

from __future__ import annotations

from pathlib import Path

from denwaban.config import Config


def database_path(config: Config) -> Path:
    """The box's database."""
    return config.data_dir / "denwaban.sqlite"


def unit_key_path(config: Config) -> Path:
    """The box's signing key."""
    return config.data_dir / "unit-key.json"


def push_key_path(config: Config) -> Path:
    """The key by which push services know the box (VAPID)."""
    return config.data_dir / "push-key.json"


def recordings_dir(config: Config) -> Path:
    """The folder of recordings."""
    return config.data_dir / "recordings"


def recording_of(config: Config, call_id: str) -> Path:
    """Where the recording of a call is, if it was recorded."""
    return recordings_dir(config) / f"{call_id}.flac"


def drills_path(config: Config) -> Path:
    """One line of JSON for each drill."""
    return config.data_dir / "drills.jsonl"


def state_socket(config: Config) -> Path:
    """Where the running box tells programs beside it how it is."""
    return config.data_dir / "state.sock"


def page_secrets(config: Config) -> Path:
    """The household page's PIN and one-time code, as hashes."""
    return config.data_dir / "web-pin.json"
