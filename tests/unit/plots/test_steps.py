from pathlib import Path

import numpy as np
import PIL.Image

from mien.core.spec import FIVE_POINTS
from mien.core.types import BBox, Face
from mien.plots.steps import COLUMNS, Steps, marked, steps


def face() -> Face:
    points = (np.array(FIVE_POINTS, np.float32) * 40 + [10, 10]).astype(np.float32)
    return Face(BBox(10, 10, 50, 50), 1.0, "drawn", points)


def test_a_row_a_face_and_a_column_a_step(tmp_path: Path) -> None:
    grey = np.full((60, 80, 3), 120, np.uint8)
    row = Steps(grey, face(), grey, grey[:30, :30], ("a.jpg", "yaw 3"))
    one = steps([row], tmp_path / "one.png")
    three = steps([row] * 3, tmp_path / "three.png")
    with PIL.Image.open(one) as a, PIL.Image.open(three) as b:
        assert a.width == b.width > len(COLUMNS) * 200
        assert b.height > 2.5 * a.height
        shades = np.asarray(a)
        assert (shades == 120).all(axis=2).sum() > 40_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "three.png"]


def test_box_and_landmarks_are_drawn_where_they_are() -> None:
    grey = np.full((60, 80, 3), 120, np.uint8)
    found = marked(grey, face())
    scale = found.shape[1] / 80
    assert scale > 2
    x, y = (np.array(FIVE_POINTS[2]) * 40 + 10.5) * scale
    assert tuple(found[round(y), round(x)]) == (255, 60, 120)
    assert tuple(found[round(30 * scale), round(10 * scale)]) == (0, 200, 255)
    assert (grey == 120).all()
    assert marked(grey, Face(BBox(1, 1, 9, 9), 1.0, "drawn")).shape == found.shape
