"""Figures under change, and the corruption errors of Hendrycks and Dietterich, by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from mien.core.labels import CLASSES
from mien.metrics.corruption import (
    ALL,
    CLEAN,
    COLUMNS,
    ERROR_COLUMNS,
    corruption_errors,
    corruption_page,
    corruption_table,
    headline,
)
from mien.metrics.summary import How

FAMILIES = {"blur": "quality", "mask": "occlusion"}
HOW = How(resamples=50)


def predictions(right: dict[tuple[str, int], int], n: int = 10, role: str = "dev") -> pl.DataFrame:
    """Returns predictions of ``n`` happy faces; ``right`` of them are, by change and strength."""
    rows: list[dict[str, Any]] = [
        {
            "id": str(i), "dataset": "home", "path": f"{i}.png", "role": role, "corruption": name,
            "strength": strength, "label": "happy", "answer": "happy" if i < hits else "fear",
            "confidence": 0.8, "abstained": i == 0, "cluster": f"person {i // 2}",
        }
        for (name, strength), hits in right.items()
        for i in range(n)
    ]  # fmt: skip
    return pl.DataFrame(rows)


OURS = predictions({(CLEAN, 0): 9, ("blur", 1): 8, ("blur", 2): 6, ("mask", 1): 9, ("mask", 2): 5})
THEIRS = predictions(
    {(CLEAN, 0): 8, ("blur", 1): 6, ("blur", 2): 4, ("mask", 1): 8, ("mask", 2): 6}
)


def test_figures_by_change_and_strength() -> None:
    found = corruption_table(OURS, FAMILIES, HOW)
    assert found.columns == list(COLUMNS)
    picked = found.select("corruption", "family", "strength", "n", "accuracy").rows()
    assert picked[:3] == [
        (CLEAN, CLEAN, 0, 10, 0.9),
        ("blur", "quality", 1, 10, 0.8),
        ("blur", "quality", 2, 10, 0.6),
    ]
    assert found["balanced_accuracy"].to_list() == found["accuracy"].to_list()
    assert found["confidence"].to_list() == [pytest.approx(0.8)] * 5
    assert found["abstained"].to_list() == [pytest.approx(0.1)] * 5
    assert found["detected"].to_list() == [1.0] * 5
    for row in found.iter_rows(named=True):
        assert row["low"] <= row["accuracy"] <= row["high"]


def test_a_face_that_is_not_found_is_wrong_and_has_no_confidence() -> None:
    some = OURS.with_columns(
        answer=pl.when(pl.col("id") < "5").then("answer"),
        confidence=pl.when(pl.col("id") < "5").then("confidence"),
    )
    row = corruption_table(some, FAMILIES, HOW).row(0, named=True)
    assert (row["accuracy"], row["detected"]) == (0.5, 0.5)
    assert row["confidence"] == pytest.approx(0.8)
    lost = OURS.with_columns(answer=pl.lit(None, pl.String), confidence=pl.lit(None, pl.Float64))
    row = corruption_table(lost, FAMILIES, How(resamples=0)).row(0, named=True)
    assert (row["accuracy"], row["detected"], row["confidence"], row["low"]) == (0, 0, None, None)


def test_balanced_accuracy_weighs_classes_alike() -> None:
    some = OURS.with_columns(
        label=pl.when(pl.col("id") == "9").then(pl.lit("sadness")).otherwise("label")
    )
    row = corruption_table(some, FAMILIES, HOW).row(0, named=True)
    assert row["accuracy"] == 0.9
    assert row["balanced_accuracy"] == 0.5
    assert "sadness" in CLASSES


def test_corruption_errors_by_hand() -> None:
    ours, theirs = (corruption_table(p, FAMILIES, HOW) for p in (OURS, THEIRS))
    found = corruption_errors(OURS, ours, theirs, HOW)
    assert found.columns == list(ERROR_COLUMNS)
    rows = {r["corruption"]: r for r in found.iter_rows(named=True)}
    assert list(rows) == [ALL, "blur", "mask"]
    # blur: errors 0.2 + 0.4 over 0.4 + 0.6; less the clean 0.1 and 0.2 each: 0.4 over 0.6
    assert rows["blur"]["ce"] == pytest.approx(0.6)
    assert rows["blur"]["relative_ce"] == pytest.approx(0.4 / 0.6)
    assert rows["mask"]["ce"] == pytest.approx(0.6 / 0.6)
    assert rows["mask"]["relative_ce"] == pytest.approx(0.4 / 0.2)
    assert rows[ALL]["ce"] == pytest.approx(0.8)
    assert rows[ALL]["relative_ce"] == pytest.approx((0.4 / 0.6 + 2) / 2)
    assert rows["blur"]["accuracy"] == pytest.approx(0.7)
    assert rows[ALL]["error"] == pytest.approx(0.3)
    assert rows[ALL]["low"] < 0.7 < rows[ALL]["high"]


def test_a_model_beside_itself_has_one() -> None:
    table = corruption_table(OURS, FAMILIES, HOW)
    found = corruption_errors(OURS, table, table, HOW)
    assert found["ce"].to_list() == [pytest.approx(1.0)] * 3
    assert found["relative_ce"].to_list() == [pytest.approx(1.0)] * 3


def test_without_an_error_to_compare_with_there_is_none() -> None:
    perfect = predictions({(CLEAN, 0): 10, ("blur", 1): 10, ("mask", 1): 8})
    table = corruption_table(perfect, FAMILIES, HOW)
    found = corruption_errors(perfect, table, table, HOW)
    assert found["ce"].to_list() == [None, None, pytest.approx(1.0)]
    alone = corruption_errors(perfect, table, None, HOW)
    assert alone["ce"].null_count() == alone["relative_ce"].null_count() == 3


def test_the_page_never_leaves_unseen_sources_out() -> None:
    table = corruption_table(OURS, FAMILIES, HOW)
    errors = corruption_errors(OURS, table, table, HOW)
    page = corruption_page(table, errors, "A model", "another")
    for line in page.splitlines():
        if " %" in line and "95 %" not in line:
            assert "unseen sources: not measured" in line
    assert "| blur | quality | 70.0 % [" in page
    assert ", CE 1.000, relative CE 1.000 |" in page
    assert "beside another" in page
    assert "mCE 1.000" in headline(table, errors)


def test_roles_stand_side_by_side() -> None:
    both = pl.concat([OURS, predictions({(CLEAN, 0): 5, ("blur", 1): 4}, role="unseen")])
    table = corruption_table(both, FAMILIES, HOW)
    errors = corruption_errors(both, table, None, HOW)
    page = corruption_page(table, errors, "A model")
    assert "not measured" not in page.splitlines()[2]
    line = next(line for line in page.splitlines() if line.startswith("| blur | quality"))
    assert "70.0 % [" in line
    assert "40.0 % [" in line
