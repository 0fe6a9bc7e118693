"""The points of eyes and lids, by a file of 68 landmarks that the user names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from mien.core.errors import ModelError
from mien.core.spec import FIVE_POINTS
from mien.core.types import BBox, Face, Floats, Image
from mien.faces.ert import box_of_face
from mien.faces.shape_predictor import landmarks

_EYES: Final = ((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46))
"""The points of the eye at the image's left and of the other one: outer corner, two on the upper
lid, inner corner, two on the lower lid back (iBUG 300-W)."""
_POINTS: Final = 68


class Eyelids:
    """Places the points of both eyes of a face.

    Args:
        path: a file of `dlib.shape_predictor` with the 68 points of iBUG 300-W; a line on standard
            error says where it may not serve a product.

    Raises:
        ModelError: the file is missing or is none of these.
    """

    def __init__(self, path: Path) -> None:
        found = landmarks(path)
        if getattr(found, "layout", None) != "dlib-68":
            raise ModelError(
                f"{path} has no points of eyelids. Expected a shape predictor of {_POINTS} points "
                "(iBUG 300-W), such as shape_predictor_68_face_landmarks.dat."
            )
        self._points = found

    def place(self, image: Image, face: Face) -> Floats:
        """Returns the points of both eyes.

        Args:
            image: (height, width, 3) RGB uint8.
            face: as a detector found it.

        Returns:
            (2, 6, 2) float32, absolute pixels: the eye at the image's left first; of each the outer
            corner, two points of the upper lid, the inner corner, two of the lower lid back. NaN
            where the face has no landmarks.
        """
        if face.landmarks is None:
            return np.full((2, 6, 2), np.nan, np.float32)
        points = self._points.points(image, _box(face.landmarks))  # type: ignore[union-attr]
        return np.stack([points[list(eye)] for eye in _EYES]).astype(np.float32)


def _box(five: Floats) -> BBox:
    """Returns a box as dlib's HOG detector draws it around five landmarks."""
    still = np.array(FIVE_POINTS)
    level, low = still[:2].mean(axis=0), still[3:].mean(axis=0)
    eyes, mouth = five[:2].mean(axis=0), five[3:].mean(axis=0)
    side = float(np.linalg.norm(mouth - eyes) / np.linalg.norm(low - level))
    x, y = eyes + (0.5 - level[1]) / (low - level)[1] * (mouth - eyes)
    return box_of_face(BBox(x - side / 2, y - side / 2, x + side / 2, y + side / 2))
