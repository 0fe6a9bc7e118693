"""What the rows of a catalogue are for: codes, selectors, and who stands on which side."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mien.core.catalogue import KEY, polars_or_error
from mien.core.errors import ConfigError

if TYPE_CHECKING:
    import polars

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

ROLE_ORDER: Final = ("train", "dev", "test", "unseen", "landmarks", "rejected")
"""A role's code is its place here."""
TRAIN, DEV, TEST, UNSEEN, LANDMARKS, REJECTED = range(len(ROLE_ORDER))
_SIDE: Final = np.array([0, 1, 2, 2, 0, -1])
"""Roles of one side may share people: training (0), choices (1), scoring (2)."""


def sides(roles: Codes) -> Codes:
    """Returns the side of each role; -1 for rejected rows."""
    return _SIDE[roles].astype(np.int64)


def selected(rows: polars.DataFrame, test: Sequence[str], unseen: Sequence[str]) -> Codes:
    """Returns the role that selectors give each row: test, unseen or train.

    Args:
        rows: (n,) rows with ``dataset`` and ``split``.
        test: data sets or their parts, such as ``"ferplus/valid"``.
        unseen: likewise.

    Raises:
        ConfigError: a selector names nothing in the catalogue, or a row is named twice.
    """
    pl = polars_or_error()
    part = pl.when(pl.col("split").is_null()).then("dataset").otherwise(
        pl.format("{}/{}", "dataset", "split")
    )  # fmt: skip
    named = rows.select("dataset", part=part)
    known = {*named["dataset"].unique(), *named["part"].unique()}
    for name in (*test, *unseen):
        if name not in known:
            raise ConfigError(
                f"[split] names {name!r}, but the catalogue has no such data set or part. "
                f"It has: {', '.join(sorted(known))}."
            )
    tested, hidden = (_named(named, names) for names in (test, unseen))
    if (tested & hidden).any():
        both = sorted(set(named.filter(tested & hidden)["part"].unique()))
        raise ConfigError(f"[split] puts {both[0]!r} both in test and in unseen.")
    return np.select([tested, hidden], [TEST, UNSEEN], TRAIN)


def _named(named: polars.DataFrame, names: Collection[str]) -> Flags:
    pl = polars_or_error()
    either = pl.col("dataset").is_in(list(names)) | pl.col("part").is_in(list(names))
    found: Flags = named.select(either.alias("named"))["named"].to_numpy()
    return found


def frozen(rows: polars.DataFrame, before: polars.DataFrame) -> Codes:
    """Returns the role that an earlier split gave each row; -1 for new rows and rejected ones.

    A row is known by `KEY`; one that moved is known by its id, where the earlier rows of that id
    that are gone had one role.

    Args:
        rows: (n,) rows with `KEY`.
        before: the earlier ``roles.parquet``.
    """
    pl = polars_or_error()
    codes = pl.col("role").replace_strict(ROLE_ORDER, range(len(ROLE_ORDER)), return_dtype=pl.Int64)
    known = before.filter(pl.col("role") != "rejected").with_columns(code=codes)
    exact = known.select(*KEY, "code").unique(list(KEY))
    gone = known.join(rows.select(KEY), on=list(KEY), how="anti")
    by_id = gone.group_by("id").agg(
        pl.col("code").first().alias("any"), pl.col("code").n_unique().alias("n")
    )
    found = (
        rows.select(KEY)
        .join(exact, on=list(KEY), how="left", maintain_order="left")
        .join(by_id.filter(pl.col("n") == 1), on="id", how="left", maintain_order="left")
        .select(pl.coalesce("code", "any", pl.lit(-1)).alias("code"))
    )
    return found["code"].to_numpy().astype(np.int64)
