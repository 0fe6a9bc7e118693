"""UTKFace: people without an expression; names that lack a field."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import DataError
from mien.core.types import Rejection, Sample
from mien.datasets.utkface import _NAME, UtkFace
from trees import draw, utkface


def test_age_gender_and_race_stand_in_the_name(tmp_path: Path) -> None:
    kept, rejections = utkface.build(tmp_path)
    found = list(UtkFace().scan(tmp_path))
    samples = {s.path.rpartition("/")[2]: s for s in found if isinstance(s, Sample)}
    assert (len(samples), len(found) - len(samples)) == (kept, rejections)
    assert UtkFace.info.audit_only
    assert {s.label for s in samples.values()} == {None}
    first = samples["1_0_0_20170116184024660.jpg.chip.jpg"]
    assert (first.age, first.gender, first.ethnicity) == ("1", "male", "White")
    last = samples["91_1_4_20170116184024669.jpg.chip.jpg"]
    assert (last.age, last.gender, last.ethnicity) == ("91", "female", "other")
    wild = samples["26_1_2_20170116184024662.jpg"]
    assert (wild.age, wild.gender, wild.ethnicity) == ("26", "female", "Asian")


def test_names_that_lack_a_field_are_rejected(tmp_path: Path) -> None:
    utkface.build(tmp_path)
    found = [item for item in UtkFace().scan(tmp_path) if isinstance(item, Rejection)]
    assert [(item.path, item.reason) for item in found] == [
        (f"UTKFace/{name}.jpg.chip.jpg", "unmatched") for name in utkface.BROKEN
    ]


def test_other_pictures_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "26_1_2_20170116184024662.jpg", 1)
    draw(tmp_path / "26_2_2_20170116184024662.jpg", 2)
    draw(tmp_path / "26_1_5_20170116184024662.jpg", 3)
    with pytest.raises(DataError, match=r"1 of 3 entries.*age, gender"):
        list(UtkFace().scan(tmp_path))


@given(st.integers(0, 130), st.integers(0, 1), st.integers(0, 4), st.integers(10**13, 10**17 - 1))
def test_any_name_is_read_as_it_was_written(age: int, gender: int, race: int, time: int) -> None:
    for ending in (".jpg", ".jpg.chip.jpg"):
        found = _NAME.match(f"{age}_{gender}_{race}_{time}{ending}")
        assert found is not None
        assert (found["age"], found["gender"], found["race"]) == (str(age), str(gender), str(race))
