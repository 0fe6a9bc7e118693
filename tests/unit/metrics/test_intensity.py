"""Whether a probability follows intensity: ranks by hand, series by series."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.labels import CLASSES
from mien.metrics.intensity import LEAST, intensity, intensity_page, series
from mien.metrics.summary import How

HOW = How(resamples=50)
SCHEMA = {
    **dict.fromkeys(("role", "dataset", "subject", "sequence", "label", "cluster"), pl.String),
    "frame": pl.Int32,
    "intensity": pl.Float32,
    **dict.fromkeys(CLASSES, pl.Float64),
}


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    base = {"role": "test", "dataset": "home", "label": "happy", **dict.fromkeys(CLASSES, 0.0)}
    return pl.DataFrame([{**base, **row} for row in rows], SCHEMA)


def frames(shares: list[float | None], sequence: str = "s1", **more: Any) -> list[dict[str, Any]]:
    return [
        {"sequence": sequence, "frame": i, "happy": p, "cluster": sequence, **more}
        for i, p in enumerate(shares, 1)
    ]


def test_a_rising_sequence_has_one_and_a_falling_one_minus_one() -> None:
    found = series(table([*frames([0.1, 0.2, 0.7, 0.9]), *frames([0.9, 0.5, 0.1], "s2")]))
    assert found["by"].to_list() == ["frame", "frame"]
    assert found["correlation"].to_list() == [pytest.approx(1), pytest.approx(-1)]
    mean = intensity(found, HOW)
    assert mean["label"].to_list() == ["all", "happy"]
    assert mean["correlation"].to_list() == [pytest.approx(0)] * 2
    assert mean["series"].to_list() == [2, 2]
    assert mean.row(0, named=True)["low"] == pytest.approx(-1)


def test_frames_before_the_peak_count_whatever_their_label() -> None:
    rows = frames([0.1, 0.3, 0.2, 0.9])
    for row, label in zip(rows, ("neutral", None, None, "happy"), strict=True):
        row["label"] = label
    found = series(table(rows))
    assert found["label"].to_list() == ["happy"]
    assert found["correlation"].to_list() == [pytest.approx(0.8)]


def test_stated_intensity_without_sequences_goes_by_person_and_label() -> None:
    rows = [
        {"subject": who, "intensity": i, "happy": i / 10, "cluster": who}
        for who in ("a", "b")
        for i in range(4)
    ]
    found = series(table(rows))
    assert found.select("by", "series").rows() == [
        ("intensity", "home: a: happy"), ("intensity", "home: b: happy")
    ]  # fmt: skip
    assert intensity(found, HOW)["correlation"].to_list() == [pytest.approx(1)] * 2


@pytest.mark.parametrize(
    "shares", [[0.1, 0.2], [0.5, 0.5, 0.5, 0.5], [0.1, None, None, 0.3]], ids=str
)
def test_what_has_no_order_is_counted_and_left_out(shares: list[float | None]) -> None:
    mean = intensity(series(table(frames(shares))), HOW)
    row = mean.row(0, named=True)
    assert (row["series"], row["left_out"], row["correlation"]) == (0, 1, None)
    assert "| - (0) |" in intensity_page(mean, ("test",))


def test_neutral_and_unlabelled_series_are_no_series() -> None:
    rows = [*frames([0.1, 0.2, 0.3], label="neutral"), *frames([0.1, 0.2, 0.3], "s2", label=None)]
    found = series(table(rows))
    assert found.is_empty()
    assert intensity(found, HOW).is_empty()
    assert "No picture states" in intensity_page(intensity(found, HOW), ("test",))


def test_the_page_never_leaves_unseen_sources_out() -> None:
    mean = intensity(series(table([*frames([0.1, 0.2, 0.9]), *frames([0.1, 0.2, 0.9], "s2")])), HOW)
    page = intensity_page(mean, ("test",))
    assert (
        "| frame of a sequence | all | 1.00 [1.00, 1.00] (2) | unseen sources: not measured |"
        in page
    )


@given(st.lists(st.floats(0.001, 0.999), min_size=LEAST, max_size=12, unique=True))
def test_ranks_alone_count(shares: list[float]) -> None:
    def one(values: list[float]) -> float:
        return float(series(table(frames(list(values))))["correlation"][0])

    found = one(shares)
    assert -1 - 1e-9 <= found <= 1 + 1e-9
    # Powers of distinct shares could coincide after rounding, so ranks themselves are compared.
    ranks = [float(sorted(shares).index(p)) for p in shares]
    assert one(ranks) == pytest.approx(found)
    assert one(shares[::-1]) == pytest.approx(-found)
