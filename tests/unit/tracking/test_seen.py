"""Rows of what was seen give back the same predictions; nothing is lost on the way."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.types import BBox, Face, Prediction, Quality
from mien.core.video_facts import VideoFrame
from mien.predictor import Picture
from mien.tracking.seen import COLUMNS, Looked, frames_of, looked, looked_live, rows_of, table

pytest.importorskip("polars")

SHARES = np.array([0.1, 0.1, 0.1, 0.1, 0.4, 0.1, 0.1], np.float32)
QUALITY = Quality(40.0, 0.5, 0.5, 0.5, 0.1, 0.0)


def _prediction(index: int = 0, quality: Quality | None = QUALITY) -> Prediction:
    face = Face(BBox(1, 2, 33, 44), 0.9, "drawn", None, 10.0, -5.0, 1.0, quality)
    return Prediction("frame 3", index, "m", face, SHARES, "happy", 0.4, True, "low_confidence")


def _found(number: int, *predictions: Prediction) -> Looked:
    image = np.zeros((4, 4, 3), np.uint8)
    return Looked(number, number / 10, Picture("x", image, list(predictions)))


def test_a_prediction_comes_back_as_it_was() -> None:
    gone = Prediction("x", 0, "m", abstained=True, reason="no_face")
    found = [_found(0, _prediction(0), _prediction(1, None)), _found(1, gone)]
    rows = table([row for one in found for row in rows_of(one)])
    assert rows.columns == list(COLUMNS)
    (first, pair), (second, nobody) = frames_of(rows, "m")
    assert (first, second) == (0.0, 0.1)
    assert [one.index for one in pair] == [0, 1]
    face = pair[0].face
    assert face is not None
    assert face.bbox.as_tuple() == (1, 2, 33, 44)
    assert (face.yaw, face.pitch, face.roll) == (10, -5, 1)
    assert face.quality == QUALITY
    assert pair[1].face is not None
    assert pair[1].face.quality is None
    assert pair[0].probabilities == pytest.approx(SHARES)
    assert (pair[0].expression, pair[0].reason) == ("happy", "low_confidence")
    assert (nobody[0].face, nobody[0].reason) == (None, "no_face")


def test_lids_are_measured_where_there_is_a_face() -> None:
    class Lids:
        def place(self, image: np.ndarray, face: Face) -> np.ndarray:
            eye = np.array([(0, 0), (1, 1), (3, 1), (4, 0), (3, -1), (1, -1)], float)
            return np.stack([eye, eye]) if face.score > 0.5 else np.full((2, 6, 2), np.nan)

    gone = Prediction("x", 0, "m", abstained=True, reason="no_face")
    rows = rows_of(_found(0, _prediction(), gone), Lids())  # type: ignore[arg-type]
    assert [row.get("opening") for row in rows] == [0.5, None]


class _Eyes:
    """Finds one face in every picture, and counts how many wait."""

    def pictures(self, images):
        for number, image in enumerate(images):
            yield Picture(f"image {number}", image, [_prediction()])

    def look(self, item):
        return item

    def classify(self, seen):
        for name, image in seen:
            yield Picture(name, image, [_prediction()])


def test_frames_keep_their_numbers_and_times() -> None:
    frames = [VideoFrame(n, n / 5, np.full((2, 2, 3), n, np.uint8)) for n in (0, 3, 4)]
    for way in (looked, looked_live):
        found = list(way(iter(frames), _Eyes()))  # type: ignore[operator]
        assert [(one.number, one.time) for one in found] == [(0, 0), (3, 0.6), (4, 0.8)]
        assert [one.picture.image[0, 0, 0] for one in found] == [0, 3, 4]
