"""A marked frame keeps its size, whatever the boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.plots.annotate_video import Mark, mark


def test_a_person_is_marked_with_box_word_and_bar() -> None:
    image = np.full((120, 200, 3), 128, np.uint8)
    found = mark(image, [Mark(3, (50, 40, 90, 90), "happy", 0.9)])
    assert found.shape == image.shape
    assert (found[40, 50:90] != 128).all()
    assert (found[30, 60] != 128).any()
    assert (image == 128).all()
    doubtful = mark(image, [Mark(3, (50, 40, 90, 90), "happy", 0.9, "extreme_pose")])
    assert (doubtful != found).any()
    assert (mark(image, []) == image).all()


@given(st.tuples(*[st.floats(-50, 250)] * 4), st.floats(0, 1))
def test_no_box_breaks_a_frame(corners: tuple[float, ...], share: float) -> None:
    x1, y1, x2, y2 = corners
    box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    image = np.zeros((48, 64, 3), np.uint8)
    assert mark(image, [Mark(0, box, "fear", share)]).shape == image.shape


@pytest.mark.parametrize("size", [(1, 1), (17, 33)])
def test_tiny_and_odd_frames(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    assert mark(image, [Mark(0, (0, 0, 1, 1), "anger", 0.5)]).shape == image.shape
