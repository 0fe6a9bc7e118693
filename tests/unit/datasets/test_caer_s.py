"""CAER-S: both parts, in any case, with names that repeat in every folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.core.errors import DataError, LabelError
from mien.core.types import Rejection, Sample
from mien.datasets.caer_s import CaerS
from trees import caer_s, draw


def test_every_folder_is_its_class_and_part(tmp_path: Path) -> None:
    expected = caer_s.build(tmp_path)
    found = list(CaerS().scan(tmp_path))
    kept = {item.path: item for item in found if isinstance(item, Sample)}
    assert (len(kept), len(found) - len(kept)) == expected
    for folder, label in caer_s.FOLDERS.items():
        for part, split in (("train", "train"), ("Test", "test")):
            item = kept[f"CAER-S/{part}/{folder}/0001.png"]
            assert (item.label, item.split, item.subject) == (label, split, None)
    assert kept["CAER-S/train/Angry/7001.png"].label == "anger"
    assert {item.path: item.reason for item in found if isinstance(item, Rejection)} == {
        "CAER-S/teaser.png": "no_class_folder",
        "CAER-S/Test/Sad/0002.png": "empty",
    }


def test_one_part_alone_is_read(tmp_path: Path) -> None:
    caer_s.build(tmp_path)
    found = list(CaerS().scan(tmp_path / "CAER-S" / "train"))
    assert [item.label for item in found if isinstance(item, Sample)] == [
        "anger", "anger", "disgust", "fear", "happy", "neutral", "sadness", "surprise",
    ]  # fmt: skip


def test_foreign_folders_and_bare_numbers_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "holiday" / "a.jpg", 1)
    with pytest.raises(DataError, match="0 of 1 entries match .*Expected train/Anger/0001.png"):
        list(CaerS().scan(tmp_path))
    draw(tmp_path / "train" / "3" / "a.jpg", 2)
    with pytest.raises(LabelError, match="Name the label set"):
        list(CaerS().scan(tmp_path))
