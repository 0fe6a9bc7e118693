"""Looking at pictures: each is decoded once, none is fatal, and processes change nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import polars as pl
import pytest

from mien.core import catalogue, likeness
from mien.core import looks as module
from mien.core.looks import LOOK_COLUMNS, looks
from mien.core.origins import Source
from mien.core.types import Sample, SourceInfo

INFO = SourceInfo("internet", "Web", "none", "no", "example.org", "Me 2020")


def _picture(seed: int, side: int = 24) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 200, (6, 6), dtype=np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def rows(tmp_path: Path) -> pl.DataFrame:
    pictures = {
        "a.png": _picture(1),
        "wide.png": np.hstack([_picture(2), _picture(3)]),
        "flat.png": np.full((30, 20), 200, np.uint8),
        "again.bmp": _picture(1),
    }
    for name, pixels in pictures.items():
        PIL.Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "page.png").write_bytes(b"<html>")
    names = ["a.png", "wide.png", "flat.png", "page.png", "gone.png", "again.bmp"]
    return catalogue.from_samples(Sample(f"{n}-id", n, "web", "none") for n in names)


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Source]:
    return {"web": Source("web", "internet", tmp_path, {}, INFO)}


def test_what_is_seen_of_each_picture(rows: pl.DataFrame, sources: dict[str, Source]) -> None:
    seen = looks(rows, sources, 1, "look")
    assert len(seen) == 6
    assert seen.faults == [None, None, "constant", "unreadable", "unreadable", None]
    assert seen.sizes.tolist() == [[24, 24], [48, 24], [20, 30], [0, 0], [0, 0], [24, 24]]
    assert seen.mean[[0, 2]] == pytest.approx([_picture(1).mean(), 200])
    assert seen.deviation[[0, 2]] == pytest.approx([_picture(1).std(), 0], abs=1e-3)
    assert np.isnan(seen.mean[3:5]).all()
    assert seen.rows.tolist() == [0, 1, 5]
    expected = likeness.fingerprint(_picture(1))
    assert np.array_equal(seen.fingerprints[[0, 2]], [expected, expected])
    assert seen.digests[0] == seen.digests[5]  # the same pixels in another kind of file
    assert len({*seen.digests}) == 4
    assert "gone.png" in str(seen.messages[4])


def test_the_table_has_nulls_where_nothing_was_seen(
    rows: pl.DataFrame, sources: dict[str, Source]
) -> None:
    table = looks(rows, sources, 1, "look").table(rows)
    assert dict(table.schema) == catalogue.schema(LOOK_COLUMNS)
    assert table.select(catalogue.KEY).equals(rows.select(catalogue.KEY))
    assert table["width"].to_list() == [24, 48, 20, None, None, 24]
    assert table["mean"].null_count() == table["deviation"].null_count() == 2
    assert table["hash"].null_count() == 3
    assert table["hash"][0] == table["hash"][5]
    assert len(table["hash"][0]) == 16
    assert table["detail"].is_not_null().to_list() == [False] * 3 + [True] * 2 + [False]


def test_shards_and_processes_change_nothing(
    rows: pl.DataFrame, sources: dict[str, Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = looks(rows, sources, 1, "look")
    monkeypatch.setattr(module, "SHARD", 2)
    two = looks(rows, sources, 2, "look")
    assert two.table(rows).equals(one.table(rows))
    assert np.array_equal(two.rows, one.rows)
    assert np.array_equal(two.fingerprints, one.fingerprints)


def test_nothing_to_look_at(rows: pl.DataFrame, sources: dict[str, Source]) -> None:
    seen = looks(rows.clear(), sources, None, "look")
    assert len(seen) == 0
    assert seen.fingerprints.shape == (0, 576)
    assert seen.table(rows.clear()).schema == catalogue.schema(LOOK_COLUMNS)
