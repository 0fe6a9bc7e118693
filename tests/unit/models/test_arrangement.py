"""Foreign models are taken apart only in ways that leave them what they are."""

import torch
from torch import nn

from mien.models.arrangement import arrange
from mien.models.tracing import renamed

SHAPE = (2, 3, 16, 16)


class Plain(nn.Module):
    """A chain: stem, a norm, two elements, pooling, a dropout that only forward knows, a layer."""

    drop_rate = 0.0

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.blocks = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3))
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(4, 7)

    def forward_features(self, x):
        return self.blocks(self.norm(self.stem(x)))

    def forward_head(self, x):
        x = self.global_pool(x)
        if self.drop_rate:
            x = nn.functional.dropout(x, self.drop_rate, self.training)
        return self.fc(x)

    def forward(self, x):
        return self.forward_head(self.forward_features(x))


class Dropping(Plain):
    drop_rate = 0.2


class Skipping(Plain):
    """No chain: the stem's maps come back later, scaled by a number that begins at zero."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(1))

    def forward_features(self, x):
        maps = self.norm(self.stem(x))
        return self.blocks(maps) + self.gain * maps[..., 2:-2, 2:-2]


class Tangled(Skipping):
    """Its head needs what only its features own."""

    def forward_head(self, x):
        return super().forward_head(x + self.gain)


def _arranged(kind):
    with torch.device("meta"):
        return arrange(kind(), SHAPE)


def _same_outputs(kind):
    torch.manual_seed(0)
    model = kind().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    batch = torch.randn(SHAPE)
    wanted = model(batch)
    for block in _arranged(kind).apply(model).values():
        batch = block.eval()(batch)
    torch.testing.assert_close(batch, wanted, rtol=1e-5, atol=1e-5)


def test_a_chain_becomes_blocks():
    found = _arranged(Plain)
    assert found.chain
    assert found.groups == (
        ("stem", ("stem", "norm")),
        ("blocks_0", ("blocks.0",)),
        ("blocks_1", ("blocks.1",)),
        ("fc", ("global_pool", "fc")),
    )
    assert found.dense == 1
    assert renamed("norm.bias", found.renames) == "stem.norm.bias"
    assert renamed("stem.norm.bias", found.renames) == "stem.norm.bias"
    assert renamed("blocks.1.weight", found.renames) == "blocks_1.weight"
    _same_outputs(Plain)


def test_a_dropout_that_only_forward_knows_is_kept():
    found = _arranged(Dropping)
    assert found.chain
    (dropout,) = (m for m in found.apply(Dropping())["fc"] if isinstance(m, nn.Dropout))
    assert dropout.p == 0.2


def test_what_is_no_chain_is_halved():
    found = _arranged(Skipping)
    assert not found.chain
    assert found.groups == (
        ("features", ("stem", "norm", "blocks")),
        ("classifier", ("global_pool", "fc")),
    )
    _same_outputs(Skipping)


def test_each_half_owns_its_tensors_once():
    model, found = Skipping(), _arranged(Skipping)
    halves = found.apply(model)
    whole = nn.Sequential()
    for name, half in halves.items():
        whole.add_module(name, half)
    assert {renamed(name, found.renames) for name in model.state_dict()} == set(whole.state_dict())
    assert len(list(whole.parameters())) == len(list(model.parameters()))


def test_what_cannot_be_taken_apart_is_left():
    assert _arranged(Tangled) is None
