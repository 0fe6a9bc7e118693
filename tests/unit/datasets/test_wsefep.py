"""WSEFEP: labels come from the exported sheet, joined by names with and without their endings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import Rejection, Sample
from mien.datasets.wsefep import Wsefep, _key, _percent
from trees import draw, wsefep


def _scan(root: Path, **options: object) -> tuple[dict[str, Sample], list[Rejection]]:
    """Returns samples by the name of their file, and rejections."""
    found = list(Wsefep(**options).scan(root))  # type: ignore[arg-type]
    kept = {item.path.rpartition("/")[2]: item for item in found if isinstance(item, Sample)}
    rejected = [item for item in found if isinstance(item, Rejection)]
    assert len(kept) + len(rejected) == len(found)
    return kept, rejected


def test_the_tree_is_read_to_the_last_row(tmp_path: Path) -> None:
    expected = wsefep.build(tmp_path)
    kept, rejected = _scan(tmp_path)
    assert (len(kept), len(rejected)) == expected
    assert Counter((item.path.rpartition("/")[2], item.reason) for item in rejected) == {
        ("zz_0001.jpg", "unknown_label"): 1,
        ("zz_0002.jpg", "no_label"): 1,
        ("zz_0003.jpg", "conflicting_labels"): 1,
        ("zz_0004.jpg", "repeated_row"): 1,
        ("zz_0005", "no_file"): 1,
        ("zz_0006.jpg", "ambiguous_name"): 1,
        ("zz_0006.png", "ambiguous_name"): 1,
        ("zz_0007.jpg", "not_listed"): 1,
        (wsefep.TABLE, "no_file"): 1,
    }
    details = {item.path.rpartition("/")[2]: item.detail for item in rejected}
    assert details["zz_0003.jpg"] == "the table gives it as fear, joy"


def test_labels_come_from_the_table_however_it_writes_the_name(tmp_path: Path) -> None:
    wsefep.build(tmp_path)
    kept, _ = _scan(tmp_path)
    for first, person in enumerate(wsefep.PEOPLE):
        found = [kept[f"{person}_{10 * first + i:04d}.jpg"] for i in range(7)]
        assert [s.label for s in found] == list(wsefep.DISPLAYS.values())
        assert {(s.subject, s.intensity) for s in found} == {(person, None)}
    assert kept["zz_0004.jpg"].subject == "ZZ"


def test_agreement_may_be_demanded(tmp_path: Path) -> None:
    wsefep.build(tmp_path)
    kept, rejected = _scan(tmp_path, min_agreement=80)
    assert Counter(s.label for s in kept.values()) == dict.fromkeys(
        ("anger", "happy", "neutral", "surprise"), 2
    )
    details = {i.path[-11:]: i.detail for i in rejected if i.reason == "not_selected"}
    assert details["AG_0002.jpg"] == "its agreement '65,5' is below 80 %"
    assert details["AG_0005.jpg"] == "its agreement '' is below 80 %"
    assert len(details) == 7


def test_agreement_needs_its_column_only_where_it_is_demanded(tmp_path: Path) -> None:
    (tmp_path / wsefep.TABLE).write_text("Picture ID,Display\na_1,joy\n")
    draw(tmp_path / "a_1.jpg", 1)
    assert len(_scan(tmp_path)[0]) == 1
    with pytest.raises(DataError, match="has no column 'Agreement"):
        _scan(tmp_path, min_agreement=1)


def test_excel_alone_is_told_how_to_export(tmp_path: Path) -> None:
    wsefep.build(tmp_path)
    (tmp_path / wsefep.TABLE).rename(tmp_path / "wsefep norms.CSV")
    assert len(_scan(tmp_path)[0]) == 15  # any name with the set's own in it
    (tmp_path / "wsefep norms.CSV").unlink()
    with pytest.raises(DataError, match="FACS.xlsx, and mien reads no Excel.*export the sheet as"):
        _scan(tmp_path)
    (tmp_path / "WSEFEP - norms & FACS.xlsx").unlink()
    with pytest.raises(DataError, match="holds no WSEFEP - norms & FACS - Arkusz1.csv.*Picture ID"):
        _scan(tmp_path)


def test_two_tables_are_told(tmp_path: Path) -> None:
    wsefep.build(tmp_path)
    (tmp_path / "WSEFEP copy.csv").write_text("Picture ID,Display\n")
    with pytest.raises(DataError, match="holds 2 files"):
        _scan(tmp_path)


def test_a_table_of_other_pictures_is_refused(tmp_path: Path) -> None:
    wsefep.build(tmp_path)
    lines = (f"holiday{n},joy" for n in range(30))
    (tmp_path / wsefep.TABLE).write_text("\n".join(["Picture ID,Display", "AG_0001,joy", *lines]))
    with pytest.raises(DataError, match="1 of 31 entries match .not: holiday0"):
        _scan(tmp_path)


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("MK_joy_01", "MK"), ("mk-12", "MK"), ("P01_anger", "P01"), ("MK0123", "MK"),
        ("12a", "12"), ("Ola 3", "OLA"), ("anger", None), ("0042", None),
    ],
)  # fmt: skip
def test_the_person_stands_before_the_first_change(
    tmp_path: Path, name: str, subject: str | None
) -> None:
    (tmp_path / wsefep.TABLE).write_text(f"Picture ID,Display\n{name},joy\n")
    draw(tmp_path / f"{name}.jpg", 1)
    assert _scan(tmp_path)[0][f"{name}.jpg"].subject == subject


def test_the_person_may_be_read_otherwise(tmp_path: Path) -> None:
    wsefep.build(tmp_path)
    kept, _ = _scan(tmp_path, subject_pattern=r"_00(?P<subject>[01])")
    assert {s.subject for name, s in kept.items() if name.startswith("MK")} == {"1"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subject_pattern": "("}, "subject_pattern is no regular expression"),
        ({"subject_pattern": r"\w+"}, "needs the named group subject"),
        ({"min_agreement": 101}, "min_agreement is 0 to 100; got 101"),
        ({"min_agreement": -0.5}, "min_agreement is 0 to 100"),
        ({"min_agreement": "80"}, "min_agreement is 0 to 100; got '80'"),
        ({"min_agreement": True}, "min_agreement is 0 to 100; got True"),
    ],
)
def test_wrong_options_are_told(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Wsefep(**options)  # type: ignore[arg-type]


@given(
    st.text("abAB01_. -", min_size=1, max_size=12), st.sampled_from(["", ".jpg", ".JPG", ".png"])
)
@settings(max_examples=50)
def test_a_name_and_its_row_meet(stem: str, ending: str) -> None:
    stem = f"x{stem}x"
    assert _key(f" {stem.upper()}{ending} ") == _key(stem) == stem.casefold()


@given(st.integers(0, 1000), st.sampled_from([".", ","]), st.sampled_from(["", "%", " %"]))
@settings(max_examples=30)
def test_percentages_are_read_in_any_spelling(tenths: int, point: str, sign: str) -> None:
    text = f"{tenths // 10}{point}{tenths % 10}{sign}"
    assert _percent(text) == pytest.approx(tenths / 10)
