"""The figures of every group, and of how many pictures the groups are known.

`group_parts` says what a group is.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mien.core.catalogue import polars_or_error
from mien.core.errors import MissingExtraError
from mien.core.labels import CLASSES
from mien.metrics.bootstrap import LEVEL, bootstrap
from mien.metrics.classification import SIZE, Integers, Reals, mean_over, ratio
from mien.metrics.group_parts import (
    FIGURES,
    GroupSettings,
    Parts,
    figures_of,
    group_names,
    parted,
    share,
)

if TYPE_CHECKING:
    import polars


def groups(
    predictions: polars.DataFrame,
    settings: GroupSettings = GroupSettings(),  # noqa: B008  # an immutable value
) -> polars.DataFrame:
    """Returns the figures of every group, by role.

    Values come from fairlearn's MetricFrame; intervals resample people within the group. Where all
    pictures of a group agree a resample cannot differ, so the open side of the interval is the
    exact one for as many people as the group has (Clopper and Pearson 1934).

    Args:
        predictions: a row a scored picture: ``role``, ``label`` and ``answer``; ``cluster``,
            ``missed``, ``abstained`` and the attributes where the table has them. Null is not
            stated.
        settings: how groups are compared.

    Returns:
        ``role``, ``attribute``, ``group``, ``n`` pictures, ``people``, ``figure`` (`FIGURES`),
        ``value``, ``low``, ``high`` (95 %, not corrected for their number) and ``enough``: whether
        the group, and the class of the figure, have enough pictures. Balanced accuracy is that
        over `Parts.common`. Null stands where there is nothing to divide by.

    Raises:
        MissingExtraError: Polars or fairlearn is not installed.
    """
    pl = polars_or_error("Figures by group")
    rows = [
        {"role": role, "attribute": attribute, **row}
        for role, attribute, parts in parted(predictions, settings)
        for row in _rows(parts, settings)
    ]
    schema = {
        **dict.fromkeys(("role", "attribute", "group"), pl.String),
        **dict.fromkeys(("n", "people"), pl.Int64),
        "figure": pl.String,
        **dict.fromkeys(("value", "low", "high"), pl.Float64),
        "enough": pl.Boolean,
    }
    return pl.DataFrame(rows, schema).with_columns(  # type: ignore[no-any-return]
        pl.col("value", "low", "high").fill_nan(None)
    )


def stated(
    predictions: polars.DataFrame,
    settings: GroupSettings = GroupSettings(),  # noqa: B008  # an immutable value
) -> polars.DataFrame:
    """Returns of how many pictures an attribute is known, by role.

    Args:
        predictions: as for `groups`.
        settings: which attributes.

    Returns:
        ``role``, ``attribute``, ``n`` pictures of the role, ``stated`` of how many of them the
        attribute is known, and ``sources``: the data sets of those, with commas.
    """
    pl = polars_or_error("Figures by group")
    rows = []
    for role in sorted(predictions["role"].unique().drop_nulls()):
        mine = predictions.filter(pl.col("role") == role)
        sources = mine["dataset"].to_list() if "dataset" in mine.columns else ["?"] * len(mine)
        for attribute in settings.attributes:
            names = group_names(mine, attribute)
            known = Counter(k for k, v in zip(sources, names, strict=True) if v is not None)
            told = ", ".join(sorted(map(str, known)))
            rows.append((role, attribute, len(mine), known.total(), told))
    kinds = {"role": pl.String, "attribute": pl.String, "n": pl.Int64, "stated": pl.Int64}
    return pl.DataFrame(rows, {**kinds, "sources": pl.String}, orient="row")  # type: ignore[no-any-return]


def certain(people: npt.ArrayLike) -> Reals:
    """Returns how far a share of 0 may be from the truth where so many people all agree.

    The exact bound for a share of 0 or 1 (Clopper and Pearson 1934), 0 to 1, at 95 %.
    """
    bound: Reals = 1 - ((1 - LEVEL) / 2) ** (1 / np.maximum(np.asarray(people, float), 1))
    return bound


def _rows(parts: Parts, settings: GroupSettings) -> Iterator[dict[str, Any]]:
    """Yields what `groups` returns for one role and attribute."""
    if not parts.names:
        return
    values = _by_group(parts)
    totals = parts.sums.sum(axis=0)
    for g, name in enumerate(parts.names):
        low, high = _interval(parts, g, settings)
        for figure in parts.figures:
            i, enough = FIGURES.index(figure), parts.large[g]
            if figure == "balanced_accuracy":
                enough &= parts.common.sum() > 1
                enough &= (totals[g, SIZE : 2 * SIZE] >= settings.min_class)[parts.common].all()
            else:
                enough &= share(totals[g], figure)[1] >= settings.min_class
            yield {
                "group": name,
                "n": int(totals[g, -1]),
                "people": int(parts.people[g]),
                "figure": figure,
                "value": values[name][figure],
                "low": low[i],
                "high": high[i],
                "enough": bool(enough),
            }


def _by_group(parts: Parts) -> dict[str, dict[str, float]]:
    """Returns the values of each group as fairlearn's MetricFrame makes them."""
    try:
        fairlearn: Any = importlib.import_module("fairlearn.metrics")
    except ImportError:
        raise MissingExtraError("Figures by group", "report") from None
    label, answer, missed, abstained, group = parts.pictures.T

    def balanced(truth: Integers, given: Integers) -> float:
        recalls = [_recall(truth, given, k) for k in range(SIZE)]
        return float(mean_over(np.asarray(recalls), parts.common))

    metrics: dict[str, Any] = {"accuracy": _accuracy, "balanced_accuracy": balanced}
    for k, name in enumerate(CLASSES):
        metrics[f"recall.{name}"] = partial(_recall, k=k)
        metrics[f"selection.{name}"] = partial(_selection, k=k)
        metrics[f"false_positive.{name}"] = partial(_false_positive, k=k)
    metrics |= {"missed": _flagged, "abstained": _flagged}
    frame = fairlearn.MetricFrame(
        metrics=metrics,
        y_true=label,
        y_pred=answer,
        # A table of one row must stay a table.
        sensitive_features={"group": group},
        sample_params={"missed": {"flags": missed}, "abstained": {"flags": abstained}},
    )
    found: dict[int, dict[str, float]] = frame.by_group.to_dict("index")
    return {parts.names[g]: values for g, values in found.items()}


