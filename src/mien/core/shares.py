"""Drawing a share of groups, fairly by class and source, so that new data move few old ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def order(names: Iterable[str], seed: str) -> npt.NDArray[np.uint64]:
    """Returns a number for each name by which to sort them: its hash, so that others do not matter.

    Args:
        names: such as those of `groups.Groups`.
        seed: another one gives another order.
    """
    digests = (hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8] for name in names)
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)


def strata(labels: polars.Series, datasets: polars.Series, of: Codes, rows: Codes) -> Codes:
    """Returns the stratum of every group: the rarest of its classes, and a source that has it.

    Args:
        labels: (n,) the rows' classes, with nulls.
        datasets: (n,) their data sets.
        of: (n,) the number of each row's group.
        rows: the rows that count, such as those still to be shared out.

    Returns:
        (g,) int64 for groups 0 to ``of.max()``; -1 for a group none of whose rows counts.
    """
    label = labels.fill_null("").rank("dense").to_numpy().astype(np.int64)
    source = datasets.rank("dense").to_numpy().astype(np.int64)
    counts = np.bincount(label[rows], minlength=int(label.max(initial=0)) + 1)
    rarity = np.empty(len(counts), np.int64)
    rarity[np.argsort(counts, kind="stable")] = np.arange(len(counts))
    code = rarity[label[rows]] * (int(source.max(initial=0)) + 1) + source[rows]
    found = np.full(int(of.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(found, of[rows], code)
    return np.where(found == np.iinfo(np.int64).max, -1, found)


def choose(stratum: Codes, sizes: Codes, places: npt.NDArray[np.uint64], room: Codes) -> Flags:
    """Returns which groups to take: in the order of their places, as long as there is room.

    A group too large for what room is left is passed over, and a later, smaller one may fit.

    Args:
        stratum: (g,) int64, the stratum of each group; negative ones are never taken.
        sizes: (g,) int64, how many rows each has.
        places: (g,) uint64, as `order` returns them.
        room: how many rows to take of each stratum, by its number.
    """
    taken = np.zeros(len(stratum), bool)
    by_stratum = np.lexsort((places, stratum))
    edges = np.searchsorted(stratum[by_stratum], np.arange(len(room) + 1))
    for number, left in enumerate(room):
        waiting = by_stratum[edges[number] : edges[number + 1]]
        taken[_fitting(waiting, sizes, int(left))] = True
    return taken


def rooms(stratum: Codes, sizes: Codes, share: float) -> Codes:
    """Returns how many rows of each stratum a share is: (number of strata,) int64."""
    counted = stratum >= 0
    totals = np.bincount(stratum[counted], sizes[counted]) if counted.any() else np.empty(0)
    return np.rint(share * totals).astype(np.int64)


def _fitting(waiting: Codes, sizes: Codes, room: int) -> Codes:
    """Returns the groups that fit one after the other, those too large being passed over."""
    found = [np.empty(0, np.int64)]
    while room > 0:
        waiting = waiting[sizes[waiting] <= room]
        fits = int(np.searchsorted(np.cumsum(sizes[waiting]), room, side="right"))
        if not fits:
            break
        found.append(waiting[:fits])
        room -= int(sizes[waiting[:fits]].sum())
        waiting = waiting[fits + 1 :]
    return np.concatenate(found)
