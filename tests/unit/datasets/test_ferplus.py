"""FER+: its vote rules, its three forms and traps, and its published counts on the real table."""

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
from mien.datasets.ferplus import RULES, FerPlus, kept, majority, shares
from trees import draw, fer2013
from trees import ferplus as tree

Write = Callable[..., Path]
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


def test_samples_carry_part_label_votes_and_content(ferplus: Write) -> None:
    root = ferplus(("Training", 1, HAPPY, 3), ("PublicTest", 2, "4,0,0,1,3,2,0,0,0,0", 0))
    found, rejected = _scan(root)
    assert not rejected
    assert [(s.path, s.split, s.label) for s in found] == [
        ("FER2013Train/fer0000001.png", "train", "happy"),
        ("FER2013Valid/fer0000002.png", "valid", None),
    ]
    assert found[0].id != found[1].id
    assert found[1].votes == pytest.approx([4 / 9, 3 / 9, 2 / 9, 0, 0, 0, 0])
    assert found[0].dataset == "ferplus"


def test_the_table_is_found_in_a_folder_of_any_name(ferplus: Write) -> None:
    root = ferplus(("Training", 1, HAPPY, 3))
    found, _ = _scan(root.parent)
    assert found[0].path == "ferplus/FER2013Train/fer0000001.png"


def test_own_labels_are_mixed_in(ferplus: Write) -> None:
    root = ferplus(("Training", 1, HAPPY, 5), ("Training", 2, "0,0,0,0,0,0,0,0,9,0", 5))
    found, _ = _scan(root, own_label_weight=0.25)
    assert found[0].votes == pytest.approx([0, 0, 0, 0, 0.75, 0, 0.25])
    assert found[1].votes is None
    (root / "fer2013_labels.csv").unlink()
    with pytest.raises(DataError, match=r"no fer2013_labels\.csv.*own_label_weight = 0.25 needs"):
        _scan(root, own_label_weight=0.25)


def test_an_own_label_outside_the_seven_is_refused(ferplus: Write) -> None:
    root = ferplus(("Training", 1, HAPPY, 7))
    with pytest.raises(DataError, match="the emotion '7' is not 0 to 6"):
        _scan(root, own_label_weight=0.25)


def test_odd_rows_and_files_are_rejected_by_name(ferplus: Write) -> None:
    good = [("Training", number, HAPPY, 3) for number in range(10)]
    root = ferplus(*good, ("Training", 10, HAPPY, 3), ("Training", 10, HAPPY, 3))
    (root / "FER2013Train" / "fer0000000.png").unlink()
    (root / "FER2013Train" / "fer0000001.png").write_bytes(b"")
    (root / "FER2013Valid").mkdir()
    (root / "FER2013Train" / "fer0000002.png").rename(root / "FER2013Valid" / "fer9999999.png")
    with (root / "fer2013new.csv").open("a") as file:
        file.write("Training,,0,0,0,0,0,0,0,0,0,10\n")
    found, rejected = _scan(root)
    assert Counter(item.reason for item in rejected) == {
        "no_file": 2, "empty": 1, "ambiguous_name": 2, "no_name": 1, "not_listed": 1,
    }  # fmt: skip
    assert len(found) == 7
    assert len(found) + len(rejected) == 13 + 1  # rows, and the file without one


def test_the_same_name_in_two_parts_is_two_images(ferplus: Write) -> None:
    found, rejected = _scan(ferplus(("Training", 1, HAPPY, 3), ("PublicTest", 1, HAPPY, 3)))
    assert len(found) == 2
    assert not rejected


def test_a_set_that_was_unpacked_twice_is_refused(ferplus: Write) -> None:
    root = ferplus(("Training", 1, HAPPY, 3))
    ferplus(("Training", 1, HAPPY, 3), root=root / "again")
    for table in ("fer2013new.csv", "fer2013_labels.csv"):
        (root / "again" / table).unlink()
    with pytest.raises(DataError, match=r"FER2013Train/fer0000001\.png and again/.*keep one copy"):
        _scan(root)


