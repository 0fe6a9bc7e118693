"""Dartmouth: names are taken apart with care, or read by the user's own pattern."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import Rejection, Sample
from mien.datasets.dartmouth import Dartmouth
from trees import dartmouth, draw


def _scan(root: Path, **options: object) -> tuple[dict[str, Sample], dict[str, Rejection]]:
    """Returns samples and rejections by path."""
    found = list(Dartmouth(**options).scan(root))  # type: ignore[arg-type]
    kept = {item.path: item for item in found if isinstance(item, Sample)}
    rejected = {item.path: item for item in found if isinstance(item, Rejection)}
    assert len(kept) + len(rejected) == len(found)
    return kept, rejected


def test_the_tree_is_read_to_the_last_picture(tmp_path: Path) -> None:
    expected = dartmouth.build(tmp_path)
    kept, rejected = _scan(tmp_path)
    assert (len(kept), len(rejected)) == expected
    assert Counter(item.reason for item in rejected.values()) == {
        "no_class": 3, "conflicting_labels": 1, "unmatched": 2, "empty": 1,
    }  # fmt: skip
    assert not Dartmouth.info.verified


def test_words_in_names_and_in_folders_become_classes(tmp_path: Path) -> None:
    dartmouth.build(tmp_path)
    kept, _ = _scan(tmp_path)
    for word, label in dartmouth.WORDS.items():
        assert kept[f"DDCF/F012_{word}_30L.jpg"].label == label
        assert kept[f"DDCF/by class/{word}/042-60-1.jpg"].label == label
    assert kept["DDCF/happy/M03_sad_60R.jpg"].label == "sadness"
    short = [s.label for path, s in kept.items() if path.startswith("DDCF/short/")]
    assert sorted(filter(None, short)) == [
        "anger", "fear", "fear", "happy", "neutral", "sadness", "surprise",
    ]  # fmt: skip


def test_the_child_is_the_number_that_is_no_angle(tmp_path: Path) -> None:
    dartmouth.build(tmp_path)
    kept, _ = _scan(tmp_path)
    assert kept["DDCF/F012_happy_0.jpg"].subject == "F012"
    assert kept["DDCF/short/f07.NE.1.JPG"].subject == "F07"
    assert kept["DDCF/by class/sad/042-60-1.jpg"].subject == "042"
    draw(tmp_path / "055" / "happy_30.jpg", 900)
    draw(tmp_path / "30" / "happy_60.jpg", 901)
    draw(tmp_path / "happy.jpg", 902)
    kept, _ = _scan(tmp_path)
    assert kept["055/happy_30.jpg"].subject == "055"
    assert kept["30/happy_60.jpg"].subject == "60"  # nothing tells them apart
    assert kept["happy.jpg"].subject is None


def test_what_the_paper_states_of_all_children_stands_in_each_sample(tmp_path: Path) -> None:
    dartmouth.build(tmp_path)
    kept, _ = _scan(tmp_path)
    assert {(s.age, s.ethnicity, s.gender, s.pose) for s in kept.values()} == {
        ("6-16", "Caucasian", None, None)
    }


def test_content_is_no_class_unless_it_is_taken_for_happy(tmp_path: Path) -> None:
    dartmouth.build(tmp_path)
    paths = {
        "DDCF/F012_content_0.jpg", "DDCF/short/f07.con.1.jpg", "DDCF/by class/pleased/042-30-1.jpg",
    }  # fmt: skip
    _, rejected = _scan(tmp_path)
    assert {path for path, item in rejected.items() if item.reason == "no_class"} == paths
    kept, _ = _scan(tmp_path, content_as_happy=True)
    assert {kept[path].label for path in paths} == {"happy"}


def test_two_words_in_one_name_are_no_label(tmp_path: Path) -> None:
    dartmouth.build(tmp_path)
    _, rejected = _scan(tmp_path)
    item = rejected["DDCF/F012_happy_sad.jpg"]
    assert item.reason == "conflicting_labels"
    assert item.detail == "its name tells several expressions: happy, sad"


def test_a_whole_word_goes_before_initials(tmp_path: Path) -> None:
    draw(tmp_path / "SA_happy_01.jpg", 1)
    draw(tmp_path / "AN_afraid_fear_02.jpg", 2)  # two words, one class
    kept, _ = _scan(tmp_path)
    assert kept["SA_happy_01.jpg"].label == "happy"
    assert kept["AN_afraid_fear_02.jpg"].label == "fear"


def test_own_codes_go_before_known_words(tmp_path: Path) -> None:
    names = ("F01_e1.jpg", "F01_e2.jpg", "F01_E3.jpg", "F01_e4.jpg", "F01_co.jpg")
    for number, name in enumerate(names):
        draw(tmp_path / name, number)
    codes = {"E1": "Angry", "e2": "none", "e3": "content", "e4": "", "co": "contempt"}
    kept, rejected = _scan(tmp_path, codes=codes)
    assert {path: s.label for path, s in kept.items()} == {
        "F01_e1.jpg": "anger", "F01_co.jpg": "contempt",
    }  # fmt: skip
    assert {path: item.reason for path, item in rejected.items()} == dict.fromkeys(
        ("F01_e2.jpg", "F01_E3.jpg", "F01_e4.jpg"), "no_class"
    )
    assert "leave 'e2' out" in rejected["F01_e2.jpg"].detail


def test_a_pattern_reads_other_names(tmp_path: Path) -> None:
    names = ("ha/007_L30_2.jpg", "AN/007_R60_1.jpg", "xx/007_R60_1.jpg", "007_L30.jpg")
    for number, name in enumerate(names):
        draw(tmp_path / name, number)
    pattern = r"(?P<expr>[a-z]{2})/(?P<subject>\d+)_(?P<angle>\w\d+)_(?P<light>\d)"
    kept, rejected = _scan(tmp_path, pattern=pattern, codes={"ha": "happy"})
    assert {path: (s.label, s.subject, s.pose, s.light) for path, s in kept.items()} == {
        "ha/007_L30_2.jpg": ("happy", "007", "L30", "2"),
        "AN/007_R60_1.jpg": ("anger", "007", "R60", "1"),
    }
    assert {path: item.reason for path, item in rejected.items()} == {
        "xx/007_R60_1.jpg": "unknown_label", "007_L30.jpg": "unmatched",
    }  # fmt: skip
    assert "'xx' is not known" in rejected["xx/007_R60_1.jpg"].detail


def test_foreign_pictures_are_refused(tmp_path: Path) -> None:
    for number in range(3):
        draw(tmp_path / f"IMG-{number}.jpg", number)
    draw(tmp_path / "happy.jpg", 9)
    with pytest.raises(DataError, match="1 of 4 entries match .*options pattern and codes"):
        list(Dartmouth().scan(tmp_path))
    with pytest.raises(DataError, match="0 of 4 entries match"):
        list(Dartmouth(pattern=r"(?P<expr>\d{9})").scan(tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "("}, "no regular expression: .* in '\\('"),
        ({"pattern": "(?P<subject>a)"}, "needs the named group expr.*it has subject"),
        ({"pattern": "a"}, "it has none"),
        ({"pattern": "(?P<expr>a)(?P<who>b)"}, "may have subject, angle, light; it has expr, w"),
        ({"codes": {"ha": "hungry"}}, "codes: 'ha' has no class.*'hungry'"),
    ],
)
def test_wrong_options_are_told(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Dartmouth(**options)  # type: ignore[arg-type]


@given(
    st.sampled_from(sorted(dartmouth.WORDS)), st.sampled_from("MF"), st.integers(1, 80),
    st.sampled_from("_-. "), st.permutations([0, 1, 2]),
)  # fmt: skip
@settings(max_examples=50)
def test_parts_are_found_in_any_order(
    word: str, gender: str, number: int, separator: str, order: list[int]
) -> None:
    parts = [word, f"{gender}{number:02d}", "30L"]
    name = separator.join(parts[i] for i in order)
    codes, child = Dartmouth()._taken_apart(f"DDCF/{name}.jpg")
    assert (codes, child) == ([word], f"{gender}{number:02d}")
