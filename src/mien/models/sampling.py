"""Which faces an epoch shows: shuffled by a seed, rare classes as often as asked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.core.labels import CLASSES
from mien.core.types import Floats

Numbers = npt.NDArray[np.int64]
ORDER, MIX = 1, 2
"""What a stream of random numbers is for: it keeps the streams of one epoch apart."""


def class_weights(targets: Floats, power: float) -> Floats:
    """Returns how often to draw each face so that rare classes weigh more: (n,), summing to 1.

    A face weighs the mean of ``count ** -power`` over its own votes: 0 draws all alike, 1 draws
    the classes alike.

    Args:
        targets: (n, 7) rows summing to 1.
        power: 0 to 1.
    """
    counts = np.maximum(targets.sum(0, dtype=np.float64), 1.0)
    weights = targets @ counts**-power
    normed: Floats = (weights / weights.sum()).astype(np.float32)
    return normed


def epoch_order(weights: Floats, seed: int, epoch: int) -> Numbers:
    """Returns the faces of one epoch, shuffled: (n,) numbers, the same for the same arguments.

    Systematic resampling: a face of weight w comes floor(n w) or ceil(n w) times, so equal weights
    give each face once, and a rare class is not drawn too often or too seldom by chance.

    Args:
        weights: (n,), summing to 1.
        seed: the training's seed.
        epoch: counted from 0 over the whole training.
    """
    random = np.random.default_rng((seed, epoch, ORDER))
    n = len(weights)
    # Faces of one weight stand together under the comb, so a class gets its share to within one
    # face; among themselves they stand in random order, or neighbours would share their luck.
    shuffled = random.permutation(n)
    shuffled = shuffled[np.argsort(weights[shuffled], kind="stable")]
    edges = np.cumsum(weights[shuffled].astype(np.float64))
    comb = (np.arange(n) + random.random()) / n * edges[-1]
    drawn = shuffled[np.searchsorted(edges, comb, side="right").clip(max=n - 1)]
    return random.permutation(drawn).astype(np.int64)


def smoothed(targets: Floats, share: float) -> Floats:
    """Returns targets (n, 7) of which a share is spread over all classes (Szegedy et al. 2016)."""
    return targets * (1 - share) + np.float32(share / len(CLASSES))


def training_prior(targets: Floats, power: float) -> Floats:
    """Returns the class shares (7,) that a network saw: the mean target as faces were drawn.

    Args:
        targets: (n, 7), rows summing to 1.
        power: how strongly the sampling was balanced, see `class_weights`.
    """
    seen = class_weights(targets, power).astype(np.float64) @ targets
    normed: Floats = (seen / seen.sum()).astype(np.float32)
    return normed
