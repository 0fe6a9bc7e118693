"""NHFI: every folder is its class; contempt stays what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.core.errors import DataError, LabelError
from mien.core.types import Rejection, Sample
from mien.datasets.nhfi import Nhfi
from trees import draw, nhfi


def test_every_folder_is_its_class(tmp_path: Path) -> None:
    expected = nhfi.build(tmp_path)
    found = list(Nhfi().scan(tmp_path))
    kept = [item for item in found if isinstance(item, Sample)]
    assert (len(kept), len(found) - len(kept)) == expected
    assert {item.path.split("/")[1]: item.label for item in kept} == nhfi.FOLDERS
    assert {(item.subject, item.split) for item in kept} == {(None, None)}
    assert {item.path: item.reason for item in found if isinstance(item, Rejection)} == {
        "images/sample.png": "no_class_folder",
        "images/fear/9.png": "empty",
    }


def test_the_folders_may_be_the_root(tmp_path: Path) -> None:
    expected = nhfi.build(tmp_path)
    found = list(Nhfi().scan(tmp_path / "images"))
    assert sum(isinstance(item, Sample) for item in found) == expected[0]
    assert {item.label for item in found if isinstance(item, Sample)} == set(nhfi.FOLDERS.values())


def test_foreign_folders_and_bare_numbers_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "holiday" / "a.jpg", 1)
    with pytest.raises(DataError, match="0 of 1 entries match .*Expected one folder a class"):
        list(Nhfi().scan(tmp_path))
    draw(tmp_path / "train" / "3" / "a.jpg", 2)
    with pytest.raises(LabelError, match="Name the label set"):
        list(Nhfi().scan(tmp_path))
