"""Fixtures of the unit tests: a model that answers by brightness, and pictures drawn here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import PIL.Image
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.core.artifact import digest, write_json
from mien.core.spec import ModelSpec, Preprocess
from mien.core.thresholds import Thresholds


def make_model(folder: Path, *, low_confidence: float = 0.0, slope: float = 1.0) -> Path:
    """Writes a model whose logits are the input's mean times (0, 1, ..., 6) times ``slope``."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = slope * np.arange(7, dtype=np.float32)[None]
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["input"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        ],
        "brightness",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 1, 48, 48])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 7])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    spec = ModelSpec(
        name="brightness",
        network="none",
        preprocess=Preprocess(),
        thresholds=Thresholds(low_confidence=low_confidence),
        weight_licence="Apache-2.0",
        commercial_use="yes",
        files={"model.onnx": digest(folder / "model.onnx")},
    )
    write_json(folder / "spec.json", spec.model_dump(mode="json"))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder: a bright face is ``surprise``, a dark one ``neutral``."""
    return make_model(tmp_path / "brightness")


@pytest.fixture
def bright(tmp_path: Path) -> Path:
    """A bright grey picture, 64x64."""
    path = tmp_path / "bright.png"
    PIL.Image.new("RGB", (64, 64), (230, 230, 230)).save(path)
    return path


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    """A dark grey picture, 64x64."""
    path = tmp_path / "dark.png"
    PIL.Image.new("RGB", (64, 64), (20, 20, 20)).save(path)
    return path


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves an exam's figures out where a test does not look at them: they take the most time."""
    for name in ("exam.confusion", "exam.reliability", "groups.groups", "risk.risk_coverage"):
        monkeypatch.setattr(f"mien.plots.{name}", lambda *_, **__: None)
