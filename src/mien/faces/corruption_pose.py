"""Changes of pose: a real turn in the picture's plane, and drawings of turns out of it.

A picture holds no depth, so `yaw_warp` and `pitch_warp` are drawings and not real turns: they move
the pixels of a face as if it were a bump, and show nothing that was hidden before.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from mien.core.types import Image
from mien.faces.corruption_place import SIDE, Place, Points

CENTRE: Final = (0.5, 0.55)
"""The middle of the bump, in shares of the face's side: the nose."""
WIDTHS: Final = (0.5, 0.62)
"""How wide and how high the bump is: there its height is 1 / e of that in the middle."""
DEPTH: Final = 0.4
"""How far the middle stands out, as a share of the face's side."""
_REACH: Final = 2.6
"""Beyond this many widths nothing moves by as much as a thousandth of the face's side."""


def roll(image: Image, place: Place, level: float, random: np.random.Generator) -> Image:
    """Turns the picture by ``level`` degrees around the middle of the face, either way."""
    angle = level if random.random() < 0.5 else -level
    x, y = place.points([(0.5, 0.5)])[0]
    matrix = cv2.getRotationMatrix2D((float(x), float(y)), angle, 1.0)
    size = image.shape[1], image.shape[0]
    return cv2.warpAffine(  # type: ignore[return-value]  # OpenCV types its arrays loosely
        image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def yaw_warp(image: Image, place: Place, level: float, random: np.random.Generator) -> Image:
    """Draws a turn of ``level`` degrees to either side, by `_bump`."""
    return _bump(image, place, level if random.random() < 0.5 else -level, 0)


def pitch_warp(image: Image, place: Place, level: float, random: np.random.Generator) -> Image:
    """Draws a turn of ``level`` degrees up or down, by `_bump`."""
    return _bump(image, place, level if random.random() < 0.5 else -level, 1)


def _bump(image: Image, place: Place, degrees: float, axis: int) -> Image:
    """Moves the pixels of a face as a turn of a bump would, along one axis of the face.

    The bump is ``g = exp(-(u / a)^2 - (v / b)^2)``, of the height ``c g``. A point at ``p`` comes
    from ``p + g (p (1 / cos t - 1) - c tan t)``: the turn of an orthographic picture, faded out
    towards the bump's rim, so that the background stays. Up to 40 degrees it folds nothing over.
    """
    x1, y1, x2, y2 = _box(image, place)
    if x2 <= x1 or y2 <= y1:
        return image.copy()
    x, y = (p.astype(np.float64) for p in np.meshgrid(np.arange(x1, x2), np.arange(y1, y2)))
    u, v = place.shares(x, y)
    u, v = u - CENTRE[0], v - CENTRE[1]
    bump = np.exp(-((u / WIDTHS[0]) ** 2) - (v / WIDTHS[1]) ** 2)
    turn = math.radians(degrees)
    along = v if axis else u
    moved = bump * (along * (1 / math.cos(turn) - 1) - DEPTH * math.tan(turn)) * SIDE
    way = place.matrix[:, axis]  # where one chip pixel along the axis leads in the picture
    part = cv2.remap(
        image,
        (x + way[0] * moved).astype(np.float32),
        (y + way[1] * moved).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    found = image.copy()
    found[y1:y2, x1:x2] = part
    return found


def _box(image: Image, place: Place) -> tuple[int, int, int, int]:
    """Returns the part of the picture that the bump reaches, whole pixels inside it."""
    half = _REACH * np.array(WIDTHS)
    corners: Points = place.points(CENTRE + half * [(-1, -1), (1, -1), (-1, 1), (1, 1)])
    height, width = image.shape[:2]
    low = np.clip(np.floor(corners.min(0)).astype(int), 0, [width, height])
    high = np.clip(np.ceil(corners.max(0)).astype(int) + 1, 0, [width, height])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
