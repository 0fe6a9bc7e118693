"""KDEF-dyn: clips from neutral to an expression, whose frames are pictures like any other."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mien.core import catalogue, images, tree
from mien.core.errors import ConfigError, DataError, MissingExtraError
from mien.core.types import Rejection, Sample
from mien.datasets import kdef_dyn as module
from mien.datasets.kdef_dyn import KdefDyn
from mien.stages.crop import CropConfig, crop
from mien.stages.merge import MergeConfig, merge
from trees import kdef_dyn
from trees.clips import clip

pytest.importorskip("av")


def _scan(root: Path, **options: Any) -> tuple[list[Sample], list[Rejection]]:
    found = list(KdefDyn(**options).scan(root))
    samples = [item for item in found if isinstance(item, Sample)]
    return samples, [item for item in found if isinstance(item, Rejection)]


def test_the_whole_tree(tmp_path: Path) -> None:
    expected = kdef_dyn.build(tmp_path)
    samples, rejections = _scan(tmp_path)
    assert (len(samples), len(rejections)) == expected
    assert Counter(s.label for s in samples) == {
        "anger": 6, "disgust": 6, "fear": 8, "happy": 6, "sadness": 6, "surprise": 6, "neutral": 12,
    }  # fmt: skip
    assert Counter(item.reason for item in rejections) == {
        "not_selected": 24, "no_class_folder": 2, "empty": 1, "unreadable": 1,
    }  # fmt: skip
    assert not KdefDyn.info.verified


def test_a_clip_runs_from_neutral_to_the_peak(tmp_path: Path) -> None:
    kdef_dyn.build(tmp_path)
    samples, rejections = _scan(tmp_path)
    sequence = f"{kdef_dyn.TOP}/Anger/AF01ANS"
    own = [s for s in samples if s.sequence == sequence]
    assert [(s.frame, s.label) for s in own] == [
        (0, "neutral"), (3, "anger"), (4, "anger"), (5, "anger"),
    ]  # fmt: skip
    assert {(s.subject, s.gender, s.age) for s in own} == {("F01", "female", "20-30")}
    assert own[0].path == f"{kdef_dyn.TOP}/Anger/AF01ANS.mp4!/0"
    assert own[0].id.endswith("#0")
    assert len({s.id.partition("#")[0] for s in own}) == 1
    place = f"{kdef_dyn.TOP}/Anger/AF01ANS.mp4!/1"
    assert Rejection(place, "not_selected", "between neutral and the peak") in rejections
    unnamed = [s for s in samples if s.sequence == f"{kdef_dyn.TOP}/Surprise/clip 5"]
    assert {(s.subject, s.gender, s.intensity) for s in unnamed} == {(None, None, None)}
    grey = [float(images.decode(tree.picture(tmp_path, s.path)).mean()) for s in own]
    assert grey == pytest.approx([30, 120, 150, 180], abs=8)


def test_whole_clips_may_be_kept(tmp_path: Path) -> None:
    clip(tmp_path / "SAD" / "a.mp4", kdef_dyn.morph(1), size=(32, 24))
    samples, rejections = _scan(tmp_path, whole_sequences=True)
    assert [(s.frame, s.label) for s in samples] == [
        (0, "neutral"), (1, None), (2, None), (3, "sadness"), (4, "sadness"), (5, "sadness"),
    ]  # fmt: skip
    assert rejections == []


def test_other_numbers_of_frames(tmp_path: Path) -> None:
    clip(tmp_path / "SAD" / "BM07SAS.avi", kdef_dyn.morph(1, 10), size=(32, 24))
    labels = {s.frame: s.label for s in _scan(tmp_path, peak_frames=0.2, neutral_frames=2)[0]}
    assert labels == {0: "neutral", 1: "neutral", 8: "sadness", 9: "sadness"}
    samples, rejections = _scan(tmp_path, peak_frames=1.0, neutral_frames=0)
    assert {s.label for s in samples} == {"sadness"}
    assert (len(samples), rejections) == (10, [])
    assert samples[0].subject == "M07"
    for name in ("peak_frames", "neutral_frames"):
        with pytest.raises(ConfigError, match=name):
            KdefDyn(**{name: -1})


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        ("anger", "anger"), ("1 ANGRY faces", "anger"), ("Disgusted", "disgust"),
        ("afraid", "fear"), ("Fearful", "fear"), ("happy", "happy"), ("Happiness", "happy"),
        ("Sad", "sadness"),
        ("surprised", "surprise"), ("Surprise/part 1", "surprise"), ("Anger/sad", "sadness"),
        ("Anger or sad", None), ("fear and afraid", "fear"), ("KDEF-dyn I", None), ("", None),
    ],
)  # fmt: skip
def test_folders(folder: str, label: str | None) -> None:
    assert module._label(f"{folder}/a.mp4") == label
    assert module._label(f"sad.zip!/{folder}/a.mp4") == label  # an archive is no class


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("AF01ANS", "F01"), ("bm35sus", "M35"), ("clip_AF01NES-AF01ANS", "F01"), ("AM12", "M12"),
        ("BF07_anger", "F07"), ("xAF01ANS", None), ("AF1ANS", None), ("F01", None),
        ("AF012", None), ("clip 3", None),
    ],
)  # fmt: skip
def test_people(name: str, subject: str | None) -> None:
    assert module._fields(f"Anger/{name}.mp4").get("subject") == subject


def test_frames_go_through_merge_and_crop(tmp_path: Path) -> None:
    for number, folder in enumerate(("Anger", "Fear")):
        path = tmp_path / "root" / folder / f"AF0{number + 1}ANS.mp4"
        clip(path, kdef_dyn.morph(number, 6), size=(64, 64))
    source = {"reader": "kdef-dyn", "root": str(tmp_path / "root")}
    merged = merge(MergeConfig.model_validate({"sources": [source]}), tmp_path / "merge")
    rows = pl.read_parquet(merged / catalogue.CATALOGUE)
    assert sorted(rows["frame"]) == sorted(2 * [0, 3, 4, 5])
    config = CropConfig(detectors={"default": ("full-frame",)}, jobs=1)
    folder = crop(config, merged, tmp_path / "crop")
    faces = pl.read_parquet(folder / "faces-*.parquet")
    assert set(faces["id"]) == set(rows["id"])
    assert sorted(faces["label"].unique()) == ["anger", "fear", "neutral"]
    grey = faces.sort("path")["chip"].to_list()
    assert images.decode(grey[0]["bytes"]).shape == (256, 256, 3)
    bright = [np.mean(images.decode(chip["bytes"])) for chip in grey]
    assert bright[0] < bright[1] < bright[2] < bright[3]


def test_other_trees_are_told(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        clip(tmp_path / "films" / f"{name}.mp4", 2)
    with pytest.raises(DataError, match=r"0 of 3 entries match.*Expected <folder named after"):
        _scan(tmp_path)


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip(tmp_path / "Anger" / "a.mp4", 2)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"mien\[video\]"):
        _scan(tmp_path)
