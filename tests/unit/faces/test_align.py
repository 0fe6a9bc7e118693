import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import InputError
from mien.core.protocols import Aligner
from mien.core.spec import CHIP_MARGIN, CHIP_SIZE, FIVE_POINTS
from mien.core.types import BBox, Face
from mien.faces.align import TEMPLATE, FivePointAligner, similarity, warp

ANGLES = st.floats(-170, 170)
SCALES = st.floats(0.05, 40)
SHIFTS = st.floats(-3000, 3000)


def turned(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    points = TEMPLATE @ (scale * np.array([[cos, sin], [-sin, cos]])) + [x, y]
    return points.astype(np.float32)


def mapped(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points.astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]


def face(points: np.ndarray | None) -> Face:
    return Face(BBox(0, 0, 10, 10), 1.0, "test", points)


def test_the_template_is_the_wide_framing() -> None:
    side = CHIP_SIZE / (1 + CHIP_MARGIN)
    low = (CHIP_SIZE - side) / 2
    np.testing.assert_allclose(TEMPLATE, low + side * np.array(FIVE_POINTS))


def test_it_is_an_aligner() -> None:
    assert isinstance(FivePointAligner(), Aligner)


@settings(deadline=None)
@given(ANGLES, SCALES, SHIFTS, SHIFTS)
def test_the_template_is_recovered_from_any_similarity(
    angle: float, scale: float, x: float, y: float
) -> None:
    points = turned(angle, scale, x, y)
    found = mapped(similarity(points), points)
    # Positions of a few thousand pixels in float32, divided by the scale.
    np.testing.assert_allclose(found, TEMPLATE, atol=0.01 + 0.002 / scale)


@settings(deadline=None)
@given(
    ANGLES,
    st.floats(0.3, 10),
    st.lists(st.floats(-12, 12), min_size=10, max_size=10),
)
def test_eyes_are_level_and_points_fit_as_well_as_they_can(
    angle: float, scale: float, noise: list[float]
) -> None:
    points = turned(angle, scale, 500, 400)
    points += scale * np.array(noise, np.float32).reshape(5, 2)
    matrix = similarity(points)
    found = mapped(matrix, points)
    across = found[1] - found[0]
    assert abs(math.degrees(math.atan2(across[1], across[0]))) < 0.1
    np.testing.assert_allclose(
        matrix[:, :2] @ matrix[:, :2].T, np.eye(2) * np.linalg.det(matrix[:, :2]), atol=1e-9
    )
    assert np.linalg.det(matrix[:, :2]) > 0

    def misfit(factor: float, shift: tuple[float, float]) -> float:
        centre = found.mean(0)
        return float((((found - centre) * factor + centre + shift - TEMPLATE) ** 2).sum())

    best = misfit(1, (0, 0))
    for factor, shift in ((1.01, (0, 0)), (0.99, (0, 0)), (1, (0.5, 0)), (1, (0, -0.5))):
        assert misfit(factor, shift) >= best - 1e-6


@given(st.floats(-80, 80))
def test_a_profile_is_levelled_by_all_its_points(angle: float) -> None:
    narrow = TEMPLATE.copy()
    narrow[:, 0] = 128 + (narrow[:, 0] - 128) * 0.1
    narrow[0] += [3, 9]  # one hidden eye, badly placed: the line between the eyes means nothing
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    points = (narrow @ np.array([[cos, sin], [-sin, cos]])).astype(np.float32)
    found = mapped(similarity(points), points)
    down = found[3:].mean(0) - found[:2].mean(0)
    assert abs(math.degrees(math.atan2(down[0], down[1]))) < 8


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), 7.0)])
def test_points_in_one_place_are_refused(points: np.ndarray) -> None:
    with pytest.raises(InputError, match="no face's"):
        similarity(points.astype(np.float32))


def test_eyes_below_the_mouth_are_no_face() -> None:
    upside_down = TEMPLATE.copy()
    upside_down[:, 1] *= -1.5
    with pytest.raises(InputError, match="no face's"):
        similarity(upside_down.astype(np.float32))


def test_without_landmarks_the_detector_is_named() -> None:
    with pytest.raises(InputError, match="'test' gave no landmarks"):
        FivePointAligner().align(np.zeros((9, 9, 3), np.uint8), face(None))


def dots(points: np.ndarray, size: tuple[int, int], radius: float) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]]
    image = np.zeros((*size, 3), np.uint8)
    for px, py in points:
        image[(x - px) ** 2 + (y - py) ** 2 <= radius**2] = 255
    return image


@pytest.mark.parametrize(("angle", "scale"), [(0, 1), (-37.5, 0.55), (20, 1.9), (12.3, 3.7)])
def test_the_pixels_land_where_the_matrix_says(angle: float, scale: float) -> None:
    size = int(CHIP_SIZE * scale * 1.8) + 20
    points = turned(angle, scale, 0, 0)
    points += size / 2 - points.mean(0)
    chip = FivePointAligner().align(dots(points, (size, size), 6 * scale), face(points))
    assert chip.shape == (CHIP_SIZE, CHIP_SIZE, 3)
    assert chip.dtype == np.uint8
    _, _, _, centres = cv2.connectedComponentsWithStats((chip[..., 0] > 127).astype(np.uint8))
    found = centres[1:]
    assert len(found) == 5
    gaps = np.hypot(*(found[:, None] - TEMPLATE[None]).transpose(2, 0, 1)).min(1)
    assert gaps.max() < 0.6


def test_a_large_picture_does_not_alias() -> None:
    # One-pixel stripes, shrunk eightfold, are an even grey; skipping pixels would leave stripes.
    image = np.zeros((2400, 2400, 3), np.uint8)
    image[:, ::2] = 255
    points = (TEMPLATE * 8 + 150).astype(np.float32)
    chip = FivePointAligner().align(image, face(points)).astype(int)
    assert abs(chip - 127.5).max() < 8


def test_the_border_is_repeated() -> None:
    image = np.full((40, 40, 3), 200, np.uint8)
    points = ((TEMPLATE - CHIP_SIZE / 2) / 4 + [2, 20]).astype(np.float32)
    assert (FivePointAligner().align(image, face(points)) == 200).all()


def test_a_face_far_outside_a_large_picture_is_no_crash() -> None:
    image = np.full((300, 300, 3), 90, np.uint8)
    points = (TEMPLATE * 5 + 4000).astype(np.float32)
    assert (FivePointAligner().align(image, face(points)) == 90).all()


def test_any_square_can_be_cut() -> None:
    grey = np.arange(100, dtype=np.uint8).repeat(100).reshape(100, 100)
    cut = warp(grey, np.array([[1.0, 0, -10], [0, 1, -20]]), 32)
    np.testing.assert_array_equal(cut, grey[20:52, 10:42])
