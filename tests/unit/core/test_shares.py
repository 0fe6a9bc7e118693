"""Shares of groups: exact where they can be, stable, and fair by class and source."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mien.core import shares


def test_the_order_depends_on_name_and_seed_alone() -> None:
    whole = shares.order(["a", "b", "c"], "0")
    assert shares.order(["b"], "0")[0] == whole[1]
    assert shares.order(["b"], "1")[0] != whole[1]
    assert shares.order([], "0").shape == (0,)


def test_a_group_counts_for_its_rarest_class() -> None:
    labels = pl.Series(["happy"] * 4 + ["fear", None])
    datasets = pl.Series(["x", "x", "y", "x", "x", "x"])
    of = np.array([0, 0, 1, 2, 0, 3])
    found = shares.strata(labels, datasets, of, np.arange(6))
    assert len(set(found)) == 4
    fear_too = shares.strata(labels, datasets, of, np.array([0, 1, 2, 3]))
    assert fear_too[0] == fear_too[2] != fear_too[1]  # without the row of fear, by source
    assert fear_too[3] == -1


SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=30)


@given(SIZES, st.integers(0, 60), st.integers(0, 3))
def test_choosing_passes_over_what_does_not_fit(sizes: list[int], room: int, seed: int) -> None:
    places = shares.order(map(str, range(len(sizes))), str(seed))
    taken = shares.choose(np.zeros(len(sizes), int), np.array(sizes), places, np.array([room]))
    left, slow = room, set()
    for number in np.argsort(places):
        if sizes[number] <= left:
            slow.add(int(number))
            left -= sizes[number]
    assert set(np.flatnonzero(taken).tolist()) == slow


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(1, 5)), min_size=1, max_size=40),
       st.floats(0, 1))  # fmt: skip
def test_no_stratum_gets_more_than_its_share(groups: list[tuple[int, int]], share: float) -> None:
    stratum, sizes = (np.array(column) for column in zip(*groups, strict=True))
    room = shares.rooms(stratum, sizes, share)
    taken = shares.choose(stratum, sizes, shares.order(map(str, range(len(sizes))), "s"), room)
    assert not taken[stratum < 0].any()
    for number, most in enumerate(room):
        inside = stratum == number
        assert most == round(share * sizes[inside].sum())
        assert sizes[taken & inside].sum() <= most
        if (sizes[inside] == 1).all():
            assert sizes[taken & inside].sum() == most
