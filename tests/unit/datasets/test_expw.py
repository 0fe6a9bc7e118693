"""ExpW: top, left, right, bottom; several faces a picture; rows that stand there twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import BBox, Rejection, Sample
from mien.datasets.expw import _ROW, ExpW
from trees import draw, expw


def _scan(root: Path, **options: float) -> tuple[list[Sample], list[tuple[str, str]]]:
    found = list(ExpW(**options).scan(root))
    samples = [item for item in found if isinstance(item, Sample)]
    rejected = [
        (item.path.rpartition("/")[2], item.reason) for item in found if isinstance(item, Rejection)
    ]
    return samples, rejected


def test_each_face_is_a_sample(tmp_path: Path) -> None:
    kept, rejections = expw.build(tmp_path)
    samples, rejected = _scan(tmp_path)
    assert (len(samples), len(rejected)) == (kept, rejections)
    assert [(s.path.rpartition("/")[2], s.label) for s in samples] == [
        ("angry man_1.jpg", "anger"),
        ("afraid_African_214.jpg", "neutral"),
        ("afraid_African_214.jpg", "fear"),
        ("happy_child_3.jpg", "disgust"),
        ("happy_child_3.jpg", "happy"),
        ("happy_child_4.jpg", "sadness"),
        ("happy_child_5.jpg", "surprise"),
    ]
    assert {s.ethnicity for s in samples} == {None}


def test_the_box_is_top_left_right_bottom_and_part_of_the_id(tmp_path: Path) -> None:
    expw.build(tmp_path)
    third, first, second, *_ = _scan(tmp_path)[0]
    assert first.face_box == BBox(2, 1, 7, 6)
    assert third.face_box == BBox(2, -1, 7, 6)
    assert first.id.partition("#")[0] == second.id.partition("#")[0]
    assert first.id.partition("#")[2] == "2,1,7,6"
    assert second.id.partition("#")[2] == "0,0,3,4"


def test_every_other_row_and_picture_has_its_reason(tmp_path: Path) -> None:
    expw.build(tmp_path)
    assert sorted(_scan(tmp_path)[1]) == [
        ("afraid_African_214.jpg", "repeated_row"),
        ("happy_child_5.jpg", "conflicting_labels"),
        ("happy_child_5.jpg", "conflicting_labels"),
        ("happy_child_6.jpg", "unknown_label"),
        ("label.lst:12", "unmatched"),
        ("label.lst:14", "unmatched"),
        ("missing_1.jpg", "no_file"),
        ("x_1.jpg", "not_listed"),
    ]


def test_faces_of_low_confidence_may_be_left_out(tmp_path: Path) -> None:
    expw.build(tmp_path)
    samples, rejected = _scan(tmp_path, min_confidence=12.5)
    assert len(samples) == 7
    samples, rejected = _scan(tmp_path, min_confidence=50)
    assert [s.label for s in samples] == ["neutral"]
    assert ("angry man_1.jpg", "not_selected") in rejected
    for value in (-1, float("nan")):
        with pytest.raises(ConfigError, match="0 or more"):
            ExpW(min_confidence=value)


def test_one_name_in_two_folders_is_ambiguous(tmp_path: Path) -> None:
    expw.build(tmp_path)
    draw(tmp_path / "more" / "happy_child_4.jpg", 50)
    samples, rejected = _scan(tmp_path)
    assert len(samples) == 6
    assert rejected.count(("happy_child_4.jpg", "ambiguous_name")) == 3  # a row and two pictures


def test_what_is_not_expw_shows_the_grammar(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg", 1)
    with pytest.raises(DataError, match=r"holds no label\.lst. Expected label/label\.lst"):
        _scan(tmp_path)
    (tmp_path / "label.lst").write_text("a.jpg happy\nb.jpg happy\n\n")
    with pytest.raises(DataError, match=r"0 of 2 entries match.*top left right bottom"):
        _scan(tmp_path)


@settings(max_examples=50)
@given(
    st.from_regex(r"[a-z_]+( [a-z_]+)*_\d+\.jpg", fullmatch=True),
    st.lists(st.integers(-50, 5000), min_size=4, max_size=4),
    st.floats(0, 100),
    st.integers(0, 6),
)
def test_any_row_is_read_as_it_was_written(
    name: str, box: list[int], confidence: float, code: int
) -> None:
    found = _ROW.match(f"{name} 0 {' '.join(map(str, box))} {confidence} {code}")
    assert found is not None
    assert found["name"] == name
    assert [int(found[side]) for side in ("top", "left", "right", "bottom")] == box
    assert float(found["confidence"]) == confidence
    assert found["code"] == str(code)
