"""Boxes in a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BBox:
    """A box in absolute pixels; ``x2`` and ``y2`` lie just outside it.

    Raises:
        ValueError: a corner is not finite, or the box has no area.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        corners = self.as_tuple()
        if not all(map(math.isfinite, corners)) or self.x2 <= self.x1 or self.y2 <= self.y1:
            raise ValueError(
                f"A box needs finite corners with x1 < x2 and y1 < y2; this one has {corners}."
            )

    @property
    def width(self) -> float:
        """The width in pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """The height in pixels."""
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        """The area in square pixels."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """The centre (x, y) in pixels."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def as_tuple(self) -> tuple[float, float, float, float]:
        """Returns (x1, y1, x2, y2)."""
        return self.x1, self.y1, self.x2, self.y2

    def rounded(self) -> tuple[int, int, int, int]:
        """Returns (x1, y1, x2, y2), each rounded to whole pixels."""
        return round(self.x1), round(self.y1), round(self.x2), round(self.y2)

    def iou(self, other: BBox) -> float:
        """Returns the overlap with another box: intersection over union, 0 to 1."""
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        if width <= 0 or height <= 0:
            return 0.0
        return width * height / (self.area + other.area - width * height)

    def holds(self, point: tuple[float, float]) -> bool:
        """Tells whether a point (x, y) lies in the box."""
        return self.x1 <= point[0] <= self.x2 and self.y1 <= point[1] <= self.y2
