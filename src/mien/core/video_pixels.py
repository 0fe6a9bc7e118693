"""From a decoded frame to an upright picture with square pixels."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mien.core.errors import VideoError
from mien.core.types import Image
from mien.core.video_files import library

if TYPE_CHECKING:
    from av.video.frame import VideoFrame as Decoded

_UPRIGHT: Final = (1.0, 0.0, 0.0, 1.0)
_COMMON: Final = "ITU601"
"""The colours of most videos that state none."""
_WIDEST: Final = 10
"""A pixel that claims to be wider or higher than this many others is not believed."""


@dataclass(frozen=True, slots=True)
class Showing:
    """How the frames of a video are to be shown.

    Attributes:
        aspect: width by height of a pixel; None where it is not stated.
        matrix: (a, b, c, d), where the pixel (x, y) of a frame goes: x' = a x + c y and
            y' = b x + d y.
    """

    aspect: Fraction | None = None
    matrix: tuple[float, float, float, float] = _UPRIGHT

    @property
    def rotation(self) -> int:
        """How far frames are turned clockwise, to the nearest quarter turn, in degrees."""
        return round(math.degrees(math.atan2(self.matrix[1], self.matrix[0])) / 90) % 4 * 90

    def square(self, width: int, height: int) -> tuple[int, int]:
        """Returns the size of a frame once its pixels are square; neither side shrinks."""
        if not self.aspect or not Fraction(1, _WIDEST) <= self.aspect <= _WIDEST:
            return width, height
        if self.aspect > 1:
            return round(width * self.aspect), height
        return width, round(height / self.aspect)

    def upright(self, width: int, height: int) -> tuple[int, int]:
        """Returns the size of a frame as it is shown."""
        width, height = self.square(width, height)
        return (height, width) if self._swaps else (width, height)

    def rgb(self, frame: Decoded, max_pixels: int, name: str) -> Image:
        """Returns a decoded frame as (height, width, 3) RGB uint8, upright, with square pixels.

        Args:
            frame: as PyAV gives it.
            max_pixels: the most that the picture may have.
            name: what to call the video in errors.

        Raises:
            VideoError: it has more, or cannot be converted.
        """
        width, height = self.square(frame.width, frame.height)
        check_pixels(width, height, max_pixels, name)
        image = _converted(frame, width, height, name)
        a, b, c, d = self.matrix
        across, down = (c, b) if self._swaps else (a, d)
        if self._swaps:
            image = image.transpose(1, 0, 2)
        image = image[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
        return np.ascontiguousarray(image)

    @property
    def _swaps(self) -> bool:
        return abs(self.matrix[1]) > abs(self.matrix[0])


def showing(frame: Decoded, aspect: Fraction | None) -> Showing:
    """Returns how the frames of a video are to be shown, as its first one tells.

    The others tell the same. They are not asked: a frame whose side data were looked at refers to
    itself, and stays in memory until Python looks for such circles.

    Args:
        frame: as PyAV gives it.
        aspect: width by height of a pixel; None where it is not stated.
    """
    side: Any = frame.side_data
    found = side.get("DISPLAYMATRIX")
    if found is None:
        return Showing(aspect)
    a, b, _, c, d, *_ = (value / 65536 for value in struct.unpack("=9i", bytes(found)[:36]))
    return Showing(aspect, (a, b, c, d) if a * d - b * c else _UPRIGHT)


def check_pixels(width: int, height: int, max_pixels: int, name: str) -> None:
    """Checks that frames are not larger than they may be.

    Raises:
        VideoError: they are.
    """
    if width * height > max_pixels:
        raise VideoError(
            f"{name}: frames of {width} x {height} pixels are more than the limit of "
            f"{max_pixels:,}. Scale the video down first."
        )


def _converted(frame: Decoded, width: int, height: int, name: str) -> Image:
    av = library()
    for colours in (None, _COMMON):
        try:
            image = frame.to_ndarray(
                format="rgb24",
                width=width,
                height=height,
                src_colorspace=colours,
                dst_colorspace=colours,
            )
        except (av.FFmpegError, ValueError):
            continue  # a damaged header may name colours that nobody knows
        return np.asarray(image, np.uint8)
    raise VideoError(
        f"{name}: frames of the kind {frame.format.name} cannot be turned into RGB. Convert the "
        "video to MP4 with H.264 first."
    )
