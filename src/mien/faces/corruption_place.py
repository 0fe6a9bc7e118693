"""Where a face lies in a picture, and shapes drawn on it in the face's own coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mien.core.spec import CHIP_MARGIN, CHIP_SIZE
from mien.core.types import Face, Image
from mien.faces.align import Matrix, landmarks_of, similarity

SIDE: Final = CHIP_SIZE / (1 + CHIP_MARGIN)
"""The side of the face in a chip, pixels."""
Points = npt.NDArray[np.float64]
Colour = tuple[float, float, float]
_FRACTION: Final = 4
"""Corners of shapes are given to OpenCV in sixteenths of a pixel."""
_ARC: Final = 48
"""Corners of a closed curve."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a face lies in a picture.

    Attributes:
        matrix: (2, 3) float64, takes a chip's coordinates to the picture's; a similarity.
    """

    matrix: Matrix

    @classmethod
    def chip(cls) -> Place:
        """Returns the place of the face in a chip."""
        return cls(np.eye(2, 3))

    @classmethod
    def of(cls, face: Face) -> Place:
        """Returns the place of a face in its picture, by the similarity of its five landmarks.

        Raises:
            InputError: it has no landmarks, or they are no face's.
        """
        matrix = similarity(landmarks_of(face))
        return cls(np.asarray(cv2.invertAffineTransform(matrix), np.float64))

    @property
    def side(self) -> float:
        """The side of the face, pixels of the picture."""
        return SIDE * math.hypot(self.matrix[0, 0], self.matrix[1, 0])

    @property
    def angle(self) -> float:
        """How far the face leans clockwise in the picture, degrees."""
        return math.degrees(math.atan2(self.matrix[1, 0], self.matrix[0, 0]))

    def points(self, shares: npt.ArrayLike) -> Points:
        """Returns points of the face (n, 2), shares of its side, in pixels of the picture."""
        chip = ((np.asarray(shares, np.float64) - 0.5) / (1 + CHIP_MARGIN) + 0.5) * CHIP_SIZE
        found: Points = chip @ self.matrix[:, :2].T + self.matrix[:, 2]
        return found

    def shares(self, x: Points, y: Points) -> tuple[Points, Points]:
        """Returns pixels of the picture as shares of the face's side."""
        back = np.linalg.inv(self.matrix[:, :2])
        left, top = x - self.matrix[0, 2], y - self.matrix[1, 2]
        across = back[0, 0] * left + back[0, 1] * top
        down = back[1, 0] * left + back[1, 1] * top
        u = (across / CHIP_SIZE - 0.5) * (1 + CHIP_MARGIN) + 0.5
        v = (down / CHIP_SIZE - 0.5) * (1 + CHIP_MARGIN) + 0.5
        return u, v


def ellipse(
    centre: tuple[float, float], half: tuple[float, float], power: float = 2.0
) -> list[tuple[float, float]]:
    """Returns the corners of an ellipse, in shares of the face's side.

    Args:
        centre: its middle.
        half: its half axes.
        power: 2 is an ellipse, more is nearer to a rectangle (a superellipse).
    """
    turn = np.linspace(0, 2 * np.pi, _ARC, endpoint=False)
    x, y = (np.sign(f) * np.abs(f) ** (2 / power) for f in (np.cos(turn), np.sin(turn)))
    return list(zip(centre[0] + half[0] * x, centre[1] + half[1] * y, strict=True))


def paint(
    image: Image,
    place: Place,
    shapes: Sequence[Sequence[tuple[float, float]]],
    colour: Colour,
    opacity: float = 1.0,
    soft: float = 0.0,
) -> None:
    """Paints shapes over a face, in place.

    Args:
        image: (height, width, 3) RGB uint8; it is changed.
        place: where the face lies in it.
        shapes: the corners of each shape, in shares of the face's side; those overlapping are one.
        colour: RGB, 0 to 255; a grey picture stays grey.
        opacity: 0 leaves the picture, 1 hides what lies below.
        soft: the standard deviation of the edge's blur, as a share of the face's side.
    """
    corners = [place.points(shape) for shape in shapes]
    blur = soft * place.side
    room = math.ceil(3 * blur) + 2
    reach = np.concatenate(corners)
    height, width = image.shape[:2]
    x1, y1 = np.clip(np.floor(reach.min(0)).astype(int) - room, 0, [width, height])
    x2, y2 = np.clip(np.ceil(reach.max(0)).astype(int) + room, 0, [width, height])
    if x2 <= x1 or y2 <= y1:
        return
    cover = np.zeros((y2 - y1, x2 - x1), np.uint8)
    for shape in corners:
        fixed = np.rint((shape - (x1, y1)) * 2**_FRACTION).astype(np.int32)
        cv2.fillPoly(cover, [fixed], 255, cv2.LINE_AA, _FRACTION)
    if blur > 0:
        cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), blur), np.uint8)
    share = cover[:, :, None] * (opacity / 255)
    part = image[y1:y2, x1:x2]
    mixed = part + share * (np.asarray(toned(image, colour), np.float64) - part)
    image[y1:y2, x1:x2] = np.rint(mixed).astype(np.uint8)


def toned(image: Image, colour: Colour) -> Colour:
    """Returns a colour, or its Rec. 601 luma as a grey where the picture is grey."""
    if not (
        np.array_equal(image[..., 0], image[..., 1])
        and np.array_equal(image[..., 1], image[..., 2])
    ):
        return colour
    luma = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    return luma, luma, luma
