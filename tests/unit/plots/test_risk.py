"""Risk against coverage: all roles in one figure, the threshold's place on each line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien.core.scores import POINTS, Exam, RoleScores, Scores
from mien.metrics.summary import How, summarise
from mien.plots.risk import answered_from, risk_coverage

pytest.importorskip("matplotlib")


def make_scores(seed: int, n: int = 200) -> Scores:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 7, n)
    odds = np.exp(rng.normal(0, 1, (n, 7)) + 2 * np.eye(7)[labels])
    return summarise(labels, odds / odds.sum(axis=1, keepdims=True), how=How(5, 0))


def make_exam(*roles: str) -> Exam:
    found = {
        role: RoleScores(
            sources={"home": 200}, subjects=0, points=dict.fromkeys(POINTS, make_scores(place))
        )
        for place, role in enumerate(roles)
    }
    return Exam(model="m", weights="0", prior="natural", temperature=1.0, resamples=0, roles=found)


def test_every_role_is_drawn_and_the_same_again(tmp_path: Path) -> None:
    exam = make_exam("dev", "test", "unseen")
    first = risk_coverage(exam, tmp_path / "a.png", "drawn", threshold=0.5)
    again = risk_coverage(exam, tmp_path / "b.png", "drawn", threshold=0.5)
    assert first.read_bytes() == again.read_bytes()
    with PIL.Image.open(first) as picture:
        assert picture.width > 600
    fewer = risk_coverage(make_exam("dev", "test"), tmp_path / "c.png", "drawn", threshold=0.5)
    assert fewer.read_bytes() != first.read_bytes()


def test_the_threshold_is_marked(tmp_path: Path) -> None:
    exam = make_exam("dev")
    low = risk_coverage(exam, tmp_path / "a.png", threshold=0.3)
    high = risk_coverage(exam, tmp_path / "b.png", threshold=0.7)
    assert low.read_bytes() != high.read_bytes()


def test_an_exam_of_nothing_is_drawn(tmp_path: Path) -> None:
    nothing = summarise([], np.empty((0, 7)))
    role = RoleScores(sources={}, subjects=0, points=dict.fromkeys(POINTS, nothing))
    exam = make_exam().model_copy(update={"roles": {"test": role}})
    risk_coverage(exam, tmp_path / "a.png", threshold=0.5)


def test_the_point_of_a_threshold_is_the_last_one_that_is_answered() -> None:
    scores = make_scores(3)
    curve = scores.calibration.risk_coverage
    point = answered_from(scores, 0.5)
    assert point is not None
    assert point.threshold >= 0.5
    assert all(p.threshold < 0.5 for p in curve if p.coverage > point.coverage)
    assert answered_from(scores, 0.0) == curve[-1]
    assert answered_from(scores, 1.01) is None
