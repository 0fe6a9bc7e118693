"""For pictures that are faces already: the frame is the face with a margin of 25 %."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np

from mien.core.errors import InputError
from mien.core.spec import CHIP_MARGIN, CHIP_SIZE, FIVE_POINTS
from mien.core.types import BBox, Face, Floats, Image
from mien.faces.align import similarity
from mien.faces.ert import Ert, box_of_face

MARGIN: Final = 0.25
"""The frame's side is the face's side times 1 + this, as in FER2013, from which `FIVE_POINTS` was
measured."""


class FullFrame:
    """Takes the whole picture as one face, and places its landmarks by `Ert`.

    Args:
        landmarks: a file of trees that the user vouches for; None takes mien's own.

    Raises:
        ChecksumError: mien's own landmark file was altered.
    """

    name = "full-frame"

    def __init__(self, landmarks: Path | None = None) -> None:
        self._ert = Ert(landmarks)

    def detect(self, image: Image) -> list[Face]:
        """Returns one face, always: the picture. Its score is 1.

        Where the trees find no face in it, the landmarks lie where an average face has them.
        """
        height, width = image.shape[:2]
        square = face_square(height, width)
        points = self._ert.place(image, box_of_face(square))
        if not _plausible(points, square):
            corner = np.array([square.x1, square.y1]) - 0.5
            points = (corner + np.array(FIVE_POINTS) * square.width).astype(np.float32)
        frame = BBox(0.0, 0.0, float(width), float(height))
        return [Face(frame, 1.0, self.name, points)]


def face_square(height: int, width: int) -> BBox:
    """Returns the square of the face in a frame of this size: centred, of the shorter side."""
    half = min(height, width) / (1 + MARGIN) / 2
    return BBox(width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)


def _plausible(points: Floats, square: BBox) -> bool:
    """Tells whether landmarks are a face of about the square's size, at about its place."""
    if not np.isfinite(points).all():
        return False
    try:
        matrix = similarity(points)
    except InputError:
        return False
    # In a chip of this very square the scale is 1; twice or half of it is another thing.
    scale = math.hypot(matrix[0, 0], matrix[1, 0]) * square.width * (1 + CHIP_MARGIN) / CHIP_SIZE
    shift = points.mean(0) + 0.5 - np.array(box_of_face(square).centre)
    return 0.5 < scale < 2 and float(np.abs(shift).max()) < square.width / 2
