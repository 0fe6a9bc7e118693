from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import polars as pl
import pytest

from mien.chains.steps import PICTURE, show_steps
from mien.core import catalogue
from mien.core.artifact import digest
from mien.core.chips import face_of
from mien.core.errors import DataError, StageError
from mien.stages.crop import CropConfig, crop
from mien.stages.merge import MergeConfig, merge


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    for number in range(3):
        path = tmp_path / "pictures" / "happy" / f"p{number}_1.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (60, 60, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(path)
    source = {"reader": "internet", "root": tmp_path / "pictures"}
    merged = merge(MergeConfig.model_validate({"sources": [source]}), tmp_path / "merge")
    settings = CropConfig(detectors={"default": ("full-frame",)}, jobs=1)
    return crop(settings, merged, tmp_path / "crop")


def test_some_faces_are_drawn_and_the_folder_stays_the_same(faces: Path, tmp_path: Path) -> None:
    before = digest(faces)
    path = show_steps(faces, 2)
    assert path == faces / PICTURE
    assert digest(faces) == before
    with (
        PIL.Image.open(path) as two,
        PIL.Image.open(show_steps(faces, 9, tmp_path / "s.png")) as all_,
    ):
        assert all_.height > two.height


def test_a_row_is_a_face_again(faces: Path) -> None:
    row = next(iter(catalogue.read_faces(faces))).row(0, named=True)
    face = face_of(row)
    assert face.detector == "full-frame"
    assert face.assumed
    assert face.quality is not None
    assert face.quality.size == pytest.approx(48, rel=1e-3)
    assert face.landmarks is not None
    assert face.landmarks.shape == (5, 2)


def test_what_cannot_be_shown_is_said(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="not a finished stage folder"):
        show_steps(tmp_path, 2)
    for path in (tmp_path / "pictures").rglob("*.png"):
        path.unlink()
    with pytest.raises(DataError, match="no face can be shown"):
        show_steps(faces, 2)
    empty = pl.DataFrame(schema=catalogue.schema(catalogue.FACE_COLUMNS))
    catalogue.write(empty, faces / catalogue.FACES.format(0))
    with pytest.raises(DataError, match="It holds none"):
        show_steps(faces, 2)
