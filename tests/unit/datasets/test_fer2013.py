"""FER2013: the table with folders, the tables of pixels, and the folder a class."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.types import Rejection, Sample
from mien.datasets.fer2013 import Fer2013
from trees import draw, fer2013

Write = Callable[..., Path]
NONE = "0,0,0,0,0,0,0,0,0,10"
ORDER = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral")


def test_the_table_names_classes_by_its_own_order(ferplus: Write) -> None:
    root = ferplus(*[("Training", n, NONE, n) for n in range(7)], ("PrivateTest", 7, NONE, 3))
    found = list(Fer2013().scan(root))
    assert [item.label for item in found] == [*ORDER, "happy"]
    assert [item.split for item in found] == ["train"] * 7 + ["test"]
    assert found[0].votes is None
    assert found[0].dataset == "fer2013"


def test_odd_rows_are_rejected(ferplus: Write) -> None:
    rows = [("Training", n, NONE, 3) for n in range(6)]
    root = ferplus(*rows, ("Training", 6, NONE, 3), ("Training", 6, NONE, 3))
    (root / "FER2013Train" / "fer0000000.png").unlink()
    with (root / "fer2013_labels.csv").open("a") as file:
        file.write("Training,fer0000001.png,9\nTraining,,3\n")
    table = root / "fer2013_labels.csv"
    lines = [line for line in table.read_text().splitlines() if line != "Training,fer0000001.png,3"]
    table.write_text("\n".join(lines))
    (root / "FER2013Train" / "fer0000002.png").rename(root / "FER2013Train" / "stray.png")
    reasons = [item.reason for item in Fer2013().scan(root) if isinstance(item, Rejection)]
    assert sorted(reasons) == [
        "ambiguous_name", "ambiguous_name", "no_file", "no_file", "no_name", "not_listed",
        "unknown_label",
    ]  # fmt: skip


def test_a_table_of_pixels_yields_every_row(tmp_path: Path) -> None:
    kept, rejected = fer2013.build(tmp_path)
    found = list(Fer2013().scan(tmp_path))
    samples = [item for item in found if isinstance(item, Sample)]
    assert (len(samples), len(found) - len(samples)) == (kept, rejected)
    assert [item.path for item in found] == [f"fer2013/fer2013.csv!/{n}" for n in range(28)]
    assert [s.label for s in samples] == [*ORDER * 3, "happy"]
    assert [s.split for s in samples[:21]] == ["train"] * 7 + ["valid"] * 7 + ["test"] * 7
    assert [item.reason for item in found if isinstance(item, Rejection)] == [
        "bad_pixels", "bad_pixels", "bad_pixels", "unknown_label", "no_label", "unmatched",
    ]  # fmt: skip
    assert "'Other'" in found[-1].detail


def test_a_row_is_named_by_its_size_and_pixels_wherever_it_stands(tmp_path: Path) -> None:
    fer2013.table(
        tmp_path / "fer2013.csv", "emotion,pixels,Usage", [(6, fer2013.pixels(1), "Training")]
    )
    (item,) = Fer2013().scan(tmp_path)
    values = np.array(fer2013.pixels(1).split(), np.uint8).tobytes()
    assert item.id == hashlib.sha256(struct.pack(">II", 8, 8) + values).hexdigest()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "fer2013.csv", "any/fer2013.csv")
    (packed,) = Fer2013().scan(tmp_path / "all.zip")
    assert (packed.path, packed.id) == ("all.zip!/any/fer2013.csv!/0", item.id)


def test_blanks_before_the_names_of_columns_do_not_matter(tmp_path: Path) -> None:
    fer2013.table(
        tmp_path / "icml_face_data.csv",
        "emotion, Usage, pixels",
        [(0, "PrivateTest", fer2013.pixels(1)), (4, "PublicTest", fer2013.pixels(2))],
    )
    assert [(s.label, s.split) for s in Fer2013().scan(tmp_path)] == [
        ("anger", "test"), ("sadness", "valid"),
    ]  # fmt: skip


def test_one_of_several_tables_of_the_same_rows_counts(tmp_path: Path) -> None:
    fer2013.build(tmp_path)
    fer2013.table(tmp_path / "icml_face_data.csv", "emotion, Usage, pixels", [])
    fer2013.table(tmp_path / "train.csv", "emotion,pixels", [(1, fer2013.pixels(1))])
    draw(tmp_path / "sample.png", 1)
    found = list(Fer2013().scan(tmp_path))
    assert {item.path.partition("!")[0] for item in found[:-1]} == {"fer2013/fer2013.csv"}
    assert (found[-1].path, found[-1].reason) == ("sample.png", "not_selected")


def test_the_test_rows_of_the_challenge_stay_unlabelled(tmp_path: Path) -> None:
    fer2013.table(
        tmp_path / "train.csv", "emotion,pixels", [(1, fer2013.pixels(1)), ("", fer2013.pixels(2))]
    )
    fer2013.table(tmp_path / "test.csv", "pixels", [(fer2013.pixels(3),)])
    train, empty, test = Fer2013().scan(tmp_path)
    assert (train.path, train.label, train.split) == ("train.csv!/0", "disgust", "train")
    assert (empty.path, empty.reason) == ("train.csv!/1", "no_label")
    assert (test.path, test.label, test.split) == ("test.csv!/0", None, "test")


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "fer2013.csv"
    table.write_text("emotion,Usage\n1,Training\n")
    with pytest.raises(DataError, match="no column 'pixels'"):
        list(Fer2013().scan(tmp_path))
    fer2013.table(table, "emotion,pixels", [(1, fer2013.pixels(n)) for n in range(3)])
    with pytest.raises(DataError, match=r"0 of 3 entries.*the usage ''.*Expected fer2013_labels"):
        list(Fer2013().scan(tmp_path))


def test_folders_name_part_and_class(tmp_path: Path) -> None:
    kept, rejected = fer2013.build_folders(tmp_path / "archive")
    # The table of another set, of no pixels, is none of this form's.
    (tmp_path / "archive" / "train.csv").write_text("file,word\n")
    found = list(Fer2013().scan(tmp_path))
    samples = [item for item in found if isinstance(item, Sample)]
    assert (len(samples), len(found) - len(samples)) == (kept, rejected)
    assert Counter(s.split for s in samples) == {"train": 7, "valid": 7, "test": 7}
    assert Counter(s.label for s in samples) == dict.fromkeys(ORDER, 3)


def test_folders_may_be_misspelled_or_numbered(tmp_path: Path) -> None:
    draw(tmp_path / "test" / "suprise" / "PublicTest_1.jpg", 2)
    draw(tmp_path / "test" / "4" / "PrivateTest_2.JPG", 3)
    draw(tmp_path / "test" / "neutral" / "plain.png", 4)
    found = [(s.label, s.split) for s in Fer2013().scan(tmp_path)]
    assert sorted(found) == [("neutral", "test"), ("sadness", "test"), ("surprise", "valid")]


def test_strays_are_rejected_and_half_must_fit(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "happy" / "a.png", 1)
    draw(tmp_path / "train" / "b.png", 2)
    found = list(Fer2013().scan(tmp_path))
    assert [type(item) for item in found] == [Rejection, Sample]
    assert found[0].reason == "no_class_folder"
    draw(tmp_path / "c.png", 3)
    with pytest.raises(DataError, match=r"1 of 3 entries match.*Expected fer2013_labels\.csv"):
        list(Fer2013().scan(tmp_path))


def test_a_class_that_it_lacks_and_an_unknown_part(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "contempt" / "a.png", 1)
    assert [item.reason for item in Fer2013().scan(tmp_path)] == ["unknown_label"]
    draw(tmp_path / "loose" / "happy" / "a.png", 2)
    with pytest.raises(DataError, match="no part of FER2013"):
        list(Fer2013().scan(tmp_path / "loose"))
