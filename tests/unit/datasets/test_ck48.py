"""CK+48 and ckextended.csv: two forms, two orders of classes, never both at once."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from mien.core import images
from mien.core.errors import ConfigError, DataError
from mien.core.tree import picture
from mien.core.types import Rejection, Sample
from mien.datasets.ck48 import Ck48
from trees import ck48, draw

ORDER = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral", "contempt")


def _split(reader: Ck48, root: Path) -> tuple[list[Sample], dict[str, str]]:
    found = list(reader.scan(root))
    samples = [item for item in found if isinstance(item, Sample)]
    reasons = {item.path: item.reason for item in found if isinstance(item, Rejection)}
    assert len(samples) + len(reasons) == len(found)
    return samples, reasons


def test_folders(tmp_path: Path) -> None:
    expected = ck48.build(tmp_path)
    samples, reasons = _split(Ck48(), tmp_path)
    assert (len(samples), len(reasons)) == expected
    assert Counter(s.label for s in samples) == dict.fromkeys(ck48.CLASSES, 3)
    assert reasons == {
        "CK+48/fear/cover.png": "unmatched",
        "CK+48/S010_001_00000014.png": "no_class_folder",
    }
    one = next(s for s in samples if s.path == "CK+48/disgust/S021_003_00000019.png")
    assert (one.subject, one.sequence, one.frame) == ("S021", "S021/003", 19)
    assert (one.label, one.split, one.dataset) == ("disgust", None, "ck48")


def test_a_frame_in_two_classes_is_in_none(tmp_path: Path) -> None:
    ck48.build(tmp_path)
    draw(tmp_path / "CK+48" / "happy" / "S021_003_00000019.png", 77)
    samples, reasons = _split(Ck48(), tmp_path)
    assert len(samples) == 20
    assert {path for path, why in reasons.items() if why == "conflicting_labels"} == {
        "CK+48/happy/S021_003_00000019.png",
        "CK+48/disgust/S021_003_00000019.png",
    }


def test_folders_twice_are_an_error(tmp_path: Path) -> None:
    ck48.build(tmp_path)
    shutil.copytree(tmp_path / "CK+48" / "fear", tmp_path / "fear")
    with pytest.raises(DataError, match="keep one copy"):
        list(Ck48().scan(tmp_path))


def test_folders_that_are_numbers_are_no_class(tmp_path: Path) -> None:
    ck48.build(tmp_path)
    draw(tmp_path / "CK+48" / "5" / "S999_001_00000003.png", 78)
    _, reasons = _split(Ck48(), tmp_path)
    assert reasons["CK+48/5/S999_001_00000003.png"] == "no_class_folder"


def test_the_table_has_an_order_of_its_own(tmp_path: Path) -> None:
    expected = ck48.table(tmp_path)
    samples, reasons = _split(Ck48(), tmp_path)
    assert (len(samples), len(reasons)) == expected
    assert tuple(s.label for s in samples) == ORDER
    assert [s.split for s in samples[:4]] == ["train", "valid", "test", "train"]
    assert [s.path for s in samples[:2]] == ["ckextended.csv!/0", "ckextended.csv!/1"]
    assert {(s.subject, s.sequence) for s in samples} == {(None, None)}
    assert reasons == {"ckextended.csv!/8": "unknown_label", "ckextended.csv!/9": "bad_pixels"}
    decoded = images.decode(picture(tmp_path, samples[6].path))
    assert decoded.shape == (4, 4, 3)
    assert decoded[:, :, 0].ravel().tolist() == [6, *range(1, 16)]
    assert len({s.id for s in samples}) == 8


def test_the_table_may_stay_packed(tmp_path: Path) -> None:
    ck48.table(tmp_path / "plain")
    shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path / "plain")
    samples, reasons = _split(Ck48(), tmp_path / "archive.zip")
    assert [s.path for s in samples[:1]] == ["archive.zip!/ckextended.csv!/0"]
    assert (len(samples), len(reasons)) == (8, 2)


def test_both_forms_at_once_need_a_choice(tmp_path: Path) -> None:
    ck48.build(tmp_path)
    ck48.table(tmp_path)
    with pytest.raises(DataError, match=r"holds both pictures and ckextended\.csv.*Choose one"):
        list(Ck48().scan(tmp_path))
    assert len(_split(Ck48(form="folders"), tmp_path)[0]) == 21
    assert len(_split(Ck48(form="table"), tmp_path)[0]) == 8


def test_the_form_that_is_chosen_has_to_be_there(tmp_path: Path) -> None:
    ck48.build(tmp_path / "folders")
    ck48.table(tmp_path / "table")
    with pytest.raises(DataError, match=r"holds no ckextended\.csv"):
        list(Ck48(form="table").scan(tmp_path / "folders"))
    with pytest.raises(DataError, match="holds no picture"):
        list(Ck48(form="folders").scan(tmp_path / "table"))
    with pytest.raises(ConfigError, match="any, folders or table"):
        Ck48(form="csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("emotion,pixels\n3,1 2 3 4\n", "no column 'Usage'"),
        ("pixels\n1 2 3 4\n", "no column 'emotion', 'Usage'"),
        ("emotion,Usage\n3,Training\n", "no column 'pixels'"),
        ("emotion,pixels,Usage\n", "0 of 0 entries"),
        ("emotion,pixels,Usage\nhappy,1 2 3 4,Training\n", r"0 of 1 entries match \(not: row 0\)"),
    ],
)
def test_other_tables_are_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "ckextended.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        list(Ck48().scan(tmp_path))


def test_ckplus_itself_is_not_this(tmp_path: Path) -> None:
    for frame in range(1, 5):
        draw(tmp_path / "cohn-kanade-images/S005/001" / f"S005_001_{frame:08}.png", frame)
    with pytest.raises(DataError, match="0 of 4 entries match"):
        list(Ck48().scan(tmp_path))
