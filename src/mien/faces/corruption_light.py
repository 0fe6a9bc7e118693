"""Changes of light: how bright, which tone curve, which colour, from which side."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from mien.core.types import Image
from mien.faces.corruption_place import Place

_TILT = 0.5
"""The largest tilt of the border of a shadow either way, radians."""
_EDGE = 0.25
"""The width of the border of a shadow, as a share of the face's side."""


def gain(image: Image, _: Place, level: float, __: np.random.Generator) -> Image:
    """Multiplies every pixel by ``level``; what exceeds white is white."""
    return _curve(image, np.arange(256) * level)


def gamma(image: Image, _: Place, level: float, __: np.random.Generator) -> Image:
    """Raises every pixel, as a share of white, to the power ``level``."""
    return _curve(image, 255 * (np.arange(256) / 255) ** level)


def shadow(image: Image, place: Place, level: float, random: np.random.Generator) -> Image:
    """Leaves the share ``level`` of the light on one side of the face's middle."""
    side = -1.0 if random.random() < 0.5 else 1.0
    tilt = random.uniform(-_TILT, _TILT)
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    u, v = place.shares(x.astype(np.float64), y.astype(np.float64))
    ramp = side * ((u - 0.5) * math.cos(tilt) + (v - 0.5) * math.sin(tilt))
    lit = np.clip(ramp / _EDGE + 0.5, 0, 1)
    shaded: Image = np.rint(image * (level + (1 - level) * lit)[:, :, None]).astype(np.uint8)
    return shaded


def colour_cast(image: Image, _: Place, level: float, random: np.random.Generator) -> Image:
    """Raises red by ``level`` of itself and lowers blue likewise, or the other way round."""
    warm = 1.0 if random.random() < 0.5 else -1.0
    tint = 1 + level * warm * np.array([1.0, 0.0, -1.0])
    levels = np.arange(256)
    return np.stack([_curve(image[:, :, i], levels * tint[i]) for i in range(3)], axis=2)


def grey(image: Image, _: Place, level: float, __: np.random.Generator) -> Image:
    """Takes the share ``level`` of the colour away; what is left is Rec. 601 luma."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None]
    mixed: Image = np.rint(image + level * (luma.astype(np.float64) - image)).astype(np.uint8)
    return mixed


def _curve(pixels: Image, table: npt.ArrayLike) -> Image:
    levels = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    found: Image = levels[pixels]
    return found
