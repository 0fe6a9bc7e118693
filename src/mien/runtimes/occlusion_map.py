"""Which places of a face an exported network needs: they are hidden, one after the other.

M. D. Zeiler and R. Fergus. Visualizing and understanding convolutional networks. ECCV 2014. Only
the network's answers are used, so this works with every model.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mien.core.spec import Prior
from mien.core.types import Floats
from mien.runtimes.model import Model

Numbers = npt.NDArray[np.int64]

PATCH: Final = 0.2
"""The side of the patch as a share of the input's: a little more than an eye is wide."""
STRIDE: Final = 0.08


def occlusion_map(
    model: Model,
    inputs: Floats,
    classes: Numbers,
    *,
    patch: float = PATCH,
    stride: float = STRIDE,
    prior: Prior | None = None,
) -> Floats:
    """Returns how much each class's odds fall when a place of its input is hidden.

    A square patch of the input's own mean colour is laid over a grid of places. What each costs is
    measured in natural log-odds of the class at the operating point, which, unlike probabilities,
    do not stop moving where the network is sure. Between the places it is interpolated.

    Args:
        model: the model.
        inputs: (n, channels, size, size) float32, as `mien.core.spec.prepare` makes them.
        classes: (n,) numbers of the class to explain for each input.
        patch: the side of the patch, as a share of the input's; above 0, at most 1.
        stride: the step between two places, likewise.
        prior: the operating point; None takes the model's own.

    Returns:
        (n, size, size) float32, any real number: above 0 where hiding the place speaks against
        the class, below 0 where hiding it speaks for it.

    Raises:
        ValueError: the inputs and the classes differ in number, or a share is out of range.
    """
    if len(inputs) != len(classes) or not (0 < patch <= 1 and 0 < stride <= 1):
        raise ValueError(
            f"Occlusion needs a class for each input, and shares above 0, at most 1; got "
            f"{len(inputs)} inputs, {len(classes)} classes, patch {patch} and stride {stride}."
        )
    size = inputs.shape[-1]
    cells = math.ceil(size / max(1, round(stride * size)))
    whole = _log_odds(model, inputs, classes, prior)
    hidden = _hidden(model, inputs, classes, (cells, max(1, round(patch * size))), prior)
    drops = (whole[:, None] - hidden).reshape(-1, cells, cells).astype(np.float32)
    maps = [cv2.resize(drop, (size, size), interpolation=cv2.INTER_LINEAR) for drop in drops]
    return np.asarray(maps, np.float32).reshape(-1, size, size)


def _hidden(
    model: Model, inputs: Floats, classes: Numbers, grid: tuple[int, int], prior: Prior | None
) -> Floats:
    """Returns the log-odds, (n, cells x cells), with a patch over each cell of a grid."""
    cells, side = grid
    fill = inputs.mean(axis=(2, 3))
    boxes = _boxes(inputs.shape[-1], cells, side)
    count = len(inputs) * len(boxes)
    found = np.empty(count, np.float32)
    for start in range(0, count, model.batch_size):
        numbers = np.arange(start, min(start + model.batch_size, count))
        faces, places = np.divmod(numbers, len(boxes))
        batch = inputs[faces]
        for one, face, place in zip(batch, faces, places, strict=True):
            one[:, boxes[place][0], boxes[place][1]] = fill[face][:, None, None]
        found[numbers] = _log_odds(model, batch, classes[faces], prior)
    return found.reshape(len(inputs), len(boxes))


def _boxes(size: int, cells: int, side: int) -> list[tuple[slice, slice]]:
    """Returns the rows and columns that each patch hides; those at the edge hide fewer."""
    centres = (np.arange(cells) + 0.5) * size / cells
    lows = np.rint(centres - side / 2).astype(int)
    spans = [slice(max(0, low), min(size, low + side)) for low in lows]
    return [(rows, columns) for rows in spans for columns in spans]


def _log_odds(model: Model, inputs: Floats, classes: Numbers, prior: Prior | None) -> Floats:
    """Returns ln(p / (1 - p)) of each input's class, (n,), for `ModelSpec.probabilities` p."""
    if not len(inputs):
        return np.empty(0, np.float32)
    spec = model.spec
    shift = np.log(spec.target_prior(prior)) - np.log(spec.target_prior("natural"))
    # From logits, not from probabilities: those are 1 and 0 where the network is very sure.
    scaled = (model.infer(inputs).astype(np.float64) + shift) / spec.temperature
    rows = np.arange(len(scaled))
    own = scaled[rows, classes]
    scaled[rows, classes] = -np.inf
    best = scaled.max(axis=1)
    rest = best + np.log(np.exp(scaled - best[:, None]).sum(axis=1))
    odds: Floats = (own - rest).astype(np.float32)
    return odds
