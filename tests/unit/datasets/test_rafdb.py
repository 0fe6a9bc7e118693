"""RAF-DB: lists and folders, both kinds of pictures, and codes that mean something else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import BBox, Rejection, Sample
from mien.datasets.rafdb import _ROW, RafDb
from trees import draw, rafdb

ORDER = ("surprise", "fear", "disgust", "happy", "sadness", "anger", "neutral")
MA_NET = ("neutral", "happy", "sadness", "surprise", "fear", "disgust", "anger")
LIST = Path("basic", "EmoLabel", "list_patition_label.txt")


def _scan(root: Path, **options: str) -> tuple[list[Sample], dict[str, str]]:
    found = list(RafDb(**options).scan(root))
    samples = [item for item in found if isinstance(item, Sample)]
    rejected = {item.path: item.reason for item in found if isinstance(item, Rejection)}
    return samples, rejected


def test_the_list_names_class_and_part_of_each_picture(tmp_path: Path) -> None:
    kept, rejections = rafdb.build(tmp_path)
    found = list(RafDb().scan(tmp_path))
    samples = [item for item in found if isinstance(item, Sample)]
    assert (len(samples), len(found) - len(samples)) == (kept, rejections)
    assert [s.label for s in samples] == [*ORDER, *ORDER]
    assert [s.split for s in samples] == ["train"] * 7 + ["test"] * 7
    assert samples[0].path == "basic/Image/aligned/train_00001_aligned.jpg"
    assert samples[7].path == "basic/Image/aligned/test_0001_aligned.jpg"
    assert samples[0].face_box is None


def test_every_other_row_and_picture_has_its_reason(tmp_path: Path) -> None:
    rafdb.build(tmp_path)
    _, rejected = _scan(tmp_path)
    aligned = "basic/Image/aligned/"
    assert {path: why for path, why in rejected.items() if why != "not_selected"} == {
        f"{aligned}train_00002_aligned.jpg": "repeated_row",
        f"{aligned}train_00020_aligned.jpg": "conflicting_labels",
        f"{aligned}train_00021_aligned.jpg": "unknown_label",
        f"{aligned}train_00022_aligned.jpg": "not_listed",
        "train_00030.jpg": "no_file",
        f"{LIST.as_posix()}:20": "unmatched",
        "compound/Image/aligned/train_00001_aligned.jpg": "no_class",
    }
    assert rejected["basic/Image/original/train_00001.jpg"] == "not_selected"


def test_annotations_state_gender_race_and_age(tmp_path: Path) -> None:
    rafdb.build(tmp_path)
    folder = tmp_path / "basic" / "Annotation" / "manual"
    (folder / "test_0007_manu_attri.txt").unlink()
    (folder / "test_0006_manu_attri.txt").write_text("1.5\t2.5\n")
    samples, _ = _scan(tmp_path)
    assert [(s.gender, s.ethnicity, s.age) for s in samples[:5]] == [
        ("male", "Caucasian", "0-3"),
        ("female", "African-American", "4-19"),
        (None, "Asian", "20-39"),
        ("male", "Caucasian", "40-69"),
        ("female", "African-American", "70+"),
    ]
    assert [(s.gender, s.ethnicity, s.age) for s in samples[12:]] == [(None, None, None)] * 2


def test_original_pictures_have_boxes(tmp_path: Path) -> None:
    rafdb.build(tmp_path)
    (tmp_path / "basic/Annotation/boundingbox/train_00002_boundingbox.txt").write_text("5 5 1 1")
    (tmp_path / "basic/Annotation/boundingbox/train_00003_boundingbox.txt").write_text("5 5")
    samples, rejected = _scan(tmp_path, images="original")
    assert samples[0].path == "basic/Image/original/train_00001.jpg"
    assert samples[0].face_box == BBox(1.5, 2.5, 6.5, 7.5)
    assert [s.face_box for s in samples[1:3]] == [None, None]
    assert rejected["basic/Image/aligned/train_00022_aligned.jpg"] == "not_selected"
    assert rejected["train_00020.jpg"] == "no_file"


def test_the_list_may_be_spelled_rightly_or_split(tmp_path: Path) -> None:
    rafdb.build(tmp_path)
    expected, _ = _scan(tmp_path)
    table = tmp_path / LIST
    right = table.rename(table.with_name("list_partition_label.txt"))
    assert _scan(tmp_path)[0] == expected
    lines = right.read_text().splitlines()
    for part in ("train", "test"):
        rows = [line for line in lines if line.startswith(part)]
        (right.parent / f"list_{part}_label.txt").write_text("\n".join(rows))
    assert _scan(tmp_path)[0] == expected  # the whole list goes before its parts
    right.unlink()
    assert sorted(_scan(tmp_path)[0], key=lambda s: s.path) == sorted(
        expected, key=lambda s: s.path
    )


def test_two_whole_lists_or_copies_are_refused(tmp_path: Path) -> None:
    rafdb.build(tmp_path)
    copy = tmp_path / "basic" / "list_partition_label.txt"
    copy.write_text((tmp_path / LIST).read_text())
    with pytest.raises(DataError, match="Keep one of them"):
        _scan(tmp_path)
    copy.unlink()
    draw(tmp_path / "again" / "aligned" / "train_00001.jpg", 1)
    with pytest.raises(DataError, match="keep one copy"):
        _scan(tmp_path)


def test_pictures_in_a_folder_aligned_are_that_whatever_their_name(tmp_path: Path) -> None:
    draw(tmp_path / "aligned" / "train_00001.jpg", 1)
    draw(tmp_path / "original" / "train_00001.jpg", 2)
    draw(tmp_path / "original" / "figure.png", 3)
    (tmp_path / "list_patition_label.txt").write_text("TRAIN_00001.JPG 5\n")
    samples, rejected = _scan(tmp_path)
    assert [(s.path, s.label) for s in samples] == [("aligned/train_00001.jpg", "sadness")]
    assert rejected == {
        "original/train_00001.jpg": "not_selected",
        "original/figure.png": "unmatched",
    }


def test_a_missing_kind_of_pictures_is_told(tmp_path: Path) -> None:
    draw(tmp_path / "aligned" / "train_00001_aligned.jpg", 1)
    (tmp_path / "list_patition_label.txt").write_text("train_00001.jpg 5\n")
    with pytest.raises(DataError, match=r'0 of 1 entries.*images = "original"'):
        _scan(tmp_path, images="original")


def test_the_compound_set_alone_is_refused(tmp_path: Path) -> None:
    rafdb.build(tmp_path)
    with pytest.raises(DataError, match="compound set: eleven pairs"):
        _scan(tmp_path / "compound")
    for path in sorted((tmp_path / "basic").rglob("list_*")):
        path.unlink()
    with pytest.raises(DataError, match="compound set: eleven pairs"):
        _scan(tmp_path)


def test_folders_are_numbered_as_the_list_is(tmp_path: Path) -> None:
    rafdb.build_folders(tmp_path)
    samples, rejected = _scan(tmp_path)
    assert not rejected
    by_folder = {tuple(s.path.split("/")[-3:-1]): s.label for s in samples}
    assert by_folder == {
        (part, str(code)): name for part in ("train", "test") for code, name in enumerate(ORDER, 1)
    }
    assert Counter(s.split for s in samples) == {"train": 7, "test": 7}


def test_folders_for_ma_net_need_their_option(tmp_path: Path) -> None:
    rafdb.build_folders(tmp_path, range(7))
    with pytest.raises(DataError, match=r"folder '0' is none of .* 1 to 7 .*\"ma-net\""):
        _scan(tmp_path)
    samples, _ = _scan(tmp_path, folder_codes="ma-net")
    assert {s.path.split("/")[-2]: s.label for s in samples} == {
        str(code): name for code, name in enumerate(MA_NET)
    }
    draw(tmp_path / "DATASET" / "train" / "7" / "train_00007_aligned.jpg", 99)
    with pytest.raises(DataError, match=r"folder '7' is none of .* 0 to 6 .*\"kaggle\""):
        _scan(tmp_path, folder_codes="ma-net")


def test_the_table_beside_folders_must_agree(tmp_path: Path) -> None:
    rafdb.build_folders(tmp_path)
    draw(tmp_path / "DATASET" / "train" / "misc" / "a.jpg", 99)
    draw(tmp_path / "loose" / "Happiness" / "test_9999_aligned.jpg", 98)
    rows = [f"train_{code:05}_aligned.jpg,{code}" for code in range(1, 7)]
    rows += ["train_00007_aligned.jpg,1", "train_00099_aligned.jpg,1"]
    (tmp_path / "train_labels.csv").write_text("\n".join(["image,label", *rows]))
    samples, rejected = _scan(tmp_path)
    assert rejected == {
        "DATASET/train/7/train_00007_aligned.jpg": "conflicting_labels",
        "DATASET/train/misc/a.jpg": "no_class_folder",
        "train_00099_aligned.jpg": "no_file",
    }
    assert len(samples) == 14
    assert (samples[-1].label, samples[-1].split) == ("happy", "test")


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="aligned or original"):
        RafDb(images="both")
    with pytest.raises(ConfigError, match="kaggle or ma-net"):
        RafDb(folder_codes="rafdb")


@given(st.sampled_from(("train", "test")), st.integers(0, 99_999), st.integers(1, 7))
def test_rows_of_four_and_five_digits_are_read(part: str, number: int, code: int) -> None:
    row = f"{part}_{number:0{5 if part == 'train' else 4}}.jpg {code}"
    found = _ROW.match(row)
    assert found is not None
    assert (f"{found['stem']}.jpg {found['code']}") == row
