"""mien's own networks: their sizes, and how they begin. What all networks owe is a contract."""

import pytest
import torch

from mien.core import registry
from mien.core.errors import ModelError
from mien.models.mienet import Residual


def test_the_default_network_is_small():
    parameters = sum(p.numel() for p in registry.load("networks", "mienet")().build(7).parameters())
    assert parameters < 2_400_000


def test_the_tiny_network_is_tiny():
    kind = registry.load("networks", "mienet-tiny")()
    assert sum(p.numel() for p in kind.build(7).parameters()) < 60_000


def test_a_block_begins_as_its_shortcut():
    network = registry.load("networks", "mienet-tiny")().build(7).eval()
    block = next(m for m in network.modules() if isinstance(m, Residual))
    maps = torch.rand(1, 8, 6, 6)
    assert torch.equal(block(maps), block.shortcut(maps))


def test_an_unknown_start_is_refused():
    with pytest.raises(ModelError, match="'imagenet'"):
        registry.load("networks", "mienet")().build(7, "imagenet")
