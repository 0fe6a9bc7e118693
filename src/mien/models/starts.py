"""Starts: what a network knows before it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from mien.core.errors import ModelError

if TYPE_CHECKING:
    from mien.models.networks import ChainNetwork


def fill(kind: ChainNetwork, network: nn.Module, start: str) -> None:
    """Fills a network with the weights that a start names.

    Raises:
        ModelError: there are no such weights for this network.
    """
    if start != "scratch":
        raise ModelError(f"The network {kind.name!r} has no start {start!r}. Expected: 'scratch'.")
