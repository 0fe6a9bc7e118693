"""JAFFE: every picture, person and class; what is missing is told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mien.core.errors import ConfigError, DataError
from mien.core.types import Rejection, Sample
from mien.datasets.jaffe import Jaffe
from trees import draw, jaffe

CLASSES = {
    "anger": 30, "disgust": 29, "fear": 32, "happy": 31, "neutral": 30, "sadness": 31,
    "surprise": 30,
}  # fmt: skip
PEOPLE = {
    "KA": 23, "KL": 22, "KM": 22, "KR": 20, "MK": 21, "NA": 21, "NM": 20, "TM": 21, "UY": 21,
    "YM": 22,
}  # fmt: skip


def test_all_213_pictures_by_class_and_person(tmp_path: Path) -> None:
    jaffe.build(tmp_path)
    found = list(Jaffe().scan(tmp_path))
    assert len(found) == 213
    assert Counter(item.label for item in found) == CLASSES
    assert Counter(item.subject for item in found) == PEOPLE


def test_missing_pictures_are_told_and_converted_copies_read(tmp_path: Path) -> None:
    jaffe.build(tmp_path)
    folder = tmp_path / "jaffeimages" / "jaffe"
    (folder / "KM.SA5.13.tiff").unlink()
    (folder / "KA.AN1.39.tiff").unlink()
    draw(folder / "ka.an1.39.tiff.bmp", 500)
    draw(folder / "holiday.png", 501)
    found = list(Jaffe().scan(tmp_path))
    rejected = {item.path: item.reason for item in found if isinstance(item, Rejection)}
    assert rejected == {"KM.SA5.13.tiff": "no_file", "jaffeimages/jaffe/holiday.png": "unmatched"}
    assert len(found) - len(rejected) == 212


def test_the_rating_may_overrule_the_pose_but_not_neutral(tmp_path: Path) -> None:
    jaffe.build(tmp_path)
    found = {s.path: s for s in Jaffe(label_source="rating").scan(tmp_path)}
    labels = {
        path.rpartition("/")[2]: s.label for path, s in found.items() if isinstance(s, Sample)
    }
    assert labels["KA.AN1.39.tiff"] == "disgust"
    assert labels["KM.NE1.1.tiff"] == "neutral"
    assert labels["KA.AN2.40.tiff"] == "anger"  # not in this README's table


def test_ratings_need_their_table(tmp_path: Path) -> None:
    jaffe.build(tmp_path)
    (tmp_path / "jaffeimages" / "README").unlink()
    with pytest.raises(DataError, match="no table of ratings"):
        list(Jaffe(label_source="rating").scan(tmp_path))
    with pytest.raises(ConfigError, match="posed or rating"):
        Jaffe(label_source="guess")
