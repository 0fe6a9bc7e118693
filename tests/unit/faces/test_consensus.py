import numpy as np
import pytest

from mien.core.types import BBox, Face, Image
from mien.faces.align import TEMPLATE
from mien.faces.consensus import PASSES, passes
from mien.faces.yunet import YuNet

CENTRED = TEMPLATE - 0.5
"""Five points that their own mirror image falls on, in a picture of 256 pixels."""
FACE = Face(BBox(0, 0, 256, 256), 1.0, "stub", TEMPLATE.astype(np.float32))


class Biased:
    """Puts landmarks a tenth of the picture too far to the right, in any picture."""

    name = "biased"

    def detect(self, image: Image) -> list[Face]:
        side = image.shape[1]
        points = (CENTRED + 0.5) / 256 * side - 0.5 + [0.1 * side, 0]
        return [
            Face(BBox(0, 0, 9, 9), 1.0, self.name, (points + 10 * side).astype(np.float32)),
            Face(BBox(0, 0, 9, 9), 1.0, self.name, points.astype(np.float32)),
        ]


class Blind:
    name = "blind"

    def detect(self, image: Image) -> list[Face]:
        return []


@pytest.mark.parametrize("side", [48, 256, 700])
def test_a_bias_to_one_side_cancels_and_other_faces_do_not_count(side: int) -> None:
    points = ((CENTRED + 0.5) / 256 * side - 0.5).astype(np.float32)
    found = passes(
        Biased(), np.zeros((side, side, 3), np.uint8), Face(FACE.bbox, 1.0, "stub", points)
    )
    assert found.shape == (PASSES, 5, 2)
    np.testing.assert_allclose(found.mean(0), points, atol=1e-3 * side)


def test_passes_that_miss_the_face_are_left_out() -> None:
    assert passes(Blind(), np.zeros((64, 64, 3), np.uint8), FACE).shape == (0, 5, 2)


def test_without_landmarks_there_is_nothing_to_agree_on() -> None:
    with pytest.raises(ValueError, match="no landmarks"):
        passes(Blind(), np.zeros((64, 64, 3), np.uint8), Face(FACE.bbox, 1.0, "stub"))


def test_a_mirror_image_has_the_mirrored_consensus(yunet: YuNet, portrait: Image) -> None:
    mirror = np.ascontiguousarray(portrait[:, ::-1])
    one = passes(yunet, portrait, yunet.detect(portrait)[0]).mean(0)
    other = passes(yunet, mirror, yunet.detect(mirror)[0]).mean(0)[[1, 0, 2, 4, 3]]
    other[:, 0] = portrait.shape[1] - 1 - other[:, 0]
    eyes = np.hypot(*(one[1] - one[0]))
    assert np.hypot(*(one - other).T).mean() < 0.01 * eyes
