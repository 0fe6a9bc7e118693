"""A picture turned about its middle, and its faces turned back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np

from mien.core.types import BBox, Face, Image
from mien.faces.align import Matrix

TURNS: Final = (45, 90, 135, 180, 225, 270, 315)
"""With the upright look they leave no face further than 22.5 degrees from one of them."""
_SAME: Final = 0.3
"""Faces of two looks whose boxes overlap more than this (intersection over union) are one."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """How a picture was turned.

    Attributes:
        degrees: clockwise.
        back: the 2x3 matrix from the turned picture to the original one; pixel centres are whole.
    """

    degrees: int
    back: Matrix


def turned(image: Image, degrees: int) -> tuple[Image, Turn]:
    """Returns a picture turned clockwise, large enough to hold all of it, and the way back.

    What lies beyond the picture repeats its border. Quarter turns move pixels and change none.

    Args:
        image: (height, width, 3) uint8.
        degrees: clockwise.
    """
    height, width = image.shape[:2]
    angle = math.radians(degrees)
    linear = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    middle = np.array([width - 1, height - 1]) / 2
    seen: Any
    if degrees % 90 == 0:
        linear = linear.round()
        seen = np.ascontiguousarray(np.rot90(image, -(degrees // 90)))
        centre = np.array([seen.shape[1] - 1, seen.shape[0] - 1]) / 2
    else:
        size = np.ceil(np.abs(linear) @ [width, height]).astype(int)
        centre = (size - 1) / 2
        matrix = np.hstack([linear, (centre - linear @ middle)[:, None]])
        shape = int(size[0]), int(size[1])
        seen = cv2.warpAffine(image, matrix, shape, borderMode=cv2.BORDER_REPLICATE)
    back = np.hstack([linear.T, (middle - linear.T @ centre)[:, None]])
    return seen, Turn(degrees, back)


def turned_back(face: Face, turn: Turn, height: int, width: int) -> Face | None:
    """Returns a face of the turned picture in the original one; None where it lies outside.

    Its box keeps its shape in half turns, gives it up in quarter turns, and is between them the
    square of the same area, since a box cannot lean.

    Args:
        face: as found in the turned picture.
        turn: how that was turned.
        height: of the original picture, pixels.
        width: likewise.
    """
    linear, shift = turn.back[:, :2], turn.back[:, 2]
    # Boxes lie between pixels, half a pixel off their centres.
    x, y = linear @ (np.array(face.bbox.centre) - 0.5) + shift + 0.5
    half = np.array([face.bbox.width, face.bbox.height]) / 2
    if turn.degrees % 180 == 90:
        half = half[::-1]
    elif turn.degrees % 90:
        half = np.full(2, math.sqrt(face.bbox.area) / 2)
    low = np.clip([x - half[0], y - half[1]], 0, [width, height])
    high = np.clip([x + half[0], y + half[1]], 0, [width, height])
    if (high - low).min() < 1:
        return None
    points = face.landmarks
    if points is not None:
        points = (points @ linear.T + shift).astype(np.float32)
    return replace(face, bbox=BBox(*map(float, (*low, *high))), landmarks=points)


@dataclass(frozen=True, slots=True)
class Rule:
    """When what was seen in a turned picture counts.

    A profile looks, turned, more like a face that leans than upright like what it is; so where
    the upright look shows the same face, the turned one must be beyond doubt.

    Attributes:
        least: the least score of a face that the upright look does not show.
        sure: the least score of one that it shows, too.
        gain: by how much that score must be higher than the upright one.
    """

    least: float
    sure: float
    gain: float


def best_of(
    upright: Sequence[Face], others: Sequence[tuple[Turn, Sequence[Face]]], image: Image, rule: Rule
) -> list[Face]:
    """Returns the faces of several looks at one picture, each once, largest first.

    Of two looks at one face the surer one counts.

    Args:
        upright: the faces of the picture as it is.
        others: how the picture was turned, and the faces found then.
        image: the original picture.
        rule: when those count.
    """
    height, width = image.shape[:2]
    found = [(face.score, face) for face in upright]
    for turn, faces in others:
        for face in faces:
            back = turned_back(face, turn, height, width)
            if back is None:
                continue
            known = any(same(back, other) for other in upright)
            if back.score >= (rule.sure if known else rule.least):
                found.append((back.score - rule.gain, back))
    kept: list[Face] = []
    for _, face in sorted(found, key=lambda pair: -pair[0]):
        if not any(same(face, other) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.bbox.area)


def same(one: Face, other: Face) -> bool:
    """Tells whether two looks show one face: their boxes overlap enough."""
    return one.bbox.iou(other.bbox) > _SAME
