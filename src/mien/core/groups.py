"""Rows that must stay together: one picture, one person, one sequence, or nearly one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from mien.core.catalogue import polars_or_error
from mien.core.errors import MissingExtraError

if TYPE_CHECKING:
    import polars

Codes = npt.NDArray[np.int64]
Links = npt.NDArray[np.integer[Any]]
"""(m, 2) numbers of rows."""
GROUP_COLUMNS: Final = ("id", "dataset", "subject", "sequence")


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Which of n rows belong together.

    Attributes:
        of: (n,) int64, the number of each row's group, 0 to ``len(names) - 1``.
        names: the smallest id in each group.
        people: (n,) int64, a number for each row's person; -1 where the data set names none.
        contents: (n,) int64, the first row that has the same id.
        links: (m, 2) int32, rows that belong together: enough of them to make the groups.
    """

    of: Codes
    names: polars.Series
    people: Codes
    contents: Codes
    links: Links


def find(rows: polars.DataFrame, pairs: Codes) -> Groups:
    """Returns the groups of a catalogue's rows: the connected parts of who resembles whom.

    Args:
        rows: (n,) rows with `GROUP_COLUMNS`.
        pairs: (m, 2) numbers of rows that nearly show one picture.

    Raises:
        MissingExtraError: SciPy is not installed.
    """
    pl = polars_or_error("Finding groups")
    n = len(rows)
    # Hashes of 64 bits stand for long texts: two of ten million meet once in 400,000 catalogues,
    # and then no more happens than that two groups stay together.
    firsts = rows.lazy().with_row_index("row").select(
        content=_first("id"),
        person=_first("dataset", "subject"),
        sequence=_first("dataset", "subject", "sequence"),
        named=pl.col("subject").is_not_null(),
        framed=pl.col("sequence").is_not_null(),
    ).collect()  # fmt: skip
    own = np.arange(n)
    content = firsts["content"].to_numpy().astype(np.int64)
    person = np.where(firsts["named"], firsts["person"], own)
    sequence = np.where(firsts["framed"], firsts["sequence"], own)
    stars = [np.stack([own, ends], axis=1) for ends in (content, person, sequence)]
    links = np.concatenate([star[star[:, 0] != star[:, 1]] for star in stars] + [pairs])
    links = links.astype(np.int32)
    count, of = connected(n, links)
    smallest = (
        rows.lazy()
        .select("id", of=pl.Series(of))
        .group_by("of")
        .agg(pl.col("id").min())
        .sort("of")
        .collect()
    )
    assert len(smallest) == count
    people = np.where(firsts["named"], person, -1).astype(np.int64)
    return Groups(of, smallest["id"], people, content, links)


def connected(n: int, links: Links) -> tuple[int, Codes]:
    """Returns how many connected parts n rows have, and the number of each row's part.

    Args:
        n: the number of rows.
        links: (m, 2) numbers of rows.

    Raises:
        MissingExtraError: SciPy is not installed.
    """
    try:
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components
    except ImportError:
        raise MissingExtraError("Finding groups", "data") from None
    ones = np.ones(len(links), np.int8)
    graph = coo_matrix((ones, (links[:, 0], links[:, 1])), shape=(n, n))
    count, of = connected_components(graph, directed=False)
    return int(count), of.astype(np.int64)


def single(rows: polars.DataFrame, groups: Groups) -> Groups:
    """Returns groups of one row each, named by data set and path, as a random split takes them.

    Args:
        rows: (n,) rows with ``dataset`` and ``path``.
        groups: the true groups, whose people and contents are kept.
    """
    pl = polars_or_error()
    names = rows.select(pl.format("{}/{}", "dataset", "path"))["dataset"]
    return Groups(np.arange(len(rows)), names, groups.people, groups.contents, groups.links)


def crossing(members: Codes, sides: Codes) -> int:
    """Counts the people (or contents) that stand on more than one side.

    Args:
        members: (n,) int64, the number of each row's person; -1 for none.
        sides: (n,) int64, 0 or more; -1 for rows that count nowhere.
    """
    counted = (members >= 0) & (sides >= 0)
    members, sides = members[counted], sides[counted]
    if not len(members):
        return 0
    size = int(members.max()) + 1
    on = [np.bincount(members[sides == side], minlength=size) > 0 for side in np.unique(sides)]
    return int((np.sum(on, axis=0) > 1).sum())


def pairs_crossing(pairs: Codes, sides: Codes) -> int:
    """Counts the pairs of rows whose sides differ.

    Args:
        pairs: (m, 2) numbers of rows.
        sides: (n,) int64; -1 for rows that count nowhere.
    """
    found = sides[pairs]
    return int(((found >= 0).all(axis=1) & (found[:, 0] != found[:, 1])).sum())


def leaks(groups: Groups, pairs: Codes, before: Codes, after: Codes) -> dict[str, Any]:
    """Returns how many people, contents and near pairs stand on several sides.

    Args:
        groups: of n rows.
        pairs: (m, 2) numbers of rows that nearly show one picture.
        before: (n,) the sides to compare with.
        after: (n,) the sides as they are.
    """
    counts: dict[str, Any] = {"near_duplicate_pairs": len(pairs)}
    for name, members in (("people", groups.people), ("contents", groups.contents)):
        across = [crossing(members, sides) for sides in (before, after)]
        counts[f"{name}_across"] = dict(zip(("before", "after"), across, strict=True))
    across = [pairs_crossing(pairs, sides) for sides in (before, after)]
    counts["near_duplicate_pairs_across"] = dict(zip(("before", "after"), across, strict=True))
    return counts


def _first(*columns: str) -> polars.Expr:
    """Returns the first row with the same values, by a hash of them."""
    pl = polars_or_error()
    return pl.col("row").first().over(pl.struct(columns).hash())  # type: ignore[no-any-return]
