"""Points of lids by a predictor of 68 points that was trained on drawn faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import ModelError
from mien.core.spec import FIVE_POINTS
from mien.core.types import BBox, Face
from mien.faces.ert import FACE_IN_VIEW, VIEW
from mien.faces.ert_training import grow
from mien.faces.eyelids import Eyelids
from tests.unit.faces.test_shape_predictor import SHAPES, SMALL, drawn


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("lids")
    random = np.random.default_rng(1)
    for name in ("dlib-68", "mien-5"):
        taught = [
            drawn(SHAPES[name], *random.uniform(-8, 8, 2), random.uniform(0.9, 1.1))
            for _ in range(30)
        ]
        grow(taught, SMALL, 0, folder / name)
    return {name: folder / name for name in ("dlib-68", "mien-5")}


def test_the_lids_lie_where_they_were_drawn(files: dict[str, Path]) -> None:
    image, points = drawn(SHAPES["dlib-68"], 4, -3)
    five = (np.array(FIVE_POINTS) - 0.5) * FACE_IN_VIEW + [VIEW / 2 + 4, VIEW / 2 - 3]
    face = Face(BBox(0, 0, 10, 10), 1.0, "drawn", five.astype(np.float32))
    found = Eyelids(files["dlib-68"]).place(image, face)
    assert found.shape == (2, 6, 2)
    assert found.dtype == np.float32
    left, right = points[36:42], points[[45, 44, 43, 42, 47, 46]]
    assert np.abs(found - np.stack([left, right])).mean() < 0.05 * FACE_IN_VIEW
    # the outer corner first, and upper lids above lower ones
    assert found[0, 0, 0] < found[0, 3, 0] < found[1, 3, 0] < found[1, 0, 0]
    assert (found[:, 1:3, 1] < found[:, [5, 4], 1]).all()


def test_a_face_without_landmarks_has_no_lids(files: dict[str, Path]) -> None:
    image, _ = drawn(SHAPES["dlib-68"])
    found = Eyelids(files["dlib-68"]).place(image, Face(BBox(0, 0, 9, 9), 1.0, "drawn"))
    assert np.isnan(found).all()


def test_a_file_without_lids_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no points of eyelids"):
        Eyelids(files["mien-5"])
    with pytest.raises(ModelError, match="missing"):
        Eyelids(tmp_path / "missing.dat")
