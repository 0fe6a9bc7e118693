"""AffectNet: lists with and without a header, files of one number, and a table on Kaggle."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.types import BBox, Rejection, Sample
from mien.datasets.affectnet import AffectNet
from trees import affectnet, draw

ORDER = ("neutral", "happy", "sadness", "surprise", "fear", "disgust", "anger", "contempt")


def _scan(root: Path) -> tuple[list[Sample], dict[str, str]]:
    found = list(AffectNet().scan(root))
    samples = [item for item in found if isinstance(item, Sample)]
    rejected = {item.path: item.reason for item in found if isinstance(item, Rejection)}
    return samples, rejected


def test_lists_with_and_without_a_header(tmp_path: Path) -> None:
    kept, rejections = affectnet.build(tmp_path)
    found = list(AffectNet().scan(tmp_path))
    samples = [item for item in found if isinstance(item, Sample)]
    assert (len(samples), len(found) - len(samples)) == (kept, rejections)
    coded = [s for s in samples if "/700/" not in s.path]
    assert [s.label for s in coded] == [*ORDER, *ORDER]
    assert [s.split for s in coded] == ["train"] * 8 + ["valid"] * 8
    assert {s.path.rpartition(".")[2] for s in coded} == set(affectnet.ENDINGS)
    assert coded[0].face_box == BBox(1, 2, 6, 6)


def test_a_box_that_failed_is_left_out_and_the_picture_stays(tmp_path: Path) -> None:
    affectnet.build(tmp_path)
    samples, _ = _scan(tmp_path)
    boxes = {s.path.rpartition("/")[2]: s.face_box for s in samples if "/700/" in s.path}
    assert boxes == {"null.jpg": None, "negative.jpg": None, "twice.jpg": BBox(1, 2, 6, 6)}


def test_every_other_row_and_picture_has_its_reason(tmp_path: Path) -> None:
    affectnet.build(tmp_path)
    _, rejected = _scan(tmp_path)
    names = {path.rpartition("/")[2].partition(".")[0]: why for path, why in rejected.items()}
    assert names == {
        **{f"{part}f{code}": "no_class" for part in (0, 1) for code in ("8", "9", "a")},
        "twice": "repeated_row",
        "both": "conflicting_labels",
        "eleven": "unknown_label",
        "empty": "no_label",
        "missing": "no_file",
        "unlisted": "not_listed",
        "a": "not_selected",
    }


def test_dropped_codes_need_no_picture(tmp_path: Path) -> None:
    draw(tmp_path / "1" / "a.jpg", 1)
    rows = [("1/a.jpg", "1,2,3,4", 0), *((f"1/{n}.jpg", "1,2,3,4", 9) for n in range(5))]
    affectnet.write_list(tmp_path / "training.csv", rows)
    samples, rejected = _scan(tmp_path)
    assert [s.label for s in samples] == ["neutral"]
    assert set(rejected.values()) == {"no_class"}


def test_lists_of_other_pictures_or_columns_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "1" / "a.jpg", 1)
    rows = [(f"1/{name}.jpg", "1,2,3,4", 0) for name in "abc"]
    affectnet.write_list(tmp_path / "training.csv", rows)
    with pytest.raises(DataError, match=r"1 of 3 entries match \(not: 1/b.jpg.*Expected training"):
        _scan(tmp_path)
    (tmp_path / "training.csv").write_text("1/a.jpg,0\n")
    with pytest.raises(DataError, match=r"row 1, has 2 columns. Expected nine"):
        _scan(tmp_path)
    (tmp_path / "training.csv").write_text("subDirectory_filePath,expression\n1/a.jpg,0\n")
    with pytest.raises(DataError, match="no column face_x, face_y"):
        _scan(tmp_path)
    (tmp_path / "training.csv").unlink()
    with pytest.raises(DataError, match=r"holds no training\.csv"):
        _scan(tmp_path)


def test_columns_are_found_by_name_and_blank_lines_passed_over(tmp_path: Path) -> None:
    draw(tmp_path / "1" / "a.jpg", 1)
    names = affectnet.HEADER.split(",")
    names[5:7] = names[6], names[5]  # the code before the landmarks
    (tmp_path / "val.csv").write_text(f"{','.join(names)}\r\n\r\n1/A.JPG,0,0,4,4,6,1;2,0,0\r\n")
    samples, _ = _scan(tmp_path)
    assert [(s.label, s.split) for s in samples] == [("anger", "valid")]


def test_a_field_beyond_reason_is_told(tmp_path: Path) -> None:
    draw(tmp_path / "1" / "a.jpg", 1)
    affectnet.write_list(tmp_path / "training.csv", [("1/a.jpg", "1,2,3,4", 0)])
    usual = csv.field_size_limit(100)
    try:
        with pytest.raises(DataError, match="cannot be read as a CSV file: field larger"):
            _scan(tmp_path)
    finally:
        csv.field_size_limit(usual)


def test_numbers_start_again_in_the_second_part(tmp_path: Path) -> None:
    affectnet.build_numbered(tmp_path)
    samples, rejected = _scan(tmp_path)
    assert not rejected
    assert [(s.split, s.label) for s in samples] == [
        (part, name) for part in ("train", "valid") for name in ORDER
    ]
    assert len({s.id for s in samples}) == 16


def test_numbers_without_picture_label_or_sense(tmp_path: Path) -> None:
    affectnet.build_numbered(tmp_path)
    labels = tmp_path / "train_set" / "annotations"
    (tmp_path / "train_set" / "images" / "0.jpg").unlink()
    (labels / "1_exp.npy").unlink()
    odd = {2: "8", 3: "none", 4: 1.5, 5: float("nan"), 6: [1, 2], 7: float("inf")}
    for number, value in odd.items():
        np.save(labels / f"{number}_exp.npy", np.array(value))
    draw(tmp_path / "figure.png", 99)
    draw(tmp_path / "val_set" / "images" / "8.jpg", 98)
    np.save(tmp_path / "val_set" / "annotations" / "8_exp.npy", np.array([b"3"]))
    samples, rejected = _scan(tmp_path)
    assert len(samples) == 9
    assert samples[-1].label == "surprise"
    images = "train_set/images"
    assert rejected == {
        "figure.png": "unmatched",
        "train_set/annotations/0_exp.npy": "no_file",
        f"{images}/1.jpg": "no_label",
        f"{images}/2.jpg": "no_class",
        **{f"{images}/{n}.jpg": "unknown_label" for n in range(3, 8)},
    }


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    affectnet.build_numbered(tmp_path)
    labels = tmp_path / "train_set" / "annotations"
    np.save(labels / "0_exp.npy", np.array({"a": 1}, dtype=object), allow_pickle=True)
    (labels / "1_exp.npy").write_bytes(b"not an array")
    _, rejected = _scan(tmp_path)
    assert set(rejected.values()) == {"unknown_label"}
    assert len(rejected) == 2


def test_a_label_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    affectnet.build_numbered(tmp_path)
    affectnet.build_numbered(tmp_path / "again")
    with pytest.raises(DataError, match="keep one copy"):
        _scan(tmp_path)


def test_words_of_the_table_go_before_folders(tmp_path: Path) -> None:
    words = ("anger", "contempt", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    for number, word in enumerate(words):
        draw(tmp_path / word / f"image{number}.jpg", number)
    rows = [f"{number},{word}/image{number}.jpg,{word},0.8" for number, word in enumerate(words)]
    rows[0] = rows[0].replace(",anger,", ",Sad,")
    rows[1] = rows[1].replace(",contempt,", ",puzzled,")
    (tmp_path / "labels.csv").write_text("\n".join([",pth,label,relFCs", *rows]))
    samples, rejected = _scan(tmp_path)
    assert Counter(s.label for s in samples) == {
        "sadness": 2, "disgust": 1, "fear": 1, "happy": 1, "neutral": 1, "surprise": 1,
    }  # fmt: skip
    assert rejected == {"contempt/image1.jpg": "unknown_label"}
    assert {s.split for s in samples} == {None}
