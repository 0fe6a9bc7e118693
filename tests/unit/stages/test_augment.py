"""`augment`: as many faces as wished, from training faces only, each with parent and recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core import catalogue, images
from mien.core.artifact import read_meta
from mien.core.errors import ConfigError, DataError
from mien.core.labels import CLASSES
from mien.models.offline import changed
from mien.stages.augment import AUGMENTED_COLUMNS, AugmentConfig, augment, needed, summary

COUNTS = {"neutral": 6, "happy": 4, "fear": 2}


def _chip(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((16, 16, 1), np.uint8))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Faces in two shards and their roles; each class also has a test face."""
    rows, roles = [], []
    for label, count in COUNTS.items():
        for number in range(count + 1):
            key = (f"{label}{number}", "set", f"{label}/{number}.png")
            row: dict[str, Any] = dict.fromkeys(catalogue.FACE_COLUMNS)
            row |= dict(zip(catalogue.KEY, key, strict=True))
            chip = {"bytes": images.encode_png(_chip(len(rows))), "path": key[2]}
            row |= {"label": label, "chip": chip, "score": 1.0, "box": [0.0, 0.0, 9.0, 9.0]}
            rows.append(tuple(row[name] for name in catalogue.FACE_COLUMNS))
            role = "train" if number < count else "test"
            roles.append((*key, role, f"group of {key[0]}", None))
    schema = catalogue.schema(catalogue.FACE_COLUMNS)
    for shard, part in enumerate((rows[:5], rows[5:])):
        frame = pl.DataFrame(part, schema=schema, orient="row")
        catalogue.write(frame, tmp_path / "crop" / catalogue.FACES.format(shard))
    names = ["id", "dataset", "path", "role", "group", "reason"]
    table = pl.DataFrame(roles, schema=dict.fromkeys(names, pl.String), orient="row")
    catalogue.write(table, tmp_path / "split" / catalogue.ROLES)
    return tmp_path / "crop", tmp_path / "split"


def _made(out: Path) -> pl.DataFrame:
    return pl.concat(catalogue.read_faces(out, list(AUGMENTED_COLUMNS)))


def test_classes_are_balanced_from_training_faces(folders: Any, tmp_path: Path) -> None:
    out = augment(AugmentConfig(jobs=1), *folders, tmp_path / "out")
    made = _made(out)
    assert dict(made.group_by("label").len().rows()) == {"happy": 2, "fear": 4}
    assert set(made["parent"]) <= {f"{n}{i}" for n, count in COUNTS.items() for i in range(count)}
    assert made["id"].n_unique() == len(made)
    assert (made["id"].str.split("#").list.first() == made["parent"]).all()
    fear = made.filter(pl.col("label") == "fear")["parent"].value_counts()["count"]
    assert fear.to_list() == [2, 2]  # the parents take turns
    roles = pl.read_parquet(out / catalogue.ROLES)
    assert set(roles["role"]) == {"train"}
    assert roles.select(catalogue.KEY).equals(made.select(catalogue.KEY))
    assert (roles["group"] == "group of " + made["parent"]).all()
    assert "| 4-fear | 2 | 4 | 6 |" in summary(out)
    assert "6 new faces beside 12" in summary(out)
    with PIL.Image.open(out / "examples.png") as picture:
        assert picture.width > picture.height > 190


def test_each_face_can_be_made_again_from_its_recipe(folders: Any, tmp_path: Path) -> None:
    config = AugmentConfig(to={"fear": 40}, jobs=1)
    made = _made(augment(config, *folders, tmp_path / "out"))
    seen = set()
    for row in made.iter_rows(named=True):
        number = int(row["id"].rpartition("#aug")[2])
        parent = _chip(12 if row["parent"] == "fear0" else 13)
        chip, recipe = changed(parent, row["parent"], number, config)
        assert recipe == json.loads(row["recipe"]) != {}
        assert np.array_equal(images.decode(row["chip"]["bytes"]), chip)
        assert not np.array_equal(chip, parent)
        seen |= recipe.keys()
    assert seen == {"flip", "rotation", "blur", "noise"}
    assert len(set(map(str, made["chip"].struct.field("bytes")))) == len(made)


