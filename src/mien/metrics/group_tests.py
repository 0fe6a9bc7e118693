"""Tests that groups have the same figure, where the pictures of a person resemble each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from mien.metrics.classification import Reals, ratio

_LEAST: Final = 1e-9
"""What is smaller, among the eigenvalues of correlations, is no direction of its own."""


def equality(tops: Reals, wholes: Reals) -> float:
    """Returns the p-value of "all groups have the same figure", from people as clusters.

    The figure of a group is the mean over k of sum(tops) / sum(wholes). A score test with the
    variance between clusters (Boos 1992; with residuals at the common figure, as Guo et al. 2005
    found safe with few clusters), with groups in any number of which a cluster may have several.
    The variance of no group counts as less than binomial sampling of it with the clustering of
    all groups together, since a few people who happen to agree show none of their own. The
    statistic is compared with its law under independent normal clusters, a beta.

    Args:
        tops: (c, g, k) what each cluster adds to the numerators in each group.
        wholes: (c, g, k) the same for the denominators; every group has some.
    """
    from scipy.special import betainc

    total, sizes = wholes.sum(axis=0), wholes.sum(axis=(0, 2))
    weights, shares = sizes / sizes.sum(), tops.sum(axis=0) / wholes.sum(axis=0)
    figures = shares.mean(axis=1)
    distance = figures - weights @ figures
    expected = shares - distance[:, None]
    scores = ((tops - expected * wholes) / total).mean(axis=2)
    spread = scores * _inflation(scores, tops, wholes)
    # The weighted distances sum to 0, so one group follows from the others.
    centred = (spread - (spread @ weights)[:, None])[:, :-1]
    scale = np.sqrt((centred**2).sum(axis=0))
    used = scale > 0
    clusters = int((wholes.sum(axis=(1, 2)) > 0).sum())
    if not used.any() or not (distance != 0).any():
        return 1.0
    unit, aim = centred[:, used] / scale[used], distance[:-1][used] / scale[used]
    lengths, directions = np.linalg.eigh(unit.T @ unit)
    real = lengths > _LEAST
    rank = int(real.sum())
    if clusters <= rank:
        return 1.0
    statistic = float((((aim @ directions[:, real]) ** 2) / lengths[real]).sum())
    return float(betainc((clusters - rank) / 2, rank / 2, max(0.0, 1 - statistic / clusters)))


def holm(tests: Sequence[tuple[float, float]]) -> list[float]:
    """Returns adjusted p-values of tests with weights (Holm 1979): a test's error is below its own.

    Args:
        tests: the p-value and the weight of each; equal weights give the usual procedure.
    """
    order = sorted(range(len(tests)), key=lambda i: tests[i][0] / tests[i][1])
    left, least = sum(weight for _, weight in tests), 0.0
    adjusted = [1.0] * len(tests)
    for i in order:
        p, weight = tests[i]
        least = max(least, min(1.0, p * left / weight))
        adjusted[i], left = least, left - weight
    return adjusted


def _inflation(scores: Reals, tops: Reals, wholes: Reals) -> Reals:
    """Returns by how much each group's scores are too small to be believed, (g), 1 or more."""
    total, sizes = wholes.sum(axis=0), wholes.sum(axis=(0, 2))
    pooled = tops.sum(axis=(0, 1)) / total.sum(axis=0)
    binomial = (pooled * (1 - pooled) / total).mean(axis=1) / tops.shape[2]
    own = (scores**2).sum(axis=0)
    clustering = np.fmax(1, ratio((own * sizes**2).sum(), (binomial * sizes**2).sum()))
    return np.fmax(1, np.sqrt(ratio(clustering * binomial, own)))
