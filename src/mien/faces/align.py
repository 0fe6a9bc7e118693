"""Five landmarks in, an upright chip out: the geometry that every network of mien is trained on."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mien.core.errors import InputError
from mien.core.spec import CHIP_MARGIN, CHIP_SIZE, FIVE_POINTS
from mien.core.types import Face, Floats, Image

Matrix = npt.NDArray[np.float64]

TEMPLATE: Final = (
    (np.asarray(FIVE_POINTS, np.float64) - 0.5) / (1 + CHIP_MARGIN) + 0.5
) * CHIP_SIZE
"""Where the landmarks lie in a chip, (5, 2) pixels."""
_PROFILE: Final = 0.5
"""Below this share of the distance from eyes to mouth, the eyes' own distance (0.96 of it in the
template) is a profile's."""
_SHRINK_BELOW: Final = 0.5
"""Bilinear sampling skips pixels below this scale; then the picture is shrunk by areas first."""


class FivePointAligner:
    """Cuts a face out by a similarity: eyes level, five landmarks on the template.

    Args:
        margin: the chip's side is the face's side times 1 + this.
        size: the side of the chip, pixels.
    """

    name = "five-point"

    def __init__(self, margin: float = CHIP_MARGIN, size: int = CHIP_SIZE) -> None:
        self._margin, self._size = margin, size

    def align(self, image: Image, face: Face) -> Image:
        """Returns the chip of a face.

        What lies outside the picture repeats its border.

        Args:
            image: (height, width, 3) RGB uint8.
            face: a face with landmarks.

        Returns:
            (size, size, 3) RGB uint8; by default in the wide canonical framing.

        Raises:
            InputError: the face has no landmarks, or they coincide.
        """
        matrix = similarity(landmarks_of(face))
        if (self._margin, self._size) != (CHIP_MARGIN, CHIP_SIZE):
            zoom = self._size / CHIP_SIZE * (1 + CHIP_MARGIN) / (1 + self._margin)
            # The middle of the chip stays its middle; pixels are counted from their centres.
            shift = (self._size - 1) / 2 - zoom * (CHIP_SIZE - 1) / 2
            matrix = zoom * matrix + np.array([[0, 0, shift], [0, 0, shift]])
        return warp(image, matrix, self._size)


def landmarks_of(face: Face) -> Floats:
    """Returns the landmarks of a face, (5, 2) pixels.

    Raises:
        InputError: it has none.
    """
    if face.landmarks is None:
        raise InputError(
            f"The detector {face.detector!r} gave no landmarks, so its face cannot be "
            "aligned. Use one that does, such as yunet or hog."
        )
    return face.landmarks


def similarity(landmarks: Floats) -> Matrix:
    """Returns the 2x3 matrix that takes picture coordinates to chip coordinates.

    The rotation levels the line between the eyes; scale and shift are the least-squares fit of
    all five points to `TEMPLATE` under that rotation (Umeyama 1991 with the rotation given). In a
    profile, where the eyes are too close to each other to tell a direction, the rotation is fitted,
    too.

    Args:
        landmarks: (5, 2) pixels, image-left eye first.

    Raises:
        InputError: the points coincide, or lie such that no face could show them.
    """
    points = np.asarray(landmarks, np.float64)
    goal = TEMPLATE.mean(0)
    centred, target = points - points.mean(0), TEMPLATE - goal
    across, down = points[1] - points[0], points[3:].mean(0) - points[:2].mean(0)
    if np.hypot(*across) < _PROFILE * np.hypot(*down):
        dot = (centred * target).sum()
        cross = (centred[:, 0] * target[:, 1] - centred[:, 1] * target[:, 0]).sum()
        angle = -math.atan2(cross, dot)
    else:
        angle = math.atan2(across[1], across[0])
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    turned = centred @ turn.T
    spread = (turned**2).sum()
    overlap = (turned * target).sum()
    if spread < 1e-6 or overlap <= 0:
        raise InputError(
            f"These landmarks are no face's: {points.round(1).tolist()}. Expected the image-left "
            "eye, the other eye, the nose and the mouth corners."
        )
    scale = overlap / spread
    shift = goal - scale * turn @ points.mean(0)
    return np.hstack([scale * turn, shift[:, None]])


def warp(image: Image, matrix: Matrix, size: int = CHIP_SIZE) -> Image:
    """Returns the square that a 2x3 matrix, such as one of `similarity`, cuts out of a picture.

    Args:
        image: (height, width, 3) uint8, or (height, width) uint8.
        matrix: takes the picture's coordinates to the square's; a similarity.
        size: the side of the square, pixels.

    Returns:
        (size, size, 3) uint8, or (size, size) where the picture has one channel.
    """
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    if scale < _SHRINK_BELOW:
        image, matrix = _shrunk(image, matrix, scale, size)
    chip = cv2.warpAffine(
        image,
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return chip  # type: ignore[return-value]  # OpenCV types its arrays loosely


def _shrunk(image: Image, matrix: Matrix, scale: float, side: int) -> tuple[Image, Matrix]:
    """Returns the part of the picture that the square needs, shrunk, and the matrix for it.

    It is shrunk by a whole factor, which leaves a scale of one half to one for the warp: means of
    whole pixels are several times as fast as those of parts of pixels.
    """
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * side
    reach = corners @ back[:, :2].T + back[:, 2]
    height, width = image.shape[:2]
    low = np.clip(np.floor(reach.min(0)).astype(int) - 2, 0, [width - 1, height - 1])
    high = np.clip(np.ceil(reach.max(0)).astype(int) + 2, low + 1, [width, height])
    factor = min(int(1 / scale), int((high - low).max()))
    part = image[low[1] : high[1], low[0] : high[0]]
    right, below = (low - high) % factor
    whole = cv2.copyMakeBorder(part, 0, int(below), 0, int(right), cv2.BORDER_REPLICATE)
    size = whole.shape[1] // factor, whole.shape[0] // factor
    small = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    # A pixel's centre, not its corner, keeps its place when areas are averaged.
    linear = matrix[:, :2] * factor
    shift = matrix[:, :2] @ (low + factor / 2 - 0.5) + matrix[:, 2]
    return small, np.hstack([linear, shift[:, None]])  # type: ignore[return-value]
