"""Networks are counted without being built in memory."""

import torch
from safetensors.torch import save
from torch import nn

from mien.core.errors import ConfigError
from mien.core.spec import Preprocess
from mien.models.anatomy import anatomy
from mien.models.mienet import MienetTiny


def test_the_counts_are_the_modules():
    parts, module = anatomy(MienetTiny(), 5), MienetTiny().build(5)
    assert parts.parameters == sum(p.numel() for p in module.parameters())
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    assert parts.statistics == sum(2 * m.num_features for m in norms)
    assert parts.input == (1, 48, 48)
    assert parts.blocks[-1].output == (5,)
    assert parts.last_conv == "stage3"
    assert parts.trained["all"] == parts.parameters
    assert parts.trained["head"] == 32 * 5 + 5
    assert parts.starts == ("scratch",)


def test_the_file_is_as_large_as_safetensors_makes_it():
    assert anatomy(MienetTiny()).file_bytes == len(save(MienetTiny().build(7).state_dict()))


class Foreign:
    """A network of another package: no more than the socket asks."""

    name = "foreign"
    preprocess = Preprocess(input_size=16)

    def build(self, num_classes, start="scratch"):
        return nn.Sequential(nn.Flatten(), nn.Linear(256, num_classes))

    def trainable(self, policy):
        if policy != "all":
            raise ConfigError("only all")
        return ["0", "1"]


def test_any_network_that_fits_the_socket_is_taken_apart():
    parts = anatomy(Foreign())
    assert parts.parameters == 257 * 7
    assert parts.last_conv is None
    assert parts.trained == {"all": 257 * 7}
    assert [block.output for block in parts.blocks] == [(256,), (7,)]
    assert not torch.tensor(parts.statistics).item()