def test_what_is_not_ferplus_shows_the_grammar(ferplus: Write, tmp_path: Path) -> None:
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
    [
        ("Other", HAPPY, "'Other' is not known"),
        ("Training", "x" + HAPPY, "row 2.*whole numbers"),
        ("Training", "-" + HAPPY, "row 2.*0 or more"),
    ],
)
def test_a_broken_table_is_refused(ferplus: Write, usage: str, votes: str, message: str) -> None:
    root = ferplus(("Training", 1, HAPPY, 3))
    table = root / "fer2013new.csv"
    table.write_text(f"{table.read_text().splitlines()[0]}\n{usage},fer0000001.png,{votes}\n")
    with pytest.raises(DataError, match=message):
        _scan(root)


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="0 to 1"):
        FerPlus(own_label_weight=1.5)
    with pytest.raises(ConfigError, match="'mode' is not known. Known: majority, probability"):
        FerPlus(rule="mode")


@pytest.mark.parametrize(
    ("rule", "counts", "label", "votes"),
    [
        # three quarters are reached with the second class; the third is left out
        ("probability", (5, 3, 2, 0, 0, 0, 0, 0, 0, 0), None, {"neutral": 5 / 8, "happy": 3 / 8}),
        # those that tie come together, and three are the most
        (
            "probability",
            (4, 2, 2, 0, 0, 0, 0, 0, 2, 0),
            None,
            {"neutral": 0.5, "happy": 0.25, "surprise": 0.25},
        ),
        ("probability", (2, 2, 2, 2, 0, 0, 0, 0, 0, 0), ..., None),
        ("probability", (4, 2, 2, 2, 0, 0, 0, 0, 0, 0), ..., None),
        # unknown stops the list, and counts only alone on top
        ("probability", (6, 0, 0, 0, 0, 0, 0, 0, 4, 0), "neutral", {"neutral": 1}),
        ("probability", (5, 0, 0, 0, 0, 0, 0, 0, 5, 0), ..., None),
        ("probability", (0, 0, 0, 0, 0, 0, 0, 0, 4, 6), ..., None),
        # contempt: on top there are no votes for the seven, below it is left out
        ("probability", (0, 0, 0, 3, 0, 0, 0, 7, 0, 0), "contempt", None),
        ("probability", (0, 0, 0, 6, 0, 0, 0, 4, 0, 0), "sadness", {"sadness": 1}),
        ("probability", (1, 1, 1, 1, 1, 1, 1, 1, 1, 1), ..., None),
        # three tenths are enough, two are not
        ("multi-target", (4, 3, 3, 0, 0, 0, 0, 0, 0, 0), None,
         {"neutral": 1 / 3, "happy": 1 / 3, "surprise": 1 / 3}),
        ("multi-target", (6, 2, 2, 0, 0, 0, 0, 0, 0, 0), "neutral", {"neutral": 1}),
        ("multi-target", (4, 2, 2, 2, 0, 0, 0, 0, 0, 0), ..., None),
        ("multi-target", (5, 0, 0, 0, 0, 0, 0, 0, 5, 0), None, {"neutral": 1}),
        ("multi-target", (0, 4, 0, 0, 0, 0, 0, 0, 6, 0), ..., None),
        ("multi-target", (0, 4, 0, 0, 0, 0, 0, 5, 0, 0), "contempt", None),
        ("multi-target", (1, 1, 1, 1, 1, 1, 1, 1, 1, 1), ..., None),
        # a tie goes to the first column, and a single vote counts
        ("argmax", (0, 4, 4, 0, 2, 0, 0, 0, 0, 0), "happy",
         {"happy": 0.4, "surprise": 0.4, "anger": 0.2}),
        ("argmax", (1, 1, 1, 1, 1, 1, 1, 1, 1, 1), "neutral", None),
        ("argmax", (0, 0, 0, 0, 0, 0, 0, 6, 4, 0), "contempt", None),
        ("argmax", (4, 0, 0, 0, 0, 0, 0, 0, 0, 6), ..., None),
    ],
)  # fmt: skip
def test_each_rule_has_its_own_label_votes_and_rejections(
    ferplus: Write, rule: str, counts: tuple[int, ...], label: str | None, votes: dict[str, float]
) -> None:
    root = ferplus(("Training", 1, ",".join(map(str, counts)), 3))
    found, rejected = _scan(root, rule=rule)
    assert kept(counts, rule) is (label is not ...)
    if label is ...:
        assert [item.reason for item in rejected] == ["no_class"]
        return
    expected = votes and pytest.approx([votes.get(name, 0) for name in CLASSES])
    assert [(s.label, s.votes) for s in found] == [(label, expected)]


