"""Things in front of a face: glasses, a mask, a hand, and each of its parts hidden.

All are drawn at the five landmarks' places in the face, `mien.core.spec.FIVE_POINTS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from mien.core.spec import FIVE_POINTS
from mien.core.types import Image
from mien.faces.corruption_place import Colour, Place, ellipse, paint

_Shape = list[tuple[float, float]]
_LEFT_EYE, _RIGHT_EYE, _NOSE, _LEFT_MOUTH, _RIGHT_MOUTH = FIVE_POINTS
_MOUTH: Final = (0.5, _LEFT_MOUTH[1])
_BROW: Final = _LEFT_EYE[1] - 0.13
PARTS: Final[dict[str, list[tuple[tuple[float, float], tuple[float, float]]]]] = {
    "eyes": [(_LEFT_EYE, (0.16, 0.09)), (_RIGHT_EYE, (0.16, 0.09))],
    "brows": [((_LEFT_EYE[0], _BROW), (0.2, 0.08)), ((_RIGHT_EYE[0], _BROW), (0.2, 0.08))],
    "nose": [((0.5, _NOSE[1] - 0.07), (0.15, 0.18))],
    "mouth": [(_MOUTH, (0.3, 0.15))],
}  # fmt: skip
"""Centre and half axes of the ellipses that hold each part, in shares of the face's side."""
_SOFT: Final = 0.012
_DARK: Final[Colour] = (22, 22, 26)
_CLOTHS: Final[tuple[Colour, ...]] = ((172, 200, 214), (236, 238, 240), (40, 42, 48))
"""Surgical blue, white, black."""
_SKINS: Final[tuple[Colour, ...]] = (
    (241, 205, 181),
    (224, 177, 144),
    (198, 141, 103),
    (150, 98, 68),
    (98, 62, 46),
)
_CHEEKS: Final = ((0.22, 0.58), (0.78, 0.58))
_SPOTS: Final = (-0.06, -0.03, 0.0, 0.03, 0.06)
_LOWEST: Final = 1.16
"""Where a mask ends below the chin."""


def sunglasses(image: Image, place: Place, level: float, _: np.random.Generator) -> Image:
    """Puts glasses on the eyes whose lenses let 1 - ``level`` of what is behind them through."""
    found = image.copy()
    lenses = [ellipse((x, y + 0.02), (0.2, 0.15), 3.0) for x, y in (_LEFT_EYE, _RIGHT_EYE)]
    paint(found, place, lenses, _DARK, level)
    height = _LEFT_EYE[1] - 0.04
    inner, outer = _LEFT_EYE[0] + 0.17, _LEFT_EYE[0] - 0.19
    bars = [
        _bar((inner, height), (1 - inner, height), 0.016),
        _bar((outer, height), (-0.06, height - 0.01), 0.018),
        _bar((1 - outer, height), (1.06, height - 0.01), 0.018),
    ]
    paint(found, place, bars, _DARK, max(level, 0.6))
    return found


def mask(image: Image, place: Place, level: float, random: np.random.Generator) -> Image:
    """Puts a cloth over the face from the chin up to the height ``level`` of the face's side."""
    cloth = _CLOTHS[random.integers(len(_CLOTHS))]
    found = image.copy()
    # At the chin the face is narrower than at the cheeks.
    half = 0.3 + 0.18 * min(1.0, (_LOWEST - level) / 0.6)
    rows = np.linspace(level, _LOWEST, 16)
    share = (rows - level) / (_LOWEST - level)
    widths = half * (1 - share**3) ** (1 / 2.2)
    arch = 0.06 * (1 - (np.linspace(-1, 1, 17) ** 2)) * min(1.0, (_LOWEST - level) / 0.6)
    top = [(0.5 + half * t, level - a) for t, a in zip(np.linspace(-1, 1, 17), arch, strict=True)]
    right = [(0.5 + w, r) for w, r in zip(widths, rows, strict=True)]
    left = [(0.5 - w, r) for w, r in zip(widths[::-1], rows[::-1], strict=True)]
    shade = tuple(0.86 * c for c in cloth)
    paint(found, place, [_bar((0.5 - half, level + 0.02), (-0.06, 0.42), 0.012)], cloth)
    paint(found, place, [_bar((0.5 + half, level + 0.02), (1.06, 0.42), 0.012)], cloth)
    paint(found, place, [[*top, *right, *left]], cloth)
    folds = [level + s * (_LOWEST - level) for s in (0.3, 0.5, 0.7)]
    lines = [_bar((0.5 - 0.7 * half, y), (0.5 + 0.7 * half, y), 0.01) for y in folds]
    paint(found, place, lines, (shade[0], shade[1], shade[2]), 0.8, 0.004)
    return found


