"""Which part of a face lies where in a network's input, by the places of its five landmarks.

The parts are drawn once, around the landmarks that the aligner brings every face to; they are not
each face's own. Their sizes, shares of the distances between eyes, nose and mouth, were chosen by
eye: they are places to name, not anatomy.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mien.core.spec import Preprocess

PARTS: Final = ("eyes", "brows", "nose", "mouth", "cheeks", "chin", "forehead", "outside")
"""The parts; ``brows`` hold the skin between them, ``cheeks`` reach from the eyes to the jaw, and
``outside`` is what lies around the face: hair, ears, neck, background."""

_CORNERS: Final = 48
"""Of the polygon that an ellipse is drawn as."""

Points = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Measures of a face, in shares of its side."""

    left: Points
    right: Points
    nose: Points
    mouth: Points
    apart: float
    wide: float
    down: float

    @classmethod
    def of(cls, preprocess: Preprocess) -> _Layout:
        left, right, nose, *corners = np.asarray(preprocess.template, np.float64)
        mouth = (corners[0] + corners[1]) / 2
        return cls(
            left, right, nose, mouth,
            apart=float(right[0] - left[0]),
            wide=float(corners[1][0] - corners[0][0]),
            down=float(mouth[1] - left[1]),
        )  # fmt: skip

    def ellipses(self) -> dict[str, list[tuple[Points, float, float]]]:
        """Returns centre and half axes of what is round."""
        middle = (self.left + self.right) / 2
        oval = middle + np.array([0.0, 0.26 * self.down])
        eye = 0.28 * self.apart, 0.165 * self.apart
        return {
            "face": [(oval, 1.15 * self.apart, 1.43 * self.down)],
            "eyes": [(self.left, *eye), (self.right, *eye)],
        }

    def polygons(self) -> dict[str, Points]:
        """Returns corners, (k, 2), of what has some."""
        apart, down, top = self.apart, self.down, self.left[1]
        ends = self.left[0] - 0.36 * apart, self.right[0] + 0.36 * apart
        low, high = top - 0.165 * apart, top - 0.46 * apart
        x, tip = self.nose[0], self.nose[1] + 0.16 * down
        root, wing, jaw = 0.1 * apart, 0.27 * apart, 0.5 * apart
        corner, lip = np.array([0.72 * self.wide, 0]), np.array([0, 0.25 * self.down])
        return {
            "mouth": np.array([self.mouth + corner + lip, self.mouth + corner - lip,
                               self.mouth - corner - lip, self.mouth - corner + lip]),
            "brows": np.array([(ends[0], low), (ends[0], high), (ends[1], high), (ends[1], low)]),
            "nose": np.array([(x - root, low), (x + root, low), (x + wing, tip), (x - wing, tip)]),
            "chin": np.array([(x - jaw, 2), (x - jaw, self.mouth[1]), (x + jaw, self.mouth[1]),
                              (x + jaw, 2)]),
        }  # fmt: skip


@functools.lru_cache(maxsize=8)
def part_map(preprocess: Preprocess) -> npt.NDArray[np.int64]:
    """Returns the number in `PARTS` of every pixel of a network's input, (size, size), read-only.

    Args:
        preprocess: the network's input: its template, margin and size.
    """
    layout = _Layout.of(preprocess)
    points = _places(preprocess)
    shapes = {name: _in_ellipses(points, found) for name, found in layout.ellipses().items()}
    corners = layout.polygons()
    shapes |= {name: _in_polygon(points, corners[name]) for name in corners}
    face = shapes.pop("face")
    above = points[..., 1] < layout.left[1] - 0.165 * layout.apart
    rest = [
        (name, face & shapes[name]) for name in ("eyes", "mouth", "nose", "brows", "chin")
    ]  # earlier ones lie over later ones
    conditions = [inside for _, inside in rest] + [face & above, face]
    names = [name for name, _ in rest] + ["forehead", "cheeks"]
    numbers = [PARTS.index(name) for name in names]
    parts = np.select(conditions, numbers, PARTS.index("outside")).astype(np.int64)
    parts.flags.writeable = False  # it is kept for the next call
    return parts


