"""Data sets in their published layouts, written by the tests: no image of any data set.

One module a reader, of the reader's name (``-`` becomes ``_``): ``build(root)`` writes a tree with
the grammar's every code and trap, and returns how many samples and rejections a scan with default
options yields.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image

_FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "tif": "TIFF", "tiff": "TIFF"}


def draw(path: Path, number: int, *, size: tuple[int, int] = (8, 8), mode: str = "L") -> Path:
    """Writes a picture; another number draws another one. ``size`` is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)
    ending = path.suffix.lstrip(".").lower()
    PIL.Image.fromarray(pixels).save(path, format=_FORMATS.get(ending, ending.upper()))
    return path


def blank(path: Path, value: int = 0) -> Path:
    """Writes a picture of one grey value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ending = path.suffix.lstrip(".").lower()
    pixels = np.full((8, 8), value, np.uint8)
    PIL.Image.fromarray(pixels).save(path, format=_FORMATS.get(ending, ending.upper()))
    return path
