"""What every runtime promises: the network's answers, whatever runs it, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core import registry
from mien.core.artifact import digest, write_json
from mien.core.errors import ConfigError, MissingExtraError, ModelError
from mien.core.protocols import Runtime
from mien.core.spec import ModelSpec, Preprocess
from mien.runtimes.model import Model

pytest.importorskip("torch", reason="exporting a network needs torch")

NAMES = registry.names("runtimes")
SIDE = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with every file that a runtime may ask for."""
    from safetensors.torch import save_file

    from mien.models.mienet import MienetTiny
    from mien.runtimes.quantise import quantise
    from mien.stages.export import to_onnx

    folder = tmp_path_factory.mktemp("model")
    preprocess = Preprocess(input_size=SIDE)
    network = MienetTiny().build(7).eval()
    save_file(network.state_dict(), folder / "weights.safetensors")
    (folder / "model.onnx").write_bytes(to_onnx(network, preprocess, 18))
    whole = (folder / "model.onnx").read_bytes()
    (folder / "model.int8.onnx").write_bytes(quantise(whole, _inputs(64)))
    spec = ModelSpec(
        name="tiny",
        network="mienet-tiny",
        preprocess=preprocess,
        weight_licence="Apache-2.0",
        commercial_use="yes",
        files={file.name: digest(file) for file in folder.iterdir()},
    )
    write_json(folder / "spec.json", spec.model_dump(mode="json"))
    return folder


def _inputs(count: int) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.standard_normal((count, 1, SIDE, SIDE)).astype(np.float32)


def _kind(name: str) -> type:
    try:
        return registry.load("runtimes", name)
    except ModuleNotFoundError as error:
        pytest.skip(f"{name} needs {error.name}")


def _model(folder: Path, name: str, precision: str = "fp32") -> Model:
    try:
        return Model(folder, runtime=name, precision=precision, threads=1)
    except MissingExtraError as error:
        pytest.skip(str(error))
    except ModelError as error:
        if "bfloat16" not in str(error):
            raise
        pytest.skip(str(error))


PAIRS = [(name, precision) for name in NAMES for precision in _kind(name).files]


@pytest.mark.parametrize("name", NAMES)
def test_floats_are_the_reference_runtime_s(folder: Path, name: str) -> None:
    inputs = _inputs(5)
    model = _model(folder, name)
    assert isinstance(model._runtime, Runtime)
    assert model._runtime.name == name
    found = model.infer(inputs)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, _model(folder, "onnx").infer(inputs), atol=1e-4)


@pytest.mark.parametrize(("name", "precision"), PAIRS)
def test_every_precision_answers_any_batch_alike(folder: Path, name: str, precision: str) -> None:
    model, inputs = _model(folder, name, precision), _inputs(6)
    whole = model.infer(inputs)
    assert whole.shape == (6, 7)
    assert np.isfinite(whole).all()
    assert model.infer(inputs[:0]).shape == (0, 7)
    apart = np.concatenate([model.infer(inputs[:1]), model.infer(inputs[1:])])
    # In few digits, a batch of another size may round another way.
    np.testing.assert_allclose(apart, whole, atol=1e-5 if precision == "fp32" else 0.1)
    exact = _model(folder, "onnx").infer(inputs)
    assert np.abs(whole - exact).max() < 0.15 * np.abs(exact).max()


@pytest.mark.parametrize("name", NAMES)
def test_inputs_of_another_shape_are_refused(folder: Path, name: str) -> None:
    model = _model(folder, name)
    with pytest.raises(ValueError, match=f"1, {SIDE}, {SIDE}"):
        model.infer(_inputs(2)[:, :, :20])
    with pytest.raises(ValueError, match="float32"):
        model.infer(_inputs(2).astype(np.float64))


@pytest.mark.parametrize("name", NAMES)
def test_a_precision_that_is_none_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="no precision 'int3'. It has: fp32"):
        Model(folder, runtime=name, precision="int3")


@pytest.mark.parametrize(("name", "precision"), PAIRS)
def test_a_missing_or_altered_file_is_told(
    folder: Path, tmp_path: Path, name: str, precision: str
) -> None:
    file = _kind(name).files[precision]
    for one in folder.iterdir():
        (tmp_path / one.name).write_bytes(one.read_bytes())
    (tmp_path / file).write_bytes(b"altered")
    with pytest.raises(Exception, match=file.replace(".", r"\.")):
        Model(tmp_path, runtime=name, precision=precision)
    (tmp_path / file).unlink()
    with pytest.raises(ModelError, match=f"lacks {file}"):
        Model(tmp_path, runtime=name, precision=precision)
