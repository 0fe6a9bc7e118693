"""`mien bench`: what is asked for is measured, printed, and written with the machine's words."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from typer.testing import CliRunner

from mien.chains import bench as chain
from mien.chains import bench_machine, bench_memory, bench_networks
from mien.chains.bench_machine import described, machine_markdown
from mien.chains.bench_networks import NetworksBench
from mien.cli.app import app
from mien.core import registry
from mien.core.errors import ConfigError, InputError, MissingExtraError, ModelError
from tests.unit.conftest import make_model
from tests.unit.test_predictor import Halves

CPU = """processor\t: 0
model name\t: Some Processor 9000
flags\t\t: fpu avx2 avx512f avx512_vnni amx_int8 avx512_bf16

processor\t: 1
model name\t: Another
"""


def test_a_machine_says_what_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench_machine, "_CPU", tmp_path / "cpu")
    monkeypatch.setattr(bench_machine, "_MEMORY", tmp_path / "memory")
    (tmp_path / "cpu").write_text(CPU)
    (tmp_path / "memory").write_text("MemTotal:       16777216 kB\nMemFree: 1 kB\n")
    found = described()
    assert found["processor"] == "Some Processor 9000"
    assert found["instructions"] == ["avx2", "avx512", "avx512_vnni", "avx512_bf16", "amx_int8"]
    assert found["memory"] == 16.0
    assert {"python", "mien", "numpy", "onnxruntime"} <= set(found["versions"])
    page = machine_markdown(found)
    assert "Some Processor 9000" in page
    assert "avx512_vnni" in page
    assert "16.0 GiB" in page


def test_a_machine_that_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("_CPU", "_MEMORY"):
        monkeypatch.setattr(bench_machine, name, tmp_path / "none")
    monkeypatch.setattr(bench_machine.os, "sysconf", lambda _: 2**20, raising=False)
    found = described()
    assert found["instructions"] is None
    assert found["memory"] == 1024.0
    assert "instructions unknown" in machine_markdown(found)
    monkeypatch.delattr(bench_machine.os, "sysconf")
    assert "memory unknown" in machine_markdown(described())
    (tmp_path / "none").write_text("flags : fpu\n")
    assert "instructions none of note" in machine_markdown(described())


def test_memory_is_told_of_predictions_and_of_each_runtime(model: Path, bright: Path) -> None:
    result = bench_memory.bench_memory(
        [bright], model=str(model), runtime="onnx", precision="fp32", detector="full-frame", jobs=1,
        counts=(1, 3),
    )  # fmt: skip
    rows = {(row["what"], row["runtime"], row["pictures"]): row["bytes"] for row in result["rows"]}
    start = rows["imports", "", 0]
    assert 10e6 < start < rows["prediction", "onnx", 1]
    assert start < rows["network", "onnx", 0]
    assert rows["prediction", "onnx", 3] < 2 * rows["prediction", "onnx", 1]
    assert "lacks model.int8.onnx" in result["missing"]["network onnx int8"]
    page = bench_memory.memory_markdown(result)
    assert "| prediction | onnx | fp32 | 3 |" in page
    assert "network onnx int8: " in page
    assert "prediction onnx fp32 3 pictures" in bench_memory.memory_bars(result)


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Takes a model that answers by brightness for any network; tells the precisions asked for."""
    asked: list[str] = []

    def make(name: str, chips: Any, folder: Path, precision: str) -> Path:
        asked.append(precision)
        return make_model(folder)

    monkeypatch.setattr(bench_networks, "made", make)
    monkeypatch.setattr(bench_networks, "_ALONE", 32)
    return asked


def test_networks_stand_beside_the_thesis(
    model: Path, bright: Path, dark: Path, instead: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bench_networks.THESIS, "none", 2.0)
    wanted = NetworksBench(
        models=(str(model),), networks=("any",), detector="full-frame", count=5, runs=2, jobs=1
    )
    result = bench_networks.bench_networks([bright, dark], wanted)
    assert instead == ["fp32"]
    assert [row["trained"] for row in result["rows"]] == [True, False]
    for row in result["rows"]:
        assert 0 < row["slowest"] <= row["pictures_per_second"] <= row["fastest"]
        assert tuple(row["alone"]) == bench_networks.BATCHES
        assert row["alone"][row["batch"]] == max(row["alone"].values())
        assert row["agreement"] is None  # floats are what others are compared with
    page = bench_networks.networks_markdown(result)
    assert page.startswith("5 pictures, detector full-frame, onnx fp32, 1 threads")
    assert "| none | trained |" in page
    assert "| none | random |" in page
    monkeypatch.delitem(bench_networks.THESIS, "none")
    assert bench_networks.bench_networks([bright], wanted)["rows"][0]["thesis"] is None


