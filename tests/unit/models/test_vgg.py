"""VGG-16 is torchvision's, as a chain of blocks."""

import torch
from torch import nn
from torchvision.models import VGG16_Weights, vgg16

from mien.core import registry
from mien.models import vgg
from mien.models.anatomy import anatomy
from mien.models.tracing import operations, renamed
from mien.models.vgg import Vgg16


def _on_meta():
    with torch.device("meta"):
        return Vgg16().build(7)


def test_it_has_the_published_number_of_parameters():
    assert registry.load("networks", "vgg16") is Vgg16
    parts = anatomy(Vgg16())
    assert parts.parameters == 134_289_223
    assert parts.last_conv == "conv5_3"
    assert {b.name: b.output for b in parts.blocks}["conv5_3"] == (512, 7, 7)
    assert round(parts.file_bytes / 1e6) == 537


def test_it_does_what_torchvisions_does_with_the_same_weights():
    with torch.device("meta"):
        theirs = vgg16(num_classes=7)
    for train in (False, True):
        wanted = operations(
            theirs, (2, 3, 224, 224), train=train, names=lambda n: renamed(n, Vgg16.renames)
        )
        assert operations(_on_meta(), (2, 3, 224, 224), train=train) == wanted


def test_every_published_name_is_found():
    shapes = {name: tensor.shape for name, tensor in _on_meta().state_dict().items()}
    with torch.device("meta"):
        theirs = vgg16(num_classes=7).state_dict()
    assert {renamed(n, Vgg16.renames): t.shape for n, t in theirs.items()} == shapes
    blocks = Vgg16().blocks
    caffe = [f"{block}.{kind}" for block in blocks for kind in ("weight", "bias")]
    assert {renamed(name, Vgg16.renames) for name in caffe} == set(shapes)
    assert {renamed(name, Vgg16.renames) for name in shapes} == set(shapes)
    assert renamed("module.features.0.bias", Vgg16.renames) == "conv1_1.0.bias"


def test_dropout_stands_between_the_fully_connected_layers():
    dropped = [name for name, m in _on_meta().named_modules() if isinstance(m, nn.Dropout)]
    assert dropped == ["fc6.4", "fc7.2"]


def test_imagenet_is_asked_of_torchvision(monkeypatch):
    asked = []
    monkeypatch.setattr(vgg, "torchvision_weights", lambda w: asked.append(w) or {"a": 1})
    assert Vgg16().library_start("imagenet") == {"a": 1}
    assert asked == [VGG16_Weights.IMAGENET1K_V1]
    assert Vgg16().library_start("face") is None
