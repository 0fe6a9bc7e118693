"""Findings: what is doubtful about single pictures, classes and labels."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mien.core import catalogue
from mien.core.labels import CLASSES
from mien.core.looks import LOOK_COLUMNS
from mien.metrics import findings
from mien.metrics.findings import FINDING_COLUMNS

BOX = pl.Array(pl.Float32, 4)


def _found(table: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    assert dict(table.schema) == catalogue.schema(FINDING_COLUMNS)
    return table.select(columns).rows()


def test_small_dark_bright_and_broken_pictures() -> None:
    looks = pl.DataFrame(
        [
            ("a", "d", "0", 48, 48, 100.0, 30.0, None, None, "", ""),
            ("b", "d", "1", 20, 30, 100.0, 30.0, None, None, "", ""),
            ("c", "d", "2", 300, 300, 100.0, 30.0, None, None, "", ""),
            ("d", "d", "3", 48, 48, 12.34, 3.0, None, None, "", ""),
            ("e", "d", "4", 48, 48, 240.0, 3.0, None, None, "", ""),
            ("f", "d", "5", 48, 48, 0.0, 0.0, "constant", None, None, ""),
            ("g", "d", "6", None, None, None, None, "unreadable", "6: empty", None, None),
        ],
        schema=catalogue.schema(LOOK_COLUMNS),
        orient="row",
    )
    boxes = pl.Series("face_box", [None, None, [5, 5, 20, 90], None, None, None, None], BOX)
    table = looks.select(catalogue.KEY).with_columns(boxes)
    found = findings.faults(table, looks, 24, 25.0, 230.0)
    assert _found(found, "kind", "id", "value", "detail") == [
        ("constant", "f", 0.0, "mean grey level 0.0 of 255"),
        ("tiny", "b", 20.0, "20 x 30 pixels"),
        ("tiny", "c", 15.0, "300 x 300 pixels, the face 15"),
        ("dark", "d", pytest.approx(12.34), "mean grey level 12.3 of 255"),
        ("bright", "e", 240.0, "mean grey level 240.0 of 255"),
        ("unreadable", "g", None, "6: empty"),
    ]


def _placed(rows: list[tuple[str, str | None, int, str]]) -> pl.DataFrame:
    """Rows of (path, label, first of its kind, pixels)."""
    return pl.DataFrame(
        [(n, f"id{n}", "d", path, label, copy, digest)
         for n, (path, label, copy, digest) in enumerate(rows)],
        schema={"row": pl.UInt32, "id": pl.String, "dataset": pl.String, "path": pl.String,
                "label": pl.String, "copy": pl.UInt32, "digest": pl.String},
        orient="row",
    )  # fmt: skip


def test_conflicts_are_found_among_copies_and_near_ones() -> None:
    table = _placed([
        ("0", None, 0, "x"), ("1", "happy", 0, "x"), ("2", "fear", 0, "x"), ("3", "happy", 0, "x"),
        ("4", "anger", 4, "y"), ("5", "happy", 5, "z"), ("6", "anger", 6, "z"),
    ])  # fmt: skip
    ends = pl.DataFrame(
        {"row": [0, 1, 4, 5], "other": [1, 4, 6, 6]}, schema={"row": pl.UInt32, "other": pl.UInt32}
    )
    pairs = pl.DataFrame(
        {"cosine": [1.0, 0.98, 0.99, 1.0], "exact": [True, False, False, False]},
        schema={"cosine": pl.Float32, "exact": pl.Boolean},
    )
    found = findings.conflicts(table, pairs, ends)
    # 5 and 6 are two faces of one picture, 4 and 6 agree, and 0 has no label.
    assert _found(found, "path", "other_path", "value", "detail") == [
        ("1", "2", 1.0, "happy and fear"),
        ("1", "4", pytest.approx(0.98), "happy and anger"),
    ]


def test_rare_classes_are_found_in_all_and_in_each_data_set() -> None:
    labels = {
        "a": {"happy": 100, "fear": 9, "contempt": 1},
        "b": dict.fromkeys(CLASSES, 5),
        "c": {None: 1},
    }
    rows = [
        (dataset, label)
        for dataset, counts in labels.items()
        for label, n in counts.items()
        for _ in range(n)
    ]
    table = pl.DataFrame(rows, schema=["dataset", "label"], orient="row")
    found = findings.imbalance(table, 10)
    told = _found(found, "dataset", "value", "detail")
    assert (None, 21.0, "anger: 5 of 144 pictures; happy has 105") in told
    assert ("a", None, "anger: 0 of 109 pictures; happy has 100") in told
    assert ("a", pytest.approx(100 / 9), "fear: 9 of 109 pictures; happy has 100") in told
    assert {row[0] for row in told} == {None, "a"}
    assert _found(findings.imbalance(table.clear(), 10), "kind") == []


def test_suspects_say_what_the_network_sees() -> None:
    faces = pl.DataFrame(
        {"id": ["1", "2"], "dataset": "d", "path": "p", "label": ["happy", "fear"]}
    )
    seen = np.full((2, 7), 0.02, np.float32)
    seen[1, 1] = 0.88
    quality = np.array([0.5, 0.02], np.float32)
    found = findings.suspects(faces, [1], quality, seen)
    assert _found(found, "kind", "id", "value", "detail") == [
        ("suspect_label", "2", pytest.approx(0.02), "given fear, the network sees anger (0.88)")
    ]
    assert _found(findings.suspects(faces, [], quality, seen), "kind") == []


def test_the_first_to_see_are_those_that_matter_most() -> None:
    rows = [
        ("near_duplicate", "a", 0.99, ""), ("near_duplicate", "b", 0.98, ""),
        ("near_duplicate", "c", 0.99, "across parts"),
        ("near_duplicate", "d", 0.99, "across data sets"),
        ("dark", "e", 20.0, ""), ("dark", "f", 3.0, ""),
        ("imbalance", "g", 20.0, ""), ("imbalance", "h", None, ""),
        ("label_conflict", "i", 0.98, ""), ("label_conflict", "j", 1.0, ""),
    ]  # fmt: skip
    found = pl.DataFrame(rows, schema=["kind", "id", "value", "detail"], orient="row")

    def first(kind: str, n: int = 9) -> str:
        return "".join(findings.top(found, kind, n)["id"])

    assert first("near_duplicate") == "cdba"
    assert first("near_duplicate", 2) == "cd"
    assert (first("dark"), first("imbalance"), first("label_conflict")) == ("fe", "hg", "ji")
    assert first("bright") == ""
