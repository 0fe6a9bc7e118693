"""How many faces are found, by whatever is stated of the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mien.core.catalogue import polars_or_error

if TYPE_CHECKING:
    import polars

CONFIDENCE: Final = 0.95


def rates(rows: polars.DataFrame, by: str) -> list[dict[str, Any]]:
    """Returns the detection rate of each group.

    Args:
        rows: a row a picture: the column ``by`` and ``kept`` (Boolean).
        by: the column that names the group; rows without one are left out.

    Returns:
        For each group, by name: ``by``, ``input``, ``kept``, ``rate`` (0 to 1) and its 95 %
        interval ``low``, ``high`` (Wilson 1927), which takes the pictures as independent.
    """
    from scipy.stats import binomtest

    pl = polars_or_error()
    table = (
        rows.filter(pl.col(by).is_not_null())
        .group_by(by)
        .agg(pl.len().alias("input"), pl.col("kept").sum())
        .sort(by)
    )
    found = []
    for row in table.iter_rows(named=True):
        test = binomtest(row["kept"], row["input"])
        low, high = test.proportion_ci(CONFIDENCE, method="wilson")
        rate = row["kept"] / row["input"]
        found.append({**row, "rate": round(rate, 4), "low": round(low, 4), "high": round(high, 4)})
    return found
