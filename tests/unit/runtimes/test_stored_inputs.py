"""Stored faces as inputs: which rows come, in which order, and what is said of damaged ones."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien.core import catalogue as tables
from mien.core.catalogue import KEY
from mien.core.errors import DataError
from mien.core.spec import Preprocess
from mien.runtimes.stored_inputs import stored_inputs

pl = pytest.importorskip("polars")


def png(level: int, side: int = 256) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("L", (side, side), level).save(file, "png")
    return file.getvalue()


def make_faces(folder: Path, chips: dict[str, bytes], shard: int = 3) -> Path:
    columns = {n: tables.FACE_COLUMNS[n] for n in ("id", "path", "dataset", "label", "chip")}
    rows = [
        (key, f"{key}.png", "home", "happy", {"bytes": chip, "path": f"{key}.png"})
        for key, chip in chips.items()
    ]
    for i in range(0, len(rows), shard):
        frame = pl.DataFrame(rows[i : i + shard], tables.schema(columns), orient="row")
        tables.write(frame, folder / tables.FACES.format(i // shard))
    return folder


def wanted(*keys: str) -> object:
    return pl.DataFrame(
        [(key, "home", f"{key}.png", 10 * n) for n, key in enumerate(keys)],
        [*KEY, "mark"],
        orient="row",
    )


def test_wanted_faces_come_in_batches(tmp_path: Path) -> None:
    faces = make_faces(tmp_path, {key: png(20 * n) for n, key in enumerate("abcdefg")})
    found = list(
        stored_inputs(faces, Preprocess(), wanted("f", "a", "b", "c", "x"), batch_size=2, jobs=1)
    )
    assert [rows["id"].to_list() for rows, _ in found] == [["a", "b"], ["c"], ["f"]]
    assert found[2][0].columns == [*KEY, "mark"]
    assert found[2][0]["mark"].to_list() == [0]
    assert found[0][1].shape == (2, 1, 48, 48)
    np.testing.assert_allclose(found[0][1][1], (20 - 127.5) / 64)
    (more,) = stored_inputs(faces, Preprocess(), wanted("g"), columns=["label"])
    assert more[0]["label"].to_list() == ["happy"]


@pytest.mark.parametrize(
    ("chip", "words"), [(b"not a picture", "damaged"), (png(9, 64), "64 x 64 pixels")]
)
def test_a_bad_chip_is_named(tmp_path: Path, chip: bytes, words: str) -> None:
    faces = make_faces(tmp_path, {"a": chip})
    with pytest.raises(DataError, match=rf"a\.png .*{words}"):
        list(stored_inputs(faces, Preprocess(), wanted("a")))
