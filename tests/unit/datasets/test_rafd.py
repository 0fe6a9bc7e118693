"""RaFD: eight words, children, gazes and cameras."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import Rejection, Sample
from mien.datasets.rafd import _CODES, _NAME, MODELS, RaFD
from trees import draw, rafd


def _scan(root: Path, **options: object) -> tuple[dict[str, Sample], dict[str, Rejection]]:
    """Returns samples and rejections by the name of their file."""
    found = list(RaFD(**options).scan(root))  # type: ignore[arg-type]
    kept = {i.path.rpartition("/")[2]: i for i in found if isinstance(i, Sample)}
    rejected = {i.path.rpartition("/")[2]: i for i in found if isinstance(i, Rejection)}
    assert len(kept) + len(rejected) == len(found)
    return kept, rejected


def test_the_tree_is_read_to_the_last_picture(tmp_path: Path) -> None:
    expected = rafd.build(tmp_path)
    kept, rejected = _scan(tmp_path)
    assert (len(kept), len(rejected)) == expected
    assert Counter(item.reason for item in rejected.values()) == {
        "not_selected": 4, "unmatched": 5, "empty": 1,
    }  # fmt: skip


def test_eight_words_become_seven_classes_and_contempt(tmp_path: Path) -> None:
    rafd.build(tmp_path)
    kept, _ = _scan(tmp_path)
    found = {w: kept[f"Rafd090_01_Caucasian_female_{w}_left.jpg"].label for w in rafd.EXPRESSIONS}
    assert found == {
        "angry": "anger", "contemptuous": "contempt", "disgusted": "disgust", "fearful": "fear",
        "happy": "happy", "neutral": "neutral", "sad": "sadness", "surprised": "surprise",
    }  # fmt: skip


def test_a_child_is_a_caucasian_child(tmp_path: Path) -> None:
    rafd.build(tmp_path)
    kept, _ = _scan(tmp_path)
    child = kept["Rafd090_64_Kid_male_happy_frontal.jpg"]
    assert (child.ethnicity, child.age, child.gender, child.subject) == (
        "Caucasian", "child", "male", "64",
    )  # fmt: skip
    adult = kept["Rafd090_01_Caucasian_female_happy_frontal.jpg"]
    assert (adult.ethnicity, adult.age, adult.gender, adult.subject) == (
        "Caucasian", None, "female", "01",
    )  # fmt: skip


def test_prefixes_and_any_case_are_read(tmp_path: Path) -> None:
    rafd.build(tmp_path)
    kept, _ = _scan(tmp_path)
    cropped = kept["cropped_151_159_Rafd090_12_Caucasian_female_happy_left.png"]
    assert (cropped.subject, cropped.label, cropped.pose) == ("12", "happy", "frontal")
    odd = kept["rafd090_73_moroccan_male_SAD_frontal.JPG"]
    assert (odd.ethnicity, odd.label, odd.gender) == ("Moroccan", "sadness", "male")


def test_cameras_are_degrees_from_the_front(tmp_path: Path) -> None:
    rafd.build(tmp_path)
    kept, _ = _scan(tmp_path, angles=[0, 45, 90, 135, 180])
    assert {
        name[4:7]: s.pose for name, s in kept.items() if name.startswith("Rafd") and "_29_" in name
    } == {"000": "-90", "045": "-45", "135": "45", "180": "90"}
    assert kept["Rafd090_01_Caucasian_female_sad_left.jpg"].pose == "frontal"


def test_gazes_may_be_left_out(tmp_path: Path) -> None:
    rafd.build(tmp_path)
    kept, rejected = _scan(tmp_path, gazes=["frontal"])
    assert len(kept) == 2 * 8 + 1
    item = rejected["Rafd090_01_Caucasian_female_sad_left.jpg"]
    assert (item.reason, item.detail) == ("not_selected", "the gaze left is not among the gazes")


def test_there_are_67_models_and_the_gaps_are_told(tmp_path: Path) -> None:
    rafd.build(tmp_path)
    _, rejected = _scan(tmp_path)
    assert len(MODELS) == 67
    for number in ("00", "06", "74"):
        item = rejected[f"Rafd090_{number}_Caucasian_male_happy_frontal.jpg"]
        assert (item.reason, item.detail) == ("unmatched", f"the data set has no model {number}")


def test_foreign_pictures_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "Rafd090_01.jpg", 1)
    with pytest.raises(DataError, match="0 of 1 entries match.*Expected Rafd090_01_Caucasian"):
        list(RaFD().scan(tmp_path))


@pytest.mark.parametrize(
    "options",
    [
        {"angles": (30,)}, {"angles": ()}, {"angles": 90}, {"angles": ("90",)},
        {"angles": [False]}, {"gazes": ("up",)}, {"gazes": "left"},
    ],
)  # fmt: skip
def test_wrong_options_are_told(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(options))} lists some of"):
        RaFD(**options)  # type: ignore[arg-type]


@given(
    st.sampled_from(["000", "045", "090", "135", "180"]), st.sampled_from(sorted(MODELS)),
    st.sampled_from(["Caucasian", "Moroccan", "Kid"]), st.sampled_from(["female", "male"]),
    st.sampled_from(sorted(_CODES)), st.sampled_from(rafd.GAZES), st.text("ab_019", max_size=8),
)  # fmt: skip
@settings(max_examples=50)
def test_a_name_gives_back_what_it_was_made_of(
    angle: str, model: int, group: str, gender: str, word: str, gaze: str, prefix: str
) -> None:
    found = _NAME.search(f"{prefix}Rafd{angle}_{model:02d}_{group}_{gender}_{word}_{gaze}.jpg")
    assert found
    assert found.groups() == (angle, f"{model:02d}", group, gender, word, gaze)
