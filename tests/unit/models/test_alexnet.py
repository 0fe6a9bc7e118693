"""AlexNet is the original: two groups, local response normalisation, the published size."""

import pytest
import torch
from torch import nn

from mien.core import registry
from mien.models.alexnet import AlexNet
from mien.models.anatomy import anatomy
from mien.models.tracing import renamed


@pytest.fixture(scope="module")
def parts():
    return anatomy(AlexNet())


def _on_meta():
    with torch.device("meta"):
        return AlexNet().build(7)


def test_it_has_the_published_number_of_parameters(parts):
    assert registry.load("networks", "alexnet") is AlexNet
    assert parts.parameters == 56_896_903
    assert parts.statistics == 0
    assert parts.trained["last-conv+fc"] == 442_624 + 37_752_832 + 16_781_312 + 28_679


def test_its_maps_have_the_published_sizes(parts):
    outputs = {block.name: block.output for block in parts.blocks}
    assert outputs["conv1"] == (96, 27, 27)
    assert outputs["conv2"] == (256, 13, 13)
    assert outputs["conv5"] == (256, 6, 6)
    assert outputs["fc6"] == outputs["fc7"] == (4096,)
    assert parts.input == (3, 227, 227)


def test_layers_stand_in_the_order_of_the_paper():
    network = _on_meta()
    kinds = [type(layer) for layer in network.conv1]
    assert kinds == [nn.Conv2d, nn.ReLU, nn.LocalResponseNorm, nn.MaxPool2d]
    groups = [network.get_submodule(f"conv{i}")[0].groups for i in range(1, 6)]
    assert groups == [1, 2, 1, 2, 2]
    dropped = [name for name, m in network.named_modules() if isinstance(m, nn.Dropout)]
    assert dropped == ["fc6.3", "fc7.2"]


def test_normalisation_is_caffes():
    # Caffe: a / (1 + alpha / 5 * sum of squares over 5 channels) ** beta.
    norm = _on_meta().conv1[2]
    maps = torch.rand(1, 9, 1, 1, generator=torch.Generator().manual_seed(0)) * 200
    squares = nn.functional.pad(maps[0, :, 0, 0] ** 2, (2, 2)).unfold(0, 5, 1).sum(1)
    wanted = maps[0, :, 0, 0] / (1 + 1e-4 / 5 * squares) ** 0.75
    torch.testing.assert_close(norm(maps)[0, :, 0, 0], wanted)


def test_caffes_names_become_its_own():
    names = set(_on_meta().state_dict())
    layers = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    theirs = [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    assert {renamed(name, AlexNet.renames) for name in theirs} == names
    assert {renamed(name, AlexNet.renames) for name in names} == names


def test_first_weights_fit_inputs_that_are_not_scaled():
    torch.manual_seed(0)
    blocks = {"conv2": nn.Sequential(nn.Conv2d(4, 8, 3)), "fc6": nn.Sequential(nn.Linear(64, 64))}
    network = nn.Sequential()
    for name, block in blocks.items():
        network.add_module(name, block)
    AlexNet().initialise(network)
    assert network.conv2[0].weight.std().item() == pytest.approx(0.01, rel=0.2)
    assert network.fc6[0].weight.std().item() == pytest.approx(0.005, rel=0.2)
    assert (network.fc6[0].bias == 0.1).all()
