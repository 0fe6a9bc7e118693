"""Rates without labels: every picture is in its group once, and bands hold every face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.labels import CLASSES
from mien.core.quality import NAMES as QUALITIES
from mien.core.spec import ModelSpec
from mien.core.thresholds import Thresholds
from mien.metrics.roles import answers
from mien.metrics.survey import REASONS, SHOWN_BANDS, by_band, by_group, survey_page

SPEC = ModelSpec(
    name="tiny",
    network="none",
    thresholds=Thresholds(low_confidence=0.5, max_yaw=65),
    weight_licence="none",
    commercial_use="unknown",
)


def _rows(yaws: list[float | None], strong: float = 5.0) -> pl.DataFrame:
    """A picture each; None where no face was found; all look happy."""
    logits = [None if yaw is None else [0.0, 0, 0, 0, strong, 0, 0] for yaw in yaws]
    seen = {name: pl.Series([None if y is None else 0.5 for y in yaws], dtype=pl.Float32)
            for name in QUALITIES}  # fmt: skip
    return pl.DataFrame(
        {
            "logits": pl.Series(logits, dtype=pl.Array(pl.Float32, 7)),
            "refused": ["no_face" if yaw is None else None for yaw in yaws],
            "yaw": pl.Series(yaws, dtype=pl.Float32),
            "pitch": pl.Series([0.0] * len(yaws), dtype=pl.Float32),
            **seen,
            "trip": [f"t{number % 2}" for number in range(len(yaws))],
        }
    )


def test_a_picture_has_an_answer_or_a_reason() -> None:
    rows = answers(SPEC, _rows([0.0, 80.0, None]))
    assert rows["answer"].to_list() == ["happy", "happy", None]
    assert rows["missed"].to_list() == [None, None, "no_face"]
    assert rows["abstained"].to_list() == [None, "extreme_pose", None]
    shares = rows.select(CLASSES).to_numpy()
    assert shares[:2].sum(axis=1) == pytest.approx([1, 1])
    assert np.isnan(shares[2]).all()


def test_groups_say_what_became_of_their_pictures() -> None:
    rows = answers(SPEC, _rows([0.0, 80.0, None, 10.0], strong=8.0))
    first, second = by_group(rows, "trip")
    assert (first["trip"], first["input"], first["kept"], first["answered"]) == ("t0", 2, 1, 1)
    assert (second["input"], second["kept"], second["answered"]) == (2, 2, 1)
    assert second["extreme_pose"] == 1
    assert first["happy"] == second["happy"] == 1
    assert first["low"] < first["rate"] == 0.5 < first["high"]


def test_pictures_without_a_group_are_left_out() -> None:
    rows = answers(SPEC, _rows([0.0, 0.0])).with_columns(trip=pl.lit(None, pl.String))
    assert by_group(rows, "trip") == []


@given(st.lists(st.one_of(st.none(), st.floats(-90, 90, width=32)), max_size=20))
def test_nothing_is_counted_twice_or_lost(yaws: list[float | None]) -> None:
    rows = answers(SPEC, _rows(yaws))
    groups = by_group(rows, "trip")
    assert sum(g["input"] for g in groups) == len(yaws)
    for group in groups:
        assert group["kept"] == group["answered"] + sum(group[why] for why in REASONS)
        assert group["answered"] == sum(group[name] for name in CLASSES)
    faces = sum(yaw is not None for yaw in yaws)
    bands = by_band(rows)
    assert set(bands) == set(SHOWN_BANDS)
    assert sum(row["faces"] for row in bands["yaw"]) == faces


def test_the_page_says_that_it_needs_no_labels(tmp_path: Path) -> None:
    rows = answers(SPEC, _rows([0.0, 80.0, None, 10.0]))
    page = survey_page(SPEC, rows, ["trip"], "A note.")
    assert "not of being right" in page
    assert "A note." in page
    assert "## By trip" in page
    assert "Without a face: 1 no face." in page
    assert "accuracy" not in page


def test_a_page_of_pictures_without_any_face() -> None:
    page = survey_page(SPEC, answers(SPEC, _rows([None, None])), [])
    assert "no face" in page
    assert "none" in page
