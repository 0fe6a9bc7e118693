"""FER+: its vote rule, its traps, and its published counts on the real table."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.labels import CLASSES, CONTEMPT
from mien.core.types import Rejection, Sample
from mien.datasets import ferplus as module
from mien.datasets.ferplus import FerPlus, majority, shares

Tree = Callable[..., Path]
HAPPY = "1,9,0,0,0,0,0,0,0,0"


def _scan(root: Path, **options: object) -> tuple[list[Sample], list[Rejection]]:
    found = list(FerPlus(**options).scan(root))
    return (
        [item for item in found if isinstance(item, Sample)],
        [item for item in found if isinstance(item, Rejection)],
    )


@pytest.mark.parametrize(
    ("counts", "label", "votes"),
    [
        (
            (4, 0, 0, 1, 3, 2, 0, 0, 0, 0),
            None,
            {"neutral": 4 / 9, "anger": 3 / 9, "disgust": 2 / 9},
        ),
        ((6, 0, 1, 1, 0, 0, 0, 0, 2, 0), "neutral", {"neutral": 1.0}),
        ((0, 9, 1, 0, 0, 0, 0, 0, 0, 0), "happy", {"happy": 1.0}),
        ((0, 0, 0, 0, 0, 0, 3, 7, 0, 0), "contempt", None),
        ((0, 3, 0, 0, 0, 0, 0, 0, 7, 0), None, None),
        ((2, 0, 0, 0, 0, 0, 0, 0, 0, 8), None, None),
        ((1, 1, 1, 1, 1, 1, 1, 1, 1, 1), None, None),
        ((5, 5, 0, 0, 0, 0, 0, 0, 0, 0), None, {"neutral": 0.5, "happy": 0.5}),
        ((0, 0, 5, 0, 0, 0, 4, 0, 0, 0), "surprise", {"surprise": 5 / 9, "fear": 4 / 9}),
    ],
)
def test_votes_become_label_and_shares(
    counts: tuple[int, ...], label: str | None, votes: dict[str, float] | None
) -> None:
    assert majority(counts) == label
    expected = votes and pytest.approx([votes.get(name, 0) for name in CLASSES])
    assert shares(counts) == expected


@given(st.lists(st.integers(0, 10), min_size=10, max_size=10))
def test_shares_sum_to_one_and_agree_with_the_majority(counts: list[int]) -> None:
    votes, label = shares(counts), majority(counts)
    if votes is not None:
        assert sum(votes) == pytest.approx(1)
        if label is not None:
            assert max(votes) == votes[CLASSES.index(label)]
    else:
        assert label in (None, CONTEMPT)


def test_samples_carry_part_label_votes_and_content(ferplus: Tree) -> None:
    root = ferplus(("Training", 1, HAPPY, 3), ("PublicTest", 2, "4,0,0,1,3,2,0,0,0,0", 0))
    kept, rejected = _scan(root)
    assert not rejected
    assert [(s.path, s.split, s.label) for s in kept] == [
        ("FER2013Train/fer0000001.png", "train", "happy"),
        ("FER2013Valid/fer0000002.png", "valid", None),
    ]
    assert kept[0].id != kept[1].id
    assert kept[1].votes == pytest.approx([4 / 9, 3 / 9, 2 / 9, 0, 0, 0, 0])
    assert kept[0].dataset == "ferplus"


def test_the_table_is_found_in_a_folder_of_any_name(ferplus: Tree) -> None:
    root = ferplus(("Training", 1, HAPPY, 3))
    kept, _ = _scan(root.parent)
    assert kept[0].path == "ferplus/FER2013Train/fer0000001.png"


def test_own_labels_are_mixed_in(ferplus: Tree) -> None:
    root = ferplus(("Training", 1, HAPPY, 5), ("Training", 2, "0,0,0,0,0,0,0,0,9,0", 5))
    kept, _ = _scan(root, own_label_weight=0.25)
    assert kept[0].votes == pytest.approx([0, 0, 0, 0, 0.75, 0, 0.25])
    assert kept[1].votes is None
    (root / "fer2013_labels.csv").unlink()
    with pytest.raises(DataError, match=r"fer2013_labels\.csv"):
        _scan(root, own_label_weight=0.25)


def test_odd_rows_and_files_are_rejected_by_name(ferplus: Tree) -> None:
    good = [("Training", number, HAPPY, 3) for number in range(10)]
    root = ferplus(*good, ("Training", 10, HAPPY, 3), ("Training", 10, HAPPY, 3))
    (root / "FER2013Train" / "fer0000000.png").unlink()
    (root / "FER2013Train" / "fer0000001.png").write_bytes(b"")
    (root / "FER2013Valid").mkdir()
    (root / "FER2013Train" / "fer0000002.png").rename(root / "FER2013Valid" / "fer9999999.png")
    with (root / "fer2013new.csv").open("a") as file:
        file.write("Training,,0,0,0,0,0,0,0,0,0,10\n")
    kept, rejected = _scan(root)
    assert Counter(item.reason for item in rejected) == {
        "no_file": 2, "empty": 1, "ambiguous_name": 2, "no_name": 1, "not_listed": 1,
    }  # fmt: skip
    assert len(kept) == 7
    assert len(kept) + len(rejected) == 13 + 1  # rows, and the file without one


def test_the_same_name_in_two_parts_is_two_images(ferplus: Tree) -> None:
    kept, rejected = _scan(ferplus(("Training", 1, HAPPY, 3), ("PublicTest", 1, HAPPY, 3)))
    assert len(kept) == 2
    assert not rejected


def test_a_set_that_was_unpacked_twice_is_refused(ferplus: Tree) -> None:
    root = ferplus(("Training", 1, HAPPY, 3))
    ferplus(("Training", 1, HAPPY, 3), root=root / "again")
    for table in ("fer2013new.csv", "fer2013_labels.csv"):
        (root / "again" / table).unlink()
    with pytest.raises(DataError, match=r"FER2013Train/fer0000001\.png and again/.*keep one copy"):
        _scan(root)


def test_what_is_not_ferplus_shows_the_grammar(ferplus: Tree, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        _scan(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no fer2013new\.csv.*FER2013Train"):
        _scan(tmp_path / "empty")
    root = ferplus(*[("Training", number, HAPPY, 3) for number in range(3)])
    for number in (0, 1):
        (root / "FER2013Train" / f"fer{number:07}.png").unlink()
    with pytest.raises(DataError, match=r"1 of 3 entries match.*Expected fer2013new\.csv"):
        _scan(root)


@pytest.mark.parametrize(
    ("usage", "votes", "message"),
    [("Other", HAPPY, "'Other' is not known"), ("Training", "x" + HAPPY, "row 2.*whole numbers")],
)
def test_a_broken_table_is_refused(ferplus: Tree, usage: str, votes: str, message: str) -> None:
    root = ferplus(("Training", 1, HAPPY, 3))
    table = root / "fer2013new.csv"
    table.write_text(f"{table.read_text().splitlines()[0]}\n{usage},fer0000001.png,{votes}\n")
    with pytest.raises(DataError, match=message):
        _scan(root)


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="0 to 1"):
        FerPlus(own_label_weight=1.5)
    with pytest.raises(ConfigError, match="Known: majority"):
        FerPlus(rule="argmax")


def test_the_majority_keeps_what_was_published(unpacked: Callable[[str], Path]) -> None:
    with (unpacked("ferplus") / "fer2013new.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    kept: dict[str, Counter[str]] = {"Training": Counter(), "PublicTest": Counter()}
    for row in rows:
        label = majority([int(row[name]) for name in module._COLUMNS])
        if label is not None:
            kept[row["Usage"]][label] += 1
    assert kept["Training"].total() == 25_060
    assert kept["PublicTest"].total() == 3_199
    assert [kept["Training"][name] for name in module.VOTED] == [
        8740, 7287, 3149, 3014, 2100, 119, 532, 119,
    ]  # fmt: skip
    assert [kept["PublicTest"][name] for name in module.VOTED] == [
        1182, 865, 415, 351, 287, 24, 62, 13,
    ]  # fmt: skip


def test_the_real_set_is_read_whole(unpacked: Callable[[str], Path]) -> None:
    kept, rejected = _scan(unpacked("ferplus"))
    assert Counter(item.reason for item in rejected) == {"ambiguous_name": 6}
    assert len(kept) + len(rejected) == 32_140
    # Published: 25,060 and 3,199; all six ambiguous rows had a majority.
    assert Counter(s.split for s in kept if s.label) == {"train": 25_054, "valid": 3_199}
