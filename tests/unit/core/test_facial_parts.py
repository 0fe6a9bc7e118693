"""The parts of a face: where they lie around its landmarks, and the shares of a map on them."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.facial_parts import PARTS, areas, outlines, part_map, shares
from mien.core.spec import Preprocess


def named(preprocess: Preprocess, x: float, y: float) -> str:
    """Returns the part at a place, in shares of the face's side."""
    side, size = 1 + preprocess.margin, preprocess.input_size
    column, row = (int((v + preprocess.margin / 2) / side * size) for v in (x, y))
    return PARTS[part_map(preprocess)[row, column]]


@pytest.mark.parametrize(
    "preprocess",
    [Preprocess(), Preprocess(margin=0.5, input_size=224), Preprocess(margin=0, input_size=64)],
)
def test_the_parts_lie_where_the_landmarks_are(preprocess: Preprocess) -> None:
    left, right, nose, first, second = preprocess.template
    assert named(preprocess, *left) == named(preprocess, *right) == "eyes"
    assert named(preprocess, *nose) == "nose"
    assert named(preprocess, *first) == named(preprocess, *second) == "mouth"
    assert named(preprocess, 0.5, first[1]) == "mouth"
    assert named(preprocess, left[0], left[1] - 0.15) == "brows"
    assert named(preprocess, 0.5, left[1] - 0.15) == "brows"  # the skin between them
    assert named(preprocess, 0.5, 0.05) == "forehead"
    assert named(preprocess, 0.15, 0.6) == named(preprocess, 0.85, 0.6) == "cheeks"
    assert named(preprocess, 0.5, 0.98) == "chin"
    assert PARTS[part_map(preprocess)[0, 0]] == PARTS[part_map(preprocess)[-1, -1]] == "outside"


def test_the_parts_are_symmetric_and_cover_the_input() -> None:
    parts = part_map(Preprocess())
    assert parts.shape == (48, 48)
    assert (parts == parts[:, ::-1]).all()
    takes = areas(Preprocess())
    assert takes.sum() == pytest.approx(1)
    assert (takes > 0.02).all()


def test_shares_sum_to_one_and_an_empty_map_has_none() -> None:
    maps = np.zeros((3, 48, 48), np.float32)
    maps[0] = 2.0
    mouth = part_map(Preprocess()) == PARTS.index("mouth")
    maps[1][mouth] = 0.5
    found = shares(maps, Preprocess())
    np.testing.assert_allclose(found[0], areas(Preprocess()))
    assert found[1][PARTS.index("mouth")] == pytest.approx(1)
    assert not found[2].any()


def test_the_drawn_face_meets_the_landmarks() -> None:
    given = Preprocess(margin=0.25, input_size=100)
    lines = outlines(given)
    eye = lines[1].mean(axis=0) + 0.5
    np.testing.assert_allclose(eye / 100 * 1.25 - 0.125, given.template[0], atol=0.01)
    lips = lines[-1] + 0.5
    np.testing.assert_allclose(lips / 100 * 1.25 - 0.125, given.template[3:], atol=1e-9)
