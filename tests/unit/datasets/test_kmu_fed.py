"""KMU-FED: twelve drivers, not thirteen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mien.core.errors import DataError
from mien.core.types import Rejection, Sample
from mien.datasets.kmu_fed import KmuFed
from trees import draw, kmu_fed


def test_every_driver_and_class(tmp_path: Path) -> None:
    kept, rejections = kmu_fed.build(tmp_path)
    found = list(KmuFed().scan(tmp_path))
    samples = [item for item in found if isinstance(item, Sample)]
    assert (len(samples), len(found) - len(samples)) == (kept, rejections)
    assert Counter(s.label for s in samples) == {
        "anger": 18, "disgust": 12, "fear": 12, "happy": 12, "sadness": 12, "surprise": 12,
    }  # fmt: skip
    assert {s.subject for s in samples} == {f"{driver:02}" for driver in range(1, 13)}
    assert {s.light for s in samples} == {None}


def test_the_false_thirteenth_driver_is_told_by_its_content(tmp_path: Path) -> None:
    kmu_fed.build(tmp_path)
    rejected = [item for item in KmuFed().scan(tmp_path) if isinstance(item, Rejection)]
    assert {(item.path, item.reason) for item in rejected} == {
        ("01_NE_mr_001.jpg", "unmatched"),
        *((f"1_AN_mr_{frame:03}.jpg", "known_copy") for frame in range(1, 7)),
    }
    copy = next(item for item in rejected if item.path == "1_AN_mr_004.jpg")
    assert copy.detail == "it is a copy of 01_AN_mr_004.jpg"
    assert copy.id is not None


def test_a_short_name_with_a_content_of_its_own_is_the_same_driver(tmp_path: Path) -> None:
    draw(tmp_path / "1_ha_AB_007.JPEG", 1)
    draw(tmp_path / "01_HA_ab_008.jpg", 2)
    found = list(KmuFed().scan(tmp_path))
    assert [(s.subject, s.sequence, s.frame, s.label) for s in found] == [
        ("01", "01_HA_ab", 8, "happy"),
        ("01", "01_HA_ab", 7, "happy"),
    ]


def test_an_empty_picture_and_other_pictures(tmp_path: Path) -> None:
    (tmp_path / "1_HA_ab_001.jpg").touch()
    assert [item.reason for item in KmuFed().scan(tmp_path)] == ["empty"]
    draw(tmp_path / "a.jpg", 1)
    draw(tmp_path / "b.jpg", 2)
    with pytest.raises(DataError, match=r"1 of 3 entries.*Expected 01_AN_mr_005\.jpg"):
        list(KmuFed().scan(tmp_path))
