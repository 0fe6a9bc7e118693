"""Figures: written whole, readable, refused with a reason."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from mien.core.artifact import write_json
from mien.core.errors import DataError, MissingExtraError
from mien.metrics.summary import summarise
from mien.plots import curves, exam
from tests.unit.metrics.test_classification import random_set

pytest.importorskip("matplotlib")


def is_drawn(path: Path) -> bool:
    with PIL.Image.open(path) as picture:
        return picture.width > 400 and len(picture.convert("L").getcolors() or []) > 8


def test_a_training_is_drawn(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    rows = ["epoch,loss,accuracy,dev_accuracy,dev_balanced_accuracy,note"]
    rows += [f"{e},{2 / e},{1 - 1 / e},{0.8 - 0.5 / e},,fine" for e in range(1, 6)]
    log.write_text("\n".join(rows))
    assert is_drawn(curves.training(log, tmp_path / "a.png", "a training"))
    log.write_text("\n".join(rows[:2]))
    assert is_drawn(curves.training(log, tmp_path / "one epoch.png"))


@pytest.mark.parametrize("text", ["", "epoch,loss\n1,2\n", "words\nmore\n", None])
def test_a_log_without_curves_is_refused(tmp_path: Path, text: str | None) -> None:
    log = tmp_path / "log.csv"
    if text is not None:
        log.write_text(text)
    with pytest.raises(DataError, match=r"log\.csv"):
        curves.training(log, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_operating_points_are_drawn(tmp_path: Path) -> None:
    points = [
        {
            "strength": s,
            "prior": {},
            "accuracy": 0.8 - s / 10,
            "balanced_accuracy": 0.6 + s / 10,
            "calibration_error": 0.03,
        }
        for s in np.linspace(0, 1, 5)
    ]
    write_json(tmp_path / "curve.json", {"points": points, "chosen": points[2]})
    assert is_drawn(curves.operating_points(tmp_path / "curve.json", tmp_path / "a.png", "dev"))
    for wrong in ({"points": [{}], "chosen": {}}, [], {"points": points}):
        write_json(tmp_path / "curve.json", wrong)
        with pytest.raises(DataError, match="operating points"):
            curves.operating_points(tmp_path / "curve.json", tmp_path / "a.png")


def test_an_exam_is_drawn_and_the_same_again(tmp_path: Path) -> None:
    labels, probabilities = random_set(1, 300)
    probabilities[:9] = np.nan
    scores = summarise(labels, probabilities)
    for draw in (exam.confusion, exam.reliability):
        first = draw(scores, tmp_path / "a.png", "drawn")
        again = draw(scores, tmp_path / "b.png", "drawn")
        assert is_drawn(first)
        assert first.read_bytes() == again.read_bytes()


def test_an_exam_of_nothing_is_drawn(tmp_path: Path) -> None:
    scores = summarise([], np.empty((0, 7)))
    exam.confusion(scores, tmp_path / "a.png")
    exam.reliability(scores, tmp_path / "b.png")


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    for name in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"mien\[report\]"):
        exam.confusion(summarise([], np.empty((0, 7))), tmp_path / "a.png")
