"""AFEW: the folder of the clip tells the class of its frames, part by part."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import Rejection, Sample
from mien.datasets import afew as module
from mien.datasets.afew import Afew
from trees import afew, draw

LABELS = ("anger", "disgust", "fear", "happy", "neutral", "sadness", "surprise")


def _scan(root: Path, take: float = 1.0) -> tuple[dict[str, Sample], dict[str, str]]:
    """Returns the samples and the reasons by path."""
    found = list(Afew(peak_frames=take).scan(root))
    samples = {item.path: item for item in found if isinstance(item, Sample)}
    reasons = {item.path: item.reason for item in found if isinstance(item, Rejection)}
    assert len(samples) + len(reasons) == len(found)
    return samples, reasons


def test_the_whole_tree(tmp_path: Path) -> None:
    expected = afew.build(tmp_path)
    samples, reasons = _scan(tmp_path)
    assert (len(samples), len(reasons)) == expected
    assert Counter((s.split, s.label) for s in samples.values()) == {
        **{("train", label): 4 for label in LABELS},
        ("valid", "happy"): 3,
        ("test", None): 2,
    }
    assert reasons == {
        f"{afew.TRAIN}/000000900/00001.jpg": "no_label",
        f"{afew.TRAIN}/000000900/00002.jpg": "no_label",
        f"{afew.TRAIN}/000000901/00001.jpg": "no_class_folder",
        "Train_AFEW/cover.jpg": "unmatched",
        "Val_AFEW/Sad/000000077.avi": "no_file",
    }


def test_a_number_may_stand_for_two_clips(tmp_path: Path) -> None:
    afew.build(tmp_path)
    samples, _ = _scan(tmp_path)
    train = samples[f"{afew.TRAIN}/000000000/00001.jpg"]
    valid = samples[f"{afew.VAL}/000000000/00003.jpg"]
    assert (train.label, train.split, train.frame) == ("anger", "train", 1)
    assert (valid.label, valid.split, valid.frame) == ("happy", "valid", 3)
    assert train.subject == train.sequence == "train/000000000"
    assert valid.subject == valid.sequence == "valid/000000000"


def test_fewer_frames_come_from_the_middle(tmp_path: Path) -> None:
    afew.clip(tmp_path, "Train_AFEW/Fear/000000011.avi")
    afew.frames(tmp_path / afew.TRAIN / "000000011", range(8, 13))
    samples, reasons = _scan(tmp_path, 3)
    assert [s.frame for s in samples.values()] == [9, 10, 11]
    assert set(reasons.values()) == {"not_selected"}
    assert [s.frame for s in _scan(tmp_path, 0.2)[0].values()] == [10]


@pytest.mark.parametrize("part", ["Train_AFEW", "Val_AFEW", "Test_AFEW"])
def test_one_part_may_be_the_root(tmp_path: Path, part: str) -> None:
    afew.build(tmp_path)
    samples, _ = _scan(tmp_path / part)
    # Only the folder of the frames of ``Val_AFEW`` names its part once more.
    expected = {
        "Train_AFEW": (28, {None}, set(LABELS)),
        "Val_AFEW": (3, {"valid"}, {"happy"}),
    }.get(part)
    found = (
        len(samples),
        {s.split for s in samples.values()},
        {s.label for s in samples.values()},
    )
    assert found == (expected or (0, set(), set()))


def test_a_clip_tells_the_part_of_frames_beside_it(tmp_path: Path) -> None:
    afew.clip(tmp_path, "Train_AFEW/Fear/000000011.avi")
    afew.frames(tmp_path / "AlignedFaces" / "Faces" / "000000011", range(2))
    samples, _ = _scan(tmp_path)
    assert {(s.label, s.split) for s in samples.values()} == {("fear", "train")}
    afew.clip(tmp_path, "Val_AFEW/Fear/000000011.avi")
    assert set(_scan(tmp_path)[1].values()) == {"ambiguous_name"}


def test_a_clip_in_two_classes_is_in_none(tmp_path: Path) -> None:
    afew.build(tmp_path)
    afew.clip(tmp_path, "Train_AFEW/Sad/000000000.avi")
    samples, reasons = _scan(tmp_path)
    assert Counter(reasons.values())["conflicting_labels"] == 4
    assert "anger" not in {s.label for s in samples.values()}


def test_the_same_clip_twice_is_no_matter_but_its_frames_are(tmp_path: Path) -> None:
    afew.build(tmp_path)
    shutil.copytree(tmp_path / "Train_AFEW" / "Angry", tmp_path / "Train_AFEW" / "x" / "Angry")
    assert len(_scan(tmp_path)[0]) == 33
    copy = tmp_path / "Train_AFEW" / "AlignedFaces_LBPTOP_Points" / "Faces"
    shutil.copytree(tmp_path / afew.TRAIN, copy)
    with pytest.raises(DataError, match="are the same frame"):
        _scan(tmp_path)


def test_the_archives_may_stay_packed(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    expected = afew.build(plain)
    for part in ("Train_AFEW", "Val_AFEW", "Test_AFEW"):
        shutil.make_archive(str(packed / part), "zip", plain / part)
    samples, reasons = _scan(packed)
    assert (len(samples), len(reasons)) == expected
    assert Counter(s.split for s in samples.values()) == {"train": 28, "valid": 3, "test": 2}
    assert reasons["Val_AFEW.zip!/Sad/000000077.avi"] == "no_file"


def test_frames_without_any_clip_are_told(tmp_path: Path) -> None:
    afew.frames(tmp_path / afew.TRAIN / "000000011", range(3))
    with pytest.raises(DataError, match=r"frames but no clip \(\.avi\)"):
        _scan(tmp_path)


def test_what_is_not_afew_is_told(tmp_path: Path) -> None:
    draw(tmp_path / "happy" / "1.png", 1)
    with pytest.raises(DataError, match="0 of 1 entries match"):
        _scan(tmp_path)
    with pytest.raises(ConfigError, match="peak_frames"):
        Afew(peak_frames=1.5)


@settings(max_examples=50)
@given(st.integers(0, 999_999_999), st.sampled_from(["", "_", "frame-"]), st.integers(0, 99_999))
def test_paths_survive_the_grammar(clip: int, stem: str, frame: int) -> None:
    match = module._PATH.search(f"a/Faces/{clip:09}/{stem}{frame:03}.jpg")
    assert match is not None
    assert (match["clip"], int(match["frame"])) == (f"{clip:09}", frame)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("Train_AFEW/Angry/1.avi", "train"),
        ("Val_AFEW.zip!/Faces/1/1.jpg", "valid"),
        ("AlignedFaces_LBPTOP_Points_Val.zip!/Faces/1/1.jpg", "valid"),
        ("x/AlignedFaces_LBPTOP_Points_Test/Faces/1/1.jpg", "test"),
        ("Training day/Validity/Tests/1.jpg", None),
    ],
)
def test_parts_by_their_folders(path: str, part: str | None) -> None:
    assert module._part(path) == part
