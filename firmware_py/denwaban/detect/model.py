"""The trained detector: three ONNX classifiers and their card, loaded from a folder such as `models/scam-ja`.

Inputs are normalised surface, reading and words (`text.py`); training lives in `training/`.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from denwaban.detect.text import Texts
from denwaban.errors import ModelError

# Official wheels of onnxruntime (seen with 1.31) make a device id under ~/.cache and report use to Microsoft as soon as
# they are imported; `disable_telemetry_events()` comes too late. Nothing leaves this house but an alert.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

Floats = npt.NDArray[np.float32]

UTTERANCE_LABELS: Final = ("plain", "sales", "pretext", "probe", "pressure", "instruct", "ask")
"""One utterance: harmless, a sales pitch, or stage T1, T2, T3, T4 and the decisive ask of T4."""
CALL_LABELS: Final = ("harmless", "sales", "scam")
STAGE_OF_LABEL: Final = (0, 0, 1, 2, 3, 4, 4)
NEAR_FIELDS: Final = ("surface", "kana")
"""What the context classifier reads of the household: its words in dictionary form added nothing."""
CONTEXT_INPUTS: Final = (*Texts._fields, *(f"near_{name}" for name in NEAR_FIELDS))
PARTS: Final = ("utterance", "context", "category", "call")
Channel = Literal["heard", "written"]
"""How words reach the detector: through telephone and recogniser, which lose many, or as typed text."""
CHANNELS: Final[tuple[Channel, ...]] = ("heard", "written")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a level is reached, on the call-level probabilities."""

    alert: float
    caution: float
    sales: float


@dataclass(frozen=True, slots=True)
class Card:
    """What the model says about itself (`model.json`)."""

    version: str
    engine: str
    """Speech engine the published figures were measured with."""
    categories: tuple[str, ...]
    thresholds: dict[Channel, dict[str, Thresholds]]
    """By channel, then by sensitivity: cautious, normal, quiet."""
    sha256: dict[str, str]


def context_texts(far: Texts, near: Texts) -> tuple[str, ...]:
    """In the order of `CONTEXT_INPUTS`."""
    return (*far, *(getattr(near, name) for name in NEAR_FIELDS))


class ScamModel:
    """The loaded detector. Thread-safe: onnxruntime sessions are; nothing else changes."""

    def __init__(self, card: Card, sessions: dict[str, onnxruntime.InferenceSession]) -> None:
        self.card = card
        self._sessions = sessions

    def utterances(self, texts: list[Texts]) -> Floats:
        """Probabilities (n, len(UTTERANCE_LABELS)) of n utterances."""
        return self._texts("utterance", texts)

    def context(self, far: Texts, near: Texts) -> Floats:
        """Probabilities (len(CALL_LABELS),) of what both ends said last, taken together."""
        texts = dict(zip(CONTEXT_INPUTS, context_texts(far, near), strict=True))
        feed = {name: np.array([[text]], dtype=object) for name, text in texts.items()}
        (probabilities,) = self._sessions["context"].run(["probabilities"], feed)
        result: Floats = probabilities[0]
        return result

    def category(self, far: Texts) -> str:
        """The likeliest kind of scam or sale."""
        best = int(self._texts("category", [far])[0].argmax())
        return self.card.categories[best]

    def call(self, features: Floats) -> Floats:
        """Probabilities (len(CALL_LABELS),) of a call from its features (`policy.py`)."""
        (probabilities,) = self._sessions["call"].run(["probabilities"], {"features": features[None, :]})
        result: Floats = probabilities[0]
        return result

    def _texts(self, part: str, texts: list[Texts]) -> Floats:
        columns = np.array(texts, dtype=object).reshape(-1, len(Texts._fields))
        feed = {name: columns[:, place : place + 1] for place, name in enumerate(Texts._fields)}
        (probabilities,) = self._sessions[part].run(["probabilities"], feed)
        result: Floats = probabilities
        return result


def load_model(folder: Path) -> ScamModel:
    """Load and check a detector. Raises ModelError naming the file that is missing or changed."""
    card = _read_card(folder / "model.json")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a millisecond of work: more threads only fight with the recogniser
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    sessions = {part: _session(folder / f"{part}.onnx", card.sha256.get(part, ""), options) for part in PARTS}
    return ScamModel(card, sessions)


def _session(path: Path, sha256: str, options: Any) -> onnxruntime.InferenceSession:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; reinstall denwaban or run `make train`") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(
            f"{path}: is not the file named in model.json (damaged?); reinstall denwaban or run `make train`"
        )
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _read_card(path: Path) -> Card:
    try:
        data = json.loads(path.read_text("utf-8"))
        return Card(
            version=data["version"],
            engine=data["engine"],
            categories=tuple(data["categories"]),
            thresholds={
                channel: {name: Thresholds(**values) for name, values in data["thresholds"][channel].items()}
                for channel in CHANNELS
            },
            sha256=data["sha256"],
        )
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; reinstall denwaban or run `make train`") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: is not a model card ({error}); reinstall denwaban or run `make train`") from error
