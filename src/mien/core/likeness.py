"""Which pictures show nearly the same thing: cosine of small grey versions."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mien.core.types import Floats, Image

SIDE: Final = 24
_LEAST_CONTRAST: Final = 1.0
"""Grey levels of standard deviation; below it a picture is constant but for compression noise."""


def fingerprint(image: Image) -> Floats | None:
    """Returns a picture's small grey version with mean 0 and length 1.

    Args:
        image: (height, width, 3) RGB uint8, any size.

    Returns:
        (576,) float32, or None for a picture that is constant.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    vector = small.astype(np.float32).ravel()
    if vector.std() < _LEAST_CONTRAST:
        return None
    vector -= vector.mean()
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def near_pairs(vectors: Floats, above: float, *, rows_at_once: int = 1024) -> npt.NDArray[np.int64]:
    """Returns every pair of vectors whose cosine is above a threshold.

    Memory grows with ``rows_at_once`` times n, time with n squared: for tens of thousands.

    Args:
        vectors: (n, d) float32, each of length 1.
        above: the threshold.
        rows_at_once: how many rows are compared with the rest in one product.

    Returns:
        (m, 2) int64, pairs of row numbers i < j, ordered.
    """
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(vectors), rows_at_once):
        block = vectors[start : start + rows_at_once]
        i, j = np.nonzero(block @ vectors[start:].T > above)
        pairs = np.stack([i, j], axis=1)[i < j] + start
        found.append(pairs.astype(np.int64))
    return np.concatenate(found)
