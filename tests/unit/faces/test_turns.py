import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.types import BBox, Face, Image
from mien.faces.turns import TURNS, Rule, best_of, turned, turned_back


def dot(height: int, width: int, x: int, y: int) -> Image:
    image = np.zeros((height, width, 3), np.uint8)
    cv2.circle(image, (x, y), 4, (255, 255, 255), -1)
    return image


def face(x: float, y: float, score: float = 0.9, side: float = 20) -> Face:
    half = side / 2
    points = np.float32([(x - 4, y - 4), (x + 4, y - 4), (x, y), (x - 3, y + 5), (x + 3, y + 5)])
    return Face(BBox(x - half, y - half, x + half, y + half), score, "drawn", points)


@given(
    st.sampled_from([0, *TURNS, 10, 359]),
    st.integers(40, 90),
    st.integers(40, 90),
    st.integers(15, 24),
    st.integers(15, 24),
)
def test_what_is_found_in_a_turned_picture_is_turned_back(
    degrees: int, height: int, width: int, x: int, y: int
) -> None:
    seen, turn = turned(dot(height, width, x, y), degrees)
    rows, columns = np.nonzero(seen[..., 0] > 127)
    found = np.array([columns.mean(), rows.mean()])
    np.testing.assert_allclose(turn.back[:, :2] @ found + turn.back[:, 2], [x, y], atol=0.5)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 360])
def test_quarter_turns_change_no_pixel(degrees: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    seen, turn = turned(image, degrees)
    assert np.array_equal(seen, np.rot90(image, -(degrees // 90)))
    assert turn.degrees == degrees
    assert seen.flags.c_contiguous


@pytest.mark.parametrize("degrees", TURNS)
def test_nothing_of_the_picture_is_lost(degrees: int) -> None:
    for x, y in ((6, 6), (73, 6), (6, 43), (73, 43)):
        seen, _ = turned(dot(50, 80, x, y), degrees)
        assert (seen[..., 0] > 127).sum() == pytest.approx(49, abs=6)


@pytest.mark.parametrize("degrees", TURNS)
def test_a_face_keeps_its_place_size_and_names(degrees: int) -> None:
    true = face(40, 30)
    _, turn = turned(np.zeros((100, 120, 3), np.uint8), degrees)
    there = cv2.invertAffineTransform(turn.back)
    assert true.landmarks is not None
    points = (true.landmarks @ there[:, :2].T + there[:, 2]).astype(np.float32)
    x, y = there[:, :2] @ (np.array(true.bbox.centre) - 0.5) + there[:, 2] + 0.5
    found = Face(BBox(x - 10, y - 10, x + 10, y + 10), 0.9, "drawn", points)
    back = turned_back(found, turn, 100, 120)
    assert back is not None
    np.testing.assert_allclose(back.landmarks, true.landmarks, atol=1e-3)
    np.testing.assert_allclose(back.bbox.as_tuple(), true.bbox.as_tuple(), atol=1e-6)


def test_a_quarter_turn_swaps_the_sides_of_a_box() -> None:
    _, turn = turned(np.zeros((100, 100, 3), np.uint8), 90)
    back = turned_back(Face(BBox(10, 20, 50, 30), 1, "drawn"), turn, 100, 100)
    assert back is not None
    assert (back.bbox.width, back.bbox.height) == (10, 40)
    _, still = turned(np.zeros((100, 100, 3), np.uint8), 0)
    assert turned_back(Face(BBox(10, 20, 50, 30), 1, "drawn"), still, 100, 100) is not None


def test_a_face_in_the_repeated_border_is_none() -> None:
    seen, turn = turned(np.zeros((100, 100, 3), np.uint8), 45)
    assert turned_back(Face(BBox(0, 0, 12, 12), 1, "drawn"), turn, 100, 100) is None
    assert seen.shape[0] > 140


def test_the_surest_look_at_a_face_counts() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    _, half = turned(image, 180)
    upright = [face(30, 30, 0.7), face(80, 80, 0.9, 10)]
    upside_down = [(half, [face(69, 69, 0.92), face(10, 69, 0.85), face(50, 10, 0.6)])]
    kept = best_of(upright, upside_down, image, Rule(least=0.8, sure=0.9, gain=0.03))
    assert [round(f.score, 2) for f in kept] == [0.92, 0.85, 0.9]
    assert [f.bbox.area for f in kept] == sorted((f.bbox.area for f in kept), reverse=True)


@pytest.mark.parametrize(
    ("before", "after", "kept"), [(0.7, 0.89, 0.7), (0.88, 0.9, 0.88), (0.86, 0.9, 0.9)]
)
def test_a_turned_look_at_a_known_face_must_be_beyond_doubt(
    before: float, after: float, kept: float
) -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    _, half = turned(image, 180)
    turned_look = [(half, [face(69, 69, after)])]
    (found,) = best_of([face(30, 30, before)], turned_look, image, Rule(0.8, 0.9, 0.03))
    assert found.score == kept
