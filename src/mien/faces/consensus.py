"""YuNet's landmarks, freed of much of their noise: the mean over sizes and mirror images.

Between a picture and its mirror image YuNet's landmarks differ by 7 to 8 % of the eye distance, so
one pass is a poor teacher, and no reference for errors below that.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from mien.core.protocols import Detector
from mien.core.types import Face, Image
from mien.faces.ert import MIRRORED

SIZES: Final = (1.0, 1.25)
PASSES: Final = 2 * len(SIZES)
"""How many passes there are where none misses the face."""
_LEAST_SIDE: Final = 256


def passes(detector: Detector, image: Image, face: Face) -> npt.NDArray[np.float64]:
    """Returns where a detector places one face's landmarks, pass by pass.

    Args:
        detector: a detector with landmarks.
        image: (height, width, 3) RGB uint8.
        face: the face, as this detector found it.

    Returns:
        (n, 5, 2) float64 absolute pixels; n is at most two a size, and less where a pass did not
        find the face. Their mean is the consensus.

    Raises:
        ValueError: the face has no landmarks.
    """
    if face.landmarks is None:
        raise ValueError(f"The face of {face.detector!r} has no landmarks to agree on.")
    height, width = image.shape[:2]
    found = []
    for factor in SIZES:
        # Detectors enlarge small pictures themselves, so sizes differ only beyond that.
        scale = factor * max(1.0, _LEAST_SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        how = cv2.INTER_CUBIC
        sized: Any = image if scale == 1 else cv2.resize(image, size, interpolation=how)
        ratio = np.array([width / sized.shape[1], height / sized.shape[0]])
        for mirrored in (False, True):
            seen = np.ascontiguousarray(sized[:, ::-1]) if mirrored else sized
            for other in detector.detect(seen):
                points = other.landmarks.astype(np.float64)  # type: ignore[union-attr]
                if mirrored:
                    points = points[list(MIRRORED)]
                    points[:, 0] = sized.shape[1] - 1 - points[:, 0]
                points = (points + 0.5) * ratio - 0.5
                if _same(points, face.landmarks):
                    found.append(points)
                    break
    return np.array(found).reshape(-1, 5, 2)


def _same(points: npt.NDArray[np.float64], others: npt.NDArray[Any]) -> bool:
    length = np.hypot(*(others[:2].mean(0) - others[3:].mean(0)))
    return bool(np.hypot(*(points.mean(0) - others.mean(0))) < length / 2)
