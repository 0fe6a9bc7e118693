"""The chips that `crop` stored, read back."""

from __future__ import annotations

from mien.core.errors import DataError, ImageError
from mien.core.images import decode
from mien.core.spec import CHIP_SIZE
from mien.core.types import Image


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
