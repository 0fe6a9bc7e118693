"""From a decoded frame to an upright picture with square pixels."""

from __future__ import annotations

import math
import struct
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


def rgb(frame: Decoded, aspect: Fraction | None, max_pixels: int, name: str) -> Image:
    """Returns a decoded frame as (height, width, 3) RGB uint8, upright, with square pixels.

    Args:
        frame: as PyAV gives it.
        aspect: width by height of one of its pixels; None where it is not stated.
        max_pixels: the most that the picture may have.
        name: what to call the video in errors.

    Raises:
        VideoError: it has more, or cannot be converted.
    """
    width, height = shown_size(frame.width, frame.height, aspect)
    check_pixels(width, height, max_pixels, name)
    try:
        image = _converted(frame, width, height)
    except VideoError as error:
        raise VideoError(f"{name}: {error}") from None
    return np.ascontiguousarray(_turned(image, _matrix(frame)))


def upright_size(frame: Decoded, aspect: Fraction | None) -> tuple[int, int, int]:
    """Returns the width and height of a frame's picture, and how far it is turned clockwise."""
    width, height = shown_size(frame.width, frame.height, aspect)
    a, b, _, _ = matrix = _matrix(frame)
    turned = round(math.degrees(math.atan2(b, a)) / 90) % 4 * 90
    return (height, width, turned) if _swaps(matrix) else (width, height, turned)


def shown_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Returns the size of a frame once its pixels are square: the longer side of each stays."""
    if not aspect or not Fraction(1, _WIDEST) <= aspect <= _WIDEST:
        return width, height
    if aspect > 1:
        return round(width * aspect), height
    return width, round(height / aspect)


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


def _converted(frame: Decoded, width: int, height: int) -> Image:
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
        f"frames of the kind {frame.format.name} cannot be turned into RGB. Convert the video to "
        "MP4 with H.264 first."
    )


def _matrix(frame: Decoded) -> tuple[float, float, float, float]:
    """Returns how a frame is to be shown: x' = a x + c y and y' = b x + d y, as (a, b, c, d)."""
    side: Any = frame.side_data
    found = side.get("DISPLAYMATRIX")
    if found is None:
        return _UPRIGHT
    a, b, _, c, d, *_ = (value / 65536 for value in struct.unpack("=9i", bytes(found)[:36]))
    return (a, b, c, d) if a * d - b * c else _UPRIGHT


def _swaps(matrix: tuple[float, float, float, float]) -> bool:
    return abs(matrix[1]) > abs(matrix[0])


def _turned(image: Image, matrix: tuple[float, float, float, float]) -> Image:
    """Returns a picture turned and mirrored by a matrix, to the nearest quarter turn."""
    a, b, c, d = matrix
    across, down = (c, b) if _swaps(matrix) else (a, d)
    if _swaps(matrix):
        image = image.transpose(1, 0, 2)
    return image[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
