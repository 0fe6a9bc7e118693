"""What a batch takes, and how large a one fits where the wanted one does not."""

from __future__ import annotations

import gc
from typing import Final

import torch
from torch import nn

from mien.core.errors import StageError
from mien.core.types import Floats
from mien.models.blocks import on_device
from mien.models.recipe import Recipe

_SIGNS: Final = ("out of memory", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Tells whether torch failed for want of memory, on a device or on the machine."""
    return isinstance(error, torch.OutOfMemoryError) or any(s in str(error) for s in _SIGNS)


def largest_fit(
    module: nn.Module, inputs: Floats, recipe: Recipe, cause: RuntimeError
) -> StageError:
    """Returns the error that says how many faces at a time fit: the batch is halved until it does.

    Args:
        module: the network, with its gradients.
        inputs: (n, ...) float32, which did not fit.
        recipe: the training's.
        cause: what torch said.
    """
    wanted = len(inputs)
    size = wanted
    while size > 1:
        size //= 2
        if _fits(module, inputs[:size]):
            parts = recipe.accumulate * -(-wanted // size)
            return StageError(
                f"{wanted} faces at a time need more memory than there is ({_first_line(cause)}). "
                f"{size} fit. Set accumulate = {parts} to train on the same batches of "
                f"{recipe.batch_size} in {parts} parts, or batch_size = {size}."
            )
    return StageError(
        f"Not even one face fits the memory ({_first_line(cause)}). Take a smaller network or "
        "input, train fewer blocks, or use another machine."
    )


def peak_bytes(device: torch.device) -> int:
    """Returns the most memory this process has taken so far: the device's, or the machine's."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    import resource
    import sys

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _fits(module: nn.Module, inputs: Floats) -> bool:
    module.zero_grad(set_to_none=True)
    gc.collect()
    try:
        pictures = on_device(inputs, next(module.parameters()).device)
        module(pictures).float().logsumexp(1).sum().backward()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        module.zero_grad(set_to_none=True)
    return True


def _first_line(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
