import cv2
import numpy as np
import pytest

from mien.core.protocols import Detector
from mien.core.spec import FIVE_POINTS
from mien.core.types import Image
from mien.faces.align import similarity
from mien.faces.full_frame import FullFrame, face_square
from mien.faces.yunet import YuNet


@pytest.fixture(scope="module")
def full_frame() -> FullFrame:
    return FullFrame()


def test_it_is_a_detector(full_frame: FullFrame) -> None:
    assert isinstance(full_frame, Detector)
    assert full_frame.name == "full-frame"


@pytest.mark.parametrize("size", [(1, 1), (48, 48), (1, 300), (300, 1), (120, 100), (700, 500)])
@pytest.mark.parametrize("value", [0, 127, 255])
def test_every_picture_is_one_face_that_can_be_aligned(
    full_frame: FullFrame, size: tuple[int, int], value: int
) -> None:
    (face,) = full_frame.detect(np.full((*size, 3), value, np.uint8))
    assert face.bbox.as_tuple() == (0, 0, size[1], size[0])
    assert face.detector == "full-frame"
    assert face.landmarks is not None
    similarity(face.landmarks)


def test_noise_is_aligned_too(full_frame: FullFrame) -> None:
    for seed in range(20):
        noise = np.random.default_rng(seed).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        (face,) = full_frame.detect(noise)
        assert face.landmarks is not None
        similarity(face.landmarks)


def test_implausible_landmarks_give_way_to_the_average_face(
    full_frame: FullFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.zeros((60, 50, 3), np.uint8)
    square = face_square(60, 50)
    expected = np.array([square.x1, square.y1]) - 0.5 + np.array(FIVE_POINTS) * square.width
    far = np.array(FIVE_POINTS, np.float32) * 40 + 300
    for points in (np.zeros((5, 2)), far, expected * 5, expected[::-1], expected * np.nan):
        monkeypatch.setattr(full_frame._ert, "place", lambda *_, p=points: p.astype(np.float32))
        (face,) = full_frame.detect(image)
        np.testing.assert_allclose(face.landmarks, expected, rtol=1e-5)


def test_the_face_is_centred_with_a_quarter_more_around_it() -> None:
    square = face_square(48, 48)
    assert square.width == square.height == pytest.approx(48 / 1.25)
    assert square.centre == (24, 24)
    assert face_square(100, 40).width == pytest.approx(32)
    assert face_square(100, 40).centre == (20, 50)


def test_a_cropped_face_gets_its_landmarks(
    full_frame: FullFrame, portrait: Image, yunet: YuNet
) -> None:
    found = yunet.detect(portrait)[0]
    assert found.landmarks is not None
    back = cv2.invertAffineTransform(similarity(found.landmarks))
    side = 256 / 1.75 * 1.25 * np.hypot(back[0, 0], back[1, 0])
    centre = back[:, :2] @ [128, 128] + back[:, 2]
    (x1, y1), (x2, y2) = np.rint([centre - side / 2, centre + side / 2]).astype(int)
    crop = np.ascontiguousarray(portrait[max(y1, 0) : y2, x1:x2])
    (face,) = full_frame.detect(crop)
    truth = found.landmarks - [x1, max(y1, 0)]
    eyes = np.hypot(*(truth[1] - truth[0]))
    assert face.landmarks is not None
    assert np.hypot(*(face.landmarks - truth).T).mean() < 0.12 * eyes
