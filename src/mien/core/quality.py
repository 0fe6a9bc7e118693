"""How well a face can be seen: numbers, measured by `mien.faces.quality`."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields


@dataclass(frozen=True, slots=True)
class Quality:
    """How well one face can be seen.

    Attributes:
        size: the side of the face in its picture, pixels.
        sharpness: its fine detail, as a share of the coarser: 0 for none, about 0.3 where strongly
            blurred, 0.6 where in focus; it has no upper end.
        exposure: the mean grey level of the face, 0 (black) to 1 (white).
        contrast: from the 5th to the 95th percentile of its grey levels, 0 to 1.
        shade: how much brighter the image-right half of the face is than the other, as a share of
            both, -1 to 1.
        occlusion: the share of the face that looks covered, 0 to 1: an estimate.
    """

    size: float
    sharpness: float
    exposure: float
    contrast: float
    shade: float
    occlusion: float

    def as_tuple(self) -> tuple[float, ...]:
        """Returns the numbers in the order of `NAMES`."""
        return astuple(self)


NAMES = tuple(field.name for field in fields(Quality))
"""The names of the numbers."""
