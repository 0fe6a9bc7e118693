"""PICS pain: letters that mean two things, one person in two folders, pain and the unlabelled."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import Rejection, Sample
from mien.datasets.pics_pain import _NAME, PicsPain
from trees import draw, pics_pain


def _scan(root: Path, pain_as: str | None = None) -> tuple[dict[str, Sample], dict[str, Rejection]]:
    """Returns samples and rejections by path."""
    found = list(PicsPain(pain_as=pain_as).scan(root))
    kept = {item.path: item for item in found if isinstance(item, Sample)}
    rejected = {item.path: item for item in found if isinstance(item, Rejection)}
    assert len(kept) + len(rejected) == len(found)
    return kept, rejected


def test_the_tree_is_read_to_the_last_picture(tmp_path: Path) -> None:
    expected = pics_pain.build(tmp_path)
    kept, rejected = _scan(tmp_path)
    assert (len(kept), len(rejected)) == expected
    assert Counter(item.reason for item in rejected.values()) == {
        "no_class": 5, "unknown_label": 2, "unmatched": 2, "no_label": 5, "empty": 1,
    }  # fmt: skip
    assert not PicsPain.info.verified


def test_every_code_has_its_class_in_both_folders(tmp_path: Path) -> None:
    pics_pain.build(tmp_path)
    kept, _ = _scan(tmp_path)
    expected = {
        "n": "neutral", "a": "anger", "d": "disgust", "f": "fear", "h": "happy", "sa": "sadness",
        "s": "surprise",
    }  # fmt: skip
    assert {code: kept[f"pain/m10{code}2.jpg"].label for code in expected} == expected
    assert {code: kept[f"pain_crops/f01_{code}.jpg"].label for code in expected} == expected
    assert kept["pain/F3N1.JPG"].label == "neutral"
    assert kept["pain/m2s.jpg"].label == "surprise"


def test_sa_goes_before_s_and_f_is_both_sex_and_fear(tmp_path: Path) -> None:
    pics_pain.build(tmp_path)
    kept, _ = _scan(tmp_path)
    assert kept["pain/f3sa1_45.jpg"].label == "sadness"
    fear = kept["pain/f1f1.jpg"]
    assert (fear.label, fear.gender, fear.subject) == ("fear", "female", "F01")
    fear = kept["pain/m10f1.jpg"]
    assert (fear.label, fear.gender, fear.subject) == ("fear", "male", "M10")


def test_one_person_in_both_folders_is_one_subject(tmp_path: Path) -> None:
    pics_pain.build(tmp_path)
    kept, _ = _scan(tmp_path)
    assert kept["pain/f1a1.jpg"].subject == kept["pain_crops/f01_a.jpg"].subject == "F01"
    assert {s.subject for s in kept.values()} == {"F01", "M10", "F12", "F03", "M02"}


def test_pain_is_left_out_unless_it_is_given_a_class(tmp_path: Path) -> None:
    pics_pain.build(tmp_path)
    _, rejected = _scan(tmp_path)
    pain = {f"pain/{name}" for name in pics_pain.PAIN}
    assert {path for path, item in rejected.items() if item.reason == "no_class"} == pain
    kept, rejected = _scan(tmp_path, "disgust")
    assert {kept[path].label for path in pain} == {"disgust"}
    assert kept["pain/m2pain1.jpg"].subject == "M02"
    assert not any(item.reason == "no_class" for item in rejected.values())
    for wrong in ("contempt", "pain", "Disgust"):
        with pytest.raises(ConfigError, match="pain_as is one of neutral, anger"):
            PicsPain(pain_as=wrong)


def test_a_code_of_two_letters_is_not_read_as_its_first(tmp_path: Path) -> None:
    pics_pain.build(tmp_path)
    _, rejected = _scan(tmp_path)
    item = rejected["pain/f3sh1.jpg"]
    assert item.reason == "unknown_label"
    assert item.detail == "the code 'sh' is none of n a d f h sa s p"
    assert rejected["pain/f3x1.jpg"].reason == "unknown_label"


def test_utrecht_pictures_have_no_label_though_their_names_look_so(tmp_path: Path) -> None:
    pics_pain.build(tmp_path)
    _, rejected = _scan(tmp_path)
    assert {path for path, item in rejected.items() if item.reason == "no_label"} == {
        f"utrecht/{name}.jpg" for name in ("m1", "m1s", "f2", "f2s", "group")
    }
    assert {item.reason for item in PicsPain().scan(tmp_path / "utrecht")} == {"no_label"}


def test_foreign_pictures_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "holiday.jpg", 1)
    draw(tmp_path / "f1 a1.jpg", 2)
    with pytest.raises(DataError, match="0 of 2 entries match.*holiday.jpg.*Expected pain/f1a1"):
        list(PicsPain().scan(tmp_path))


@given(
    st.sampled_from("fmFM"), st.integers(1, 23), st.booleans(), st.sampled_from(["", "_"]),
    st.sampled_from(["n", "a", "d", "f", "h", "sa", "s", "p"]), st.integers(1, 12),
)  # fmt: skip
@settings(max_examples=50)
def test_a_name_gives_back_what_it_was_made_of(
    sex: str, number: int, padded: bool, bar: str, code: str, take: int
) -> None:
    found = _NAME.match(f"{sex}{number:02d}{bar}{code}{take}.jpg" if padded else
                        f"{sex}{number}{bar}{code}{take}.jpg")  # fmt: skip
    assert found
    assert (found["sex"], int(found["number"]), found["code"]) == (sex, number, code)
    assert found["tail"] == str(take)
