import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core.errors import ChecksumError, DownloadError
from mien.core.protocols import Detector
from mien.core.types import Image
from mien.faces.align import similarity
from mien.faces.turns import turned
from mien.faces.yunet import YuNet

HEAD = np.array([224, 122])
"""About where the astronaut's face is."""


def test_it_is_a_detector(yunet: YuNet) -> None:
    assert isinstance(yunet, Detector)
    assert yunet.name == "yunet"


def test_it_finds_the_person(yunet: YuNet, portrait: Image) -> None:
    face = yunet.detect(portrait)[0]
    assert face.detector == "yunet"
    assert 0.6 <= face.score <= 1
    points = face.landmarks
    assert points is not None
    assert points.dtype == np.float32
    box = face.bbox
    assert (points > [box.x1, box.y1]).all()
    assert (points < [box.x2, box.y2]).all()
    left, right, nose, mouth_left, mouth_right = points
    assert left[0] < nose[0] < right[0]
    assert mouth_left[0] < mouth_right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])


def test_the_colours_are_not_swapped(yunet: YuNet, astronaut: Image) -> None:
    right = yunet.detect(astronaut)[0].score
    wrong = yunet.detect(np.ascontiguousarray(astronaut[..., ::-1]))[0].score
    assert right > wrong


@pytest.mark.parametrize("scale", [0.3, 0.5, 2, 4])
def test_places_do_not_depend_on_the_size(yunet: YuNet, astronaut: Image, scale: float) -> None:
    true = yunet.detect(astronaut)[0].landmarks
    image = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = yunet.detect(image)[0].landmarks
    assert true is not None
    assert found is not None
    eyes = np.hypot(*(true[1] - true[0]))
    off = np.hypot(*((found + 0.5) / scale - 0.5 - true).T)
    assert off.mean() < 0.08 * eyes


def test_a_thumbnail_of_a_face_is_found(yunet: YuNet, astronaut: Image) -> None:
    thumbnail = cv2.resize(astronaut[50:190, 155:295], (48, 48), interpolation=cv2.INTER_AREA)
    faces = yunet.detect(thumbnail)
    assert len(faces) == 1
    corners = np.array(faces[0].bbox.as_tuple())
    assert corners.min() >= 0
    assert corners.max() <= 48


def test_fifty_faces_are_fifty(yunet: YuNet, astronaut: Image) -> None:
    tile = cv2.resize(astronaut[20:260, 100:340], (120, 120), interpolation=cv2.INTER_AREA)
    assert len(yunet.detect(np.tile(tile, (5, 10, 1)))) == 50


def test_the_largest_face_comes_first(yunet: YuNet, astronaut: Image) -> None:
    tile = astronaut[20:260, 100:340]
    small = cv2.resize(tile, (120, 120), interpolation=cv2.INTER_AREA)
    image = np.full((240, 380, 3), 128, np.uint8)
    image[60:180, :120] = small
    image[:, 140:] = tile
    first, second = yunet.detect(image)
    assert first.bbox.area > second.bbox.area
    assert first.bbox.x1 > 140


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (7, 3), (300, 2000), (64, 64)])
def test_a_picture_without_a_face_gives_none(yunet: YuNet, size: tuple[int, int]) -> None:
    assert yunet.detect(np.full((*size, 3), 127, np.uint8)) == []


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DownloadError):
        YuNet(tmp_path / "none.onnx")


def test_another_network_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"no network")
    with pytest.raises(ChecksumError):
        YuNet(other)


def test_it_does_not_load_dlib() -> None:
    code = "import sys, mien.faces.yunet, mien.faces.auto; sys.exit('dlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_small_faces_in_a_large_picture_are_found(yunet: YuNet, astronaut: Image) -> None:
    image = np.full((1500, 2500, 3), 128, np.uint8)
    tile = cv2.resize(astronaut[20:260, 100:340], (160, 160), interpolation=cv2.INTER_AREA)
    image[700:860, 1200:1360] = tile
    (face,) = yunet.detect(image)
    assert face.landmarks is not None
    similarity(face.landmarks)
    assert 1200 < face.bbox.centre[0] < 1360


def test_it_answers_as_opencv_does(yunet_weights: Path, portrait: Image) -> None:
    plain = YuNet(yunet_weights, turns=())
    for scale in (1.0, 0.37):
        image = np.asarray(cv2.resize(portrait, None, fx=scale, fy=scale))
        size = image.shape[1], image.shape[0]
        other = cv2.FaceDetectorYN.create(str(yunet_weights), "", size, 0.6, 0.3, 5000)
        _, rows = other.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        enlarged = 256 / max(size)
        if enlarged > 1:  # mien enlarges small pictures first
            continue
        faces = plain.detect(image)
        assert len(faces) == len(rows)
        largest = rows[np.argmax(rows[:, 2] * rows[:, 3])]
        assert faces[0].landmarks is not None
        np.testing.assert_allclose(faces[0].landmarks.ravel(), largest[4:14], atol=1e-2)
        assert faces[0].score == pytest.approx(largest[14], abs=1e-4)


@pytest.mark.parametrize("degrees", [45, 90, 135, 180, 225, 270, 315])
def test_a_turned_face_is_found_with_its_landmarks_in_place(
    yunet: YuNet, portrait: Image, degrees: int
) -> None:
    true = yunet.detect(portrait)[0].landmarks
    seen, turn = turned(portrait, degrees)
    found = yunet.detect(seen)
    assert true is not None
    assert len(found) == 1
    assert found[0].landmarks is not None
    back = found[0].landmarks @ turn.back[:, :2].T + turn.back[:, 2]
    eyes = np.hypot(*(true[1] - true[0]))
    assert np.hypot(*(back - true).T).mean() < 0.15 * eyes
    box = found[0].bbox
    assert box.holds(tuple(found[0].landmarks.mean(0)))


def test_one_look_is_enough_for_a_clear_face(
    yunet_weights: Path, astronaut: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a clear face was searched again")

    monkeypatch.setattr("mien.faces.yunet.turned", refuse)
    assert YuNet(yunet_weights).detect(astronaut)
    assert YuNet(yunet_weights, turns=()).detect(np.zeros((300, 300, 3), np.uint8)) == []


def test_what_it_cannot_search_costs_one_picture(
    yunet_weights: Path, astronaut: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = YuNet(yunet_weights)
    monkeypatch.setattr(detector, "_network", None)
    with pytest.raises(RuntimeError, match="cannot search 512 x 512 pixels"):
        detector.detect(astronaut)


@pytest.mark.parametrize("side", [600, 1000, 2200])
def test_a_face_that_fills_a_large_picture_is_found(
    yunet: YuNet, astronaut: Image, side: int
) -> None:
    near = cv2.resize(astronaut[40:200, 145:305], (side, side), interpolation=cv2.INTER_CUBIC)
    (face,) = yunet.detect(near)
    assert face.score > 0.85
    assert face.bbox.width > 0.4 * side
    assert face.landmarks is not None
    assert abs(face.landmarks[:2, 0].mean() / side - 0.5) < 0.15


def test_near_and_far_faces_of_one_picture_are_found_once(yunet: YuNet, astronaut: Image) -> None:
    near = cv2.resize(astronaut[40:200, 145:305], (1000, 1000), interpolation=cv2.INTER_CUBIC)
    far = cv2.resize(astronaut, (1000, 1000))
    faces = yunet.detect(np.hstack([near, far]))
    assert len(faces) == 2
    assert faces[0].bbox.centre[0] < 1000 < faces[1].bbox.centre[0]
