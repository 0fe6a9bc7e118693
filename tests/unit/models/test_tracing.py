"""Records of what networks do are the same for the same, and differ for anything else."""

import torch
from torch import nn

from mien.models.tracing import operations, renamed

SHAPE = (2, 3, 8, 8)


def _net(*layers):
    with torch.device("meta"):
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), *(make() for make in layers))


def test_the_first_pair_that_fits_renames():
    pairs = ((r"^a\.", "b."), (r"^b\.", "c."))
    assert renamed("a.weight", pairs) == "b.weight"
    assert renamed("b.weight", pairs) == "c.weight"
    assert renamed("d.weight", pairs) == "d.weight"


def test_the_same_network_leaves_the_same_record():
    assert operations(_net(nn.ReLU), SHAPE) == operations(_net(nn.ReLU), SHAPE)
    named = operations(_net(), SHAPE)
    assert any("0.weight" in str(operation) for operation in named)
    assert "input" in str(named[0])


def test_another_operation_shows():
    assert operations(_net(nn.ReLU), SHAPE) != operations(_net(nn.SiLU), SHAPE)


def test_a_branch_that_begins_at_zero_shows():
    class Branch(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.gain = nn.Parameter(torch.zeros(1))
            self.inner = inner

        def forward(self, x):
            return x + self.gain * self.inner(x)

    with torch.device("meta"):  # both compute the identity, whatever the input
        one, other = Branch(nn.Identity()), Branch(nn.ReLU())
    assert operations(one, SHAPE) != operations(other, SHAPE)


def test_dropout_shows_in_training_only():
    plain, dropping = _net(nn.Identity), _net(lambda: nn.Dropout(0.5))
    assert operations(plain, SHAPE) == operations(dropping, SHAPE)
    assert operations(plain, SHAPE, train=True) != operations(dropping, SHAPE, train=True)
    assert not dropping.training


def test_weights_in_other_places_show():
    record = operations(_net(), SHAPE, names=lambda name: name.replace("0.", "9."))
    assert record != operations(_net(), SHAPE)
