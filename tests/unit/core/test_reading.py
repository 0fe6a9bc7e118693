"""What readers share: tables, folder names, content ids, and the check of the grammar."""

import hashlib
from pathlib import Path

import pytest

from mien.core import reading
from mien.core.errors import DataError, LabelError
from mien.core.types import Rejection, SourceInfo

INFO = SourceInfo("mine", "My Set", "mine alone", "no", "example.org/set", "Me 2020")


def test_a_missing_root_says_where_to_ask(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"My Set.*does not exist.*example\.org/set"):
        reading.check_root(tmp_path / "none", INFO)
    (tmp_path / "set.zip").touch()
    with pytest.raises(DataError, match="unpack it"):
        reading.check_root(tmp_path / "set.zip", INFO)
    reading.check_root(tmp_path, INFO)


def test_tables_are_found_whatever_their_case_and_depth(tmp_path: Path) -> None:
    assert reading.find_table(tmp_path, "a.csv") is None
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "A.CSV").touch()
    (tmp_path / "._a.csv").touch()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "a.csv").touch()
    assert reading.find_table(tmp_path, "a.csv") == tmp_path / "x" / "A.CSV"
    (tmp_path / "a.csv").touch()
    with pytest.raises(DataError, match="2 files"):
        reading.find_table(tmp_path, "a.csv")


def test_tables_are_read_by_name(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("\ufeffa, b ,c\n1, 2\n\n3,4,5,6\n", "utf-8")
    rows = list(reading.read_table(file, ("a", "b")))
    assert rows == [{"a": "1", "b": "2", "c": ""}, {"a": "3", "b": "4", "c": "5"}]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"a,c\n", "no column 'b'"), (b"", "found none"), (b"a,b\n\xff\xfe\n", "UTF-8")],
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(data)
    with pytest.raises(DataError, match=message):
        list(reading.read_table(file, ("a", "b")))


def test_identify_hashes_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"abc")
    (tmp_path / "b.png").touch()
    assert reading.identify(tmp_path, "a.png") == hashlib.sha256(b"abc").hexdigest()
    for name, reason in (("b.png", "empty"), ("none.png", "unreadable")):
        found = reading.identify(tmp_path, name)
        assert isinstance(found, Rejection)
        assert (found.path, found.reason) == (name, reason)


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