@given(st.lists(st.integers(0, 10), min_size=10, max_size=10), st.sampled_from(RULES))
def test_a_rule_keeps_what_has_a_majority_and_its_shares_sum_to_one(
    counts: list[int], rule: str
) -> None:
    if majority(counts) is not None:
        assert kept(counts, rule)
    votes = shares(counts, rule)
    assert votes is None or sum(votes) == pytest.approx(1)


def test_the_whole_tree_is_read(tmp_path: Path) -> None:
    count = tree.build(tmp_path)
    found, rejected = _scan(tmp_path)
    assert (len(found), len(rejected)) == count
    labels = Counter(s.label for s in found)
    assert labels == {**dict.fromkeys(module.VOTED, 3), None: 7}
    assert Counter(s.split for s in found) == {"train": 11, "valid": 10, "test": 10}


def _pixels(root: Path, rows: list[tuple[str, str, str, int]]) -> Path:
    """Writes the votes and the table of pixels from rows of (usage, name, votes, own label)."""
    lines = [f"{usage},{name},{votes}" for usage, name, votes, _ in rows]
    (root / "fer2013new.csv").write_text("\n".join([tree.HEADER, *lines]) + "\n")
    fer2013.table(
        root / "sub" / "fer2013.csv",
        "emotion,pixels,Usage",
        [(own, fer2013.pixels(n), usage) for n, (usage, _, _, own) in enumerate(rows)],
    )
    return root


def test_rows_without_pictures_are_joined_with_pixels_by_position(tmp_path: Path) -> None:
    # Names shift behind a row without one, and repeat: they say nothing about the row.
    root = _pixels(tmp_path, [
        ("Training", "fer0000000.png", HAPPY, 5),
        ("Training", "", tree.NO_FACE, 5),
        ("Training", "fer0000001.png", "9,0,0,0,0,0,0,0,0,0", 5),
        ("PrivateTest", "fer0000001.png", HAPPY, 5),
    ])  # fmt: skip
    draw(root / "stray.png", 9)
    found, rejected = _scan(root)
    assert [(s.path, s.label, s.split) for s in found] == [
        ("sub/fer2013.csv!/0", "happy", "train"),
        ("sub/fer2013.csv!/2", "neutral", "train"),
        ("sub/fer2013.csv!/3", "happy", "test"),
    ]
    assert [(item.path, item.reason) for item in rejected] == [
        ("sub/fer2013.csv!/1", "no_name"), ("stray.png", "not_listed"),
    ]  # fmt: skip
    mixed, _ = _scan(root, own_label_weight=0.25)
    assert mixed[0].votes == pytest.approx([0, 0, 0, 0, 0.75, 0, 0.25])


def test_rows_of_other_tables_and_bad_pixels_are_told(tmp_path: Path) -> None:
    rows = [("Training", f"fer000000{n}.png", HAPPY, 3) for n in range(2)]
    root = _pixels(tmp_path, rows)
    table = root / "sub" / "fer2013.csv"
    table.write_text(table.read_text().replace(fer2013.pixels(1), "1 2 3"))
    found, rejected = _scan(root)
    assert (len(found), [item.reason for item in rejected]) == (1, ["bad_pixels"])
    table.write_text(table.read_text().replace("1 2 3,Training", "1 2 3,PublicTest"))
    with pytest.raises(DataError, match=r"2 rows.*2 rows.*joined row by row"):
        _scan(root)
    table.write_text("\n".join(table.read_text().splitlines()[:2]))
    with pytest.raises(DataError, match=r"2 rows.*1 rows.*joined row by row"):
        _scan(root)


