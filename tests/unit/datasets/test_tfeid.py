"""TFEID: folders are classes; the subject only where the user says how to read it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mien.core.errors import ConfigError, DataError, LabelError
from mien.core.types import Rejection, Sample
from mien.datasets.tfeid import Tfeid
from trees import draw, tfeid


def test_every_folder_is_its_class(tmp_path: Path) -> None:
    expected = tfeid.build(tmp_path)
    found = list(Tfeid().scan(tmp_path))
    kept = [item for item in found if isinstance(item, Sample)]
    assert (len(kept), len(found) - len(kept)) == expected
    assert {item.path.split("/")[1]: item.label for item in kept} == tfeid.FOLDERS
    assert {(item.subject, item.ethnicity) for item in kept} == {(None, "Taiwanese")}
    assert Counter(item.reason for item in found if isinstance(item, Rejection)) == {
        "no_class_folder": 2, "empty": 1,
    }  # fmt: skip
    assert not Tfeid.info.verified


def test_the_subject_is_read_as_the_user_says(tmp_path: Path) -> None:
    tfeid.build(tmp_path)
    draw(tmp_path / "TFEID" / "Sad" / "unknown.jpg", 90)
    found = list(Tfeid(subject_pattern=r"/(?P<subject>[FM]\d+)_[^/]*$").scan(tmp_path))
    assert Counter(item.subject for item in found if isinstance(item, Sample)) == {
        "f01": 8, "f12": 8, "m02": 8,
    }  # fmt: skip
    odd = [item for item in found if isinstance(item, Rejection) and item.reason == "unmatched"]
    assert [(item.path, item.detail) for item in odd] == [
        ("TFEID/Sad/unknown.jpg", "subject_pattern does not fit its path")
    ]


def test_a_pattern_that_hardly_fits_is_told(tmp_path: Path) -> None:
    tfeid.build(tmp_path)
    with pytest.raises(DataError, match="0 of 25 entries match .*paths that subject_pattern fits"):
        list(Tfeid(subject_pattern=r"(?P<subject>\d{8})").scan(tmp_path))


@pytest.mark.parametrize("name", ["Image_info.xls", "image_info.XLSX"])
def test_the_set_of_ntu_is_refused(tmp_path: Path, name: str) -> None:
    tfeid.build(tmp_path)
    (tmp_path / "TFEID" / name).write_bytes(b"\0")
    with pytest.raises(DataError, match="Taiwanese set of NTU, not TFEID"):
        list(Tfeid().scan(tmp_path))


def test_numbers_and_foreign_pictures_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "faces" / "a.jpg", 1)
    with pytest.raises(DataError, match="0 of 1 entries match .*one folder a class"):
        list(Tfeid().scan(tmp_path))
    draw(tmp_path / "3" / "a.jpg", 2)
    with pytest.raises(LabelError, match="Name the label set"):
        list(Tfeid().scan(tmp_path))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("[", "no regular expression: .* in '\\['"), (r"\d+", "needs the named group subject")],
)
def test_wrong_patterns_are_told(pattern: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Tfeid(subject_pattern=pattern)
