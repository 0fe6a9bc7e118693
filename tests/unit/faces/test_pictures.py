from pathlib import Path

import numpy as np
import pytest

from mien.core.images import decode
from mien.core.spec import FIVE_POINTS
from mien.core.types import BBox, Face, Image
from mien.faces.pictures import Pictures


@pytest.fixture
def image() -> Image:
    """A picture whose grey rises with x, and whose face is the square from 20 to 120."""
    row = np.arange(160, dtype=np.uint8)
    return np.repeat(np.repeat(row[None, :, None], 140, axis=0), 3, axis=2)


@pytest.fixture
def face() -> Face:
    points = (np.array(FIVE_POINTS, np.float32) * 100 + [19.5, 19.5]).astype(np.float32)
    return Face(BBox(20, 20, 120, 120), 1.0, "drawn", points)


@pytest.mark.parametrize("aligner", ["five-point", "eye-line"])
@pytest.mark.parametrize(("size", "margin"), [(227, 0.25), (48, 0.0), (100, 0.1)])
def test_size_and_margin(image: Image, face: Face, aligner: str, size: int, margin: float) -> None:
    chip = Pictures(size=size, margin=margin).of(image, face, aligner)
    assert chip.shape == (size, size, 3)
    # The face's square with its margin spans 100 * (1 + margin) pixels about x = 70.
    low, high = (69.5 + sign * 50 * (1 + margin) for sign in (-1, 1))
    assert chip[size // 2, 0, 0] == pytest.approx(low, abs=2)
    assert chip[size // 2, -1, 0] == pytest.approx(high, abs=2)


def test_grey_has_one_channel_in_the_file(image: Image, face: Face, tmp_path: Path) -> None:
    colour = image.copy()
    colour[..., 0] = 250
    path = tmp_path / "a" / "b.png"
    Pictures(size=64, colour="grey").write(colour, face, "five-point", path)
    found = decode(path)
    assert np.array_equal(found[..., 0], found[..., 2])
    Pictures(size=64).write(colour, face, "five-point", path)
    assert decode(path)[32, 32, 0] == 250
