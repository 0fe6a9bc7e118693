"""Loose pictures: a legend with mixed case and traps, or folders in every spelling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.core.errors import DataError, LabelError
from mien.core.types import Rejection, Sample
from mien.datasets.internet import Internet, person
from trees import draw, internet


@pytest.fixture
def legend(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes a legend and draws each picture that it names."""
    return lambda *rows: internet.write(tmp_path, rows)


def test_every_word_in_both_cases(tmp_path: Path) -> None:
    kept, rejected = internet.build(tmp_path)
    found = list(Internet().scan(tmp_path))
    samples = [item for item in found if isinstance(item, Sample)]
    assert (len(samples), len(found) - len(samples)) == (kept, rejected)
    assert Counter(s.label for s in samples) == {
        "neutral": 2, "happy": 2, "surprise": 2, "sadness": 3, "anger": 2, "disgust": 2, "fear": 2,
        "contempt": 2, None: 1,
    }  # fmt: skip


def test_words_of_any_case_become_classes(legend: Callable[..., Path]) -> None:
    root = legend(("A_B_0001.jpg", "HAPPINESS"), ("A_B_0002.jpg", "happiness"), ("c.jpg", "Fear"))
    found = list(Internet().scan(root))
    assert [(s.label, s.subject, s.path) for s in found] == [
        ("happy", "A_B", "images/A_B_0001.jpg"),
        ("happy", "A_B", "images/A_B_0002.jpg"),
        ("fear", "c", "images/c.jpg"),
    ]


def test_every_row_and_every_other_picture_is_accounted_for(legend: Callable[..., Path]) -> None:
    root = legend(
        ("a.jpg", "anger"), ("a.jpg", "ANGER"),
        ("b.jpg", "anger"), ("b.jpg", "fear"),
        ("c.jpg", "joyful"), ("d.jpg", ""), ("e.jpg", "sad"), ("f.jpg", "sad"), ("g.jpg", "sad"),
    )  # fmt: skip
    (root / "images" / "e.jpg").unlink()
    (root / "images" / "f.jpg").write_bytes(b"")
    draw(root / "more" / "G.JPG", 9)
    draw(root / "more" / "h.jpg", 10)
    found = list(Internet().scan(root))
    kept = [item for item in found if isinstance(item, Sample)]
    rejected = Counter(item.reason for item in found if isinstance(item, Rejection))
    assert rejected == {
        "repeated_row": 1, "conflicting_labels": 2, "unknown_label": 1, "no_file": 1, "empty": 1,
        "ambiguous_name": 1,
    }  # fmt: skip
    assert {(s.path, s.label) for s in kept} == {
        ("images/a.jpg", "anger"), ("images/d.jpg", None), ("more/h.jpg", None),
    }  # fmt: skip
    assert len(found) == 9 + 1


def test_words_can_be_mapped(legend: Callable[..., Path]) -> None:
    root = legend(("a.jpg", "enraged"), ("b.jpg", "3"))
    found = list(Internet(spellings={"Enraged": "anger", "3": "Joy"}).scan(root))
    assert [s.label for s in found] == ["anger", "happy"]


def test_a_legend_of_other_pictures_is_refused(legend: Callable[..., Path]) -> None:
    root = legend(("a.jpg", "anger"), ("b.jpg", "anger"), ("c.jpg", "anger"))
    (root / "images" / "a.jpg").unlink()
    (root / "images" / "b.jpg").unlink()
    with pytest.raises(DataError, match=r"1 of 3 entries match.*Expected a legend"):
        list(Internet().scan(root))


def test_a_set_that_was_unpacked_twice_is_refused(legend: Callable[..., Path]) -> None:
    root = legend(("a.jpg", "anger"), ("b.jpg", "anger"), ("c.jpg", "anger"))
    for number, name in enumerate(("a.jpg", "b.jpg")):
        draw(root / "internet" / "images" / name, number)
    with pytest.raises(DataError, match=r"1 of 3 entries match.*once"):
        list(Internet().scan(root))


def test_folders_in_every_spelling(tmp_path: Path) -> None:
    for number, folder in enumerate(("Joy", "1-anger", "train/AFRAID", "Validation/ne utral")):
        draw(tmp_path / folder / "Ann_Lee_12.png", number)
    draw(tmp_path / "misc" / "x.png", 9)
    found = list(Internet().scan(tmp_path))
    assert {(s.label, s.split) for s in found if isinstance(s, Sample)} == {
        ("happy", None), ("anger", None), ("fear", "train"), ("neutral", "valid"),
    }  # fmt: skip
    assert [r.path for r in found if isinstance(r, Rejection)] == ["misc/x.png"]


def test_folders_that_are_bare_numbers_need_spellings(tmp_path: Path) -> None:
    draw(tmp_path / "0" / "a.png", 1)
    with pytest.raises(LabelError, match="only a number"):
        list(Internet().scan(tmp_path))
    assert [s.label for s in Internet(spellings={"0": "anger"}).scan(tmp_path)] == ["anger"]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no picture"):
        list(Internet().scan(tmp_path))


@pytest.mark.parametrize(
    ("path", "name"),
    [("x/Ann_Lee_0001.jpg", "Ann_Lee"), ("Kaif_7.jpg", "Kaif"), ("solo.jpg", "solo"),
     ("_1.jpg", "_1")],
)  # fmt: skip
def test_the_person_stands_before_the_last_number(path: str, name: str) -> None:
    assert person(path) == name


def test_the_real_set_has_the_counts_of_its_legend(unpacked: Callable[[str], Path]) -> None:
    found = list(Internet().scan(unpacked("internet")))
    assert all(isinstance(item, Sample) for item in found)
    assert Counter(s.label for s in found) == {
        "neutral": 1357, "happy": 1228, "surprise": 70, "sadness": 36, "anger": 25, "disgust": 25,
        "contempt": 4, "fear": 2,
    }  # fmt: skip
