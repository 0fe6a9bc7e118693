"""What every detector owes its socket."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core import registry
from mien.core.images import decode
from mien.core.protocols import Detector
from mien.core.spec import CHIP_SIZE
from mien.core.types import Image
from mien.faces.align import FivePointAligner

NAMES = ["auto", "full-frame", "hog", "yunet"]


@pytest.fixture
def detector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Detector:
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    if request.param == "yunet":
        monkeypatch.setenv("MIEN_YUNET", str(request.getfixturevalue("yunet_weights")))
    found: Detector = registry.load("detectors", request.param)()
    return found


@pytest.fixture(scope="module")
def portrait() -> Image:
    skimage = pytest.importorskip("skimage")
    return decode(Path(skimage.__file__).parent / "data" / "astronaut.png")


def test_every_name_is_tested() -> None:
    assert set(registry.names("detectors")) >= set(NAMES)


@pytest.mark.parametrize("detector", NAMES, indirect=True)
def test_a_portrait_gives_a_face_that_can_be_aligned(detector: Detector, portrait: Image) -> None:
    assert isinstance(detector, Detector)
    faces = detector.detect(portrait)
    assert faces
    areas = [face.bbox.area for face in faces]
    assert areas == sorted(areas, reverse=True)
    for face in faces:
        assert face.detector == detector.name
        assert face.landmarks is not None
        assert face.landmarks.dtype == np.float32
        chip = FivePointAligner().align(portrait, face)
        assert chip.shape == (CHIP_SIZE, CHIP_SIZE, 3)
        assert chip.dtype == np.uint8


@pytest.mark.parametrize("detector", NAMES, indirect=True)
def test_the_same_picture_gives_the_same_faces(detector: Detector, portrait: Image) -> None:
    before = portrait.copy()
    one, two = detector.detect(portrait)[0], detector.detect(portrait)[0]
    assert one.bbox == two.bbox
    np.testing.assert_array_equal(one.landmarks, two.landmarks)  # type: ignore[arg-type]
    np.testing.assert_array_equal(portrait, before)


@pytest.mark.parametrize("detector", NAMES, indirect=True)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5), (640, 480)])
def test_empty_pictures_of_any_shape_do_no_harm(detector: Detector, size: tuple[int, int]) -> None:
    for value in (0, 128, 255):
        faces = detector.detect(np.full((*size, 3), value, np.uint8))
        assert isinstance(faces, list)
        assert detector.name == "full-frame" or not faces
