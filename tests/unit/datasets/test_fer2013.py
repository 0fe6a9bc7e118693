"""FER2013: the table with folders, and the folder a class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mien.core.errors import DataError
from mien.core.types import Rejection, Sample
from mien.datasets.fer2013 import Fer2013

Tree = Callable[..., Path]
Draw = Callable[[Path, int], Path]
NONE = "0,0,0,0,0,0,0,0,0,10"
ORDER = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral")


def test_the_table_names_classes_by_its_own_order(ferplus: Tree) -> None:
    root = ferplus(*[("Training", n, NONE, n) for n in range(7)], ("PrivateTest", 7, NONE, 3))
    found = list(Fer2013().scan(root))
    assert [item.label for item in found] == [*ORDER, "happy"]
    assert [item.split for item in found] == ["train"] * 7 + ["test"]
    assert found[0].votes is None
    assert found[0].dataset == "fer2013"


def test_odd_rows_are_rejected(ferplus: Tree) -> None:
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


def test_folders_name_part_and_class(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "archive" / "train" / "angry" / "Training_3908.jpg", 1)
    draw(tmp_path / "archive" / "test" / "suprise" / "PublicTest_1.jpg", 2)
    draw(tmp_path / "archive" / "test" / "4" / "PrivateTest_2.JPG", 3)
    draw(tmp_path / "archive" / "test" / "neutral" / "plain.png", 4)
    found = [(s.label, s.split) for s in Fer2013().scan(tmp_path)]
    assert sorted(found) == [
        ("anger", "train"), ("neutral", "test"), ("sadness", "test"), ("surprise", "valid"),
    ]  # fmt: skip


def test_strays_are_rejected_and_half_must_fit(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "train" / "happy" / "a.png", 1)
    draw(tmp_path / "train" / "b.png", 2)
    found = list(Fer2013().scan(tmp_path))
    assert [type(item) for item in found] == [Rejection, Sample]
    assert found[0].reason == "no_class_folder"
    draw(tmp_path / "c.png", 3)
    with pytest.raises(DataError, match=r"1 of 3 entries match.*Expected fer2013_labels\.csv"):
        list(Fer2013().scan(tmp_path))


def test_a_class_that_it_lacks_and_an_unknown_part(tmp_path: Path, draw: Draw) -> None:
    draw(tmp_path / "train" / "contempt" / "a.png", 1)
    assert [item.reason for item in Fer2013().scan(tmp_path)] == ["unknown_label"]
    draw(tmp_path / "loose" / "happy" / "a.png", 2)
    with pytest.raises(DataError, match="no part of FER2013"):
        list(Fer2013().scan(tmp_path / "loose"))
