"""Rows that must stay together."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core import groups

NONE = np.empty((0, 2), np.int64)


def table(*rows: tuple[Any, ...]) -> pl.DataFrame:
    names = ["id", "dataset", "subject", "sequence"]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def test_people_contents_sequences_and_likeness_tie_rows() -> None:
    rows = table(
        ("c", "x", "ann", None),
        ("d", "x", "ann", None),
        ("e", "y", "ann", None),  # another data set's Ann is another person
        ("d", "y", None, None),  # but the same picture
        ("f", "y", None, "1"),
        ("g", "y", None, "1"),
        ("a", "z", None, None),
        ("h", "z", None, None),
    )
    found = groups.find(rows, np.array([[6, 7]]))
    named = [found.names[int(of)] for of in found.of]
    assert named == ["c", "c", "e", "c", "f", "f", "a", "a"]
    assert found.people.tolist() == [0, 0, 2, -1, -1, -1, -1, -1]
    assert found.contents.tolist() == [0, 1, 2, 1, 4, 5, 6, 7]
    alone = groups.single(rows.with_columns(path=pl.col("id")), found)
    assert alone.of.tolist() == list(range(8))
    assert alone.names[3] == "y/d"


ROWS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from("xy"), st.sampled_from(["1", "2", None])),
    min_size=1,
    max_size=15,
)


@settings(max_examples=40, deadline=None)
@given(ROWS, st.data())
def test_groups_are_the_closure(rows: list[Any], data: st.DataObject) -> None:
    places = st.integers(0, len(rows) - 1)
    pairs = data.draw(st.lists(st.tuples(places, places), max_size=4))
    found = groups.find(table(*((*row, None) for row in rows)), np.array(pairs, int).reshape(-1, 2))
    own = list(range(len(rows)))  # the slow way: pass the smallest number on until nothing changes
    for _ in rows:
        for i, a in enumerate(rows):
            for j, b in enumerate(rows):
                tied = (
                    a[0] == b[0] or (a[2] and a[1:] == b[1:]) or (i, j) in pairs or (j, i) in pairs
                )
                if tied:
                    own[i] = own[j] = min(own[i], own[j])
    assert [own.index(x) for x in own] == [found.of.tolist().index(x) for x in found.of]
    for number, name in enumerate(found.names):
        assert name == min(row[0] for row, of in zip(rows, found.of, strict=True) if of == number)


def test_crossing_is_counted() -> None:
    sides = np.array([0, 2, 0, 0, -1, 1])
    assert groups.crossing(np.array([0, 0, 1, 1, 1, -1]), sides) == 1
    assert groups.crossing(np.array([-1] * 6), sides) == 0
    pairs = np.array([[0, 1], [2, 3], [3, 4], [0, 5]])
    assert groups.pairs_crossing(pairs, sides) == 2
    found = groups.find(table(("a", "x", "1", None), ("b", "x", "1", None)), NONE)
    before, after = np.array([0, 2]), np.array([0, 0])
    assert groups.leaks(found, np.array([[0, 1]]), before, after) == {
        "near_duplicate_pairs": 1,
        "people_across": {"before": 1, "after": 0},
        "contents_across": {"before": 0, "after": 0},
        "near_duplicate_pairs_across": {"before": 1, "after": 0},
    }
