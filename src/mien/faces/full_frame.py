"""For pictures that are faces already: the frame is the face with a margin of 25 %."""

from __future__ import annotations

from typing import Final

import numpy as np

from mien.core.spec import FIVE_POINTS
from mien.core.types import BBox, Face, Image

MARGIN: Final = 0.25
"""The frame's side is the face's side times 1 + this, as in FER2013, from which `FIVE_POINTS` was
measured."""


class FullFrame:
    """Takes the whole picture as one face; nothing is searched.

    The landmarks lie where an average face of FER2013 has them. In the pictures that need this
    detector, those where YuNet finds no face, there is little that could place them better.
    """

    name = "full-frame"

    def detect(self, image: Image) -> list[Face]:
        """Returns one face, always: the RGB uint8 picture. Its score is 1."""
        height, width = image.shape[:2]
        square = face_square(height, width)
        corner = np.array([square.x1, square.y1]) - 0.5
        points = (corner + np.array(FIVE_POINTS) * square.width).astype(np.float32)
        box = BBox(0.0, 0.0, float(width), float(height))
        return [Face(box, 1.0, self.name, points, assumed=True)]


def face_square(height: int, width: int) -> BBox:
    """Returns the square of the face in a frame of this size: centred, of the shorter side."""
    half = min(height, width) / (1 + MARGIN) / 2
    return BBox(width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)
