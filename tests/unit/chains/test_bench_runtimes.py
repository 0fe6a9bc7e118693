"""A model timed in every way that this machine can run it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from mien.chains import bench_runtimes as chain
from mien.cli.app import app
from mien.core.errors import UnknownNameError

limits = pytest.importorskip("mien.models.limits")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small products, and few faces: what is measured here is not speed."""
    monkeypatch.setattr(limits, "_SIDE", 64)
    monkeypatch.setattr(limits, "_BYTES", 4096)
    monkeypatch.setattr(limits, "_ROUNDS", 1)
    monkeypatch.setattr(chain, "_FACES", 2)


def test_every_way_has_a_rate_and_a_share_of_the_limit(quick: None) -> None:
    result = chain.bench_runtimes("mien-ferplus-1.0", [1], batches=(1, 2), runs=1)
    assert set(result["limits"][1]) == {"fp32", "bf16", "int8", "memory"}
    assert min(result["limits"][1].values()) > 0
    ways = {(row["runtime"], row["precision"]) for row in result["rows"]}
    assert ("onnx", "fp32") in ways
    assert all(row["faces_per_second"] > 0 for row in result["rows"])
    assert "lacks weights.safetensors" in result["missing"]["torch fp32"]
    page = chain.runtimes_markdown(result)
    assert "| onnx | fp32 | 1 | 2 |" in page
    assert "torch fp32: The model folder" in page


def test_a_known_network_takes_a_known_number_of_operations() -> None:
    # AlexNet with grouped convolutions: 0.72 * 10^9 multiplications for one picture.
    assert limits.operations("alexnet") == pytest.approx(2 * 0.72e9, rel=0.02)
    with pytest.raises(UnknownNameError):
        limits.operations("none")


def test_the_command_prints_and_writes(quick: None, tmp_path) -> None:
    out = tmp_path / "bench.json"
    words = ["bench", "--runtimes", "--jobs", "1", "--runs", "1", "--out", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "of the limit" in done.stdout
    assert out.is_file()
