import numpy as np
import pytest

from mien.core.protocols import Detector
from mien.core.spec import FIVE_POINTS
from mien.faces.align import similarity
from mien.faces.full_frame import FullFrame, face_square


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


def test_the_face_is_centred_with_a_quarter_more_around_it() -> None:
    square = face_square(48, 48)
    assert square.width == square.height == pytest.approx(48 / 1.25)
    assert square.centre == (24, 24)
    assert face_square(100, 40).width == pytest.approx(32)
    assert face_square(100, 40).centre == (20, 50)


def test_the_chip_of_a_frame_is_the_frame_with_more_border(full_frame: FullFrame) -> None:
    # 48 pixels are 1.25 faces, a chip is 1.75: the frame is the middle 48 * 1.75 / 1.25 share.
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    (face,) = full_frame.detect(image)
    assert face.landmarks is not None
    matrix = similarity(face.landmarks)
    corners = np.array([[-0.5, -0.5], [47.5, 47.5]]) @ matrix[:, :2].T + matrix[:, 2]
    side = 256 * 1.25 / 1.75
    np.testing.assert_allclose(np.diff(corners, axis=0), [[side, side]], rtol=1e-4)
    np.testing.assert_allclose(corners.mean(0), [128, 128], atol=2.0)


def test_landmarks_lie_where_an_average_face_has_them(full_frame: FullFrame) -> None:
    (face,) = full_frame.detect(np.zeros((60, 50, 3), np.uint8))
    square = face_square(60, 50)
    expected = np.array([square.x1, square.y1]) - 0.5 + np.array(FIVE_POINTS) * square.width
    np.testing.assert_allclose(face.landmarks, expected, rtol=1e-5)
    assert face.landmarks is not None
    assert face.landmarks.dtype == np.float32