def test_workers_and_stops_change_no_byte(folders: Any, tmp_path: Path) -> None:
    one = augment(AugmentConfig(jobs=1), *folders, tmp_path / "one")
    two = augment(AugmentConfig(jobs=2), *folders, tmp_path / "two")
    assert read_meta(one)["digest"] == read_meta(two)["digest"]
    partial = tmp_path / "three.partial"
    two.rename(partial)
    meta = json.loads((partial / "meta.json").read_text())
    (partial / "meta.json").unlink()
    asked = {name: meta[name] for name in ("stage", "config", "inputs")}
    (partial / "request.json").write_text(json.dumps(asked))
    (partial / catalogue.FACES.format(1)).unlink()
    three = augment(AugmentConfig(jobs=1), *folders, tmp_path / "three")
    assert read_meta(three)["digest"] == read_meta(one)["digest"]


def test_other_seeds_make_other_faces() -> None:
    chip = _chip(0)
    first, _ = changed(chip, "id", 0, AugmentConfig())
    other, _ = changed(chip, "id", 0, AugmentConfig(seed=1))
    assert not np.array_equal(first, other)
    flipped, recipe = changed(chip, "id", 0, AugmentConfig(changes=("flip",)))
    assert recipe == {"flip": True}
    assert np.array_equal(flipped, chip[:, ::-1])


THESIS = {
    "neutral": 2181, "anger": 5650, "disgust": 3727, "fear": 5296, "happy": 3023,
    "sadness": 2507, "surprise": 5533,
}  # fmt: skip
"""85 % of each class of the thesis's table: its training images, as far as it tells."""


def test_the_shape_of_the_thesis() -> None:
    assert sum(THESIS.values()) == 27_917
    new = needed(THESIS, 35_741)
    assert sum(new.values()) == 35_741 - 27_917
    levels = {name: THESIS[name] + new[name] for name in THESIS}
    rare = {levels[name] for name in ("neutral", "disgust", "happy", "sadness")}
    assert max(rare) - min(rare) <= 1
    assert new["anger"] == new["fear"] == new["surprise"] == 0


COUNTS_OF = st.lists(st.integers(0, 50), min_size=7, max_size=7).filter(any)


@given(COUNTS_OF, st.integers(0, 400))
def test_filling_up_reaches_the_total_and_levels_the_rarest(counts: list[int], more: int) -> None:
    before = dict(zip(CLASSES, counts, strict=True))
    new = needed(before, sum(counts) + more)
    assert sum(new.values()) == more
    after = {name: before[name] + new[name] for name in before if before[name]}
    grown = [after[name] for name in after if new[name]]
    assert all(new[name] == 0 for name in before if not before[name])
    if grown:
        assert max(grown) - min(grown) <= 1
        assert all(after[name] >= min(grown) - 1 for name in after)
    assert needed(before, "largest") == {
        n: (max(counts) - c if c else 0) for n, c in before.items()
    }


@pytest.mark.parametrize(
    ("to", "message"),
    [({"happy": 3}, "wishes 3 faces of happy, but training has 4"), (11, "wishes 11 faces in all"),
     ({"anger": 5}, "wishes 5 faces of anger, but training has 0")],
)  # fmt: skip
def test_impossible_wishes_say_so(to: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        needed({"neutral": 6, "happy": 4, "fear": 2, "anger": 0}, to)


def test_wrong_settings_say_so(folders: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'to' names joy"):
        AugmentConfig(to={"joy": 3})
    with pytest.raises(ValueError, match="not both"):
        AugmentConfig(to={"happy": 9}, total=9)
    roles = pl.read_parquet(folders[1] / catalogue.ROLES).with_columns(role=pl.lit("test"))
    catalogue.write(roles, tmp_path / "none" / catalogue.ROLES)
    with pytest.raises(DataError, match="no labelled face in the role 'train'"):
        augment(AugmentConfig(jobs=1), folders[0], tmp_path / "none", tmp_path / "out")
