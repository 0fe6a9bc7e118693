"""What every network, runtime, aligner and engine owes its socket."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien.core import registry
from mien.core.errors import ConfigError, MissingExtraError
from mien.core.protocols import Aligner, Engine, Network
from mien.core.spec import CHIP_SIZE
from mien.core.types import BBox, Face

# A family, such as timm/, stands for what it makes.
NETWORKS = [name for name in registry.names("networks") if not name.endswith("/")]
SMALL = 3_000_000  # parameters that are computed with in moments


def _module(network: Network, device: str) -> Any:
    """Builds a network; on ``meta`` that takes neither time nor memory, of whatever size."""
    torch = pytest.importorskip("torch")
    with torch.device(device):
        return network.build(7).eval()


@pytest.mark.parametrize("name", [*NETWORKS, "timm/resnet18", "timm/vit_tiny_patch16_224"])
def test_a_network_builds_and_knows_its_blocks(name: str) -> None:
    torch = pytest.importorskip("torch")
    network = registry.load("networks", name)()
    assert isinstance(network, Network)
    assert network.name == name
    module = _module(network, "meta")
    given = network.preprocess
    assert len(given.mean) == len(given.std) == given.channels
    batch = torch.empty(2, given.channels, given.input_size, given.input_size, device="meta")
    assert module(batch).shape == (2, 7)
    blocks = [block for block, _ in module.named_children()]
    assert network.trainable("all") == blocks
    assert network.trainable("head") == blocks[-1:]
    assert not any("." in block for block in blocks)
    # Names with dots, and in any order, mean the blocks in theirs.
    wanted = f"{blocks[-1]}, {blocks[0].replace('_', '.')}"
    assert network.trainable(wanted) == [blocks[0], blocks[-1]]
    with pytest.raises(ConfigError, match=r"'stage9'.*blocks out of"):
        network.trainable("stage9")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_convolution_and_the_fully_connected_layers_end_a_network(name: str) -> None:
    torch = pytest.importorskip("torch")
    network = registry.load("networks", name)()
    module = _module(network, "meta")
    tail = network.trainable("last-conv+fc")
    assert tail == network.trainable("all")[-len(tail) :]
    assert set(network.trainable("head")) < set(tail) < set(network.trainable("all"))
    assert any(isinstance(m, torch.nn.Conv2d) for m in module.get_submodule(tail[0]).modules())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_small_network_computes_finite_logits(name: str) -> None:
    torch = pytest.importorskip("torch")
    network = registry.load("networks", name)()
    if sum(p.numel() for p in _module(network, "meta").parameters()) > SMALL:
        pytest.skip("too large to compute with here; the shapes are checked above")
    given = network.preprocess
    torch.manual_seed(0)
    batch = torch.randn(2, given.channels, given.input_size, given.input_size)
    with torch.inference_mode():
        logits = _module(network, "cpu")(batch)
    assert logits.shape == (2, 7)
    assert torch.isfinite(logits).all()
    assert not torch.equal(logits[0], logits[1])


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
    try:
        engine = registry.load("engines", name)(2)
    except MissingExtraError as error:
        pytest.skip(str(error))
    assert isinstance(engine, Engine)
    assert list(engine.map(abs, range(-9, 0))) == list(range(9, 0, -1))
