"""What a network under training says of faces: one way for validation, folds and frozen trunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import torch
from torch import nn

from mien.core.spec import Preprocess, normalise
from mien.core.types import Floats
from mien.models.augment import Pixels
from mien.models.blocks import on_device

BATCH: Final = 256
"""Values of larger inputs are run in smaller batches."""
_VALUES: Final = BATCH * 48 * 48 * 3


def inputs_of(pixels: Pixels, preprocess: Preprocess) -> Iterator[Floats]:
    """Yields the inputs of cuts, a batch at a time.

    Args:
        pixels: (n, side, side, channels) uint8, as large as the network's input.
        preprocess: the network's input.
    """
    for start, end in slices(len(pixels), pixels[0].size if len(pixels) else 1):
        yield normalise(np.asarray(pixels[start:end]), preprocess)


def slices(count: int, values: int) -> Iterator[tuple[int, int]]:
    """Yields first and end of batches over ``count`` items of so many values each."""
    size = max(1, min(BATCH, _VALUES // values))
    for start in range(0, count, size):
        yield start, min(start + size, count)


def outputs(network: nn.Module, inputs: Iterable[Floats]) -> Iterator[Floats]:
    """Yields what a network makes of batches, as float32 arrays.

    Args:
        network: in evaluation mode, on any device.
        inputs: (n, ...) float32 batches.
    """
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    for batch in inputs:
        with torch.inference_mode():
            found: Floats = network(on_device(batch, device)).float().cpu().numpy()
        yield found


def logits(network: nn.Module, inputs: Iterable[Floats]) -> Floats:
    """Returns the logits (n, classes) float32 of all batches; see `outputs`."""
    return np.concatenate(list(outputs(network, inputs)))
