"""SFEW: films as groups, parts by their folders, and a table that counts more than folders."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import Rejection, Sample
from mien.datasets import sfew as module
from mien.datasets.sfew import Sfew
from trees import draw, sfew

ORDER = ("anger", "disgust", "fear", "happy", "neutral", "sadness", "surprise")


def _scan(root: Path, images: str = "any") -> tuple[dict[str, Sample], list[tuple[str, str]]]:
    """Returns the samples by path, and the path and reason of each rejection."""
    found = list(Sfew(images=images).scan(root))
    samples = {item.path: item for item in found if isinstance(item, Sample)}
    rejected = [(item.path, item.reason) for item in found if isinstance(item, Rejection)]
    assert len(samples) + len(rejected) == len(found)
    return samples, rejected


def test_the_whole_tree(tmp_path: Path) -> None:
    expected = sfew.build(tmp_path)
    samples, rejected = _scan(tmp_path)
    assert (len(samples), len(rejected)) == expected
    assert Counter((s.split, s.label) for s in samples.values()) == {
        **{(part, label): 1 for part in ("train", "valid") for label in ORDER},
        ("test", None): 3,
    }
    train = "Train/Train_Aligned_Faces"
    assert sorted(rejected) == [
        (f"{train}/Airheads_000000099_00000005.png", "no_class_folder"),
        (f"{train}/Angry/Hangover_000000001_00000002.png", "conflicting_labels"),
        (f"{train}/Angry/sheet.png", "unmatched"),
        (f"{train}/Fear/Hangover_000000001_00000002.png", "conflicting_labels"),
    ]


def test_the_film_stands_for_the_person(tmp_path: Path) -> None:
    sfew.build(tmp_path)
    samples, _ = _scan(tmp_path)
    one = samples["Val/Val_Aligned_Faces_new/Sad/About_A_Boy_2_000000005_00000005.png"]
    assert (one.label, one.split) == ("sadness", "valid")
    assert (one.subject, one.sequence, one.frame) == ("About_A_Boy_2", "About_A_Boy_2", 5)
    test = samples["Test/Test_Aligned_Faces/Serendipity_000000002_00000012.png"]
    assert (test.label, test.split, test.subject) == (None, "test", "Serendipity")


def test_a_frame_with_and_without_a_class_is_in_none(tmp_path: Path) -> None:
    sfew.build(tmp_path)
    name = "Airheads_000000000_00000005.png"
    draw(tmp_path / "Test" / "Test_Aligned_Faces" / name, 99)
    found = [i for i in Sfew().scan(tmp_path) if i.path.endswith(name)]
    assert [getattr(item, "detail", None) for item in found] == [
        "this frame lies in anger and no class"
    ] * 2


@pytest.mark.parametrize("top", ["Train_SFEW_2_0", "Train_Aligned_Faces", "Train", "train/x/y"])
def test_every_form_of_the_folders(tmp_path: Path, top: str) -> None:
    draw(tmp_path / top / "Happy" / "Airheads_000519240_00000005.png", 1)
    samples, _ = _scan(tmp_path)
    assert [(s.label, s.split) for s in samples.values()] == [("happy", "train")]


def test_a_root_that_is_one_part_has_no_split(tmp_path: Path) -> None:
    draw(tmp_path / "Happy" / "Training_Day_000519240_00000005.jpg", 1)
    samples, _ = _scan(tmp_path)
    assert [(s.label, s.split, s.subject) for s in samples.values()] == [
        ("happy", None, "Training_Day")
    ]


def test_the_archives_may_stay_packed(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    expected = sfew.build(plain)
    for name, place in {
        "Train_Aligned_Faces": plain / "Train" / "Train_Aligned_Faces",  # no folder of its own
        "Val_Aligned_Faces_new": plain / "Val",
        "Test_Aligned_Faces": plain / "Test" / "Test_Aligned_Faces",
    }.items():
        shutil.make_archive(str(packed / name), "zip", place)
    samples, rejected = _scan(packed)
    assert (len(samples), len(rejected)) == expected
    assert Counter(s.split for s in samples.values()) == {"train": 7, "valid": 7, "test": 3}
    assert len(_scan(packed, "aligned")[0]) == 17


def test_faces_and_whole_frames_need_a_choice(tmp_path: Path) -> None:
    sfew.build(tmp_path)
    draw(tmp_path / "Train_SFEW_2_0" / "Angry" / "Airheads_000000000_00000005.png", 98)
    draw(tmp_path / "Train_SFEW_2_0" / "Angry" / "Airheads_000000777_00000005.png", 97)
    with pytest.raises(DataError, match=r"show the same frame.*images = \"aligned\""):
        _scan(tmp_path)
    samples, rejected = _scan(tmp_path, "aligned")
    assert len(samples) == 17
    assert Counter(why for _, why in rejected)["not_selected"] == 2
    assert len(_scan(tmp_path, "original")[0]) == 2
    shutil.rmtree(tmp_path / "Train_SFEW_2_0")
    with pytest.raises(DataError, match="holds no original pictures"):
        _scan(tmp_path, "original")
    with pytest.raises(ConfigError, match="aligned, original or any"):
        Sfew(images="faces")


def test_a_part_unpacked_twice_is_an_error(tmp_path: Path) -> None:
    sfew.build(tmp_path)
    shutil.copytree(tmp_path / sfew.PARTS["Val"] / "Fear", tmp_path / "Val" / "Aligned" / "Fear")
    with pytest.raises(DataError, match="show the same frame"):
        _scan(tmp_path)


def test_the_table(tmp_path: Path) -> None:
    expected = sfew.table(tmp_path)
    samples, rejected = _scan(tmp_path)
    assert (len(samples), len(rejected)) == expected
    labelled = [s for s in samples.values() if s.subject == "Airheads"]
    assert tuple(s.label for s in labelled) == ORDER
    assert [s.split for s in labelled[:2]] == ["train", "valid"]
    assert samples["images/A_000000001_00000001.png"].label == "anger"
    unlisted = samples["images/Test/F_000000001_00000001.png"]
    assert (unlisted.label, unlisted.split) == (None, "test")
    assert sorted(rejected) == [
        ("G_000000001_00000001.png", "no_file"),
        ("images/A_000000001_00000001.png", "repeated_row"),
        ("images/B_000000001_00000001.png", "conflicting_labels"),
        ("images/B_000000001_00000001.png", "conflicting_labels"),
        ("images/C_000000001_00000001.png", "unknown_label"),
        ("images/D_000000001_00000001.png", "no_label"),
        ("images/E_000000001_00000001.png", "not_listed"),
    ]


def test_the_table_counts_more_than_the_folders(tmp_path: Path) -> None:
    draw(tmp_path / "Train" / "Happy" / "Big_Fish_000000001_00000001.png", 1)
    draw(tmp_path / "Test" / "Big_Fish_000000002_00000001.png", 2)
    rows = (
        "Train\\Happy\\Big_Fish_000000001_00000001,5,Sad,Val",
        "Big_Fish_000000002_00000001,,,Test",
    )
    (tmp_path / "SFEW_2.0_labels.csv").write_text("\n".join((sfew.HEADER, *rows)))
    samples, rejected = _scan(tmp_path)
    assert [(s.label, s.split) for s in samples.values()] == [("sadness", "valid"), (None, "test")]
    assert not rejected


def test_faults_of_the_table_are_told(tmp_path: Path) -> None:
    sfew.table(tmp_path)
    table = tmp_path / "sfew_2.0_labels.csv"
    table.write_text("image_name,label\nx.png,0\n")
    with pytest.raises(DataError, match="no column 'emotion', 'original_split'"):
        _scan(tmp_path)
    table.write_text(f"{sfew.HEADER}\nX_000000001_00000001.png,0,Angry,Train\n")
    with pytest.raises(DataError, match="0 of 1 entries match"):
        _scan(tmp_path)
    shutil.copytree(tmp_path / "images", tmp_path / "copy")
    with pytest.raises(DataError, match="show the same frame"):
        _scan(tmp_path)


def test_what_is_not_sfew_is_told(tmp_path: Path) -> None:
    draw(tmp_path / "happy" / "1.png", 1)
    with pytest.raises(DataError, match="0 of 1 entries match"):
        _scan(tmp_path)
    for number in range(3):
        draw(tmp_path / "loose" / f"Airheads_{number:09}_00000005.png", number)
    with pytest.raises(DataError, match="0 of 3 entries match"):
        _scan(tmp_path / "loose")


@settings(max_examples=50)
@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,20}", fullmatch=True),
    st.integers(0, 999_999_999),
    st.integers(0, 99_999_999),
    st.sampled_from(["png", "PNG", "jpg", "jpeg"]),
)
def test_names_survive_the_grammar(film: str, time: int, frame: int, ending: str) -> None:
    stem = f"{film}_{time:09}_{frame:08}"
    match = module._NAME.search(f"{stem}.{ending}")
    assert match is not None
    assert (match["movie"], int(match["time"]), int(match["frame"])) == (film, time, frame)
    assert module._key(f"a/b/{stem}.{ending}") == module._key(stem) == stem.casefold()
