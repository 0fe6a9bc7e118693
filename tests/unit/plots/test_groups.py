"""Dots by group: every group has its place, small ones are grey, and nothing else is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import PIL.Image
import polars as pl
import pytest

from mien.core.errors import DataError
from mien.plots import groups as drawing
from mien.plots.figure import COLOURS, QUIET, new_figure

pytest.importorskip("matplotlib")


def row(figure: str = "accuracy", group: str = "female", **other: Any) -> dict[str, Any]:
    given = {"role": "test", "attribute": "gender", "group": group, "n": 40, "figure": figure}
    return {**given, "value": 0.8, "low": 0.7, "high": 0.9, "enough": True, **other}


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), infer_schema_length=None)


def drawn(monkeypatch: pytest.MonkeyPatch, values: pl.DataFrame, path: Path) -> Any:
    figures = []

    def kept(*size: float) -> Any:
        figures.append(new_figure(*size))
        return figures[-1]

    monkeypatch.setattr(drawing, "new_figure", kept)
    assert drawing.groups(values, path, "a title") == path
    return figures[0]


def test_every_group_stands_once_with_its_pictures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values = table(
        row(),
        row("missed", value=0.02, low=0.0, high=0.04),
        row(group="male", n=1200),
        row("recall.fear"),
        row(attribute="age", group="60+", n=3, enough=False, low=None, high=None),
    )
    figure = drawn(monkeypatch, values, tmp_path / "groups.png")
    left, right = figure.axes
    assert [t.get_text() for t in left.get_yticklabels()] == [
        "female (40)",
        "male (1,200)",
        "60+ (3)",
    ]
    assert {t.get_text() for t in left.texts} == {"gender", "age"}
    assert [line.get_color() for line in left.lines] == [COLOURS[0]] * 4 + [QUIET]
    assert len(right.lines) == 2
    assert left.get_xlabel() == "accuracy"
    assert left.get_ylim()[0] > left.get_ylim()[1]
    with PIL.Image.open(tmp_path / "groups.png") as image:
        assert image.width > 1000


def test_roles_stand_in_their_colours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = table(row(), row(role="unseen", n=7))
    left = drawn(monkeypatch, values, tmp_path / "groups.png").axes[0]
    assert [t.get_text() for t in left.get_legend().get_texts()] == ["test", "unseen"]
    assert [t.get_text() for t in left.get_yticklabels()] == ["female (40 | 7)"]
    heights = [line.get_ydata()[0] for line in left.lines if len(line.get_ydata())]
    assert heights[0] == heights[1] < heights[2] == heights[3]


def test_what_has_no_value_has_no_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = table(row(), row("missed", value=None, low=None, high=None))
    assert not drawn(monkeypatch, values, tmp_path / "groups.png").axes[1].lines


@pytest.mark.parametrize("values", [table(row()).clear(), table(row()).drop("enough")])
def test_rows_without_figures_are_refused(values: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Figures by group need rows"):
        drawing.groups(values, tmp_path / "groups.png")
