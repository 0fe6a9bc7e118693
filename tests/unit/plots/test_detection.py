"""Rates of detection: every condition has its panel, and rows without figures are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from mien.core.errors import DataError
from mien.plots import detection
from mien.plots.figure import new_figure

pytest.importorskip("matplotlib")


def rows(*conditions: str, strengths: tuple[float, ...] = (0, 15, 90)) -> list[dict[str, Any]]:
    return [
        {
            "condition": condition,
            "strength": strength,
            "detector": detector,
            "n": 40,
            "found": 1 - strength / 100 * share,
            "placed": 0.9 - strength / 100 * share,
            "low": 0.9 - strength / 100 * share,
            "high": 1.0,
        }
        for condition in conditions
        for strength in strengths
        for detector, share in (("hog", 1.0), ("yunet", 0.5))
    ]


def drawn(monkeypatch: pytest.MonkeyPatch, *given: Any) -> Any:
    figures = []

    def kept(*size: float) -> Any:
        figures.append(new_figure(*size))
        return figures[-1]

    monkeypatch.setattr(detection, "new_figure", kept)
    detection.curves(*given)
    return figures[0]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_condition_has_a_panel(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("rotation", "light", "occlusion", "size")[:count]
    words = {"rotation": "degrees, clockwise"}
    figure = drawn(monkeypatch, rows(*names), tmp_path / "a.png", words)
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(names)
    below = ["degrees, clockwise", *names[1:]]
    assert [axes.get_xlabel() for axes in figure.axes] == below


def test_strengths_stand_in_the_order_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = drawn(monkeypatch, rows("size", strengths=(160, 48, 16)), tmp_path / "a.png").axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["160", "48", "16"]
    found = {line.get_label(): line for line in axes.lines}
    assert found["hog"].get_ydata() == pytest.approx([-0.6, 0.52, 0.84])
    assert list(found["yunet"].get_xdata()) == [0, 1, 2]
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["hog", "yunet", "landmarks in place"]


def test_a_detector_may_lack_a_strength(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = [row for row in rows("light") if (row["detector"], row["strength"]) != ("hog", 15)]
    axes = drawn(monkeypatch, some, tmp_path / "a.png").axes[0]
    assert list(next(x for x in axes.lines if x.get_label() == "hog").get_xdata()) == [0, 2]


def test_the_same_rows_give_the_same_picture(tmp_path: Path) -> None:
    first = detection.curves(rows("light", "size"), tmp_path / "a.png")
    again = detection.curves(rows("light", "size"), tmp_path / "b.png")
    assert first.read_bytes() == again.read_bytes()
    with PIL.Image.open(first) as picture:
        assert picture.width > 400
        assert len(picture.convert("L").getcolors() or []) > 8


@pytest.mark.parametrize("given", [[], [{"condition": "light", "strength": 1}]])
def test_rows_without_figures_are_refused(given: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found, placed, low, high"):
        detection.curves(given, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
