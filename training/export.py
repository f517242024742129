"""scikit-learn → ONNX, with golden scores that prove the box computes the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from onnx import GraphProto, ModelProto, helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.pipeline import Pipeline

from denwaban.detect.model import CALL_LABELS, CONTEXT_INPUTS, UTTERANCE_LABELS, Floats, context_texts, load_model
from denwaban.detect.policy import FEATURES
from denwaban.detect.text import UTTERANCE_END, Reader, Texts
from training.fit import TextModels
from training.material import Material

OPSET: Final = 21
GOLDEN_TOLERANCE: Final = 1e-4
"""Largest difference between ONNX (float32) and scikit-learn that still counts as the same model."""


@dataclass(frozen=True, slots=True)
class Probes:
    """What golden scores are written for."""

    contexts: list[tuple[Texts, Texts]]
    """Far and near; the last far utterance of each is the utterance probed."""
    said: list[str]
    """Utterances whose reading is kept as well: another dictionary would read some of them otherwise."""


def text_to_onnx(pipeline: Pipeline, names: Sequence[str], labels: tuple[str, ...]) -> ModelProto:
    """A text classifier with inputs of these names (n, 1) and output `probabilities` (n, labels) in our order."""
    inputs = [(name, StringTensorType([None, 1])) for name in names]
    return _probabilities_only(_convert(pipeline, inputs), list(pipeline.classes_), labels)


def call_to_onnx(pipeline: Pipeline) -> ModelProto:
    """The call-level classifier with input `features` (n, FEATURES)."""
    inputs = [("features", FloatTensorType([None, FEATURES]))]
    return _probabilities_only(_convert(pipeline, inputs), list(pipeline.classes_), CALL_LABELS)


def _convert(pipeline: Pipeline, inputs: list[tuple[str, Any]]) -> ModelProto:
    options = {id(pipeline): {"zipmap": False}}
    model = cast(ModelProto, convert_sklearn(pipeline, "denwaban", inputs, target_opset=OPSET, options=options))
    model.opset_import.sort(key=lambda one: one.domain)  # skl2onnx keeps them in a set: same bytes every time
    return model


def _probabilities_only(model: ModelProto, found: list[str], wanted: tuple[str, ...]) -> ModelProto:
    """Drop the label output and put the columns into our order, so that the box needs no table of its own."""
    graph: GraphProto = model.graph
    source = next(output.name for output in graph.output if "prob" in output.name)
    renamed = "probabilities_as_trained"
    for node in graph.node:
        node.output[:] = [renamed if name == source else name for name in node.output]
        node.input[:] = [renamed if name == source else name for name in node.input]
    order = [found.index(label) for label in wanted]
    graph.initializer.append(helper.make_tensor("column_order", 7, [len(order)], order))
    graph.node.append(helper.make_node("Gather", [renamed, "column_order"], ["probabilities"], axis=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("probabilities", 1, [None, len(wanted)]))
    return model


def write_model(
    folder: Path,
    models: TextModels,
    material: Material,
    call: Pipeline,
    categories: tuple[str, ...],
    about: dict[str, Any],
    probes: Probes,
) -> None:
    """Write the ONNX parts, `model.json` and `golden.json`; raises AssertionError if ONNX and scikit-learn differ."""
    folder.mkdir(parents=True, exist_ok=True)
    utterance, context = models.utterance.pipeline(material.utterance), models.context.pipeline(material.context)
    category = models.category.pipeline(material.far)
    parts = {
        "utterance": text_to_onnx(utterance, Texts._fields, UTTERANCE_LABELS),
        "context": text_to_onnx(context, CONTEXT_INPUTS, CALL_LABELS),
        "category": text_to_onnx(category, Texts._fields, categories),
        "call": call_to_onnx(call),
    }
    sha256 = {}
    for name, model in parts.items():
        content = model.SerializeToString(deterministic=True)
        (folder / f"{name}.onnx").write_bytes(content)
        sha256[name] = hashlib.sha256(content).hexdigest()
    card = {**about, "categories": list(categories), "sha256": sha256}
    (folder / "model.json").write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", "utf-8")
    _write_golden(folder, utterance, context, call, probes)


def _write_golden(folder: Path, utterance: Pipeline, context: Pipeline, call: Pipeline, probes: Probes) -> None:
    """scikit-learn's own answers, to be met by the ONNX files on every machine."""
    rows = np.random.default_rng(0).uniform(-3, 3, (8, FEATURES)).astype(np.float32)
    last = [tuple(text.split(UTTERANCE_END)[-1].strip() for text in far) for far, _near in probes.contexts]
    golden = {
        "texts": last,
        "utterance": _ordered(utterance, last, UTTERANCE_LABELS),
        "contexts": probes.contexts,
        "context": _ordered(context, [context_texts(far, near) for far, near in probes.contexts], CALL_LABELS),
        "features": rows.tolist(),
        "call": _ordered(call, rows, CALL_LABELS),
        "tolerance": GOLDEN_TOLERANCE,
        "read": readings(probes.said),
    }
    (folder / "golden.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n", "utf-8")
    difference = golden_difference(folder)
    assert difference <= GOLDEN_TOLERANCE, f"ONNX and scikit-learn differ by {difference}"


def readings(said: Sequence[str]) -> list[tuple[str, Texts]]:
    """Each utterance with what the detector reads of it."""
    reader = Reader()
    return [(text, reader.read(text).texts) for text in said]


def _ordered(pipeline: Pipeline, rows: Any, labels: Sequence[str]) -> list[list[float]]:
    """Probabilities with the columns in the order of `labels`."""
    table = np.array(rows, dtype=object) if isinstance(rows, list) else rows
    order = [list(pipeline.classes_).index(label) for label in labels]
    return pipeline.predict_proba(table)[:, order].tolist()  # type: ignore[no-any-return]


def golden_difference(folder: Path) -> float:
    """Largest difference between the ONNX files and scikit-learn's golden scores."""
    golden = json.loads((folder / "golden.json").read_text("utf-8"))
    model = load_model(folder)
    pairs: list[tuple[Floats, Any]] = [
        (model.utterances([Texts(*texts) for texts in golden["texts"]]), golden["utterance"]),
        (np.array([model.context(Texts(*far), Texts(*near)) for far, near in golden["contexts"]]), golden["context"]),
        (np.array([model.call(np.array(row, np.float32)) for row in golden["features"]]), golden["call"]),
    ]
    return max(float(np.abs(found - np.array(wanted)).max()) for found, wanted in pairs)