def test_other_precisions_are_compared_with_floats(
    model: Path, bright: Path, dark: Path, instead: list[str]
) -> None:
    pytest.importorskip("openvino")
    wanted = NetworksBench(
        models=(str(model),), networks=(), runtime="openvino", precision="bf16",
        detector="full-frame", count=2, runs=1, jobs=1,
    )  # fmt: skip
    try:
        (row,) = bench_networks.bench_networks([bright, dark], wanted)["rows"]
    except Exception as error:
        if "bfloat16" not in str(error):
            raise
        pytest.skip("this processor computes no bfloat16")
    assert row["agreement"] == 1.0
    assert "100.00 %" in bench_networks.networks_markdown(
        {"rows": [row], "pictures": 2, "detector": "", "runtime": "", "precision": "",
         "threads": 1, "runs": 1, "missing": {}}
    )  # fmt: skip


@pytest.mark.slow
def test_a_network_gets_random_weights_and_integers(tmp_path: Path, bright: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    chips = bench_networks._chips([str(bright)] * 4, "full-frame")
    folder = bench_networks.made("mobilenet_v1_025", chips, tmp_path / "made", "int8")
    model = bench_networks.Model(folder, precision="int8")
    assert model.logits(chips).shape == (4, 7)
    assert model.spec.commercial_use == "unknown"


def test_without_torch_the_extra_is_named(
    tmp_path: Path, bright: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mien.models.untrained", None)
    chips = bench_networks._chips([str(bright)], "full-frame")
    with pytest.raises(MissingExtraError, match=r"mien\[train\]"):
        bench_networks.made("alexnet", chips, tmp_path / "made", "fp32")


def test_a_precision_that_is_missing_is_told(model: Path, bright: Path, instead: list[str]) -> None:
    wanted = NetworksBench(models=(str(model),), networks=(), precision="int8", runs=1, jobs=1,
                           detector="full-frame", count=1)  # fmt: skip
    result = bench_networks.bench_networks([bright], wanted)
    assert result["rows"] == []
    assert "lacks model.int8.onnx" in bench_networks.networks_markdown(result)
    with pytest.raises(ModelError, match="There is no model"):
        bench_networks.bench_networks([bright], dataclasses.replace(wanted, models=("none",)))


def test_pictures_without_a_face_time_nothing(tmp_path: Path) -> None:
    registry.register("detectors", "halves", Halves)
    PIL.Image.new("RGB", (30, 30)).save(tmp_path / "black.png")
    with pytest.raises(InputError, match="No face"):
        bench_networks._chips([str(tmp_path / "black.png")], "halves")


def test_everything_is_written(
    model: Path, bright: Path, instead: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    limits = {1: {"fp32": 100.0, "bf16": 100.0, "int8": 300.0, "memory": 10.0}}
    row = {"runtime": "onnx", "precision": "fp32", "threads": 1, "batch": 8,
           "faces_per_second": 100.0, "share_of_limit": 0.5}  # fmt: skip
    timed = {"limits": limits, "operations": 10**7, "rows": [row], "missing": {}}
    monkeypatch.setattr(chain, "bench_runtimes", lambda *_, **__: timed)
    held = {"what": "imports", "runtime": "", "precision": "", "pictures": 0, "bytes": 10**8}
    kept = {"jobs": 1, "batch": 32, "rows": [held], "missing": {}}
    monkeypatch.setattr(chain, "bench_memory", lambda *_, **__: kept)
    out = tmp_path / "out"
    words = ["bench", bright, "--detector", "full-frame", "--model", model, "--jobs", 1,
             "--runs", 1, "--stages", "--runtimes", "--memory", "--networks",
             "--out", out]  # fmt: skip
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    page = (out / chain.PAGE).read_text()
    assert [headline in page for headline in chain.PARTS.values()] == [True] * 4
    assert "Machine: " in page
    assert f"]({chain.FIGURE})" in page
    found = json.loads((out / chain.RESULT).read_bytes())
    assert set(found["parts"]) == set(chain.PARTS)
    assert found["machine"]["cores"] >= 1
    assert (out / chain.FIGURE).stat().st_size > 1000


def test_a_file_takes_the_result_alone_and_needs_no_drawing(
    model: Path, bright: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    out = tmp_path / "bench.json"
    chain.check_out(out)
    wanted = chain.Bench(("stages",), (bright,), str(model), detector="full-frame", jobs=1, runs=1)
    chain.write(chain.measure(wanted), out)
    assert list(json.loads(out.read_bytes())["parts"]) == ["stages"]
    with pytest.raises(MissingExtraError, match=r"mien\[report\]"):
        chain.check_out(tmp_path / "folder")


def test_where_nothing_ran_nothing_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    part = {"pictures": 1, "detector": "", "runtime": "", "precision": "", "threads": 1, "runs": 1,
            "rows": [], "missing": {"mine": "it lacks a file"}}  # fmt: skip
    chain.write({"machine": described(), "parts": {"networks": part}}, tmp_path / "out")
    assert "mine: it lacks a file" in (tmp_path / "out" / chain.PAGE).read_text()
    assert not (tmp_path / "out" / chain.FIGURE).exists()


def test_what_cannot_be_is_told_first(tmp_path: Path) -> None:
    (tmp_path / "file.md").write_text("")
    with pytest.raises(ConfigError, match=r"ends in \.json"):
        chain.check_out(tmp_path / "file.md")
    with pytest.raises(ConfigError, match="Known parts: stages"):
        chain.measure(chain.Bench(("speed",)))
