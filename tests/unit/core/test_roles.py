"""Roles: selectors, what an earlier split fixed, and sides."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mien.core import catalogue, roles
from mien.core.errors import ConfigError
from mien.core.roles import DEV, TEST, TRAIN, UNSEEN

ROWS = pl.DataFrame({"dataset": ["a", "a", "b", "c"], "split": ["train", "valid", None, "train"]})


def test_selectors_name_sets_and_parts() -> None:
    assert roles.selected(ROWS, ["a/valid"], ["b"]).tolist() == [TRAIN, TEST, UNSEEN, TRAIN]
    assert roles.selected(ROWS, ["a"], ["c/train"]).tolist() == [TEST, TEST, TRAIN, UNSEEN]
    with pytest.raises(
        ConfigError, match=r"no such data set or part. It has: a, a/train, a/valid, b"
    ):
        roles.selected(ROWS, ["a/test"], [])
    with pytest.raises(ConfigError, match="puts 'a/valid' both in test and in unseen"):
        roles.selected(ROWS, ["a"], ["a/valid"])


def test_what_was_assigned_stays_though_files_move() -> None:
    before = pl.DataFrame(
        [
            ("1", "a", "p1", "test"), ("2", "a", "p2", "dev"), ("3", "a", "p3", "rejected"),
            ("4", "a", "p4", "train"), ("4", "a", "q4", "test"), ("5", "a", "p5", "train"),
        ],
        schema=["id", "dataset", "path", "role"], orient="row",
    )  # fmt: skip
    rows = pl.DataFrame(
        [
            ("1", "a", "p1"), ("2", "a", "moved"), ("3", "a", "p3"), ("4", "a", "p4"),
            ("4", "a", "moved"), ("6", "a", "new"), ("5", "other", "p5"), ("1", "b", "copy"),
        ],
        schema=list(catalogue.KEY), orient="row",
    )  # fmt: skip
    assert roles.frozen(rows, before).tolist() == [TEST, DEV, -1, TRAIN, TEST, -1, TRAIN, -1]


def test_sides() -> None:
    assert roles.sides(np.arange(6)).tolist() == [0, 1, 2, 2, 0, -1]
