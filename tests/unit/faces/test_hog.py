from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core.errors import ModelError
from mien.core.images import decode, find_images
from mien.core.protocols import Detector
from mien.core.types import Image
from mien.faces.hog import Hog, Search


@pytest.fixture(scope="module")
def hog() -> Hog:
    return Hog()


def test_it_is_a_detector(hog: Hog) -> None:
    assert isinstance(hog, Detector)
    assert hog.name == "hog"


def test_it_finds_the_person(hog: Hog, portrait: Image) -> None:
    face = hog.detect(portrait)[0]
    assert face.detector == "hog"
    assert face.score > 0
    assert face.landmarks is not None
    box = face.bbox
    inside = (face.landmarks > [box.x1, box.y1]) & (face.landmarks < [box.x2, box.y2])
    assert inside.all()


def test_a_thumbnail_of_a_face_is_found(hog: Hog, astronaut: Image) -> None:
    thumbnail = cv2.resize(astronaut[40:200, 145:305], (48, 48), interpolation=cv2.INTER_AREA)
    (face,) = hog.detect(thumbnail)
    corners = np.array(face.bbox.as_tuple())
    assert corners.min() >= 0
    assert corners.max() <= 48


def test_several_faces_largest_first(hog: Hog, astronaut: Image) -> None:
    tile = astronaut[20:260, 100:340]
    image = np.full((480, 960, 3), 128, np.uint8)
    image[120:360, 40:280] = tile
    image[:, 480:] = cv2.resize(tile, (480, 480), interpolation=cv2.INTER_LINEAR)
    first, second = hog.detect(image)
    assert first.bbox.area > 2 * second.bbox.area
    assert first.bbox.x1 > 480


def test_fifty_faces_are_fifty(hog: Hog, astronaut: Image) -> None:
    tile = cv2.resize(astronaut[20:260, 100:340], (200, 200), interpolation=cv2.INTER_AREA)
    image = np.tile(tile, (5, 10, 1))
    assert len(Hog(max_side=2000).detect(image)) == 50


def test_the_second_look_finds_what_the_first_one_misses(astronaut: Image) -> None:
    small = cv2.resize(astronaut[20:260, 100:340], (90, 90), interpolation=cv2.INTER_AREA)
    image = np.full((200, 200, 3), 128, np.uint8)
    image[:90, :90] = small  # the face is 45 pixels wide
    assert Search(min_side=250, retry_threshold=9.0).boxes(image) == []
    ((box, _),) = Search(min_side=250).boxes(image)
    assert 0 < box.centre[0] < 90
    assert 0 < box.centre[1] < 90


def test_the_square_may_reach_beyond_the_picture_but_the_box_does_not(
    hog: Hog, astronaut: Image
) -> None:
    close = np.ascontiguousarray(astronaut[75:185, 170:280])
    height, width = close.shape[:2]
    for face in hog.detect(close):
        corners = np.array(face.bbox.as_tuple())
        assert (corners >= 0).all()
        assert (corners <= [width, height, width, height]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (7, 3), (64, 64)])
def test_a_picture_without_a_face_gives_none(hog: Hog, size: tuple[int, int]) -> None:
    assert hog.detect(np.full((*size, 3), 127, np.uint8)) == []


def test_a_landmark_file_may_be_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        Hog(tmp_path / "absent.dat")


def test_it_finds_nine_of_ten_photographs(unpacked: Callable[[str], Path], hog: Hog) -> None:
    paths = list(find_images(unpacked("internet") / "images"))[::25]
    found = [bool(hog.detect(decode(path))) for path in paths]
    assert np.mean(found) >= 0.91
