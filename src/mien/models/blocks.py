"""Named blocks of a network: which are trained, which stay, and how either is run."""

from __future__ import annotations

import torch
from torch import nn

from mien.core.types import Floats


def freeze(network: nn.Module, blocks: list[str] | None) -> list[str]:
    """Freezes all blocks but ``blocks`` and returns the names of the frozen ones.

    Args:
        network: its children are its blocks.
        blocks: those to train; None trains all.
    """
    frozen = [name for name, _ in network.named_children() if blocks and name not in blocks]
    for name in frozen:
        network.get_submodule(name).requires_grad_(False)
    return frozen


def learned_names(network: nn.Module, frozen: list[str]) -> list[str]:
    """Returns the names of the tensors that training changes: weights and running statistics."""
    return [name for name in network.state_dict() if name.partition(".")[0] not in frozen]


def training_mode(network: nn.Module, frozen: list[str]) -> None:
    """Sets a network to train, but frozen blocks to evaluate: their statistics stay."""
    network.train()
    for name in frozen:
        network.get_submodule(name).eval()


def on_device(inputs: Floats, device: torch.device) -> torch.Tensor:
    """Returns inputs as a tensor on a device; pictures with their channels last in memory."""
    tensor = torch.from_numpy(inputs)
    if tensor.ndim == 4:
        return tensor.to(device, memory_format=torch.channels_last)
    return tensor.to(device)


def count(network: nn.Module) -> tuple[int, int]:
    """Returns how many parameters a network trains, and how many it keeps as they are."""
    sizes = [(p.requires_grad, p.numel()) for p in network.parameters()]
    return sum(n for learns, n in sizes if learns), sum(n for learns, n in sizes if not learns)
