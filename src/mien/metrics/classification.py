"""How often a model is right: figures from labels and answers, each a pure function of arrays.

Labels are integers 0 to 6 in the order of `labels.CLASSES`. An answer is such an integer, or
`MISSED` where no face was found: that counts as wrong in accuracy and in recall, and is never
dropped. A row of probabilities that is all NaN stands for the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mien.core.errors import DataError
from mien.core.labels import CLASSES

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MISSED: Final = -1
"""The answer where no face was found."""
SIZE: Final = len(CLASSES)
_CODES: Final = {name: code for code, name in enumerate(CLASSES)}
_LEAST: Final = 1e-12
"""Probabilities are clipped here before a logarithm, so one certain error costs 27.6, not all."""


def checked(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[Integers, Reals]:
    """Returns labels (n,) int64 and probabilities (n, 7) float64 once they are sound.

    Raises:
        DataError: lengths or shapes differ, a label is not 0 to 6, or a row of probabilities
            neither sums to 1 nor is all NaN.
    """
    rows = np.asarray(probabilities, np.float64)
    truth = _classes(labels, "labels", 0)
    if rows.shape != (len(truth), SIZE):
        raise DataError(
            f"{len(truth)} labels need probabilities of the shape ({len(truth)}, {SIZE}); "
            f"got {rows.shape}."
        )
    found = rows[~np.isnan(rows).all(axis=1)]
    sums = found.sum(axis=1)
    if not (np.isfinite(found).all() and (found >= 0).all() and np.allclose(sums, 1, atol=1e-3)):
        raise DataError(
            "Each row of probabilities is seven finite numbers of 0 or more that sum to 1, or "
            "seven NaN where no face was found. Check the model that made them."
        )
    return truth, rows


def answers(probabilities: npt.ArrayLike) -> Integers:
    """Returns the most probable class (n,) of probabilities (n, 7); `MISSED` for rows of NaN."""
    rows = np.asarray(probabilities, np.float64)
    return np.where(np.isnan(rows).any(axis=1), MISSED, np.nan_to_num(rows).argmax(axis=1))


def coded(names: Iterable[str | None]) -> Integers:
    """Returns classes (n,) as integers, `MISSED` for None."""
    return np.array([MISSED if name is None else _CODES[name] for name in names], np.int64)


def count_table(labels: npt.ArrayLike, predicted: npt.ArrayLike) -> Integers:
    """Returns counts (7, 8): true class by answer, the last column for `MISSED`.

    Raises:
        DataError: the lengths differ, or a value is no class.
    """
    truth, given = _classes(labels, "labels", 0), _classes(predicted, "predictions", MISSED)
    if truth.shape != given.shape:
        raise DataError(f"{len(truth)} labels cannot be compared with {len(given)} predictions.")
    cells = np.bincount(cell(truth, given), minlength=SIZE * (SIZE + 1))
    return cells.reshape(SIZE, SIZE + 1)


def cell(labels: Integers, predicted: Integers) -> Integers:
    """Returns the position (n,) of each pair in the flattened table of `count_table`."""
    return labels * (SIZE + 1) + np.where(predicted == MISSED, SIZE, predicted)


def confusion(labels: npt.ArrayLike, predicted: npt.ArrayLike) -> Integers:
    """Returns the confusion matrix (7, 7), true class by answer; missed pictures in no cell."""
    return count_table(labels, predicted)[:, :SIZE]


def accuracy(labels: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Returns the share of right answers, 0 to 1; NaN for no pictures."""
    return float(table_figures(count_table(labels, predicted))["accuracy"])


def balanced_accuracy(labels: npt.ArrayLike, predicted: npt.ArrayLike, min_count: int = 1) -> float:
    """Returns the mean recall of the classes with at least ``min_count`` pictures, 0 to 1.

    With 1 these are the classes that occur (Brodersen et al. 2010). NaN where there is none.
    """
    table = count_table(labels, predicted)
    classes = table.sum(axis=-1) >= min_count
    return float(mean_over(table_figures(table)["recall"], classes))


