"""KDEF: one person in two sessions, wrong names put right, black pictures told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import Rejection, Sample
from mien.datasets.kdef import _BLACK, _CODES, _NAME, _POSES, Kdef
from trees import blank, draw, kdef


def _scan(root: Path, **options: object) -> tuple[dict[str, Sample], dict[str, Rejection]]:
    """Returns samples and rejections by the name of their file."""
    kept: dict[str, Sample] = {}
    rejected: dict[str, Rejection] = {}
    for item in Kdef(**options).scan(root):  # type: ignore[arg-type]  # wrong ones are a test too
        name = item.path.rpartition("/")[2]
        assert name not in kept.keys() | rejected.keys()
        if isinstance(item, Sample):
            kept[name] = item
        else:
            rejected[name] = item
    return kept, rejected


def test_the_tree_is_read_to_the_last_picture(tmp_path: Path) -> None:
    expected = kdef.build(tmp_path)
    kept, rejected = _scan(tmp_path)
    assert (len(kept), len(rejected)) == expected
    assert Counter(item.reason for item in rejected.values()) == {
        "not_selected": expected[1] - 5,
        "unmatched": 2,
        "placeholder": 1,
        "empty": 1,
        "unreadable": 1,
    }


def test_every_code_has_its_class_and_both_sessions_their_person(tmp_path: Path) -> None:
    kdef.build(tmp_path)
    kept, _ = _scan(tmp_path)
    assert {kept[f"AF01{code}S.JPG"].label for code in _CODES} == {
        "fear", "anger", "disgust", "happy", "neutral", "sadness", "surprise",
    }  # fmt: skip
    assert kept["AF01AFS.JPG"].label == "fear"  # AF is session and gender, and an expression
    assert kept["AF01SAS.JPG"].label == "sadness"
    assert kept["AF01SUS.JPG"].label == "surprise"
    assert kept["AF01ANS.JPG"].subject == kept["BF01ANS.JPG"].subject == "F01"
    assert {s.subject for s in kept.values()} == {"F01", "M35", "F20"}
    assert {(s.subject, s.gender) for s in kept.values()} == {
        ("F01", "female"), ("M35", "male"), ("F20", "female"),
    }  # fmt: skip
    assert {(s.pose, s.age, s.sequence) for s in kept.values()} == {("frontal", "20-30", None)}
    assert kept["af20ans.jpg"].label == "anger"
    assert kept["AF20DIS.jpeg"].label == "disgust"


def test_wrong_names_are_read_by_their_right_ones(tmp_path: Path) -> None:
    kdef.build(tmp_path)
    kept, _ = _scan(tmp_path, angles=("HL", "HR"))
    first, second = kept["AF31V.JPG"], kept["AM31H.JPG"]
    assert (first.label, first.subject, first.pose) == ("sadness", "F31", "half-left")
    assert (second.label, second.subject, second.pose) == ("surprise", "M31", "half-right")


def test_every_angle_has_its_pose(tmp_path: Path) -> None:
    kdef.build(tmp_path)
    kept, _ = _scan(tmp_path, angles=["FL", "HL", "S", "HR", "FR"])  # as TOML gives it
    assert {angle: kept[f"BM35NE{angle}.JPG"].pose for angle in _POSES} == {
        "FL": "full-left", "HL": "half-left", "S": "frontal", "HR": "half-right",
        "FR": "full-right",
    }  # fmt: skip


def test_known_and_unknown_black_pictures_are_placeholders(tmp_path: Path) -> None:
    for number in range(4):
        draw(tmp_path / f"AF0{number}NES.JPG", number)
    draw(tmp_path / "AF01SUFR.JPG", 10)  # on the list, whatever it holds
    blank(tmp_path / "AM20DIHL.JPG", 0)  # on no list
    kept, rejected = _scan(tmp_path, angles=("S", "FR", "HL"))
    assert len(kept) == 4
    assert {name: item.reason for name, item in rejected.items()} == {
        "AF01SUFR.JPG": "placeholder",
        "AM20DIHL.JPG": "placeholder",
    }
    assert "mean grey is 0.0" in rejected["AM20DIHL.JPG"].detail
    assert len(_BLACK) == 10
    assert not any(stem.endswith("S") for stem in _BLACK)


def test_a_dark_picture_is_caught_whatever_the_size_of_its_file(tmp_path: Path) -> None:
    import numpy as np
    import PIL.Image

    noise = np.random.default_rng(0).integers(0, 18, (300, 300, 3), dtype=np.uint8)
    for number in range(2):
        draw(tmp_path / f"AF0{number}NES.png", number)
    PIL.Image.fromarray(noise).save(tmp_path / "AF02NES.png")
    assert (tmp_path / "AF02NES.png").stat().st_size > 100_000
    assert _scan(tmp_path)[1]["AF02NES.png"].reason == "placeholder"


def test_averaged_faces_wait_to_be_asked_for_and_are_nobody(tmp_path: Path) -> None:
    kdef.build(tmp_path)
    _, rejected = _scan(tmp_path)
    assert rejected["FAFS.JPG"].reason == "not_selected"
    assert "akdef = true" in rejected["FAFS.JPG"].detail
    kept, _ = _scan(tmp_path, akdef=True, angles=("S", "HR"))
    found = {name: kept[name] for name in ("FAFS.JPG", "FANS.JPG", "FSUS.JPG", "FAHR.JPG")}
    assert [s.label for s in found.values()] == ["fear", "anger", "surprise", "fear"]
    assert {(s.subject, s.gender, s.age) for s in found.values()} == {(None, "female", None)}
    assert found["FAHR.JPG"].pose == "half-right"  # its right name is FAFHR


def test_one_session_may_be_taken_alone(tmp_path: Path) -> None:
    kdef.build(tmp_path)
    kept, rejected = _scan(tmp_path, sessions=["B"])
    assert {name[0] for name in kept} == {"B"}
    assert "session A" in rejected["AF01ANS.JPG"].detail


def test_a_damaged_picture_is_told_with_its_id(tmp_path: Path) -> None:
    kdef.build(tmp_path)
    _, rejected = _scan(tmp_path)
    assert "web page" in rejected["AF20HAS.JPG"].detail
    assert rejected["AF20HAS.JPG"].id
    assert rejected["AF20SAS.JPG"].reason == "empty"


def test_foreign_pictures_are_refused(tmp_path: Path) -> None:
    for number in range(3):
        draw(tmp_path / f"holiday{number}.jpg", number)
    draw(tmp_path / "AF01ANS.JPG", 9)
    with pytest.raises(DataError, match="1 of 4 entries match.*Expected KDEF/AF01/AF01ANS.JPG"):
        list(Kdef().scan(tmp_path))


@pytest.mark.parametrize(
    "options",
    [
        {"angles": ("X",)}, {"angles": ()}, {"angles": "S"}, {"angles": ("s",)},
        {"sessions": ("A", "C")}, {"sessions": [1]}, {"akdef": "yes"},
    ],
)  # fmt: skip
def test_wrong_options_are_told(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(options))} (lists some of|is true)"):
        Kdef(**options)  # type: ignore[arg-type]


@given(
    st.sampled_from("AB"), st.sampled_from("FM"), st.integers(1, 35),
    st.sampled_from(sorted(_CODES)), st.sampled_from(sorted(_POSES)), st.booleans(),
)  # fmt: skip
@settings(max_examples=50)
def test_a_name_gives_back_what_it_was_made_of(
    session: str, gender: str, number: int, expression: str, angle: str, lower: bool
) -> None:
    stem = f"{session}{gender}{number:02d}{expression}{angle}"
    found = _NAME.match(f"{stem.lower() if lower else stem}.JPG")
    assert found
    parts = [found[name].upper() for name in ("session", "gender", "id", "expr", "angle")]
    assert parts == [session, gender, f"{number:02d}", expression, angle]
