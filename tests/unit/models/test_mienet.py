"""The networks: their shapes, sizes and names of blocks."""

import pytest
import torch

from mien.core import registry
from mien.core.errors import ConfigError, ModelError
from mien.core.protocols import Network

NAMES = registry.names("networks")


@pytest.mark.parametrize("name", NAMES)
def test_a_network_maps_its_input_to_logits(name):
    kind = registry.load("networks", name)()
    assert isinstance(kind, Network)
    assert kind.name == name
    network = kind.build(7).eval()
    size, channels = kind.preprocess.input_size, kind.preprocess.channels
    logits = network(torch.zeros(2, channels, size, size))
    assert logits.shape == (2, 7)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", NAMES)
def test_blocks_cover_the_network(name):
    kind = registry.load("networks", name)()
    network = kind.build(7)
    assert [block for block, _ in network.named_children()] == kind.trainable("all")
    assert kind.trainable("head") == [kind.classifier]
    assert kind.trainable("last-conv+fc") == [kind.last_conv, kind.classifier]
    assert kind.trainable("classifier, stem") == ["stem", "classifier"]
    with pytest.raises(ConfigError, match="stage9"):
        kind.trainable("stage9")


def test_the_default_network_is_small():
    parameters = sum(p.numel() for p in registry.load("networks", "mienet")().build(7).parameters())
    assert parameters < 2_400_000


def test_the_tiny_network_is_tiny():
    kind = registry.load("networks", "mienet-tiny")()
    assert sum(p.numel() for p in kind.build(7).parameters()) < 60_000


def test_an_unknown_start_is_refused():
    with pytest.raises(ModelError, match="'imagenet'"):
        registry.load("networks", "mienet")().build(7, "imagenet")
