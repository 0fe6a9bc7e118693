"""Whether confidence means what it says, and what to do about it.

All functions look at found faces only: a picture without a face has no confidence, so rows of
NaN are left out here. They count as wrong in `mien.metrics.classification`.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mien.core.errors import DataError
from mien.metrics.classification import Integers, Reals, checked, ratio

BINS: Final = 15
"""The number of bins of Guo et al. 2017."""
_GOLDEN: Final = (math.sqrt(5) - 1) / 2
_TEMPERATURES: Final = (0.05, 20.0)


class Reliability(NamedTuple):
    """The reliability table: for each bin of confidence what it held.

    Attributes:
        edges: (bins + 1,) from 0 to 1; bin i holds confidences in (edges[i], edges[i + 1]].
        faces: (bins,) how many it held.
        confidence: (bins,) their mean confidence, NaN for an empty bin.
        accuracy: (bins,) the share of them that is right, NaN for an empty bin.
    """

    edges: Reals
    faces: Integers
    confidence: Reals
    accuracy: Reals


class RiskCoverage(NamedTuple):
    """The risk-coverage curve (El-Yaniv and Wiener 2010), one point a distinct confidence.

    Attributes:
        threshold: (m,) falling: faces with at least this confidence are answered.
        coverage: (m,) rising to 1: the share of faces that is answered.
        risk: (m,) the share of those answers that is wrong.
    """

    threshold: Reals
    coverage: Reals
    risk: Reals

    @property
    def area(self) -> float:
        """The area under the curve (AURC): the mean risk over all coverages; NaN for none."""
        if not len(self.coverage):
            return float("nan")
        return float((np.diff(self.coverage, prepend=0.0) * self.risk).sum())


class Choice(NamedTuple):
    """A threshold with the coverage and the risk that it has on the faces it was chosen on."""

    threshold: float
    coverage: float
    risk: float


def reliability(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, bins: int = BINS
) -> Reliability:
    """Returns the reliability table over equal-width bins of confidence."""
    right, confidence = _answers(labels, probabilities)
    place = bin_of(confidence, bins)
    count = np.bincount(place, minlength=bins)
    return Reliability(
        np.linspace(0, 1, bins + 1),
        count,
        ratio(np.bincount(place, confidence, bins), count),
        ratio(np.bincount(place, right, bins), count),
    )


def expected_calibration_error(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, bins: int = BINS
) -> float:
    """Returns the expected calibration error, 0 to 1; NaN for no faces.

    The gap between confidence and accuracy, averaged over equal-width bins by their counts
    (Naeini et al. 2015; Guo et al. 2017, equation 3).
    """
    table = reliability(labels, probabilities, bins)
    gaps = np.nan_to_num(np.abs(table.accuracy - table.confidence)) * table.faces
    return float(ratio(gaps.sum(), table.faces.sum()))


def bin_of(confidence: Reals, bins: int = BINS) -> Integers:
    """Returns the bin (n,) of each confidence in 0 to 1; an edge belongs to the bin below it."""
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Returns the temperature that makes held-out logits most likely (Guo et al. 2017).

    The likelihood has one peak in 1 / temperature, so a golden-section search finds it.

    Args:
        logits: (n, 7), finite, already moved to the operating point: the temperature divides what
            the prior shift leaves.
        labels: (n,) integers 0 to 6.

    Returns:
        The temperature, 0.05 to 20.

    Raises:
        DataError: there are no logits, or they are not finite numbers of that shape.
    """
    scores = np.asarray(logits, np.float64)
    if not scores.size or not np.isfinite(scores).all():
        raise DataError("A temperature is fitted on finite logits of the shape (n, 7), n > 0.")
    truth, _ = checked(labels, _softmax(scores))
    picked = np.arange(len(truth)), truth

    def loss(log_temperature: float) -> float:
        scaled = scores / math.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[picked]).mean())

    low, high = (math.log(bound) for bound in _TEMPERATURES)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-6:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    return math.exp((low + high) / 2)


def risk_coverage(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> RiskCoverage:
    """Returns the whole risk-coverage curve; faces of equal confidence are answered together."""
    right, confidence = _answers(labels, probabilities)
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order]
    answered = np.arange(1, len(order) + 1)
    risk = 1 - np.cumsum(right[order]) / answered
    last = np.append(sorted_confidence[1:] != sorted_confidence[:-1], True)[: len(order)]
    return RiskCoverage(sorted_confidence[last], answered[last] / max(1, len(order)), risk[last])


def threshold_for_risk(labels: npt.ArrayLike, probabilities: npt.ArrayLike, risk: float) -> Choice:
    """Returns the least confidence to answer from so that few enough answers are wrong.

    Of the thresholds whose answers are wrong in at most a share ``risk`` of cases it takes the
    one that answers most. This is the empirical risk: it holds on the faces it was chosen on, and
    elsewhere as far as they resemble them.

    Args:
        labels: (n,) integers 0 to 6.
        probabilities: (n, 7).
        risk: the stated share of wrong answers, 0 to 1.

    Returns:
        The choice; threshold 1 and coverage 0 where no threshold keeps the risk.

    Raises:
        DataError: ``risk`` is not 0 to 1.
    """
    if not 0 <= risk <= 1:
        raise DataError(f"A risk is a share from 0 to 1, not {risk}.")
    curve = risk_coverage(labels, probabilities)
    kept = np.flatnonzero(curve.risk <= risk)
    if not len(kept):
        return Choice(1.0, 0.0, 0.0)
    best = kept[-1]  # coverage rises along the curve
    return Choice(
        float(curve.threshold[best]), float(curve.coverage[best]), float(curve.risk[best])
    )


def _answers(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[Reals, Reals]:
    truth, rows = checked(labels, probabilities)
    found = ~np.isnan(rows[:, 0])
    right = rows[found].argmax(axis=1) == truth[found]
    return right.astype(np.float64), rows[found].max(axis=1, initial=0.0)


def _softmax(logits: Reals) -> Reals:
    if logits.ndim != 2:
        raise DataError(f"Logits have the shape (n, 7); these have {logits.shape}.")
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Reals = odds / odds.sum(axis=1, keepdims=True)
    return shares
