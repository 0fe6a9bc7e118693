"""All figures of one set in one `Scores`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mien.core.labels import CLASSES
from mien.core.scores import METRICS, Bin, Calibration, ClassScores, Interval, RiskPoint, Scores
from mien.metrics import calibration as cal
from mien.metrics import classification as cls
from mien.metrics.bootstrap import bootstrap, cluster_codes
from mien.metrics.classification import SIZE, Integers, Reals

_CELLS: Final = SIZE * (SIZE + 1)
_CURVE: Final = 50
"""How many points of the risk-coverage curve are kept."""


class How(NamedTuple):
    """How figures are made.

    Attributes:
        min_class_count: the least support of the classes in ``balanced_accuracy_frequent``.
        resamples: bootstrap resamples behind each interval; 0 makes none.
        seed: makes the resamples.
    """

    min_class_count: int = 25
    resamples: int = 1000
    seed: int = 0


def summarise(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    clusters: Sequence[str | None] | None = None,
    how: How = How(),  # noqa: B008  # an immutable value
) -> Scores:
    """Returns every figure of one set.

    Args:
        labels: (n,) integers 0 to 6.
        probabilities: (n, 7), rows summing to 1, or all NaN where no face was found.
        clusters: (n) the person of each picture, for the intervals; None where not known.
        how: how figures are made.

    Raises:
        DataError: an array is of a wrong shape or range.
    """
    truth, rows = cls.checked(labels, probabilities)
    people = [None] * len(truth) if clusters is None else clusters
    table = cls.count_table(truth, cls.answers(rows))
    frequent = table.sum(axis=1) >= how.min_class_count
    parts = _parts(truth, rows)

    def statistic(sums: Reals) -> Reals:
        return _figures(sums, frequent)

    names = [*METRICS, *(f"recall.{name}" for name in CLASSES)]
    figures = statistic(parts.sum(axis=0, keepdims=True))[0]
    overall = {name: _number(v) for name, v in zip(METRICS, figures, strict=False)}
    intervals: dict[str, Interval] = {}
    if how.resamples and len(truth):
        low, high = bootstrap(parts, people, statistic, resamples=how.resamples, seed=how.seed)
        bounds = zip(names, low.tolist(), high.tolist(), strict=True)
        intervals = {name: (a, b) for name, a, b in bounds if not math.isnan(a)}
    return Scores(
        n=len(truth),
        n_missed=int(table[:, SIZE].sum()),
        n_clusters=cluster_codes(people)[1],
        min_class_count=how.min_class_count,
        overall=overall,
        per_class=_per_class(table),
        confusion=tuple(map(tuple, table[:, :SIZE].tolist())),
        calibration=_calibration(truth, rows, overall["ece"]),
        intervals=intervals,
    )


def _parts(labels: Integers, probabilities: Reals) -> Reals:
    """Returns what each picture adds to the sums behind all figures, (n, 56 + 4 + 15).

    The columns: the count table; hit among the top two, log loss, Brier score; face found; and
    for each bin of confidence the gap between right answers and confidence.
    """
    n, rows = len(labels), np.arange(len(labels))
    found = ~np.isnan(probabilities[:, 0])
    table = np.zeros((n, _CELLS))
    table[rows, cls.cell(labels, cls.answers(probabilities))] = 1
    confidence = np.where(found, np.nan_to_num(probabilities).max(axis=1, initial=0.0), 0.0)
    gaps = np.zeros((n, cal.BINS))
    right = cls.ranks(labels, probabilities) == 0
    gaps[rows, cal.bin_of(confidence)] = np.where(found, right - confidence, 0.0)
    single = [
        cls.ranks(labels, probabilities) < 2,
        np.nan_to_num(cls.log_losses(labels, probabilities)),
        np.nan_to_num(cls.squared_errors(labels, probabilities)),
        found,
    ]
    return np.concatenate([table, np.stack(single, axis=1, dtype=np.float64), gaps], axis=1)


def _figures(sums: Reals, frequent: npt.NDArray[np.bool_]) -> Reals:
    """Returns the figures (b, 8 + 7) of sums (b, k): `METRICS`, then the recall of each class."""
    table = sums[:, :_CELLS].reshape(-1, SIZE, SIZE + 1)
    top2, loss, error, found = sums[:, _CELLS : _CELLS + 4].T
    figures = cls.table_figures(table)
    recall = figures["recall"]
    overall = [
        figures["accuracy"],
        cls.mean_over(recall, figures["support"] > 0),
        cls.mean_over(recall, np.broadcast_to(frequent, recall.shape)),
        figures["macro_f1"],
        cls.ratio(top2, table.sum(axis=(1, 2))),
        cls.ratio(loss, found),
        cls.ratio(error, found),
        cls.ratio(np.abs(sums[:, _CELLS + 4 :]).sum(axis=1), found),
    ]
    return np.concatenate([np.stack(overall, axis=1), recall], axis=1)


def _per_class(table: Integers) -> dict[str, ClassScores]:
    figures = cls.table_figures(table)
    return {
        name: ClassScores(
            precision=_number(figures["precision"][i]),
            recall=_number(figures["recall"][i]),
            f1=_number(figures["f1"][i]),
            support=int(figures["support"][i]),
            missed=int(table[i, SIZE]),
        )
        for i, name in enumerate(CLASSES)
    }


def _calibration(labels: Integers, probabilities: Reals, ece: float | None) -> Calibration:
    table = cal.reliability(labels, probabilities)
    curve = cal.risk_coverage(labels, probabilities)
    places = np.unique(np.linspace(0, len(curve.risk) - 1, _CURVE).round().astype(int))
    weighted = np.nansum(table.confidence * table.faces)
    return Calibration(
        ece=ece,
        mean_confidence=_number(cls.ratio(weighted, table.faces.sum())),
        bins=tuple(
            Bin(
                low=table.edges[i],
                high=table.edges[i + 1],
                count=int(table.faces[i]),
                confidence=_number(table.confidence[i]),
                accuracy=_number(table.accuracy[i]),
            )
            for i in range(cal.BINS)
        ),
        risk_coverage=tuple(
            RiskPoint(threshold=curve.threshold[i], coverage=curve.coverage[i], risk=curve.risk[i])
            for i in (places if len(curve.risk) else ())
        ),
        aurc=_number(curve.area),
    )


def _number(value: float | Reals) -> float | None:
    number = float(value)
    return None if math.isnan(number) else number
