"""What to do with rows that tie fixed roles together.

Rows are fixed by selectors (a data set's own test part) or by an earlier split. New rows that
belong to a fixed group join it; those that would tie two roles together are bridges, and rejected.
"""

from __future__ import annotations

import numpy as np

from mien.core.groups import Codes, Links, connected
from mien.core.roles import DEV, LANDMARKS, TEST, TRAIN, UNSEEN, Flags


def settle(
    links: Links, wanted: Codes, old: Codes, counted: Flags, *, test_is_named: bool
) -> tuple[Flags, Codes]:
    """Returns which new rows are bridges, and which role others take from those they belong to.

    New rows that hang together without an old one between them have one fate.

    Args:
        links: (m, 2) numbers of rows that must stay together, as in `groups.Groups`.
        wanted: (n,) the role that selectors give each row; ``train`` where none does.
        old: (n,) the role of an earlier split; -1 for new rows.
        counted: (n,) False for new rows that are rejected anyway.
        test_is_named: whether rows outside the test are named by that as training rows; if not,
            they may join it.

    Returns:
        (n,) bool, the bridges; (n,) roles, -1 for rows that take none.
    """
    new = old < 0
    both_new = new[links].all(axis=1)
    count, unit = connected(len(old), links[both_new])
    edge = links[new[links].sum(axis=1) == 1]
    mine = np.where(new[edge[:, 0]], edge[:, 0], edge[:, 1])
    theirs = np.where(new[edge[:, 0]], edge[:, 1], edge[:, 0])

    def has(roles: tuple[int, ...]) -> Flags:
        own = unit[new & counted & np.isin(wanted, roles) & (wanted != TRAIN)]
        touched = unit[mine[np.isin(old[theirs], roles)]]
        found: Flags = np.bincount(np.concatenate([own, touched]), minlength=count) > 0
        return found

    learns, chooses, scores = has((TRAIN, LANDMARKS)), has((DEV,)), has((TEST, UNSEEN))
    tests, hidden = has((TEST,)), has((UNSEEN,))
    free = new & counted & (wanted == TRAIN)
    trains = np.bincount(unit[free], minlength=count) > 0
    torn = learns.astype(int) + chooses + scores > 1
    torn |= trains & (hidden | (tests & test_is_named))
    bridges = torn[unit] & new & counted
    taken = np.select([tests, chooses, learns], [TEST, DEV, TRAIN], -1)
    return bridges, np.where(free & ~bridges, taken[unit], -1)
