"""The table of classes and sources as a picture."""

from __future__ import annotations

from pathlib import Path

import PIL.Image
import polars as pl
import pytest

from mien.core import catalogue
from mien.plots.counts import counts


@pytest.mark.parametrize("sources", [1, 20])
def test_classes_and_sources_are_drawn(sources: int, tmp_path: Path) -> None:
    rows = [(f"s{n}", label) for n in range(sources) for label in ("happy", "fear", None)]
    frame = pl.DataFrame(rows, schema=["dataset", "label"], orient="row")
    path = counts(catalogue.count(frame), tmp_path / "table.png")
    with PIL.Image.open(path) as picture:
        assert picture.width > picture.height > 200
        assert picture.convert("L").getextrema()[0] < 100


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    empty = pl.DataFrame(schema={"dataset": pl.String, "label": pl.String})
    assert counts(catalogue.count(empty), tmp_path / "table.png").stat().st_size > 1000
