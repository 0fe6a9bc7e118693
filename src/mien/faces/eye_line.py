"""The eyes are levelled and the detector's box is cut: the warp of Rosa Ramos (2018).

Unlike `mien.faces.align`, only the direction of the eye line is taken from the landmarks; place
and size are the detector's box. So the face stands in the chip as the detector sees it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from mien.core.errors import ConfigError, InputError
from mien.core.spec import CHIP_MARGIN, CHIP_SIZE
from mien.core.types import Face, Image
from mien.faces.align import Matrix, landmarks_of, warp

_LEAST_DISTANCE: Final = 1e-3
"""Eyes closer than this, pixels, show no direction."""


class EyeLineAligner:
    """Turns the picture about the centre of the face's box until the eyes are level, then cuts it.

    The square is centred on the box; its side is the box's longer side times 1 + ``margin``. With
    the defaults it is a chip as `stages.crop` stores it, and `mien.core.spec.prepare` cuts the
    network's margin out of it; other sizes and margins are pictures to look at or to train
    elsewhere, see `mien.faces.pictures`.

    `Hog` clips its squares to the picture. Of a face that the picture's edge cuts, the box is the
    part inside: the square is centred on that part, off the face's middle by half of what was
    cut, away from the edge; and it is smaller only where the face was cut on both axes.

    Args:
        margin: how much larger than the face the square is, as a share of the face's side.
        size: the side of the chip, pixels.

    Raises:
        ConfigError: the margin is negative or the size is below 1.
    """

    name = "eye-line"

    def __init__(self, margin: float = CHIP_MARGIN, size: int = CHIP_SIZE) -> None:
        if not 0 <= margin < math.inf or size < 1:
            raise ConfigError(
                f"A chip of {size} pixels with a margin of {margin} cannot be cut. Expected a size "
                "of 1 or more and a margin of 0 or more."
            )
        self._margin, self._size = margin, size

    def align(self, image: Image, face: Face) -> Image:
        """Returns the chip of a face.

        What lies outside the picture repeats its border.

        Args:
            image: (height, width, 3) RGB uint8.
            face: a face with landmarks.

        Returns:
            (size, size, 3) RGB uint8.

        Raises:
            InputError: the face has no landmarks, or its eyes coincide.
        """
        return warp(image, eye_line(face, self._margin, self._size), self._size)


def eye_line(face: Face, margin: float, size: int) -> Matrix:
    """Returns the 2x3 matrix that takes picture coordinates to chip coordinates.

    Args:
        face: a face with landmarks.
        margin: how much larger than the box's longer side the square is, as a share of it.
        size: the side of the chip, pixels.

    Raises:
        InputError: the face has no landmarks, or its eyes coincide.
    """
    left, right = landmarks_of(face)[:2].astype(np.float64)
    across = right - left
    distance = math.hypot(*across)
    if distance < _LEAST_DISTANCE:
        raise InputError(
            f"These eyes coincide: {left.round(1).tolist()} and {right.round(1).tolist()}. "
            "Expected two places, whose line shows how the face leans."
        )
    scale = size / (max(face.bbox.width, face.bbox.height) * (1 + margin))
    cos, sin = scale * across / distance
    linear = np.array([[cos, sin], [-sin, cos]])
    # A box's corners are edges of pixels, the matrix is about their centres.
    centre = np.asarray(face.bbox.centre) - 0.5
    shift = (size - 1) / 2 - linear @ centre
    return np.hstack([linear, shift[:, None]])
