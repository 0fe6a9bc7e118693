"""Two evaluations side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.chains.compare import compared
from mien.core.errors import DataError
from mien.stages.evaluate import evaluate
from tests.unit.stages.test_evaluate import CONFIG, ROWS, make_stages

pytest.importorskip("polars")
pytest.importorskip("fairlearn")


@pytest.mark.usefixtures("undrawn")
def test_a_page_with_every_role(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path)
    first = evaluate(CONFIG, model, **folders, out=tmp_path / "first")
    second = evaluate(CONFIG, model, **folders, out=tmp_path / "second")
    text = compared(first, second, tmp_path / "page.md", resamples=20)
    assert (tmp_path / "page.md").read_text() == text
    assert "| test (n = 4) | 50.0 %, 50.0 %: +0.0" in text
    assert "| unseen (n = 5) | 60.0 %, 60.0 %: +0.0" in text
    assert f"only brightness ({first}) right" in text  # equal names are told apart


@pytest.mark.usefixtures("undrawn")
def test_evaluations_of_other_pictures_are_refused(model: Path, tmp_path: Path) -> None:
    first = evaluate(CONFIG, model, **make_stages(tmp_path), out=tmp_path / "first")
    less = make_stages(tmp_path / "less", ROWS[:8])
    second = evaluate(CONFIG, model, **less, out=tmp_path / "second")
    with pytest.raises(DataError, match="of the same pictures"):
        compared(first, second)
    with pytest.raises(DataError, match="Run 'mien evaluate' first"):
        compared(first, tmp_path)
