"""Models of timm: blocks where they are chains, and the same numbers as timm's own."""

import pytest
import timm
import torch

from mien.core import registry
from mien.core.errors import ConfigError, UnknownNameError
from mien.models import timm_network
from mien.models.timm_network import TimmNetwork
from mien.models.tracing import renamed


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_050", "vit_tiny_patch16_224"])
def test_it_computes_what_timm_computes(name):
    kind = TimmNetwork(name)
    torch.manual_seed(0)
    theirs = timm.create_model(name, num_classes=7).eval()
    for parameter in theirs.parameters():  # no branch stays at zero
        parameter.data.add_(0.02 * torch.randn(parameter.shape))
    ours = kind.build(7).eval()
    own = ours.state_dict()
    state = {renamed(key, kind.renames): tensor for key, tensor in theirs.state_dict().items()}
    assert own.keys() == state.keys()
    ours.load_state_dict(state)
    size = kind.preprocess.input_size
    batch = torch.randn(1, 3, size, size)
    with torch.inference_mode():
        torch.testing.assert_close(ours(batch), theirs(batch), rtol=1e-5, atol=1e-5)
    assert {renamed(key, kind.renames) for key in own} == set(own)


def test_a_chain_has_a_last_convolution():
    kind = registry.load("networks", "timm/resnet18")()
    assert kind.name == "timm/resnet18"
    assert kind.blocks[:2] == ("conv1", "layer1_0")
    assert kind.trainable("last-conv+fc") == ["layer4_1", "fc"]
    assert kind.trainable("layer4.1") == ["layer4_1"]


def test_layers_after_the_pooling_are_fully_connected():
    kind = TimmNetwork("mobilenetv3_small_050")
    assert kind.trainable("last-conv+fc") == ["blocks_5", "conv_head", "classifier"]


def test_what_is_no_chain_has_a_head_only():
    kind = TimmNetwork("vit_tiny_patch16_224")
    assert kind.trainable("all") == ["features", "classifier"]
    assert kind.trainable("head") == ["classifier"]
    with pytest.raises(ConfigError, match=r"no chain of blocks.*Expected 'all' or 'head'"):
        kind.trainable("last-conv+fc")


def test_the_input_is_timms():
    given = TimmNetwork("resnet18").preprocess
    assert given.colour == "rgb"
    assert given.input_size == 224
    assert given.mean == pytest.approx((123.675, 116.28, 103.53))
    assert given.std == pytest.approx((58.395, 57.12, 57.375))
    # A tag may bring another input.
    assert TimmNetwork("tf_efficientnet_b0.ap_in1k").preprocess.mean == (127.5,) * 3


def test_an_input_that_chips_cannot_fill_is_refused():
    with pytest.raises(ConfigError, match="3 x 1024 x 1024"):
        TimmNetwork("samvit_base_patch16")


def test_an_unknown_name_is_answered_with_close_ones():
    with pytest.raises(UnknownNameError, match=r"no model named 'resnet19'.*'resnet1"):
        TimmNetwork("resnet19")
    with pytest.raises(UnknownNameError, match=r"no weights named 'resnet18.nine'.*a1_in1k"):
        TimmNetwork("resnet18.nine")


def test_imagenet_is_asked_of_timm(monkeypatch):
    monkeypatch.setattr(timm_network, "timm_weights", lambda name: {"asked": name})
    assert TimmNetwork("resnet18").library_start("imagenet") == {"asked": "resnet18"}
    assert TimmNetwork("resnet18").library_start("face") is None
