"""ResNet-101 is torchvision's, as a chain of blocks."""

import torch
from torch import nn
from torchvision.models import ResNet101_Weights, resnet101
from torchvision.models.resnet import Bottleneck

from mien.core import registry
from mien.models import resnet
from mien.models.anatomy import anatomy
from mien.models.resnet import ResNet101
from mien.models.tracing import operations, renamed


def _on_meta():
    with torch.device("meta"):
        return ResNet101().build(7)


def _theirs():
    with torch.device("meta"):
        return resnet101(num_classes=7)


def test_it_has_the_published_numbers():
    assert registry.load("networks", "resnet101") is ResNet101
    parts = anatomy(ResNet101())
    assert parts.parameters == 42_514_503
    assert parts.statistics == 105_344
    assert parts.parameters + parts.statistics == 42_619_847  # as the thesis counts
    assert parts.last_conv == "layer4_2"
    assert round(parts.file_bytes / 1e6) == 171


def test_the_last_block_can_be_named_as_torchvision_does():
    assert ResNet101().trainable("layer4.2") == ["layer4_2"]
    assert ResNet101().trainable("last-conv+fc") == ["layer4_2", "fc"]


def test_it_does_what_torchvisions_does_with_the_same_weights():
    shape = (2, 3, 64, 64)
    for train in (False, True):
        wanted = operations(
            _theirs(), shape, train=train, names=lambda n: renamed(n, ResNet101.renames)
        )
        assert operations(_on_meta(), shape, train=train) == wanted


def test_every_published_name_is_found():
    own = {name: tensor.shape for name, tensor in _on_meta().state_dict().items()}
    theirs = _theirs().state_dict()
    assert {renamed(n, ResNet101.renames): t.shape for n, t in theirs.items()} == own
    assert {renamed(name, ResNet101.renames) for name in own} == set(own)


def test_a_block_begins_as_its_shortcut():
    block = Bottleneck(16, 4)
    ResNet101().initialise(nn.Sequential(block))
    maps = torch.rand(1, 16, 5, 5)
    assert torch.equal(block.eval()(maps), maps)


def test_imagenet_is_asked_of_torchvision(monkeypatch):
    asked = []
    monkeypatch.setattr(resnet, "torchvision_weights", lambda w: asked.append(w) or {"a": 1})
    assert ResNet101().library_start("imagenet") == {"a": 1}
    assert asked == [ResNet101_Weights.IMAGENET1K_V1]
    assert ResNet101().library_start("face") is None
