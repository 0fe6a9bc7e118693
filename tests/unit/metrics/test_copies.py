"""Copies: identical groups are linked, not multiplied, and every crossing of parts is seen."""

from __future__ import annotations

import numpy as np
import polars as pl

from mien.core import catalogue
from mien.core.likeness import PAIR_COLUMNS
from mien.core.looks import LOOK_COLUMNS
from mien.metrics import copies

NONE = np.empty((0, 2), np.int64)


def _id(digest: str | None, number: int, boxes: dict[int, list[float]] | None) -> str:
    return f"id-{digest}#{boxes[number]}" if boxes and number in boxes else f"id-{digest}"


def _table(
    *rows: tuple[str, str, str | None, str | None],
    boxes: dict[int, list[float]] | None = None,
    roles: list[str] | None = None,
    rejected: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Returns placed rows of (data set, path, part, pixels); pixels None is unreadable."""
    kinds = catalogue.schema({name: catalogue.COLUMNS[name] for name in
                              ("id", "dataset", "path", "label", "split", "face_box")})  # fmt: skip
    frame = pl.DataFrame(
        [
            (_id(d, n, boxes), s, p, None, part, (boxes or {}).get(n))
            for n, (s, p, part, d) in enumerate(rows)
        ],
        schema=kinds,
        orient="row",
    )
    seen = frame.select(catalogue.KEY).with_columns(
        digest=pl.Series([d for *_, d in rows], dtype=pl.String),
        fault=pl.Series([None if d else "unreadable" for *_, d in rows], dtype=pl.String),
    )
    for name, kind in catalogue.schema(LOOK_COLUMNS).items():
        if name not in seen.columns:
            seen = seen.with_columns(pl.lit(None, kind).alias(name))
    told = (
        None if roles is None else frame.select(catalogue.KEY).with_columns(role=pl.Series(roles))
    )
    return copies.placed(frame, seen, told, rejected)


def _pairs(table: pl.DataFrame, near: np.ndarray = NONE) -> list[tuple[int, int, bool, bool, bool]]:
    found = copies.pairs(table, near, np.full(len(near), 0.98, np.float32))
    assert dict(found.schema) == catalogue.schema(PAIR_COLUMNS)
    ends = copies.ends(table, found).rows()
    flags = found.select("exact", "across_sources", "across_splits").rows()
    return [(*end, *flag) for end, flag in zip(ends, flags, strict=True)]


def _across(table: pl.DataFrame, near: np.ndarray = NONE) -> dict[tuple[str, str], tuple[int, ...]]:
    found = copies.across(table, near)
    assert dict(found.schema) == catalogue.schema(copies.ACROSS_COLUMNS)
    return {(row[0], row[2]): (row[1], *row[3:]) for row in found.iter_rows()}


def test_identical_rows_are_linked_to_the_first() -> None:
    table = _table(*(("a", f"{n}", "train", "same") for n in range(50)))
    assert _pairs(table) == [(0, n, True, False, False) for n in range(1, 50)]
    assert _across(table) == {("a/train", "a/train"): (50, 50, 0, 50)}


def test_a_crossing_behind_the_first_is_seen() -> None:
    table = _table(
        ("web", "0", None, "x"), ("a", "1", "train", "x"), ("a", "2", "valid", "x"),
        ("a", "3", "valid", "x"), ("a", "4", "train", "y"), ("a", "5", "train", None),
    )  # fmt: skip
    assert _pairs(table) == [
        (0, 1, True, True, False), (0, 2, True, True, False), (0, 3, True, True, False),
        (1, 2, True, False, True),
    ]  # fmt: skip
    assert _across(table) == {
        ("a/train", "a/valid"): (3, 1, 0, 1),
        ("a/train", "web"): (3, 1, 0, 1),
        ("a/valid", "a/train"): (2, 2, 0, 2),
        ("a/valid", "a/valid"): (2, 2, 0, 2),
        ("a/valid", "web"): (2, 2, 0, 2),
        ("web", "a/train"): (1, 1, 0, 1),
        ("web", "a/valid"): (1, 1, 0, 1),
    }


def test_near_pairs_stand_for_all_parts_of_their_copies() -> None:
    table = _table(
        ("a", "0", "train", "x"), ("a", "1", "train", "y"), ("a", "2", "valid", "x"),
    )  # fmt: skip
    near = np.array([[0, 1]])
    assert _pairs(table, near) == [
        (0, 1, False, False, False), (0, 2, True, False, True), (1, 2, False, False, True),
    ]  # fmt: skip
    assert _across(table, near) == {
        ("a/train", "a/train"): (2, 0, 2, 2),
        ("a/train", "a/valid"): (2, 1, 1, 2),
        ("a/valid", "a/train"): (1, 1, 1, 1),
    }


def test_faces_of_one_file_are_no_copies() -> None:
    box, other = [0.0, 0.0, 9.0, 9.0], [20.0, 0.0, 29.0, 9.0]
    table = _table(
        ("a", "0", None, "x"), ("a", "0", None, "x"), ("b", "1", None, "x"),
        boxes={0: box, 1: other, 2: box},
    )  # fmt: skip
    assert table["copy"].to_list() == [0, 1, 0]
    near = np.array([[0, 1]])  # their fingerprints are equal, but so is their file
    assert _pairs(table, near) == [(0, 2, True, True, False), (1, 2, False, True, False)]
    assert ("a", "a") not in _across(table, near)


def test_roles_take_the_place_of_parts() -> None:
    rows = [("a", f"{n}", "train", "x") for n in range(5)]
    table = _table(*rows, roles=["train", "landmarks", "test", "unseen", "rejected"])
    assert table["part"].to_list()[:2] == ["a/train", "a/landmarks"]
    across = {pair[:2] for pair in _pairs(table) if pair[4]}
    assert across == {(0, 2), (0, 3), (1, 2), (1, 3)}


def test_what_merge_left_out_counts_along() -> None:
    left_out = [
        ("11.png", "the same content as 1.png"),
        ("12.png", "the same content as 21.png, but the labels differ: happy here, fear there"),
        ("13.png", "the same content as 21.png"),
    ]
    rejected = pl.DataFrame(
        [(path, "exact_duplicate", detail, "id-x", "a") for path, detail in left_out]
        + [("14.png", "unreadable", "", None, "a"), ("15.png", "exact_duplicate", "", "id-z", "a")],
        schema=catalogue.schema(catalogue.REJECTION_COLUMNS),
        orient="row",
    )
    table = _table(
        ("a", "1.png", "train", "x"), ("a", "21.png", "valid", "x"), ("a", "z.png", "valid", "z"),
        ("b", "1.png", "train", "x"), rejected=rejected,
    )  # fmt: skip
    assert table["pictures"].to_list() == [2, 3, 2, 1]
    across = _across(table)
    assert across["a/valid", "a/train"] == (5, 3, 0, 3)
    assert across["a/valid", "a/valid"] == (5, 5, 0, 5)


def test_nothing_gives_nothing() -> None:
    table = _table(("a", "0", None, "x"), ("a", "1", None, None))
    assert _pairs(table) == []
    assert _across(table) == {}
    assert _pairs(table.clear()) == []
    assert _across(table.clear()) == {}
