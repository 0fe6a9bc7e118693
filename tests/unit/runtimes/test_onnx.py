"""The ONNX runtime: shapes are checked, damage is named."""

import numpy as np
import pytest

from mien.core import registry
from mien.core.errors import ModelError
from mien.core.protocols import Runtime
from mien.runtimes.onnx import OnnxRuntime


@pytest.fixture
def runtime(model):
    return OnnxRuntime(model / "model.onnx", threads=1)


def test_it_fits_the_socket(runtime):
    assert isinstance(runtime, Runtime)
    assert registry.load("runtimes", "onnx") is OnnxRuntime
    assert runtime.providers[-1] == "CPUExecutionProvider"


@pytest.mark.parametrize("n", [0, 1, 5])
def test_any_batch_size(runtime, n):
    batch = np.ones((n, 1, 48, 48), np.float32)
    logits = runtime.infer(batch)
    assert logits.shape == (n, 7)
    assert logits.dtype == np.float32
    if n:
        np.testing.assert_allclose(logits[-1], np.arange(7), rtol=1e-5)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((1, 48, 48), np.float32),
        np.zeros((2, 3, 48, 48), np.float32),
        np.zeros((2, 1, 32, 48), np.float32),
        np.zeros((2, 1, 48, 48), np.float64),
    ],
)
def test_other_shapes_are_refused(runtime, batch):
    with pytest.raises(ValueError, match=r"\(n, 1, 48, 48\) float32; got"):
        runtime.infer(batch)


def test_damaged_and_missing_files_are_named(tmp_path, model):
    with pytest.raises(ModelError, match="cannot be read"):
        OnnxRuntime(tmp_path / "none.onnx")
    bad = tmp_path / "bad.onnx"
    bad.write_bytes((model / "model.onnx").read_bytes()[:100])
    with pytest.raises(ModelError, match="Export the model again"):
        OnnxRuntime(bad)
