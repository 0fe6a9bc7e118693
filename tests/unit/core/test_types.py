"""Values check themselves, and say what was expected."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import LabelError
from mien.core.labels import CLASSES
from mien.core.types import BBox, Face, Prediction, Sample

numbers = st.floats(-1000, 1000)
sides = st.floats(0.5, 500)
boxes = st.builds(lambda x, y, w, h: BBox(x, y, x + w, y + h), numbers, numbers, sides, sides)


@given(boxes, boxes)
def test_overlap_is_symmetric_and_bounded(one: BBox, other: BBox) -> None:
    assert 0 <= one.iou(other) <= 1 + 1e-9
    assert one.iou(other) == pytest.approx(other.iou(one))
    assert one.iou(one) == pytest.approx(1)


def test_box_geometry() -> None:
    box = BBox(10, 20, 30.4, 60)
    assert (box.width, box.height, box.area) == pytest.approx((20.4, 40, 816))
    assert box.centre == pytest.approx((20.2, 40))
    assert box.rounded() == (10, 20, 30, 60)
    assert box.iou(BBox(30.4, 20, 50, 60)) == 0
    assert BBox(0, 0, 2, 2).iou(BBox(1, 1, 3, 3)) == pytest.approx(1 / 7)


@pytest.mark.parametrize(
    "corners", [(1, 0, 1, 5), (2, 0, 1, 5), (0, 5, 5, 5), (0, 0, math.nan, 5), (0, 0, math.inf, 5)]
)
def test_boxes_without_area_are_refused(corners: Any) -> None:
    with pytest.raises(ValueError, match="x1 < x2 and y1 < y2"):
        BBox(*corners)


def test_landmarks_are_checked() -> None:
    box = BBox(0, 0, 1, 1)
    assert Face(box, 0.9, "x").landmarks is None
    with pytest.raises(ValueError, match=r"\(5, 2\); these have \(2, 5\)"):
        Face(box, 0.9, "x", np.zeros((2, 5), np.float32))
    with pytest.raises(ValueError, match="NaN or infinity"):
        Face(box, 0.9, "x", np.full((5, 2), np.nan, np.float32))


def test_samples_are_checked() -> None:
    assert Sample("1", "a.png", "d", "l", label="contempt").label == "contempt"
    with pytest.raises(LabelError, match="joy"):
        Sample("1", "a.png", "d", "l", label="joy")
    for votes in ((0.5,) * 6, (1, 0, 0, 0, 0, 0, -1)):
        with pytest.raises(ValueError, match="7 numbers of 0 or more"):
            Sample("1", "a.png", "d", "l", votes=votes)


def make(**options: Any) -> Prediction:
    probabilities = np.array([0.01, 0.02, 0.03, 0.04, 0.8, 0.05, 0.05], np.float32)
    face = Face(BBox(120.4, 80, 240, 230), 0.99, "yunet")
    given_ = {
        "face": face,
        "probabilities": probabilities,
        "expression": "happy",
        "confidence": 0.8,
        **options,
    }
    return Prediction("a.jpg", 0, "m", **given_)


def test_a_prediction_prints_its_answer_or_its_reason() -> None:
    assert str(make()) == "a.jpg #0 5-happy 80.0 % at (120, 80, 240, 230)"
    doubtful = make(abstained=True, reason="low_confidence")
    assert "5-happy 80.0 % (low_confidence) at" in str(doubtful)
    none = Prediction("a.jpg", 0, "m", abstained=True, reason="no_face")
    assert str(none) == "a.jpg #0 no_face"
    broken = Prediction("a.jpg", 0, "m", abstained=True, reason="unreadable", message="0 bytes")
    assert str(broken) == "a.jpg #0 unreadable: 0 bytes"


def test_the_top_classes_stand_in_order() -> None:
    top = make().top(3)
    assert [name for name, _ in top] == ["happy", "sadness", "surprise"]
    assert top[0][1] == pytest.approx(0.8)
    assert Prediction("a.jpg", 0, "m").top() == []


def test_a_row_names_box_and_probabilities() -> None:
    row = make().to_dict()
    assert row["code"] == 5
    assert row["x1"] == 120.4
    assert sum(row[name] for name in CLASSES) == pytest.approx(1)
    empty = Prediction("a.jpg", 2, "m", reason="no_face").to_dict()
    assert list(empty) == list(row)
    assert {empty[name] for name in (*CLASSES, "x1", "code", "detector")} == {None}


@pytest.mark.parametrize(
    ("probabilities", "words"),
    [(np.full(6, 1 / 6), r"\(7,\)"), (np.full(7, 0.2), "sum to 1"), (np.full(7, np.nan), "sum to")],
)
def test_probabilities_are_checked(probabilities: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(probabilities=probabilities)
