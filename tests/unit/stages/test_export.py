"""`export` over the tiny network: parity, checksums, limits."""

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save_file

from mien.core.artifact import digest, read_meta, write_json
from mien.core.errors import ModelError, StageError
from mien.core.spec import ModelSpec, Preprocess
from mien.models.mienet import MienetTiny
from mien.runtimes.model import Model
from mien.stages.export import ExportConfig, export
from tests.unit.models.synthetic import tables


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    torch.manual_seed(0)
    network = MienetTiny().build(7)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # a trained norm is no identity
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.running_mean, std=0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    save_file(network.state_dict(), folder / "weights.safetensors")
    spec = ModelSpec(
        name="drawn",
        network="mienet-tiny",
        preprocess=Preprocess(),
        weight_licence="Apache-2.0",
        commercial_use="yes",
    )
    write_json(folder / "spec.json", spec.model_dump(mode="json"))
    return folder


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    return export(ExportConfig(), model, tmp_path_factory.mktemp("out") / "drawn")


def test_the_folder_predicts(exported):
    chips = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), np.uint8)
    probabilities = Model(exported).probabilities(chips)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


def test_parity_and_checksums(exported):
    counts = read_meta(exported)["counts"]
    assert counts["largest_difference"] <= 1e-4
    assert counts["same_answers"] == 1
    spec = ModelSpec.read(exported / "spec.json")
    assert set(spec.files) == {"model.onnx", "weights.safetensors"}
    for name, checksum in spec.files.items():
        assert digest(exported / name) == checksum


def test_norms_are_folded_and_nothing_private_travels(exported):
    graph = onnx.load(exported / "model.onnx")
    onnx.checker.check_model(graph)
    kinds = {node.op_type for node in graph.graph.node}
    assert "BatchNormalization" not in kinds
    assert "Dropout" not in kinds
    batch = graph.graph.input[0].type.tensor_type.shape.dim[0]
    assert batch.dim_param == "batch"
    assert b"/site-packages/" not in (exported / "model.onnx").read_bytes()
    assert b".py" not in (exported / "model.onnx").read_bytes()


@pytest.fixture
def at_once(exported, monkeypatch):
    """Takes the network that was exported before: the exporter needs seconds."""
    ready = (exported / "model.onnx").read_bytes()
    monkeypatch.setattr("mien.stages.export.to_onnx", lambda *_: ready)


@pytest.mark.usefixtures("at_once")
def test_real_chips_can_be_compared(model, tmp_path):
    faces, _ = tables(tmp_path, train=6, dev=2)
    out = export(ExportConfig(faces=5, weights=False), model, tmp_path / "m", faces=faces)
    assert read_meta(out)["counts"]["faces"] == 5
    assert not (out / "weights.safetensors").exists()


@pytest.mark.usefixtures("at_once")
def test_a_disagreement_stops_the_export(model, tmp_path):
    with pytest.raises(StageError, match="differ from torch's"):
        export(ExportConfig(tolerance=1e-12), model, tmp_path / "m")
    with pytest.raises(StageError, match="max_megabytes"):
        export(ExportConfig(max_megabytes=0.01), model, tmp_path / "n")


def test_an_incomplete_model_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"spec\.json"):
        export(ExportConfig(), tmp_path / "empty", tmp_path / "m")