def areas(preprocess: Preprocess) -> npt.NDArray[np.float64]:
    """Returns the share of a network's input that each of `PARTS` takes, (8,), summing to 1."""
    parts = part_map(preprocess)
    counts: npt.NDArray[np.float64] = np.bincount(parts.ravel(), minlength=len(PARTS)) / parts.size
    return counts


def shares(maps: npt.NDArray[Any], preprocess: Preprocess) -> npt.NDArray[np.float64]:
    """Returns the share of each map's sum that falls on each of `PARTS`, (n, 8).

    An empty map gives zeros, any other a row that sums to 1.

    Args:
        maps: (n, size, size) floats, 0 or more.
        preprocess: the network's input.
    """
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    found = flat @ np.eye(len(PARTS))[part_map(preprocess).ravel()]
    total = flat.sum(axis=1, keepdims=True)
    parts: npt.NDArray[np.float64] = found / np.where(total > 0, total, 1)
    return parts


def outlines(preprocess: Preprocess) -> list[Points]:
    """Returns the lines of a plain face, (k, 2) each: x, y in pixels of a network's input.

    The oval of the face, both eyes, the brows, the nose and the lips.
    """
    layout = _Layout.of(preprocess)
    apart, down, wide = layout.apart, layout.down, layout.wide
    face = _ellipse(*layout.ellipses()["face"][0])
    lines = [face]
    for eye, outward in ((layout.left, -1), (layout.right, 1)):
        lines.append(_ellipse(eye, 0.2 * apart, 0.085 * apart))
        across = np.array([-0.24, -0.06, 0.3]) * outward * apart
        lines.append(eye + np.stack([across, np.array([-0.25, -0.34, -0.24]) * apart], 1))
    x, y = layout.nose
    side, bridge = 0.17 * apart, layout.left[1] + 0.1 * down
    lines.append(np.array([(x - 0.07 * apart, bridge), (x - side, y + 0.06 * down),
                           (x, y + 0.11 * down), (x + side, y + 0.06 * down)]))  # fmt: skip
    lines.append(_ellipse(layout.mouth, wide / 2, 0.1 * down))
    lines.append(layout.mouth + np.array([(-wide / 2, 0.0), (wide / 2, 0.0)]))
    return [_pixels(line, preprocess) for line in lines]


def _places(preprocess: Preprocess) -> Points:
    """Returns x, y of each pixel's centre in shares of the face's side, (size, size, 2)."""
    side, size = 1 + preprocess.margin, preprocess.input_size
    steps = (np.arange(size) + 0.5) / size * side - preprocess.margin / 2
    return np.stack(np.meshgrid(steps, steps), axis=-1)


def _pixels(points: Points, preprocess: Preprocess) -> Points:
    """Returns points in shares of the face's side as pixels, counted from pixels' centres."""
    inside = (points + preprocess.margin / 2) / (1 + preprocess.margin)
    return inside * preprocess.input_size - 0.5


def _in_ellipses(points: Points, ellipses: list[tuple[Points, float, float]]) -> Flags:
    inside = np.zeros(points.shape[:-1], np.bool_)
    for centre, width, height in ellipses:
        away = (points - centre) / np.array([width, height])
        inside |= (away**2).sum(-1) <= 1
    return inside


def _in_polygon(points: Points, corners: Points) -> Flags:
    """Tells which points lie in a convex polygon, whichever way round it runs."""
    edges = np.roll(corners, -1, axis=0) - corners
    away = points[..., None, :] - corners
    turns = edges[:, 0] * away[..., 1] - edges[:, 1] * away[..., 0]
    low: Points = turns.min(axis=-1)
    high: Points = turns.max(axis=-1)
    return (low >= 0) | (high <= 0)


def _ellipse(centre: Points, width: float, height: float) -> Points:
    angles = np.linspace(0, 2 * np.pi, _CORNERS + 1)
    return centre + np.stack([width * np.cos(angles), height * np.sin(angles)], axis=1)
