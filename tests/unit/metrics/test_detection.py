import polars as pl
import pytest

from mien.metrics.detection import rates


def test_rates_by_what_is_stated() -> None:
    rows = pl.DataFrame(
        {
            "gender": ["f"] * 10 + ["m"] * 4 + [None] * 3,
            "kept": [True] * 9 + [False] + [True] * 4 + [True] * 3,
        }
    )
    women, men = rates(rows, "gender")
    assert (women["gender"], women["input"], women["kept"], women["rate"]) == ("f", 10, 9, 0.9)
    # Wilson's interval for 9 of 10, worked by hand.
    assert (women["low"], women["high"]) == (
        pytest.approx(0.5958, abs=1e-3), pytest.approx(0.9821, abs=1e-3),
    )  # fmt: skip
    assert men["high"] == 1
    assert men["low"] < 0.6


def test_nothing_stated_is_no_row() -> None:
    rows = pl.DataFrame(
        {"age": [None, None], "kept": [True, False]}, {"age": pl.String, "kept": bool}
    )
    assert rates(rows, "age") == []
