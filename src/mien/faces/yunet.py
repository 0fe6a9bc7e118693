"""YuNet (Wu et al. 2023): a small convolutional detector with five landmarks, by ONNX Runtime.

OpenCV runs the same file through `FaceDetectorYN`, in about twice the time; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from mien.core.types import BBox, Face, Floats, Image
from mien.faces import weights as yunet_weights
from mien.faces.turns import TURNS, Rule, best_of, same, turned

_LEAST_SIDE: Final = 256
"""Smaller pictures are enlarged to this. Measured on 1,193 of FER2013's 48x48 faces (validation
part): at 192 it finds 98.3 % and places landmarks with 9.0 % of the eye distance between a picture
and its mirror image, at 256 98.9 % and 8.0 %, at 320 no better."""
_THINNEST: Final = 8
"""Pictures of fewer pixels in height or width show no face."""
_LIKELY: Final = (45, 180, 315)
_UNSURE: Final = 0.85
"""Below this score any turn may be the right one; above it only the likely ones."""
_FAR: Final = 480
"""Larger pictures are searched at `_NEAR`, too: YuNet misses faces of more than 500 pixels."""
_NEAR: Final = 320
_STRIDES: Final = (8, 16, 32)
_FIXED: Final = b"\x0a\x03\x08\x80\x05"
"""A dimension of 640 in the file's declaration of its input (protocol buffers)."""
_FREE: Final = (b"\x0a\x03\x12\x01h", b"\x0a\x03\x12\x01w")
"""The same for a dimension that has a name instead: it may be anything."""
_ERRORS_ONLY: Final = 3
Rows = npt.NDArray[np.float64]


class YuNet:
    """Finds faces with YuNet, however they are turned.

    Where the first look finds no face, or none that it is sure of, the picture is searched again
    in seven turns of 45 degrees each: YuNet misses most faces turned by 45 degrees or more, and
    places the landmarks of upside-down faces where an upright one would have them, with middling
    scores. Turns of 45 and 180 degrees lower its score least, so those three are tried first. The
    surest look at a face counts.

    Args:
        weights: the file of March 2023; None looks for it as `mien.faces.weights.find` does.
        score_threshold: fainter detections are left out, 0 to 1.
        nms_threshold: of two boxes that overlap more than this, the fainter one is left out.
        max_side: larger pictures are searched at this size, pixels.
        turns: by how many degrees the picture is turned for further looks; none for one look.
        turned_threshold: fainter detections of further looks are left out, 0 to 1.
        sure: from this score on a face needs no further look, and a further look at a face that
            the first one shows, too, must have it, 0 to 1.
        gain: by how much such a look's score must be higher than the first one's, 0 to 1.

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
        turns: tuple[int, ...] = TURNS,
        turned_threshold: float = 0.8,
        sure: float = 0.9,
        gain: float = 0.03,
    ) -> None:
        file = yunet_weights.find(None if weights is None else Path(weights))
        self._network = _session(file.read_bytes())
        self._thresholds = score_threshold, nms_threshold
        self._max_side = max_side
        self._turns = tuple(turns)
        self._filled: Floats = np.zeros((1, 3, 0, 0), np.float32)
        self._rule = Rule(turned_threshold, sure, gain)

    def detect(self, image: Image) -> list[Face]:
        """Returns the faces of an RGB uint8 picture with landmarks, largest first.

        Scores are probabilities, 0 to 1.
        """
        if max(image.shape[:2]) <= self._max_side:
            return self._search(image)
        return _shrunk(image, self._max_side, self._search)  # once, not for each look

    def _search(self, image: Image) -> list[Face]:
        upright = self._looks(image)
        best = max((face.score for face in upright), default=0.0)
        others = []
        for degrees in self._turns if best < self._rule.sure else ():
            if best < _UNSURE or degrees in _LIKELY:
                seen, turn = turned(image, degrees)
                others.append((turn, self._looks(seen)))
        return best_of(upright, others, image, self._rule)

    def _looks(self, image: Image) -> list[Face]:
        """Returns the faces of a picture; of a large one also those that are near."""
        faces = self._look(image)
        if max(image.shape[:2]) <= _FAR:
            return faces
        near = _shrunk(image, _NEAR, self._look)
        # Of a face that both show the finer look counts, unless the other is much surer.
        return faces + [face for face in near if not self._seen(face, faces)]

    def _seen(self, face: Face, finer: list[Face]) -> bool:
        least = face.score - self._rule.gain
        return any(same(face, other) and other.score >= least for other in finer)

    def _look(self, image: Image) -> list[Face]:
        height, width = image.shape[:2]
        scale = min(max(_LEAST_SIDE / max(height, width), 1.0), self._max_side / max(height, width))
        if max(height, width) > self._max_side:  # turned, a picture is larger
            image = _at_most(image, self._max_side)
        elif scale > 1:
            size = round(width * scale), round(height * scale)
            image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)  # type: ignore[assignment]
        seen = image.shape[:2]
        if min(seen) < _THINNEST:
            return []
        ratio = np.array([width / seen[1], height / seen[0]])
        faces = (self._face(row, ratio, width, height) for row in self._rows(image))
        return [face for face in faces if face is not None]

    def _rows(self, image: Image) -> Rows:
        """Returns (n, 15): x, y, width, height, five landmarks and the score, in its own pixels."""
        height, width = image.shape[:2]
        batch = self._batch(image)
        try:
            answers = self._network.run(None, {"input": batch})
        except Exception as error:  # ONNX Runtime raises bare classes of its own
            raise RuntimeError(f"YuNet cannot search {width} x {height} pixels: {error}") from error
        rows = np.concatenate(
            [
                _decoded([answers[part + level][0] for part in (0, 3, 6, 9)], stride,
                         batch.shape[3] // stride, self._thresholds[0])
                for level, stride in enumerate(_STRIDES)
            ]
        )  # fmt: skip
        if not len(rows):
            return rows
        kept = cv2.dnn.NMSBoxes(rows[:, :4].tolist(), rows[:, 14].tolist(), *self._thresholds)
        return rows[np.asarray(kept, np.int64).ravel()]

    def _batch(self, image: Image) -> Floats:
        """Returns the network's input: (1, 3, height, width) float32, padded to whole strides.

        One array serves all pictures of a size: to take a new one each time costs more than
        filling it.
        """
        height, width = image.shape[:2]
        step = _STRIDES[-1]
        shape = (1, 3, -(-height // step) * step, -(-width // step) * step)
        if self._filled.shape != shape:
            self._filled = np.zeros(shape, np.float32)
        # YuNet was trained on BGR.
        for plane, channel in zip(self._filled[0], reversed(cv2.split(image)), strict=True):
            plane[:height, :width] = channel
            plane[height:] = 0
            plane[:, width:] = 0
        return self._filled

    def _face(self, row: Rows, ratio: Any, width: int, height: int) -> Face | None:
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


def _at_most(image: Image, side: int) -> Image:
    """Returns a picture shrunk so that its longer side is no longer than that."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _shrunk(image: Image, side: int, search: Callable[[Image], list[Face]]) -> list[Face]:
    """Returns the faces of a picture that is searched at most that large."""
    small = _at_most(image, side)
    ratio = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
    return [_enlarged(face, ratio) for face in search(small)]


