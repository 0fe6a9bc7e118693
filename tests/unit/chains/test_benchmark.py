from __future__ import annotations

from pathlib import Path

import PIL.Image
import pytest

from mien.chains.benchmark import as_markdown, benchmark
from mien.core import registry
from mien.core.errors import InputError
from mien.predictor import Predictor
from tests.unit.test_predictor import Halves


def test_every_stage_is_timed(model: Path, bright: Path, dark: Path) -> None:
    predictor = Predictor(model, detector="full-frame", jobs=1)
    result = benchmark([bright, dark], predictor, "full-frame", runs=2)
    assert result["faces"] == 2
    assert list(result["stages"]) == [
        "decode", "detect", "align", "pose", "quality", "prepare", "find faces",
        "classify (batch 32)", "end to end",
    ]  # fmt: skip
    assert all(0 < row["min"] <= row["median"] <= row["max"] for row in result["stages"].values())
    table = as_markdown(result)
    assert "| end to end | 2 |" in table
    assert "64x64" in table


def test_nothing_to_time(model: Path, tmp_path: Path) -> None:
    registry.register("detectors", "halves", Halves)
    PIL.Image.new("RGB", (30, 30)).save(tmp_path / "black.png")
    with pytest.raises(InputError, match="No face"):
        benchmark([tmp_path / "black.png"], Predictor(model, detector="halves"), "halves")
