from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mien.core.errors import InputError
from mien.core.images import decode, find_images
from mien.core.spec import FIVE_POINTS
from mien.core.types import Image
from mien.faces.align import TEMPLATE
from mien.faces.pose import DEPTHS, HEAD, MOST_PITCH, MOST_YAW, head_pose, views
from mien.faces.yunet import YuNet

MIRRORED = [1, 0, 2, 4, 3]
YAWS = st.floats(-75, 75)
PITCHES = st.floats(-40, 40)
ROLLS = st.floats(-180, 180)
SCALES = st.floats(0.5, 40)
SHIFTS = st.floats(-3000, 3000)
NOISE = st.lists(st.floats(-0.05, 0.05), min_size=10, max_size=10)


def seen(yaw: float, pitch: float, roll: float = 0.0, scale: float = 100.0) -> np.ndarray:
    """Returns the head's landmarks after three turns in space, one axis each."""
    y, p, r = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    look = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    lean = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return (scale * HEAD @ (lean @ look @ turn).T)[:, :2]


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return points @ np.array([[cos, sin], [-sin, cos]])


def gap(one: float, other: float) -> float:
    """Returns how far two angles lie apart, degrees."""
    return abs((one - other + 180) % 360 - 180)


def test_the_head_is_the_mean_face_with_depth() -> None:
    assert HEAD.shape == (5, 3)
    np.testing.assert_allclose(HEAD[:, :2] - HEAD[0, :2], np.subtract(FIVE_POINTS, FIVE_POINTS[0]))
    np.testing.assert_allclose(HEAD[:, 2] - HEAD[0, 2], DEPTHS)
    np.testing.assert_allclose(HEAD[MIRRORED] * [-1, 1, 1], HEAD, atol=1e-12)
    eyes = FIVE_POINTS[1][0] - FIVE_POINTS[0][0]
    assert 0.35 < DEPTHS[2] / eyes < 0.65


@pytest.mark.parametrize("points", [FIVE_POINTS, TEMPLATE, np.array(FIVE_POINTS, np.float32) * 9])
def test_the_mean_face_looks_straight_ahead(points: np.ndarray) -> None:
    assert head_pose(np.asarray(points)) == pytest.approx((0, 0, 0), abs=0.5)
    assert all(type(angle) is float for angle in head_pose(np.asarray(points)))


def test_the_signs_are_those_of_a_face() -> None:
    right, up, clockwise = np.array(FIVE_POINTS), np.array(FIVE_POINTS), np.array(FIVE_POINTS)
    right[2, 0] += 0.08
    up[2, 1] -= 0.08
    clockwise[[1, 4], 1] += 0.1  # the image-right side sinks
    assert head_pose(right)[0] > 10
    assert head_pose(up)[1] > 10
    assert head_pose(clockwise)[2] > 3


def test_the_views_are_turns_in_space() -> None:
    for yaw, pitch in ((0, 0), (30, 0), (0, -20), (-65, 33)):
        (view,) = views(np.radians([yaw]), np.radians([pitch]))
        np.testing.assert_allclose(
            np.column_stack([view.real, view.imag]), seen(yaw, pitch, scale=1), atol=1e-12
        )


@settings(deadline=None)
@given(YAWS, PITCHES, ROLLS, SCALES, SHIFTS, SHIFTS)
def test_known_angles_are_found(
    yaw: float, pitch: float, roll: float, scale: float, x: float, y: float
) -> None:
    points = np.add(seen(yaw, pitch, roll, scale), [x, y])
    found = head_pose(points)
    assert found[:2] == pytest.approx((yaw, pitch), abs=1)
    assert gap(found[2], roll) < 1


@settings(deadline=None)
@given(YAWS, PITCHES, ROLLS, NOISE)
def test_in_the_mirror_yaw_and_roll_change_sign(
    yaw: float, pitch: float, roll: float, noise: list[float]
) -> None:
    points = seen(yaw, pitch, roll) + 45 * np.reshape(noise, (5, 2))
    found = head_pose(points)
    other = head_pose(points[MIRRORED] * [-1, 1])
    assert other[:2] == pytest.approx((-found[0], found[1]), abs=0.5)
    assert gap(other[2], -found[2]) < 0.5


