import importlib.resources
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.artifact import digest
from mien.core.errors import ChecksumError, InputError, ModelError
from mien.core.spec import CHIP_SIZE, FIVE_POINTS
from mien.core.types import BBox, Image
from mien.faces import ert
from mien.faces.align import TEMPLATE, similarity
from mien.faces.ert import FACE_IN_VIEW, VIEW, Ert, box_of_face, upright, view_matrix, view_of
from mien.faces.hog import Search
from mien.faces.yunet import YuNet

ASSETS = importlib.resources.files("mien") / "assets" / "landmarks"


def off(points: np.ndarray, truth: np.ndarray) -> float:
    eyes = np.hypot(*(truth[1] - truth[0]))
    return float(np.hypot(*(points - truth).T).mean() / eyes)


def test_what_ships_is_what_the_code_names() -> None:
    with importlib.resources.as_file(ASSETS / "ert5.dat") as path:
        assert digest(path) == ert.SHA256
        assert path.stat().st_size <= 5_000_000
    said = json.loads((ASSETS / "ert5.dat.json").read_text())
    assert said["sha256"] == ert.SHA256
    listed = (ASSETS / "internet_third.txt").read_text().split()
    assert listed == sorted(set(listed))
    assert {len(name) for name in listed} == {64}


def test_it_places_five_points_in_a_face(portrait: Image) -> None:
    (box, _), *_ = Search().boxes(portrait)
    points = Ert().place(portrait, box)
    assert points.shape == (5, 2)
    assert points.dtype == np.float32
    left, right, nose, mouth_left, mouth_right = points
    assert left[0] < nose[0] < right[0]
    assert mouth_left[0] < mouth_right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])


def test_it_places_them_where_yunet_does(portrait: Image, yunet: YuNet) -> None:
    truth = yunet.detect(portrait)[0].landmarks
    (box, _), *_ = Search().boxes(portrait)
    assert truth is not None
    assert off(Ert().place(portrait, box), truth) < 0.1


def test_a_box_a_little_off_leads_to_the_same_place(astronaut: Image) -> None:
    (box, _), *_ = Search().boxes(astronaut)
    trees = Ert()
    truth = trees.place(astronaut, box)
    for dx, dy, grow in ((0.08, 0, 0), (-0.08, 0.05, 0), (0, -0.08, 0.1), (0, 0, -0.12)):
        x, y, half = (
            box.centre[0] + dx * box.width,
            box.centre[1] + dy * box.height,
            box.width * (1 + grow) / 2,
        )
        moved = BBox(x - half, y - half, x + half, y + half)
        assert off(trees.place(astronaut, moved), truth) < 0.06


@pytest.mark.parametrize("scale", [0.3, 2, 6])
def test_the_resolution_does_not_matter(astronaut: Image, scale: float) -> None:
    (box, _), *_ = Search().boxes(astronaut)
    truth = Ert().place(astronaut, box)
    image = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = Ert().place(image, BBox(*(scale * corner for corner in box.as_tuple())))
    assert off((found + 0.5) / scale - 0.5, truth) < 0.06


def test_a_box_beyond_the_picture_is_no_crash() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    for box in (BBox(-500, -500, -400, -400), BBox(10, 10, 5000, 5000), BBox(3, 3, 3.01, 3.01)):
        points = Ert().place(image, box)
        assert points.shape == (5, 2)
        assert np.isfinite(points).all()


def test_a_faces_box_is_centred_on_its_landmarks() -> None:
    box = box_of_face(BBox(100, 200, 180, 280))
    assert (box.width, box.height) == pytest.approx((80, 80))
    assert type(box.x1) is float
    centre = np.array([100, 200]) + np.array(FIVE_POINTS).mean(0) * 80
    np.testing.assert_allclose(box.centre, centre)


@settings(deadline=None)
@given(st.floats(-180, 180), st.floats(0.02, 30), st.floats(-900, 900), st.floats(-900, 900))
def test_the_upright_view_levels_centres_and_scales(
    angle: float, scale: float, x: float, y: float
) -> None:
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    points = TEMPLATE @ (scale * np.array([[cos, sin], [-sin, cos]])) + [x, y]
    matrix = upright(points)
    seen = points @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(seen.mean(0), (VIEW - 1) / 2, atol=1e-6)
    side = FACE_IN_VIEW * 0.454
    np.testing.assert_allclose(seen[1] - seen[0], [side, 0], atol=1e-3 * side)


def test_landmarks_in_one_place_have_no_upright_view() -> None:
    with pytest.raises(InputError, match="coincide"):
        upright(np.ones((5, 2)))


def test_a_view_is_grey_and_of_one_size() -> None:
    image = np.random.default_rng(0).integers(0, 255, (70, 90, 3), dtype=np.uint8)
    matrix = view_matrix((45, 35), 30, 0.3)
    view = view_of(image, matrix)
    assert view.shape == (VIEW, VIEW)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    assert np.abs(view.astype(int) - view_of(grey, matrix)).max() <= 3


def test_a_file_that_is_no_predictor_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trees.dat"
    for content in (b"", b"nothing that dlib wrote"):
        path.write_bytes(content)
        with pytest.raises(ModelError, match="not a shape predictor"):
            Ert(path)
    with pytest.raises(ModelError):
        Ert(tmp_path / "absent.dat")


def test_an_altered_file_is_never_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    ert._shipped.cache_clear()
    monkeypatch.setattr(ert, "SHA256", "0" * 64)
    monkeypatch.setattr(ert, "load", lambda path: pytest.fail("it was loaded"))
    with pytest.raises(ChecksumError, match="was altered"):
        Ert()
    ert._shipped.cache_clear()


def test_the_chip_has_the_same_geometry_whichever_detector_found_the_face(
    portrait: Image, yunet: YuNet
) -> None:
    truth = yunet.detect(portrait)[0].landmarks
    (box, _), *_ = Search().boxes(portrait)
    assert truth is not None
    # Where YuNet's landmarks come to lie in the chip that the other detector's landmarks cut.
    matrix = similarity(Ert().place(portrait, box))
    seen = truth @ matrix[:, :2].T + matrix[:, 2]
    own = similarity(truth)
    expected = truth @ own[:, :2].T + own[:, 2]
    assert np.hypot(*(seen - expected).T).mean() < 0.03 * CHIP_SIZE
    scale = np.sqrt(np.linalg.det(matrix[:, :2]) / np.linalg.det(own[:, :2]))
    assert 0.9 < scale < 1.1
