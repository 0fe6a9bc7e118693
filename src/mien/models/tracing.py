"""What a network computes, operation by operation, without computing it.

On torch's ``meta`` device tensors have shapes and no values, so a network of any size runs in
moments. Recording what torch is asked to do there compares two networks exactly: equal random
outputs would prove less, since many networks begin with branches that are multiplied by zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

Operation = tuple[Any, ...]


def renamed(name: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Returns a tensor's name after the first pair (pattern, replacement) that fits it."""
    for pattern, replacement in pairs:
        changed, count = re.subn(pattern, replacement, name)
        if count:
            return changed
    return name


def operations(
    network: nn.Module,
    shape: tuple[int, ...],
    *,
    train: bool = False,
    names: Callable[[str], str] = str,
) -> list[Operation]:
    """Returns what a network asks torch to do for an input.

    Args:
        network: on the ``meta`` device; it is left in evaluation mode.
        shape: of the input.
        train: record it in training mode, so that dropout shows.
        names: what to call the network's own tensors, given their names.

    Returns:
        A tuple for each operation: its name and its arguments, tensors by name or, where they are
        made on the way, by number.
    """
    recorder = _Recorder()
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        recorder.call(tensor, names(name))
    network.train(train)
    batch = torch.empty(shape, device="meta")
    recorder.call(batch, "input")
    with torch.no_grad(), recorder:
        network(batch)
    network.eval()
    return recorder.found


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down each operation, with names for tensors that are new to it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Operation] = []
        # Each tensor is kept, so that no other can take its id.
        self._known: dict[int, tuple[torch.Tensor, str]] = {}

    def call(self, tensor: torch.Tensor, name: str) -> None:
        """Gives a tensor a name, if it has none."""
        self._known.setdefault(id(tensor), (tensor, name))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operation and writes it down."""
        given = (self._told(args), self._told(kwargs or {}))
        result = func(*args, **(kwargs or {}))
        made = result if isinstance(result, tuple | list) else (result,)
        for number, tensor in enumerate(made):
            if isinstance(tensor, torch.Tensor):
                self.call(tensor, f"{len(self.found)}.{number}")
        self.found.append((str(func), *given))
        return result

    def _told(self, value: Any) -> Any:
        """Returns an argument in a form that can be compared."""
        if isinstance(value, torch.Tensor):
            shape = tuple(value.shape)
            return self._known.get(id(value), (value, "constant"))[1], shape
        if isinstance(value, tuple | list):
            return tuple(self._told(part) for part in value)
        if isinstance(value, dict):
            return tuple((key, self._told(part)) for key, part in sorted(value.items()))
        return value
