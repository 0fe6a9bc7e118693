"""Some labelled pictures of some roles, the same for every model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core import catalogue as tables
from mien.core.catalogue import KEY
from mien.core.errors import DataError
from mien.core.exam_sets import placed_rows
from mien.core.labels import CLASSES
from mien.core.shares import order

if TYPE_CHECKING:
    import polars


def drawn(
    catalogue: Path, split: Path, roles: Sequence[str], count: int, seed: str
) -> polars.DataFrame:
    """Returns pictures with one of the seven labels, chosen by a hash of their keys.

    Args:
        catalogue: the stage folder of `merge`.
        split: the stage folder of `split`.
        roles: the roles to draw from.
        count: how many of each; all where a role has fewer.
        seed: another one draws others.

    Returns:
        `KEY`, ``role``, ``label`` and ``cluster`` (the person, or where that is not known the group
        of pictures that resemble each other), sorted by role and key.

    Raises:
        DataError: a table is missing or damaged, names a picture twice, or there is no such
            picture.
    """
    pl = tables.polars_or_error()
    rows = placed_rows(catalogue, split, roles).filter(pl.col("label").is_in(list(CLASSES)))
    if rows.is_empty():
        raise DataError(
            f"No picture of the roles {', '.join(roles)} has one of the seven labels. Check the "
            f"roles in {split} and the labels in {catalogue}."
        )
    places = order(("/".join(key) for key in rows.select(KEY).iter_rows()), seed)
    rows = rows.with_columns(pl.Series("place", places)).sort("place", *KEY)
    chosen: polars.DataFrame = rows.group_by("role", maintain_order=True).head(count)
    return chosen.select(*KEY, "role", "label", "cluster").sort("role", *KEY)