@settings(deadline=None)
@given(YAWS, PITCHES, NOISE, ROLLS)
def test_turning_the_picture_adds_to_the_roll_alone(
    yaw: float, pitch: float, noise: list[float], angle: float
) -> None:
    points = seen(yaw, pitch) + 45 * np.reshape(noise, (5, 2))
    found = head_pose(points)
    other = head_pose(turned(points, angle))
    assert other[:2] == pytest.approx(found[:2], abs=0.5)
    assert gap(other[2], found[2] + angle) < 0.5


@pytest.mark.parametrize(("angle", "roll"), [(90, 90), (-90, -90), (180, 180), (37, 37)])
def test_a_face_on_its_side_keeps_its_names(angle: float, roll: float) -> None:
    found = head_pose(turned(TEMPLATE, angle))
    assert found[:2] == pytest.approx((0, 0), abs=0.5)
    assert gap(found[2], roll) < 0.5


def test_a_profile_is_far_turned() -> None:
    # Eyes and mouth corners nearly fall together, and the nose sticks out.
    points = np.array([[100, 100], [108, 100], [130, 128], [98, 155], [106, 155]])
    assert 60 < head_pose(points)[0] <= MOST_YAW
    assert -MOST_YAW <= head_pose(points[MIRRORED] * [-1, 1])[0] < -60


def test_noise_makes_errors_of_its_own_size() -> None:
    random = np.random.default_rng(0)
    eyes = 100 * (FIVE_POINTS[1][0] - FIVE_POINTS[0][0])
    found = [head_pose(seen(0, 0) + random.normal(0, 0.02 * eyes, (5, 2))) for _ in range(300)]
    assert (np.std(found, axis=0) < [5, 6, 2]).all()


@settings(deadline=None)
@given(st.lists(st.floats(-1e4, 1e4), min_size=10, max_size=10))
def test_whatever_the_landmarks_the_angles_are_in_range(numbers: list[float]) -> None:
    points = np.reshape(numbers, (5, 2))
    try:
        found = head_pose(points)
    except InputError:
        spread = np.linalg.svd(points - points.mean(0), compute_uv=False)
        assume(spread[0] > 1e-2)
        assert spread[1] < 0.02 * spread[0]
        return
    limits = np.array([MOST_YAW, MOST_PITCH, 180]) + 1e-9
    assert (np.abs(found) <= limits).all()


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((5, 2)),
        np.full((5, 2), 7.0),
        np.outer(np.arange(5), [3, 4]),
        np.outer([0, 0, 9, 17, 17], [0, 1]),
    ],
)
def test_points_in_one_place_or_on_a_line_are_refused(points: np.ndarray) -> None:
    with pytest.raises(InputError, match="no face's"):
        head_pose(points.astype(np.float32))


@pytest.mark.parametrize("points", [np.zeros((4, 2)), np.zeros(10), np.full((5, 2), np.nan)])
def test_what_is_no_landmarks_is_refused(points: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"\(5, 2\) finite"):
        head_pose(points)


def photo_pose(yunet: YuNet, image: Image) -> np.ndarray:
    points = yunet.detect(image)[0].landmarks
    assert points is not None
    return np.array(head_pose(points))


def test_photographs_turn_as_their_faces_do(unpacked: Callable[[str], Path], yunet: YuNet) -> None:
    mirror, turn = [], []
    for path in list(find_images(unpacked("internet") / "images"))[::70]:
        image = decode(path)
        found = photo_pose(yunet, image)
        mirror.append(photo_pose(yunet, np.ascontiguousarray(image[:, ::-1])) * [-1, 1, -1] - found)
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -20, 1)
        leaning = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        turn.append(photo_pose(yunet, leaning) - found - [0, 0, 20])
    assert (np.abs(mirror).mean(0) < [7, 5, 4]).all()
    assert (np.abs(turn).mean(0) < [8, 6, 5]).all()
