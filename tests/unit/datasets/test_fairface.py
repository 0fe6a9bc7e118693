"""FairFace: groups of people without an expression, and ages that became dates."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import DataError
from mien.core.types import Rejection, Sample
from mien.datasets.fairface import FairFace, age_group
from trees import draw, fairface


def test_every_group_and_no_label(tmp_path: Path) -> None:
    kept, rejections = fairface.build(tmp_path)
    found = list(FairFace().scan(tmp_path))
    samples = [item for item in found if isinstance(item, Sample)]
    assert (len(samples), len(found) - len(samples)) == (kept, rejections)
    assert FairFace.info.audit_only
    assert {s.label for s in samples} == {None}
    train = [s for s in samples if s.split == "train"]
    assert [s.age for s in train] == list(fairface.AGES)
    assert [s.gender for s in train[:2]] == ["female", "male"]
    assert {s.ethnicity for s in train} == set(fairface.RACES)
    assert train[0].path == "fairface-img-margin025-trainval/train/1.jpg"


def test_ages_that_became_dates_are_read_back(tmp_path: Path) -> None:
    fairface.build(tmp_path)
    found = [s for s in FairFace().scan(tmp_path) if isinstance(s, Sample) and s.split == "valid"]
    assert [s.age for s in found] == ["3-9", "3-9", "10-19"]


def test_every_other_row_and_picture_has_its_reason(tmp_path: Path) -> None:
    fairface.build(tmp_path)
    found = [item for item in FairFace().scan(tmp_path) if isinstance(item, Rejection)]
    assert [(item.path.rpartition("/")[2], item.reason) for item in found] == [
        ("3.jpg", "repeated_row"),
        ("4.jpg", "conflicting_labels"),
        ("4.jpg", "conflicting_labels"),
        ("5.jpg", "unknown_label"),
        ("6.jpg", "no_file"),
        ("7.jpg", "not_listed"),
    ]
    assert "'1-Jan'" in found[3].detail


def test_one_table_is_enough_and_one_set_of_pictures(tmp_path: Path) -> None:
    draw(tmp_path / "fairface-img-margin025-trainval" / "train" / "1.jpg", 1)
    with pytest.raises(DataError, match=r"holds no fairface_label_train\.csv"):
        list(FairFace().scan(tmp_path))
    table = tmp_path / "fairface_label_train.csv"
    table.write_text(f"{fairface.HEADER}\ntrain/1.jpg,more than 70,Female,Black,False\n")
    (item,) = FairFace().scan(tmp_path)
    assert (item.age, item.gender, item.ethnicity) == ("more than 70", "female", "Black")
    draw(tmp_path / "fairface-img-margin125-trainval" / "train" / "1.jpg", 2)
    with pytest.raises(DataError, match="keep one copy"):
        list(FairFace().scan(tmp_path))


def test_a_table_of_other_pictures_is_refused(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "1.jpg", 1)
    rows = [f"train/{n}.jpg,20-29,Female,Black,False" for n in (1, 2, 3)]
    (tmp_path / "fairface_label_val.csv").write_text("\n".join([fairface.HEADER, *rows]))
    with pytest.raises(DataError, match=r"1 of 3 entries.*Expected fairface_label_train\.csv"):
        list(FairFace().scan(tmp_path))


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("03-09", "3-9"), ("9-Mar", "3-9"), ("09-Mar", "3-9"), ("3-Sep", "3-9"), ("Mar-09", "3-9"),
        ("2021-03-09", "3-9"), ("2021-09-03 00:00:00", "3-9"), ("3/9/2021", "3-9"),
        ("Oct-19", "10-19"), ("19-Oct", "10-19"), ("2021-10-19", "10-19"), ("10/19", "10-19"),
        ("2019-10-01", "10-19"), ("Oct-2019", "10-19"), (" MORE THAN 70 ", "more than 70"),
        ("1-Jan", None), ("", None), ("old", None), ("19", None),
    ],
)  # fmt: skip
def test_dates_become_groups(text: str, group: str | None) -> None:
    assert age_group(text) == group


@given(st.sampled_from(fairface.AGES))
def test_a_group_is_itself(group: str) -> None:
    assert age_group(group) == group


@given(st.text(max_size=20))
def test_any_text_is_a_group_or_none(text: str) -> None:
    assert age_group(text) in (None, *fairface.AGES)