def macro_f1(labels: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Returns the mean F1 of the classes that occur in labels or answers, 0 to 1."""
    return float(table_figures(count_table(labels, predicted))["macro_f1"])


def per_class(labels: npt.ArrayLike, predicted: npt.ArrayLike) -> dict[str, Reals]:
    """Returns ``precision``, ``recall``, ``f1`` and ``support``, each (7,).

    NaN stands where a class has nothing to divide by: no answers, no pictures, neither.
    """
    table = count_table(labels, predicted)
    figures = table_figures(table)
    return {name: figures[name] for name in ("precision", "recall", "f1", "support")}


def table_figures(table: npt.NDArray[Any]) -> dict[str, Reals]:
    """Returns the figures of one or many count tables.

    Args:
        table: (..., 7, 8) counts as `count_table` makes them; resampled ones may be weighted.

    Returns:
        ``accuracy`` and ``macro_f1`` (...); ``precision``, ``recall``, ``f1`` and ``support``
        (..., 7). NaN where there is nothing to divide by.
    """
    counts = table.astype(np.float64)
    hits = np.diagonal(counts[..., :SIZE], axis1=-2, axis2=-1)
    support, answered = counts.sum(axis=-1), counts[..., :SIZE].sum(axis=-2)
    f1 = ratio(2 * hits, support + answered)
    return {
        "accuracy": ratio(hits.sum(axis=-1), support.sum(axis=-1)),
        "macro_f1": mean_over(f1, support + answered > 0),
        "precision": ratio(hits, answered),
        "recall": ratio(hits, support),
        "f1": f1,
        "support": support,
    }


def ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> Reals:
    """Returns ``part / whole``, NaN where the whole is 0."""
    parts, wholes = np.broadcast_arrays(np.asarray(part, float), np.asarray(whole, float))
    shares: Reals = np.divide(parts, wholes, out=np.full(parts.shape, np.nan), where=wholes > 0)
    return shares


def mean_over(values: Reals, where: npt.NDArray[np.bool_]) -> Reals:
    """Returns the mean of the last axis over chosen places that are not NaN; NaN for none."""
    usable = where & ~np.isnan(values)
    return ratio(np.where(usable, values, 0.0).sum(axis=-1), usable.sum(axis=-1))


def negative_log_likelihood(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Returns the mean of -ln p(true class) over the found faces; NaN for none."""
    truth, rows = checked(labels, probabilities)
    return _mean(log_losses(truth, rows))


def brier(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Returns the Brier score over the found faces, 0 to 2 (Brier 1950, summed over classes)."""
    truth, rows = checked(labels, probabilities)
    return _mean(squared_errors(truth, rows))


def top_k(labels: npt.ArrayLike, probabilities: npt.ArrayLike, k: int = 2) -> float:
    """Returns the share of pictures whose class is among the ``k`` most probable, 0 to 1.

    Missed pictures count as wrong. Of equal probabilities the earlier class stands first.
    """
    truth, rows = checked(labels, probabilities)
    return float(ratio(np.count_nonzero(ranks(truth, rows) < k), len(truth)))


def log_losses(labels: Integers, probabilities: Reals) -> Reals:
    """Returns -ln p(true class) (n,); NaN for missed pictures."""
    return -np.log(np.maximum(_own(labels, probabilities), _LEAST))


def squared_errors(labels: Integers, probabilities: Reals) -> Reals:
    """Returns the squared distance (n,) of each row from its true corner; NaN for missed."""
    distances: Reals = ((probabilities - np.eye(SIZE)[labels]) ** 2).sum(axis=1)
    return distances


def ranks(labels: Integers, probabilities: Reals) -> Integers:
    """Returns how many classes stand before the true one (n,), 0 to 6; 7 for missed pictures."""
    own = _own(labels, probabilities)[:, None]
    before = (probabilities > own) | ((probabilities == own) & (np.arange(SIZE) < labels[:, None]))
    return np.where(np.isnan(own[:, 0]), SIZE, before.sum(axis=1))


def _own(labels: Integers, probabilities: Reals) -> Reals:
    own: Reals = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    return own


def _mean(values: Reals) -> float:
    usable = values[~np.isnan(values)]
    return float(usable.mean()) if len(usable) else float("nan")


def _classes(values: npt.ArrayLike, what: str, least: int) -> Integers:
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            f"Expected {what} as integers of the shape (n,); got {array.dtype} {array.shape}."
        )
    if array.size and (array.min() < least or array.max() >= SIZE):
        raise DataError(
            f"Expected {what} from {least} to {SIZE - 1}; these reach from {array.min()} to "
            f"{array.max()}. Leave out pictures without one of the seven labels first."
        )
    return array.astype(np.int64)
