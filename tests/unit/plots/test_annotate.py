from __future__ import annotations

import numpy as np

from mien.core.types import BBox, Face, Prediction
from mien.plots.annotate import annotate

SHARES = np.array([0.1, 0.02, 0.01, 0.02, 0.8, 0.03, 0.02], np.float32)


def test_boxes_points_and_bars_are_drawn() -> None:
    image = np.full((400, 500, 3), 128, np.uint8)
    points = np.array([[150, 150], [250, 150], [200, 200], [160, 250], [240, 250]], np.float32)
    face = Face(BBox(100, 100, 300, 300), 1.0, "yunet", points)
    marked = annotate(image, [Prediction("a", 0, "m", face, SHARES, "happy", 0.8)])
    assert marked.shape[1] == 500
    assert marked.shape[0] > 400
    assert (marked[200, 99:104] != 128).any()  # the box's left side
    assert tuple(marked[150, 150]) != (128, 128, 128)  # the first eye
    panel = marked[400:]
    assert len(np.unique(panel.reshape(-1, 3), axis=0)) > 10
    assert (image == 128).all()  # the picture handed in stays as it was


def test_the_bar_grows_with_the_share() -> None:
    image = np.full((100, 800, 3), 128, np.uint8)
    face = Face(BBox(10, 10, 50, 50), 1.0, "yunet")

    def filled(share: float) -> int:
        shares = np.full(7, (1 - share) / 6, np.float32)
        shares[4] = share
        marked = annotate(image, [Prediction("a", 0, "m", face, shares, "happy", share)])
        return int((marked[100:] == (0, 200, 255)).all(axis=2).sum(axis=1).max())

    assert filled(0.9) > 1.5 * filled(0.4)


def test_small_pictures_are_scaled_up_and_no_face_is_told() -> None:
    image = np.full((24, 24, 3), 50, np.uint8)
    marked = annotate(image, [Prediction("a", 0, "m", abstained=True, reason="no_face")])
    assert marked.shape[1] == 360
    assert (marked[360:] == (255, 170, 0)).all(axis=2).any()
