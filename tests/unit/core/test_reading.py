"""What readers share: grammars, tables, folder names, samples by content, the check of half."""

import hashlib
import re
from pathlib import Path

import pytest

from mien.core import reading
from mien.core.errors import DataError, LabelError
from mien.core.tree import Tree
from mien.core.types import BBox, Rejection, Sample, SourceInfo

INFO = SourceInfo(
    "mine", "My Set", "mine alone", "no", "example.org/set", "Me 2020", grammar="a<number>.png"
)
NAME = re.compile(r"^a(?P<number>\d+)\.png$")


def _tree(root: Path, **files: bytes) -> Tree:
    """Returns a tree of files; ``x__a1_png`` is ``x/a1.png``."""
    for name, data in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return Tree(root, INFO)


def test_pictures_come_with_their_match_or_none(tmp_path: Path) -> None:
    tree = _tree(tmp_path, x__a1_png=b"1", x__b_png=b"2", notes_txt=b"3")
    found = reading.matches(tree, NAME)
    assert [(path, match and match["number"]) for path, match in found] == [
        ("x/a1.png", "1"),
        ("x/b.png", None),
    ]
    whole = reading.matches(tree, re.compile("^x/"), whole=True)
    assert all(match for _, match in whole)
    assert len(reading.matches(tree, NAME, paths=["y/a2.png"])) == 1


def test_fewer_than_half_matching_shows_the_grammar_and_strays(tmp_path: Path) -> None:
    tree = _tree(tmp_path, a1_png=b"1", b_png=b"2", c_png=b"3")
    with pytest.raises(DataError, match=r"1 of 3.*not: b\.png, c\.png.*Expected a<number>\.png"):
        reading.matches(tree, NAME)
    with pytest.raises(DataError, match="0 of 0"):
        reading.matches(tree, NAME, paths=[])


def test_a_stray_is_rejected_by_name() -> None:
    found = reading.unmatched("x/b.png")
    assert (found.path, found.reason) == ("x/b.png", "unmatched")


def test_a_sample_is_named_by_its_content(tmp_path: Path) -> None:
    tree = _tree(tmp_path, a1_png=b"abc")
    box = BBox(0, 0, 1, 1)
    found = reading.sample(tree, "a1.png", label="happy", face_box=box)
    digest = hashlib.sha256(b"abc").hexdigest()
    assert found == Sample(digest, "a1.png", "mine", "mine alone", label="happy", face_box=box)
    part = reading.sample(tree, "a1.png", part="0,0,1,1")
    assert isinstance(part, Sample)
    assert part.id == f"{digest}#0,0,1,1"


def test_what_cannot_be_a_sample_says_why(tmp_path: Path) -> None:
    tree = _tree(tmp_path, b_png=b"")
    for name, reason in (("b.png", "empty"), ("none.png", "unreadable")):
        found = reading.sample(tree, name)
        assert isinstance(found, Rejection)
        assert (found.path, found.reason) == (name, reason)
        assert name in found.detail


def test_tables_are_read_by_name(tmp_path: Path) -> None:
    tree = _tree(tmp_path, t_csv="\ufeffa, b ,c\n1, 2\n\n3,4,5,6\n".encode())
    assert reading.table_rows(tree, "t.csv", ("a", "b")) == [
        {"a": "1", "b": "2", "c": ""},
        {"a": "3", "b": "4", "c": "5"},
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"a,c\n", "no column 'b'"), (b"", "found none"), (b"a,b\n\xff\xfe\n", "UTF-8")],
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        reading.table_rows(_tree(tmp_path, t_csv=data), "t.csv", ("a", "b"))


def test_ids_are_listed_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("# these\nab1\n\n  cd2  # why\n")
    assert reading.read_ids(file) == {"ab1", "cd2"}
    with pytest.raises(DataError, match="one id a line"):
        reading.read_ids(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("word", "part"),
    [("Training", "train"), ("Public Test", "valid"), ("private_test", "test"), ("a", None)],
)
def test_parts_have_many_names(word: str, part: str | None) -> None:
    assert reading.split_name(word) == part


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("happy/a.png", ("happy", None)),
        ("train/1-anger/a.png", ("anger", "train")),
        ("PrivateTest/Suprise/a.png", ("surprise", "test")),
        ("set/FER2013Valid/Joy/more/a.png", ("happy", "valid")),
        ("2019/happy/a.png", ("happy", None)),
        ("neutral/set/fear/a.png", ("fear", None)),
        ("whatever/a.png", (None, None)),
        ("a.png", (None, None)),
    ],
)
def test_folders_name_class_and_part(path: str, expected: tuple[str | None, str | None]) -> None:
    assert reading.class_and_split(path) == expected


def test_numbers_need_a_label_set() -> None:
    with pytest.raises(LabelError, match="only a number"):
        reading.class_and_split("train/3/a.png")
    with pytest.raises(LabelError, match="contradicts itself"):
        reading.class_and_split("3-anger/a.png")
    assert reading.class_and_split("train/3/a.png", {"3": "Happiness"}) == ("happy", "train")


@pytest.mark.parametrize(("matched", "total"), [(0, 0), (0, 1), (2, 5)])
def test_fewer_than_half_is_an_error_that_shows_the_grammar(matched: int, total: int) -> None:
    with pytest.raises(DataError, match=rf"{matched} of {total}.*Expected <name>\.png"):
        reading.check_half(matched, total, "<name>.png")


def test_half_is_enough() -> None:
    reading.check_half(1, 2, "<name>.png")
