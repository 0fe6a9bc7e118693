"""Intervals by resampling whole people (or other clusters) with replacement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from mien.core.errors import DataError
from mien.metrics.classification import Integers, Reals

LEVEL: Final = 0.95
_CELLS: Final = 4_000_000
"""How many weights are held at once: 32 MB of them."""


def cluster_codes(clusters: Sequence[str | None]) -> tuple[Integers, int]:
    """Returns a number for each row's cluster (n,), and how many clusters there are.

    Rows without a cluster (None) are clusters of their own.
    """
    seen: dict[str | int, int] = {}
    keys = (row if name is None else name for row, name in enumerate(clusters))
    codes = [seen.setdefault(key, len(seen)) for key in keys]
    return np.asarray(codes, np.int64), len(seen)


def bootstrap(
    rows: Reals,
    clusters: Sequence[str | None],
    statistic: Callable[[Reals], Reals],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[Reals, Reals]:
    """Returns percentile intervals at 95 % (Efron 1979; clusters: Field and Welsh 2007).

    Every figure must be a function of sums over rows, so that one matrix product makes all
    resamples at once. The same seed and clusters give the same resamples: the figures of two
    models on the same rows, laid side by side, are compared in pairs.

    Args:
        rows: (n, k) what each row adds to the sums.
        clusters: (n) the cluster of each row; None is a cluster of its own.
        statistic: maps sums (b, k) to figures (b, m); NaN where a resample cannot give one.
        resamples: how often to draw as many clusters as there are.
        seed: makes the draws.

    Returns:
        The lower and the upper bounds, (m,) each; NaN where no resample gave the figure, and
        everywhere where there are fewer than two clusters.

    Raises:
        DataError: ``rows`` and ``clusters`` differ in length, or there are no resamples.
    """
    if len(rows) != len(clusters) or resamples < 1:
        raise DataError(
            f"{len(rows)} rows, {len(clusters)} clusters and {resamples} resamples do not make a "
            "bootstrap: expected a cluster a row and at least one resample."
        )
    codes, count = cluster_codes(clusters)
    if count < 2:
        width = statistic(rows.sum(axis=0, keepdims=True)).shape[1]
        return np.full(width, np.nan), np.full(width, np.nan)
    sums = _sums(rows, codes)
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // count)
    figures = np.concatenate(
        [
            statistic(_weights(rng, min(step, resamples - start), count) @ sums)
            for start in range(0, resamples, step)
        ]
    )
    return _quantile(figures, (1 - LEVEL) / 2), _quantile(figures, (1 + LEVEL) / 2)


def _sums(rows: Reals, codes: Integers) -> Reals:
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    sums: Reals = np.add.reduceat(rows[order], starts, axis=0)
    return sums


def _weights(rng: np.random.Generator, resamples: int, count: int) -> Reals:
    """Returns how often each resample holds each cluster, (resamples, count)."""
    drawn = rng.integers(0, count, (resamples, count)) + count * np.arange(resamples)[:, None]
    weights = np.bincount(drawn.ravel(), minlength=resamples * count)
    return weights.reshape(resamples, count).astype(np.float64)


def _quantile(figures: npt.NDArray[np.float64], share: float) -> Reals:
    bounds = np.full(figures.shape[1], np.nan)
    usable = ~np.isnan(figures).all(axis=0)  # nanquantile would warn of columns without any
    bounds[usable] = np.nanquantile(figures[:, usable], share, axis=0)
    return bounds