def hand(image: Image, place: Place, level: float, random: np.random.Generator) -> Image:
    """Lays a hand of skin-like colour, a palm of ``level`` % of the face's side, on the face."""
    skin = _SKINS[random.integers(len(_SKINS))]
    middle = np.array([random.uniform(0.2, 0.8), random.uniform(0.4, 0.85)])
    turn = random.uniform(-0.9, 0.9)
    size = level / 100
    up = np.array([math.sin(turn), -math.cos(turn)])
    across = np.array([math.cos(turn), math.sin(turn)])

    def at(x: float, y: float) -> tuple[float, float]:
        point = middle + size * (x * across + y * up)
        return float(point[0]), float(point[1])

    palm = [at(x, y) for x, y in ellipse((0, 0), (0.5, 0.55), 3.0)]
    reaches = ((-0.38, 1.05), (-0.13, 1.25), (0.13, 1.2), (0.38, 0.95))
    fingers = [_bar(at(x, 0.3), at(1.15 * x, y), 0.11 * size) for x, y in reaches]
    thumb = _bar(at(0.3, -0.2), at(0.85, 0.35), 0.12 * size)
    found = image.copy()
    dark: Colour = (0.8 * skin[0], 0.8 * skin[1], 0.8 * skin[2])
    paint(found, place, [palm, *fingers, thumb], dark, 1.0, _SOFT / 2)
    inner = [_bar(at(x, 0.3), at(1.15 * x, y), 0.095 * size) for x, y in reaches]
    paint(found, place, [[at(x, y) for x, y in ellipse((0, 0), (0.47, 0.52), 3.0)]], skin)
    paint(found, place, [*inner, _bar(at(0.3, -0.2), at(0.85, 0.35), 0.1 * size)], skin)
    return found


def hide(part: str) -> Callable[[Image, Place, float, np.random.Generator], Image]:
    """Returns the change that hides a part of the face; `PARTS` names them."""

    def hidden(image: Image, place: Place, level: float, _: np.random.Generator) -> Image:
        found = image.copy()
        shapes = [ellipse(c, (level * w, level * h), 3.0) for c, (w, h) in PARTS[part]]
        paint(found, place, shapes, _cheek(image, place), 1.0, _SOFT)
        return found

    return hidden


def _cheek(image: Image, place: Place) -> Colour:
    """Returns the median colour of the two cheeks: a patch of it is no dark or bright sign."""
    corners = [(x + dx, y + dy) for x, y in _CHEEKS for dx in _SPOTS for dy in _SPOTS]
    spots = np.rint(place.points(corners)).astype(int)
    height, width = image.shape[:2]
    x, y = np.clip(spots[:, 0], 0, width - 1), np.clip(spots[:, 1], 0, height - 1)
    red, green, blue = np.median(image[y, x], axis=0).tolist()
    return red, green, blue


def _bar(start: tuple[float, float], end: tuple[float, float], half: float) -> _Shape:
    """Returns a straight bar with round ends, ``half`` as thick as given on either side."""
    a, b = np.asarray(start), np.asarray(end)
    along = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
    angle = math.atan2(along[1], along[0])
    arc = np.linspace(-np.pi / 2, np.pi / 2, 9)
    ends = [(b, angle + arc), (a, angle + np.pi + arc)]
    return [
        (float(p[0] + half * math.cos(t)), float(p[1] + half * math.sin(t)))
        for p, turns in ends
        for t in turns
    ]
