"""What `crop` stored of a face, read back: its chip, and what was found and measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mien.core.errors import DataError, ImageError
from mien.core.images import decode
from mien.core.quality import NAMES as QUALITIES
from mien.core.spec import CHIP_SIZE
from mien.core.types import BBox, Face, Image, Quality


def stored_chip(png: bytes, path: str) -> Image:
    """Returns a stored chip, (256, 256, 3) RGB uint8.

    Args:
        png: the bytes of its file.
        path: of the picture that it comes from, for the error's text.

    Raises:
        DataError: it is damaged or of another size.
    """
    try:
        chip = decode(png)
    except ImageError as error:
        raise DataError(f"The stored face of {path} is damaged: {error}") from error
    if chip.shape[:2] != (CHIP_SIZE, CHIP_SIZE):
        raise DataError(
            f"The stored face of {path} is {chip.shape[1]} x {chip.shape[0]} pixels, not "
            f"{CHIP_SIZE} x {CHIP_SIZE}. Run 'mien crop' again with this version of mien."
        )
    return chip


def face_of(row: Mapping[str, Any]) -> Face:
    """Returns the face that a row of `catalogue.FACE_COLUMNS` describes."""
    measured, points = [row[name] for name in QUALITIES], row["landmarks"]
    return Face(
        bbox=BBox(*row["box"]),
        score=row["score"],
        detector=row["detector"],
        landmarks=None if points is None else np.asarray(points, np.float32),
        yaw=row["yaw"],
        pitch=row["pitch"],
        roll=row["roll"],
        quality=None if None in measured else Quality(*measured),
        assumed=bool(row["assumed"]),
    )