def test_pictures_go_before_pixels(tmp_path: Path) -> None:
    root = _pixels(tmp_path, [("Training", "fer0000000.png", HAPPY, 3)])
    draw(root / "FER2013Train" / "fer0000000.png", 1)
    found, _ = _scan(root)
    assert [s.path for s in found] == ["FER2013Train/fer0000000.png"]


def test_each_part_may_have_its_own_table(tmp_path: Path) -> None:
    for folder, name in (("FER2013Train", "fer0000000.png"), ("FER2013Valid", "fer0000000.png")):
        draw(tmp_path / "data" / folder / name, len(folder) + ord(folder[-1]))
        text = f'{name},"(0, 0, 48, 48)",4,0,0,1,3,2,0,0,0,0\r\n\r\nfer9.png,{HAPPY}\r\n'
        (tmp_path / "data" / folder / "label.csv").write_text(text, newline="")
    draw(tmp_path / "data" / "FER2013Test" / "fer1.png", 7)
    found, rejected = _scan(tmp_path)
    assert [(s.path, s.split) for s in found] == [
        ("data/FER2013Train/fer0000000.png", "train"),
        ("data/FER2013Valid/fer0000000.png", "valid"),
    ]
    assert found[0].votes == pytest.approx([4 / 9, 3 / 9, 2 / 9, 0, 0, 0, 0])
    assert [item.reason for item in rejected] == ["no_file", "no_file", "not_listed"]


def test_a_part_table_of_another_form_is_refused(tmp_path: Path) -> None:
    draw(tmp_path / "FER2013Train" / "a.png", 1)
    table = tmp_path / "FER2013Train" / "label.csv"
    table.write_text("a.png,3\n")
    with pytest.raises(DataError, match=r"row 1 of FER2013Train/label\.csv: expected a name"):
        _scan(tmp_path)
    table.rename(tmp_path / "label.csv")
    with pytest.raises(DataError, match="no part of FER"):
        _scan(tmp_path)


def test_votes_without_pictures_or_pixels_are_refused(ferplus: Write) -> None:
    root = ferplus(("Training", 1, HAPPY, 3))
    (root / "FER2013Train" / "fer0000001.png").unlink()
    with pytest.raises(DataError, match="holds no picture"):
        _scan(root)


def test_the_majority_keeps_what_was_published(unpacked: Callable[[str], Path]) -> None:
    with (unpacked("ferplus") / "fer2013new.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    counted: dict[str, Counter[str]] = {"Training": Counter(), "PublicTest": Counter()}
    for row in rows:
        label = majority([int(row[name]) for name in module._COLUMNS])
        if label is not None:
            counted[row["Usage"]][label] += 1
    assert counted["Training"].total() == 25_060
    assert counted["PublicTest"].total() == 3_199
    assert [counted["Training"][name] for name in module.VOTED] == [
        8740, 7287, 3149, 3014, 2100, 119, 532, 119,
    ]  # fmt: skip
    assert [counted["PublicTest"][name] for name in module.VOTED] == [
        1182, 865, 415, 351, 287, 24, 62, 13,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "counts"),
    [
        ("majority", (25_060, 3_199)),
        ("probability", (27_956, 3_505)),
        ("multi-target", (27_671, 3_472)),
        ("argmax", (28_389, 3_553)),
    ],
)
def test_every_rule_keeps_what_was_published(
    unpacked: Callable[[str], Path], rule: str, counts: tuple[int, int]
) -> None:
    with (unpacked("ferplus") / "fer2013new.csv").open(newline="") as file:
        found = Counter(
            row["Usage"]
            for row in csv.DictReader(file)
            if kept([int(row[name]) for name in module._COLUMNS], rule)
        )
    assert (found["Training"], found["PublicTest"]) == counts


def test_the_real_set_is_read_whole(unpacked: Callable[[str], Path]) -> None:
    found, rejected = _scan(unpacked("ferplus"))
    assert Counter(item.reason for item in rejected) == {"ambiguous_name": 6}
    assert len(found) + len(rejected) == 32_140
    # Published: 25,060 and 3,199; all six ambiguous rows had a majority.
    assert Counter(s.split for s in found if s.label) == {"train": 25_054, "valid": 3_199}
