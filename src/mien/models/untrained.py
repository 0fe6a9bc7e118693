"""Networks with random weights: they take as long as trained ones."""

from __future__ import annotations

import torch
from torch import nn

from mien.core import registry
from mien.core.labels import CLASSES
from mien.core.spec import Preprocess


def untrained(name: str, seed: int = 0) -> tuple[nn.Module, Preprocess]:
    """Returns a network in evaluation mode with the random weights of a seed, and its input.

    The random numbers of the caller go on as if nothing had been drawn.

    Args:
        name: the network's name in the registry.
        seed: makes the weights.

    Raises:
        UnknownNameError: there is no such network.
    """
    kind = registry.load("networks", name)()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind.build(len(CLASSES)).eval(), kind.preprocess
