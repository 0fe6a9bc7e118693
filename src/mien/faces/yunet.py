"""YuNet (Wu et al. 2023): a small convolutional detector with five landmarks, through OpenCV."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from mien.core.types import BBox, Face, Image
from mien.faces import weights as yunet_weights

_LEAST_SIDE: Final = 256
"""Smaller pictures are enlarged to this. Measured on 1,193 of FER2013's 48x48 faces (validation
part): at 192 it finds 98.3 % and places landmarks with 9.0 % of the eye distance between a picture
and its mirror image, at 256 98.9 % and 8.0 %, at 320 no better."""
_THINNEST: Final = 8
"""Pictures of fewer pixels in height or width show no face, and OpenCV returns garbage for some."""
_TOP_K: Final = 5000


class YuNet:
    """Finds faces with YuNet.

    Args:
        weights: the file of March 2023; None looks for it as `mien.faces.weights.find` does.
        score_threshold: fainter detections are left out, 0 to 1.
        nms_threshold: of two boxes that overlap more than this, the fainter one is left out.
        max_side: larger pictures are searched at this size, pixels.

    Raises:
        ChecksumError: the file is another one.
        DownloadError: the file is missing and cannot be fetched.
    """

    name = "yunet"

    def __init__(
        self,
        weights: Path | None = None,
        *,
        score_threshold: float = 0.6,
        nms_threshold: float = 0.3,
        max_side: int = 1280,
    ) -> None:
        file = yunet_weights.find(weights)
        self._max_side = max_side
        self._network: Any = cv2.FaceDetectorYN.create(
            str(file), "", (_LEAST_SIDE, _LEAST_SIDE), score_threshold, nms_threshold, _TOP_K
        )

    def detect(self, image: Image) -> list[Face]:
        """Returns the faces of an RGB uint8 picture with landmarks, largest first.

        Scores are probabilities, 0 to 1.
        """
        height, width = image.shape[:2]
        bgr: Any = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        scale = self._scale(max(height, width))
        if scale != 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            bgr = cv2.resize(bgr, size, interpolation=how)
        ratio = np.array([width / bgr.shape[1], height / bgr.shape[0]])
        if min(bgr.shape[:2]) < _THINNEST:
            return []
        self._network.setInputSize((bgr.shape[1], bgr.shape[0]))
        _, rows = self._network.detect(bgr)
        faces = [face for row in (() if rows is None else rows)
                 if (face := self._face(row.astype(np.float64), ratio, width, height))]  # fmt: skip
        return sorted(faces, key=lambda face: -face.bbox.area)

    def _scale(self, side: int) -> float:
        return min(max(_LEAST_SIDE / side, 1.0), self._max_side / side)

    def _face(self, row: Any, ratio: Any, width: int, height: int) -> Face | None:
        if not np.isfinite(row).all():
            return None
        low = np.clip(row[:2] * ratio, 0, [width, height])
        high = np.clip((row[:2] + row[2:4]) * ratio, 0, [width, height])
        # Landmarks are the centres of pixels, and those scale about their own middle.
        points = (row[4:14].reshape(5, 2) + 0.5) * ratio - 0.5
        if (high - low).min() < 1:
            return None
        box = BBox(*map(float, (*low, *high)))
        return Face(box, float(row[14]), self.name, points.astype(np.float32))
