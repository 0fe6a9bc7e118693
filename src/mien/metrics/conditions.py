"""Accuracy by pose, light and quality, side by side for every role."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

from mien.core.catalogue import polars_or_error
from mien.core.scores import UNSEEN
from mien.metrics.tables import NOT_MEASURED, markdown, percent

if TYPE_CHECKING:
    import polars

BANDS: Final[dict[str, tuple[float, ...]]] = {
    "yaw": (0, 15, 30, 45, 90),
    "pitch": (0, 10, 20, 60),
    "roll": (0, 10, 20, 180),
    "size": (0, 24, 48, 96, math.inf),
    "sharpness": (0, 0.45, 0.55, 0.65, math.inf),
    "exposure": (0, 0.25, 0.4, 0.6, 1),
    "contrast": (0, 0.3, 0.5, 0.7, 1),
    "shade": (0, 0.1, 0.2, 0.4, 1),
    "occlusion": (0, 0.1, 0.25, 1),
}
"""The borders of the bands of each number; angles and shade count whichever way they point. The
highest border belongs to its band."""
FEW: Final = 25
"""Fewer pictures give no figure in the page; the table has them all."""


def conditions(predictions: polars.DataFrame) -> polars.DataFrame:
    """Returns the accuracy of each band of pose, light and quality, by role.

    Args:
        predictions: a row a scored picture: ``role``, ``label``, ``answer`` and the numbers; null
            where they were not measured, as where no face was found.

    Returns:
        ``role``, ``condition``, ``low``, ``high`` (the band), ``n``, ``right``, ``accuracy`` and
        ``confidence`` (both means, 0 to 1), bands without pictures left out.
    """
    pl = polars_or_error("Accuracy by condition")
    tables = []
    for name, edges in BANDS.items():
        value = pl.col(name).abs()
        inside = [
            (a, b, (value >= a) & ((value <= b) if b == edges[-1] else (value < b)))
            for a, b in itertools.pairwise(map(float, edges))
        ]
        low = pl.coalesce(pl.when(here).then(pl.lit(a)) for a, _, here in inside)
        high = pl.coalesce(pl.when(here).then(pl.lit(b)) for _, b, here in inside)
        right = pl.col("answer") == pl.col("label")
        tables.append(
            predictions.filter(pl.col(name).is_not_null())
            .group_by("role", low=low, high=high)
            .agg(
                n=pl.len(),
                right=right.sum(),
                accuracy=right.mean(),
                confidence=pl.col("confidence").mean(),
            )
            .with_columns(condition=pl.lit(name))
        )
    order = ["role", "condition", "low", "high", "n", "right", "accuracy", "confidence"]
    place = pl.col("condition").replace_strict(list(BANDS), range(len(BANDS)))
    return pl.concat(tables).select(order).sort("role", place, "low")  # type: ignore[no-any-return]


def band_name(low: float, high: float) -> str:
    """Returns a band of `BANDS` in words, such as ``"15 to 30"`` or ``"96 and more"``."""
    return f"{low:g} and more" if math.isinf(high) else f"{low:g} to {high:g}"


def conditions_page(table: polars.DataFrame, roles: tuple[str, ...]) -> str:
    """Returns the table of `conditions` as Markdown: bands down, roles across.

    Args:
        table: as `conditions` returns it.
        roles: the roles to show, in their order; unseen sources are always among them.
    """
    shown = (*roles, *(() if UNSEEN in roles else (UNSEEN,)))
    found = {(r["role"], r["condition"], r["low"]): r for r in table.iter_rows(named=True)}
    measured = set(table["role"])
    rows = []
    for name, edges in BANDS.items():
        for low, high in itertools.pairwise(edges):
            cells = []
            for role in shown:
                row = found.get((role, name, low))
                if role not in measured:
                    cells.append(NOT_MEASURED)
                elif row is None or row["n"] < FEW:
                    cells.append(f"few ({0 if row is None else row['n']})")
                else:
                    cells.append(f"{percent(row['accuracy'])} ({row['n']:,})")
            rows.append([name, band_name(low, high), *cells])
    return markdown(["number", "band", *shown], rows, left=2)