def _interval(parts: Parts, g: int, settings: GroupSettings) -> tuple[Reals, Reals]:
    """Returns the bounds of `FIGURES` in one group, (25,) each; NaN for none."""
    mine = parts.sums[parts.sums[:, g, -1] > 0, g]
    none = np.full(len(FIGURES), np.nan)
    if not settings.resamples or len(mine) < 2:
        return none, none

    def statistic(sums: Reals) -> Reals:
        return figures_of(sums, parts.common)

    names = [str(i) for i in range(len(mine))]
    low, high = bootstrap(mine, names, statistic, resamples=settings.resamples, seed=settings.seed)
    for i, figure in enumerate(FIGURES):
        if low[i] == high[i] and low[i] in (0, 1) and figure != "balanced_accuracy":
            margin = float(certain(np.count_nonzero(share(mine, figure)[1])))
            low[i], high[i] = max(0.0, low[i] - margin), min(1.0, high[i] + margin)
    return low, high


def _accuracy(truth: Integers, given: Integers) -> float:
    return float(np.mean(truth == given))


def _recall(truth: Integers, given: Integers, k: int) -> float:
    return float(ratio(np.sum((truth == k) & (given == k)), np.sum(truth == k)))


def _selection(truth: Integers, given: Integers, k: int) -> float:
    return float(ratio(np.sum(given == k), len(truth)))


def _false_positive(truth: Integers, given: Integers, k: int) -> float:
    return float(ratio(np.sum((truth != k) & (given == k)), np.sum(truth != k)))


def _flagged(truth: Integers, given: Integers, flags: Integers) -> float:
    return float(ratio(np.sum(flags), len(truth)))
