"""Two models on the same pictures: who is right where the other is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from mien.core.catalogue import KEY, polars_or_error
from mien.core.errors import DataError, MissingExtraError
from mien.core.scores import UNSEEN
from mien.metrics import classification as cls
from mien.metrics.bootstrap import bootstrap
from mien.metrics.classification import SIZE, Reals
from mien.metrics.summary import How
from mien.metrics.tables import NOT_MEASURED, ROLES, markdown

if TYPE_CHECKING:
    import polars

_CELLS = SIZE * (SIZE + 1)


class Difference(NamedTuple):
    """The second model's figure less the first one's.

    Attributes:
        first: the first model's figure, 0 to 1.
        second: the second model's.
        low: the lower end of the 95 % interval of the difference; NaN where there is none.
        high: the upper end.
    """

    first: float
    second: float
    low: float
    high: float


class Comparison(NamedTuple):
    """Two models on the pictures of one role.

    Attributes:
        n: the pictures.
        first_only: how many only the first model names rightly.
        second_only: how many only the second does.
        p: of McNemar's exact test (McNemar 1947): how often models that are equally good would
            differ by as much. It takes pictures for independent, people repeated or not.
        figures: differences of ``accuracy`` and ``balanced_accuracy``; their intervals resample
            people, the same ones for both models.
    """

    n: int
    first_only: int
    second_only: int
    p: float
    figures: dict[str, Difference]


def compare(
    first: polars.DataFrame,
    second: polars.DataFrame,
    how: How = How(),  # noqa: B008  # an immutable value
) -> dict[str, Comparison]:
    """Compares two models' predictions, role by role.

    Args:
        first: the first model's table of predictions: `KEY`, ``role``, ``label``, ``answer``,
            ``cluster``.
        second: the second model's, of the same pictures in any order.
        how: how intervals are made.

    Raises:
        DataError: the tables hold other pictures, roles or labels.
        MissingExtraError: SciPy is not installed.
    """
    pl = polars_or_error("Comparing models")
    same = [*KEY, "role", "label"]
    both = first.select(*same, "cluster", "answer").join(
        second.select(*same, other="answer"), on=same, how="inner", maintain_order="left"
    )
    if not len(first) == len(second) == len(both):
        raise DataError(
            f"The two tables hold {len(first):,} and {len(second):,} predictions, of which only "
            f"{len(both):,} are of the same pictures with the same role and label. Evaluate both "
            "models on the same sets."
        )
    roles = [role for role in ROLES if (both["role"] == role).any()]
    return {role: _compared(both.filter(pl.col("role") == role), how) for role in roles}


def comparison_page(found: dict[str, Comparison], first: str, second: str) -> str:
    """Returns a comparison as Markdown; unseen sources always stand in it.

    Args:
        found: as `compare` returns it.
        first: the first model's name.
        second: the second model's.
    """
    rows = []
    for role in [role for role in ROLES if role in found or role == UNSEEN]:
        if role not in found:
            rows.append([role, *[NOT_MEASURED] * 5])
            continue
        one = found[role]
        cells = [_cell(one.figures[name]) for name in ("accuracy", "balanced_accuracy")]
        rows.append([
            f"{role} (n = {one.n:,})", *cells, f"{one.first_only:,}", f"{one.second_only:,}",
            f"{one.p:.2g}",
        ])  # fmt: skip
    heads = [
        "role", "accuracy", "balanced accuracy", f"only {first} right", f"only {second} right",
        "McNemar's p",
    ]  # fmt: skip
    note = (
        f"Each cell: {first}, {second}, and the difference in points with its 95 % interval, "
        "from resampling people, the same ones for both. McNemar's test is exact, and takes "
        "pictures of one person for independent."
    )
    return f"{markdown(heads, rows)}\n\n{note}"


def _compared(rows: polars.DataFrame, how: How) -> Comparison:
    labels = cls.coded(rows["label"])
    given = [cls.coded(rows[name]) for name in ("answer", "other")]
    right = [answers == labels for answers in given]
    first_only = int((right[0] & ~right[1]).sum())
    second_only = int((right[1] & ~right[0]).sum())
    cells = np.zeros((len(rows), 2 * _CELLS))
    place = np.arange(len(rows))
    for number, answers in enumerate(given):
        cells[place, number * _CELLS + cls.cell(labels, answers)] = 1
    whole = _figures(cells.sum(axis=0, keepdims=True))[0]
    low = high = np.full(2, np.nan)
    if how.resamples:
        low, high = bootstrap(
            cells, rows["cluster"].to_list(), _gaps, resamples=how.resamples, seed=how.seed
        )
    figures = {
        name: Difference(*map(float, (whole[i], whole[2 + i], low[i], high[i])))
        for i, name in enumerate(("accuracy", "balanced_accuracy"))
    }
    return Comparison(
        len(rows), first_only, second_only, _mcnemar(first_only, second_only), figures
    )


def _figures(sums: Reals) -> Reals:
    """Returns accuracy and balanced accuracy of both models, (b, 4)."""
    columns = []
    for part in (sums[:, :_CELLS], sums[:, _CELLS:]):
        found = cls.table_figures(part.reshape(-1, SIZE, SIZE + 1))
        columns += [found["accuracy"], cls.mean_over(found["recall"], found["support"] > 0)]
    return np.stack(columns, axis=1)


def _gaps(sums: Reals) -> Reals:
    figures = _figures(sums)
    gaps: npt.NDArray[np.float64] = figures[:, 2:] - figures[:, :2]
    return gaps


def _mcnemar(first_only: int, second_only: int) -> float:
    try:
        from scipy.stats import binomtest
    except ImportError:
        raise MissingExtraError("Comparing models", "data") from None
    differing = first_only + second_only
    return float(binomtest(first_only, differing).pvalue) if differing else 1.0


def _cell(one: Difference) -> str:
    gap = 100 * (one.second - one.first)
    bounds = "" if np.isnan(one.low) else f" [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"
    return f"{100 * one.first:.1f} %, {100 * one.second:.1f} %: {gap:+.1f}{bounds}"
