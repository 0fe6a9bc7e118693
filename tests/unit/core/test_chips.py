"""Stored chips are read back, or what is wrong with them is told."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest

from mien.core.chips import stored_chip
from mien.core.errors import DataError


def png(side: int, mode: str = "L") -> bytes:
    file = io.BytesIO()
    PIL.Image.new(mode, (side, side), 7 if mode == "L" else (7, 8, 9)).save(file, "png")
    return file.getvalue()


def test_grey_and_colour_chips_are_rgb() -> None:
    assert np.array_equal(stored_chip(png(256), "a.png"), np.full((256, 256, 3), 7, np.uint8))
    assert stored_chip(png(256, "RGB"), "a.png")[0, 0].tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    ("stored", "words"),
    [(b"no picture", r"a\.png is damaged"), (png(64), r"a\.png is 64 x 64 pixels, not 256 x 256")],
)
def test_another_file_is_told(stored: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        stored_chip(stored, "a.png")
