from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.metrics.conditions import BANDS, conditions, conditions_page


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    kinds = {"role": pl.String, "label": pl.String, "answer": pl.String, "confidence": pl.Float64}
    return pl.DataFrame(rows, {**kinds, **dict.fromkeys(BANDS, pl.Float32)})


def row(role: str = "test", right: bool = True, **numbers: float) -> dict[str, Any]:
    answer = "happy" if right else "fear"
    return {"role": role, "label": "happy", "answer": answer, "confidence": 0.8, **numbers}


def test_each_band_has_its_accuracy() -> None:
    found = conditions(
        table([row(yaw=-10.0), row(yaw=10.0, right=False), row(yaw=-50.0), row(yaw=90.0), row()])
    )
    picked = found.select("condition", "low", "high", "n", "right", "accuracy").rows()
    assert picked == [("yaw", 0.0, 15.0, 2, 1, 0.5), ("yaw", 45.0, 90.0, 2, 2, 1.0)]
    assert found["confidence"].to_list() == [pytest.approx(0.8)] * 2


def test_roles_stand_side_by_side_and_few_are_few() -> None:
    many = [row(size=40.0)] * 30 + [row("unseen", size=40.0, right=False)] * 40
    page = conditions_page(conditions(table([*many, row(size=10.0)])), ("test", "unseen"))
    assert "| size | 24 to 48 | 100.0 % (30) | 0.0 % (40) |" in page
    assert "| size | 0 to 24 | few (1) | few (0) |" in page
    assert "| size | 96 and more |" in page


def test_without_unseen_sources_every_line_says_so() -> None:
    page = conditions_page(conditions(table([row(size=40.0)] * 30)), ("test",))
    for line in page.splitlines()[2:]:
        assert "unseen sources: not measured" in line


@given(st.sampled_from(list(BANDS)), st.floats(0, 1), st.booleans())
def test_every_measured_number_is_in_one_band(name: str, share: float, negative: bool) -> None:
    edges = [edge for edge in BANDS[name] if edge < 1e9]
    value = (
        (-1 if negative and name in ("yaw", "pitch", "roll", "shade") else 1) * share * edges[-1]
    )
    found = conditions(table([row(**{name: value})]))
    assert found["n"].to_list() == [1]
    low, high = found["low"][0], found["high"][0]
    assert low - 1e-6 <= abs(value) <= high + 1e-6
