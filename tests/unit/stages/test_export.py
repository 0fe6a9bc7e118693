"""`export` over the tiny network: parity, checksums, limits, and the form in 8-bit integers."""

import numpy as np
import onnx
import polars as pl
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import save_file

from mien.core.artifact import digest, read_meta, write_json
from mien.core.errors import DataError, ModelError, StageError
from mien.core.spec import ModelSpec, Preprocess
from mien.models.mienet import MienetTiny
from mien.runtimes.model import Model
from mien.stages.export import ExportConfig, _drawn, _int8_parity, export, summary
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


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    """Faces of which those for tests cannot be opened, and their roles."""
    root = tmp_path_factory.mktemp("poisoned")
    faces, split = tables(root, train=30, dev=40)
    roles = pl.read_parquet(split / "roles.parquet")
    secret = pl.int_range(pl.len()) >= 50
    named = (
        pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("test")).otherwise(pl.lit("unseen"))
    )
    roles = roles.with_columns(role=pl.when(secret).then(named).otherwise("role"))
    roles.write_parquet(split / "roles.parquet")
    closed = roles.filter(pl.col("role").is_in(["test", "unseen"]))["id"].to_list()
    assert len(closed) == 20
    for shard in faces.glob("*.parquet"):
        frame = pl.read_parquet(shard)
        chips = [
            {**chip, "bytes": b"no picture"} if name in closed else chip
            for name, chip in zip(frame["id"], frame["chip"], strict=True)
        ]
        chips = pl.Series("chip", chips, frame.schema["chip"])
        frame.with_columns(chips).write_parquet(shard)
    return faces, split


@pytest.fixture
def integers(at_once, model, poisoned, tmp_path):
    faces, split = poisoned
    config = ExportConfig(calibration_faces=20, faces=8, max_int8_loss=10)
    return export(config, model, tmp_path / "int8", faces=faces, split=split)


def test_integers_from_training_faces_only(integers, poisoned):
    parity = read_meta(integers)["counts"]["int8"]
    assert parity["faces"] == 20
    assert parity["same_answers"] >= 0.8
    assert parity["lost_points"] == pytest.approx(
        100 * (parity["float_accuracy"] - parity["accuracy"]), abs=0.02
    )
    assert set(parity["speed"]) == {"batch 1", "batch 32"}
    spec = ModelSpec.read(integers / "spec.json")
    assert set(spec.files) == {"model.onnx", "model.int8.onnx", "weights.safetensors"}
    assert all(digest(integers / name) == checksum for name, checksum in spec.files.items())
    assert "points lost on dev" in summary(integers)


@pytest.mark.usefixtures("at_once")
def test_two_exports_are_the_same_bytes(integers, model, poisoned, tmp_path):
    config = ExportConfig(calibration_faces=20, faces=8, max_int8_loss=10)
    again = export(config, model, tmp_path / "again", faces=poisoned[0], split=poisoned[1])
    for name in ("model.int8.onnx", "parity.json", "spec.json"):
        assert (again / name).read_bytes() == (integers / name).read_bytes()
    assert digest(again) == digest(integers)


def test_the_seed_draws_the_calibration_faces(poisoned):
    def drawn(seed, n):
        config = ExportConfig(calibration_faces=n, faces=1, seed=seed)
        return _drawn(config, Preprocess(), *poisoned)

    assert drawn(0, 12).shape == (12, 1, 48, 48)
    np.testing.assert_array_equal(drawn(0, 12), drawn(0, 12))
    assert not np.array_equal(drawn(0, 12), drawn(1, 12))
    np.testing.assert_array_equal(drawn(0, 99), drawn(1, 99))  # all of them, in the table's order
    assert len(drawn(0, 99)) == 30


@pytest.mark.usefixtures("at_once")
def test_without_roles_integers_are_skipped_or_refused(exported, model, poisoned, tmp_path):
    assert "needs --faces and --split" in read_meta(exported)["counts"]["int8"]
    assert "skipped" in summary(exported)
    with pytest.raises(StageError, match="Give --faces and --split"):
        export(ExportConfig(int8=True), model, tmp_path / "m", faces=poisoned[0])
    config = ExportConfig(int8=False, faces=4, calibration_faces=4)
    out = export(config, model, tmp_path / "n", faces=poisoned[0], split=poisoned[1])
    assert read_meta(out)["counts"]["int8"] == "off"
    assert not (out / "model.int8.onnx").exists()


def test_roles_without_training_faces_are_named(poisoned, tmp_path):
    roles = pl.read_parquet(poisoned[1] / "roles.parquet")
    roles.filter(pl.col("role") == "dev").write_parquet(tmp_path / "roles.parquet")
    with pytest.raises(DataError, match="no face of the role 'train'"):
        _drawn(ExportConfig(), Preprocess(), poisoned[0], tmp_path)
    with pytest.raises(DataError, match="no table of roles"):
        _drawn(ExportConfig(), Preprocess(), poisoned[0], tmp_path / "none.parquet")


def test_a_loss_of_accuracy_stops_the_export(exported, poisoned, tmp_path):
    spec = ModelSpec.read(exported / "spec.json")
    for name, answer in (("model.onnx", 0), ("model.int8.onnx", 2)):
        graph = onnx.load(exported / "model.onnx")
        forced = np.eye(7, dtype=np.float32)[answer] * 1e3
        graph.graph.initializer.append(numpy_helper.from_array(forced, "forced"))
        gemm = graph.graph.node[-1]
        gemm.input[:] = [*gemm.input[:2], "forced"]
        onnx.save(graph, tmp_path / name)
    with pytest.raises(StageError, match=r"loses \d+\.\d\d points .* on 20 dev faces"):
        _int8_parity(ExportConfig(), spec, tmp_path, *poisoned)
    lost = _int8_parity(ExportConfig(max_int8_loss=100), spec, tmp_path, *poisoned)
    assert lost["same_answers"] == 0
    assert lost["lost_points"] > 0
