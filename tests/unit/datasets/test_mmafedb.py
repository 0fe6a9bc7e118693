"""MMAFEDB: three parts of seven folders, with names that repeat in each."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.core.errors import DataError, LabelError
from mien.core.types import Rejection, Sample
from mien.datasets.mmafedb import Mmafedb
from trees import draw, mmafedb


def test_every_folder_is_its_class_and_part(tmp_path: Path) -> None:
    expected = mmafedb.build(tmp_path)
    found = list(Mmafedb().scan(tmp_path))
    kept = {item.path: item for item in found if isinstance(item, Sample)}
    assert (len(kept), len(found) - len(kept)) == expected
    for folder, label in mmafedb.FOLDERS.items():
        for part in mmafedb.PARTS:
            for number in (1, 2):
                item = kept[f"MMAFEDB/{part}/{folder}/{number}.jpg"]
                assert (item.label, item.split, item.subject) == (label, part, None)
    assert {item.path: item.reason for item in found if isinstance(item, Rejection)} == {
        "MMAFEDB/cover.JPG": "no_class_folder",
        "MMAFEDB/valid/sad/3.jpg": "empty",
    }


def test_foreign_folders_and_bare_numbers_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "holiday" / "a.jpg", 1)
    with pytest.raises(DataError, match="0 of 1 entries match .*Expected train/angry"):
        list(Mmafedb().scan(tmp_path))
    draw(tmp_path / "train" / "3" / "a.jpg", 2)
    with pytest.raises(LabelError, match="Name the label set"):
        list(Mmafedb().scan(tmp_path))
