"""Rows that tie fixed roles together."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.bridges import settle
from mien.core.roles import DEV, LANDMARKS, TEST, TRAIN, UNSEEN

NEW = -1


def settled(
    links: list[tuple[int, int]], wanted: list[int], old: list[int] | None = None,
    named: bool = True, counted: list[bool] | None = None,
) -> tuple[list[bool], list[int]]:  # fmt: skip
    n = len(wanted)
    bridges, roles = settle(
        np.array(links, int).reshape(-1, 2), np.array(wanted), np.array(old or [NEW] * n),
        np.array(counted or [True] * n), test_is_named=named,
    )  # fmt: skip
    return bridges.tolist(), roles.tolist()


def test_named_parts_that_meet_are_bridges() -> None:
    links = [(0, 1), (2, 3), (4, 5), (6, 7)]
    wanted = [TRAIN, TEST, TRAIN, UNSEEN, TEST, UNSEEN, TRAIN, LANDMARKS]
    bridges, roles = settled(links, wanted)
    assert bridges == [True] * 4 + [False] * 4
    assert roles == [-1] * 6 + [TRAIN, -1]


@pytest.mark.parametrize("middle", [True, False])
def test_a_broken_picture_ties_but_takes_no_side(middle: bool) -> None:
    bridges, _ = settled([(0, 1), (1, 2)], [TRAIN, TRAIN, TEST], counted=[True, middle, True])
    assert bridges == [True, middle, True]
    bridges, _ = settled([(0, 1)], [TRAIN, TEST], counted=[True, False])
    assert bridges == [False, False]


def test_new_rows_join_old_ones() -> None:
    links = [(0, 4), (1, 5), (2, 6), (3, 7)]
    old = [TRAIN, DEV, TEST, LANDMARKS, NEW, NEW, NEW, NEW]
    assert settled(links, [TRAIN] * 8, old, named=False) == (
        [False] * 8, [-1] * 4 + [TRAIN, DEV, TEST, TRAIN],
    )  # fmt: skip
    # Where the test has a name, a row outside it is no test row, so it ties.
    assert settled(links, [TRAIN] * 8, old)[0] == [False] * 6 + [True, False]


def test_only_what_ties_old_roles_is_rejected() -> None:
    old = [TRAIN, TEST, NEW, NEW, NEW, NEW]
    links = [(0, 2), (1, 3), (4, 0), (4, 1), (5, 4)]
    assert settled(links, [TRAIN] * 6, old, named=False) == (
        [False] * 4 + [True, True], [-1, -1, TRAIN, TEST, -1, -1],
    )  # fmt: skip


def test_an_old_row_keeps_its_role_whatever_is_wrong() -> None:
    assert settled([(0, 1)], [TRAIN, TRAIN], [TRAIN, DEV]) == ([False, False], [-1, -1])
