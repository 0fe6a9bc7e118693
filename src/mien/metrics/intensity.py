"""Whether a model's probability follows the intensity of an expression, from mild to strong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mien.core.catalogue import polars_or_error
from mien.core.labels import CLASSES
from mien.core.scores import UNSEEN
from mien.metrics.bootstrap import bootstrap
from mien.metrics.classification import Reals, ratio
from mien.metrics.summary import How
from mien.metrics.tables import NOT_MEASURED, markdown

if TYPE_CHECKING:
    import polars

BY: Final = {"intensity": "stated intensity", "frame": "frame of a sequence"}
"""What orders the pictures of a series."""
_HOW: Final = How()
LEAST: Final = 3
"""A series of fewer pictures has no rank correlation worth a mean."""


def series(predictions: polars.DataFrame) -> polars.DataFrame:
    """Returns the rank correlation of every series of pictures.

    A series is a sequence; where the pictures state an intensity but no sequence, it is one
    person's pictures of one label, or, without a person, one data set's. Its class is its label
    that is not neutral; of several, the most frequent, and of these the first in the order of
    `labels.CLASSES`. Frames without a label count as the others do. A series without such a label
    is left out, as neutral faces have no intensity.

    Args:
        predictions: a row a picture: ``role``, ``dataset``, ``subject``, ``sequence``, ``frame``,
            ``intensity``, ``label``, ``cluster`` and a probability a class, null where no face was
            found.

    Returns:
        ``by`` (see `BY`), ``role``, ``series``, ``label``, ``cluster``, ``n`` (found faces) and
        ``correlation``: Spearman's, between the probability of the class and the intensity or the
        frame's number; -1 to 1; null where fewer than `LEAST` faces were found or either of the
        two is constant.
    """
    pl = polars_or_error("Following intensity")
    whose = pl.coalesce("subject", pl.lit("any"))
    still = pl.format("{}: {}: {}", "dataset", whose, "label")
    named = predictions.with_columns(
        series=pl.coalesce(pl.format("{}: {}", "dataset", "sequence"), still)
    )
    rows = []
    for by in BY:
        stated = pl.col(by).is_not_null() & pl.col("series").is_not_null()
        if by == "frame":
            stated &= pl.col("sequence").is_not_null()
        for (role, name), some in named.filter(stated).group_by(
            "role", "series", maintain_order=True
        ):
            label = _label(some)
            if label is None:
                continue
            found = some.filter(pl.col(label).is_not_null())
            pair = found[by].to_numpy(), found[label].to_numpy()
            rows.append(
                (by, role, name, label, some["cluster"][0], len(found), _correlation(*pair))
            )
    words = dict.fromkeys(("by", "role", "series", "label", "cluster"), pl.String)
    kinds = {**words, "n": pl.UInt32, "correlation": pl.Float64}
    return pl.DataFrame(rows, kinds, orient="row")  # type: ignore[no-any-return]  # Polars is a late import


def intensity(found: polars.DataFrame, how: How = _HOW) -> polars.DataFrame:
    """Returns the mean rank correlation over the series of each role, for all classes and each.

    The mean is the plain one: short series often reach 1, where Fisher's z has no value.

    Args:
        found: as `series` returns it.
        how: how the intervals are made, of clusters.

    Returns:
        ``by``, ``role``, ``label`` (``all``, then each class), ``series`` (how many have a
        correlation), ``left_out`` (how many have none), ``correlation`` with ``low`` and ``high``.
    """
    pl = polars_or_error("Following intensity")
    rows = []
    for (by, role), mine in found.group_by("by", "role", maintain_order=True):
        for label in ("all", *CLASSES):
            some = mine if label == "all" else mine.filter(pl.col("label") == label)
            known = some.drop_nulls("correlation")
            if some.is_empty():
                continue
            mean = known["correlation"].mean()
            left = len(some) - len(known)
            rows.append((by, role, label, len(known), left, mean, *_interval(known, how)))
    names = ("by", "role", "label", "series", "left_out", "correlation", "low", "high")
    words, counts = dict.fromkeys(names[:3], pl.String), dict.fromkeys(names[3:5], pl.UInt32)
    kinds = {**words, **counts, **dict.fromkeys(names[5:], pl.Float64)}
    return pl.DataFrame(rows, kinds, orient="row")  # type: ignore[no-any-return]


def intensity_page(table: polars.DataFrame, roles: tuple[str, ...]) -> str:
    """Returns the table of `intensity` as Markdown: classes down, roles across.

    Args:
        table: as `intensity` returns it.
        roles: the roles to show, in their order; unseen sources are always among them.
    """
    shown = (*roles, *(() if UNSEEN in roles else (UNSEEN,)))
    found = {(r["by"], r["label"], r["role"]): r for r in table.iter_rows(named=True)}
    rows = []
    for by, words in BY.items():
        for label in ("all", *CLASSES):
            cells = [found.get((by, label, role)) for role in shown]
            if any(cells):
                rows.append([words, label, *map(_cell, cells)])
    if not rows:
        return "No picture states an intensity, and none is a frame of a sequence.\n"
    note = (
        "The mean of Spearman's rank correlation between the probability of the labelled class and "
        "the intensity, series by series: 1 follows it, 0 does not know it. In brackets: 95 % "
        "intervals from bootstrap resamples of people, then how many series there are."
    )
    return f"{markdown(['by', 'class', *shown], rows, left=2)}\n\n{note}\n"


def _cell(row: dict[str, float | None] | None) -> str:
    if row is None:
        return NOT_MEASURED
    if row["correlation"] is None:
        return f"- ({row['series']})"
    bounds = "" if row["low"] is None else f" [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{row['correlation']:.2f}{bounds} ({row['series']:,})"


def _label(some: polars.DataFrame) -> str | None:
    """Returns the class of a series; None where it has no label but neutral."""
    given = some["label"].to_list()
    counts = {name: given.count(name) for name in CLASSES[1:] if name in given}
    return max(counts, key=lambda name: counts[name]) if counts else None


def _correlation(order: Reals, probabilities: Reals) -> float | None:
    if len(order) < LEAST or np.ptp(order) == 0 or np.ptp(probabilities) == 0:
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(order, probabilities).statistic)


def _interval(known: polars.DataFrame, how: How) -> tuple[float | None, float | None]:
    """Returns the 95 % interval of the mean correlation; None where it cannot be told."""
    if not how.resamples or known.is_empty():
        return None, None
    rows = np.stack([known["correlation"].to_numpy(), np.ones(len(known))], axis=1)

    def statistic(sums: Reals) -> Reals:
        return ratio(sums[:, :1], sums[:, 1:])

    clusters = known["cluster"].to_list()
    low, high = bootstrap(rows, clusters, statistic, resamples=how.resamples, seed=how.seed)
    return (None, None) if np.isnan(low[0]) else (float(low[0]), float(high[0]))