def _enlarged(face: Face, ratio: Any) -> Face:
    """Returns a face of a shrunk picture in the whole one."""
    x, y = ratio
    box = face.bbox
    points = face.landmarks
    if points is not None:  # centres of pixels, which scale about their own middle
        points = ((points + 0.5) * ratio - 0.5).astype(np.float32)
    return replace(
        face, bbox=BBox(box.x1 * x, box.y1 * y, box.x2 * x, box.y2 * y), landmarks=points
    )


def _session(data: bytes) -> Any:
    """Returns the network, ready for pictures of any size.

    The published file declares its input as 640x640, though no layer depends on it; the two
    dimensions get names instead. The file is the one of the checksum, so there are just these two.
    """
    if data.count(_FIXED) == len(_FREE):
        for free in _FREE:
            data = data.replace(_FIXED, free, 1)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = 1  # pictures are spread over the cores, not layers
    options.enable_mem_pattern = False  # sizes differ from picture to picture
    return onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])


def _decoded(parts: list[Any], stride: int, across: int, threshold: float) -> Rows:
    """Returns the rows of one level: each cell of its grid may hold a face (Wu et al. 2023).

    Args:
        parts: (cells, 1) class scores, (cells, 1) objectness, (cells, 4) boxes and (cells, 10)
            landmarks, in strides and relative to the cell.
        stride: the pixels from cell to cell.
        across: how many cells stand side by side.
        threshold: the least score.
    """
    # The score is the root of the product of the two, each a probability.
    chances = parts[0][:, 0] * parts[1][:, 0]
    cells = np.flatnonzero(chances >= threshold**2)
    scores, boxes, points = (
        np.asarray(part[cells], np.float64) for part in (chances, parts[2], parts[3])
    )
    corner = np.stack([cells % across, cells // across], axis=1)
    centre = (corner + boxes[:, :2]) * stride
    size = np.exp(boxes[:, 2:]) * stride
    placed = (points.reshape(-1, 5, 2) + corner[:, None]) * stride
    return np.hstack(
        [centre - size / 2, size, placed.reshape(len(cells), 10), np.sqrt(scores)[:, None]]
    )
