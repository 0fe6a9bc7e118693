"""What every network, runtime, aligner and engine owes its socket."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core import registry
from mien.core.protocols import Aligner, Engine, Network, Runtime
from mien.core.spec import CHIP_SIZE
from mien.core.types import BBox, Face
from tests.unit.conftest import make_model

NETWORKS = registry.names("networks")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_builds_runs_and_knows_its_blocks(name: str) -> None:
    torch = pytest.importorskip("torch")
    network = registry.load("networks", name)()
    assert isinstance(network, Network)
    assert network.name == name
    module = network.build(7).eval()
    given = network.preprocess
    batch = torch.zeros(2, given.channels, given.input_size, given.input_size)
    assert module(batch).shape == (2, 7)
    blocks = {block for block, _ in module.named_children()}
    everything, head = set(network.trainable("all")), set(network.trainable("head"))
    assert head < everything <= blocks
    assert head < set(network.trainable("last-conv+fc")) <= everything


@pytest.mark.parametrize("name", registry.names("runtimes"))
def test_a_runtime_takes_any_batch(name: str, tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model")
    runtime = registry.load("runtimes", name)(folder / "model.onnx", threads=1)
    assert isinstance(runtime, Runtime)
    assert runtime.name == name
    for n in (1, 5):
        logits = runtime.infer(np.ones((n, 1, 48, 48), np.float32))
        assert logits.shape == (n, 7)
        assert logits.dtype == np.float32


@pytest.mark.parametrize("name", registry.names("aligners"))
def test_an_aligner_cuts_chips(name: str) -> None:
    aligner = registry.load("aligners", name)()
    assert isinstance(aligner, Aligner)
    image = np.random.default_rng(0).integers(0, 255, (90, 70, 3), dtype=np.uint8)
    points = np.array([[20, 30], [45, 32], [33, 45], [24, 60], [43, 61]], np.float32)
    chip = aligner.align(image, Face(BBox(10, 10, 60, 80), 1.0, "test", points))
    assert chip.shape == (CHIP_SIZE, CHIP_SIZE, 3)
    assert chip.dtype == np.uint8


@pytest.mark.parametrize("name", registry.names("engines"))
def test_an_engine_keeps_the_order(name: str) -> None:
    engine = registry.load("engines", name)(2)
    assert isinstance(engine, Engine)
    assert list(engine.map(abs, range(-9, 0))) == list(range(9, 0, -1))
