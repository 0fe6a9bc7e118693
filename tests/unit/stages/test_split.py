"""`split`: disjoint and exhaustive roles; nobody and nothing near a test picture is trained on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien.core import catalogue
from mien.core.artifact import read_meta
from mien.core.errors import ConfigError, StageError
from mien.core.origins import Source, write_sources
from mien.core.types import Sample, SourceInfo
from mien.stages import split as module
from mien.stages.merge import MergeConfig, merge
from mien.stages.split import SplitConfig, split, summary

INFO = SourceInfo("internet", "Web", "none", "no", "example.org", "Me 2020")
HELD_OUT = SplitConfig(test=("faces/valid",), unseen=("web",), landmark_ids=None)


def _picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 200, (6, 6), dtype=np.uint8)
    return cv2.resize(coarse, (24, 24), interpolation=cv2.INTER_CUBIC)


def _save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels).save(path)


@pytest.fixture
def merged(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that merges folder trees given as {data set: {path: picture}}."""

    def tree(**sources: dict[str, np.ndarray]) -> Path:
        for name, pictures in sources.items():
            for path, pixels in pictures.items():
                _save(pixels, tmp_path / name / path)
        listed = [
            {"reader": "internet", "root": str(tmp_path / name), "name": name} for name in sources
        ]
        return merge(MergeConfig.model_validate({"sources": listed}), tmp_path / "merge")

    return tree


def _roles(out: Path) -> dict[str, tuple[str, str | None]]:
    table = pl.read_parquet(out / catalogue.ROLES)
    assert table.columns == list(catalogue.ROLE_COLUMNS)
    return {row["path"]: (row["role"], row["reason"]) for row in table.iter_rows(named=True)}


def test_near_duplicates_and_people_do_not_cross(
    merged: Callable[..., Path], tmp_path: Path
) -> None:
    near = np.clip(_picture(1).astype(int) + 9, 0, 255).astype(np.uint8)
    pictures = {f"train/happy/t{n}.png": _picture(n) for n in range(8)} | {
        "valid/happy/near.png": near,
        "valid/happy/far.png": _picture(100),
        "train/happy/same_1.png": _picture(101),
        "valid/happy/same_2.png": _picture(102),
        "train/happy/flat.png": np.full((24, 24), 9, np.uint8),
        "valid/happy/copy.png": _picture(2),
    }
    web = {"happy/w_1.png": _picture(200), "happy/v.png": _picture(3)}
    out = split(HELD_OUT, merged(faces=pictures, web=web), tmp_path / "split")
    roles = _roles(out)
    bridges = ("rejected", "bridges_splits")
    assert roles["train/happy/t1.png"] == roles["valid/happy/near.png"] == bridges
    assert roles["train/happy/t2.png"] == roles["valid/happy/copy.png"] == bridges
    assert roles["train/happy/t3.png"] == roles["happy/v.png"] == bridges
    assert roles["train/happy/same_1.png"] == roles["valid/happy/same_2.png"] == bridges
    assert roles["train/happy/flat.png"] == ("rejected", "constant")
    assert roles["valid/happy/far.png"] == ("test", None)
    assert roles["happy/w_1.png"] == ("unseen", None)
    counts = read_meta(out)["counts"]
    assert counts["near_duplicate_pairs"] == 3
    assert counts["near_duplicate_pairs_across"] == {"before": 3, "after": 0}
    assert counts["people_across"] == 0
    assert counts["kept"] + counts["rejected"] == counts["input"] == 16
    assert "3 near-duplicate pairs: 3 crossed" in summary(out)
    assert "| 5-happy | 16 |" in (out / "table.md").read_text()


def test_unreadable_pictures_are_rejected(merged: Callable[..., Path], tmp_path: Path) -> None:
    folder = merged(faces={f"happy/{n}x.png": _picture(n) for n in range(3)})
    (tmp_path / "faces" / "happy" / "1x.png").write_bytes(b"<html>")
    out = split(SplitConfig(dev_share=0), folder, tmp_path / "split")
    assert Counter(_roles(out).values()) == {("train", None): 2, ("rejected", "unreadable"): 1}


def test_dev_is_a_stable_share_of_each_class(merged: Callable[..., Path], tmp_path: Path) -> None:
    names = [f"{label}/{label[0]}{n}x.png" for label in ("happy", "sad") for n in range(40)]
    pictures = {name: _picture(seed) for seed, name in enumerate(names)}
    folder = merged(faces=pictures)
    config = SplitConfig(dev_share=0.2)
    first = _roles(split(config, folder, tmp_path / "a"))
    dev = Counter(path.split("/")[0] for path, (role, _) in first.items() if role == "dev")
    assert dev == {"happy": 8, "sad": 8}
    other = _roles(split(SplitConfig(dev_share=0.2, seed=1), folder, tmp_path / "b"))
    assert other != first
    for name in names[:4]:
        (tmp_path / "faces" / name).unlink()
        pictures.pop(name)
    fewer = merge(
        MergeConfig.model_validate(
            {"sources": [{"reader": "internet", "root": tmp_path / "faces", "name": "faces"}]}
        ),
        tmp_path / "merge2",
    )
    again = _roles(split(config, fewer, tmp_path / "c"))
    moved = [path for path in again if again[path] != first[path]]
    assert len(moved) <= 4


def test_people_of_the_landmark_list_are_set_apart(
    merged: Callable[..., Path], tmp_path: Path
) -> None:
    web = {f"happy/w{n}_1.png": _picture(n) for n in range(4)}
    folder = merged(faces={"happy/t.png": _picture(9)}, web=web)
    ids = catalogue.read(folder).filter(pl.col("path") == "happy/w2_1.png")["id"].to_list()
    (tmp_path / "ids.txt").write_text(f"# a third\n{ids[0]}\n\n{'0' * 64}  # elsewhere\n")
    config = SplitConfig(unseen=("web",), landmark_ids=tmp_path / "ids.txt")
    roles = _roles(split(config, folder, tmp_path / "split"))
    assert roles["happy/w2_1.png"] == ("landmarks", None)
    assert roles["happy/w1_1.png"] == ("unseen", None)
    missing = config.model_copy(update={"landmark_ids": tmp_path / "none.txt"})
    with pytest.raises(StageError, match=r"none\.txt is missing"):
        split(missing, folder, tmp_path / "split2")


def test_the_shipped_list_holds_ids() -> None:
    path = module._landmark_file("shipped")
    assert path is not None
    ids = module.reading.read_ids(path)
    assert len(ids) > 100
    assert all(len(name) == 64 for name in ids)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"test": ("faces/tets",)}, "no such data set or part. It has: faces, faces/valid"),
        ({"test": ("faces",), "unseen": ("faces/valid",), "landmark_ids": None}, "both in test"),
    ],
)
def test_selectors_are_checked(
    merged: Callable[..., Path], tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    folder = merged(faces={"valid/happy/a.png": _picture(1)})
    with pytest.raises(ConfigError, match=message):
        split(SplitConfig(**config), folder, tmp_path / "split")


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["train", "valid", None]),
        st.sampled_from(["happy", "sadness", "contempt", None]),
        st.one_of(st.none(), st.integers(0, 6)),
        st.integers(0, 30),
        st.sampled_from(["faces", "web"]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(ROWS, st.floats(0, 0.6))
def test_any_catalogue_splits_into_disjoint_parts(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], share: float
) -> None:
    place = tmp_path_factory.mktemp("split")
    samples = [
        Sample(id=f"{picture:02}", path=f"{number}.png", dataset=dataset, licence="none",
               label=label, split=part, subject=None if person is None else str(person))
        for number, (part, label, person, picture, dataset) in enumerate(rows)
    ]  # fmt: skip
    frame = catalogue.from_samples(samples)
    known = {f"{d}/{p}" for d, p in frame["dataset", "split"].rows()} | set(frame["dataset"])
    config = SplitConfig(
        test=tuple({"faces/valid"} & known), unseen=tuple({"web"} & known),
        landmark_ids=None, dev_share=share,
    )  # fmt: skip
    for number, row in enumerate(rows):
        _save(_picture(row[3]), place / f"{number}.png")
    catalogue.write(frame, place / "m" / catalogue.CATALOGUE)
    write_sources([Source(n, "internet", place, {}, INFO) for n in ("faces", "web")], place / "m")
    out = split(config, place / "m", place / "out")
    table = pl.read_parquet(out / catalogue.ROLES)
    assert table.select(catalogue.KEY).equals(frame.select(catalogue.KEY))
    assert set(table["role"]) <= set(module.ROLE_ORDER)
    assert (table["role"] == "rejected").equals(table["reason"].is_not_null())
    kept = [
        (role, group, key, (sample.dataset, sample.subject) if sample.subject else None)
        for (key, role, group), sample in zip(
            table["id", "role", "group"].rows(), samples, strict=True
        )
        if role != "rejected"
    ]
    for part in (1, 2, 3):
        sides = defaultdict(set)
        for entry in kept:
            role = "held out" if entry[0] in ("test", "unseen") else entry[0]
            if entry[part] is not None:
                sides[entry[part]].add(role)
        assert all(len(found) == 1 for found in sides.values())
    trainable = sum(role in ("train", "dev") for role, *_ in kept)
    assert sum(role == "dev" for role, *_ in kept) <= share * trainable + 4


@pytest.mark.slow
def test_on_the_real_set_nothing_crosses(unpacked: Callable[[str], Path], tmp_path: Path) -> None:
    sources = [{"reader": "ferplus", "root": unpacked("ferplus")},
               {"reader": "internet", "root": unpacked("internet")}]  # fmt: skip
    folder = merge(MergeConfig.model_validate({"sources": sources}), tmp_path / "merge")
    frame = catalogue.read(folder)
    parts = frame.filter(pl.col("dataset") == "ferplus").group_by("split").len().rows()
    assert dict(parts) == {"train": 27_331, "valid": 3_553}
    config = SplitConfig(test=("ferplus/valid",), unseen=("internet",))
    counts = read_meta(split(config, folder, tmp_path / "split"))["counts"]
    assert counts["near_duplicate_pairs_across"]["before"] > 376
    assert counts["near_duplicate_pairs_across"]["after"] == 0
    assert counts["people_across"] == 0
    rows = {row["label"]: row for row in counts["table"]}
    assert rows["sum"]["train"] > 24_000
    assert rows["sum"]["test"] > 3_100
    assert 600 < rows["sum"]["landmarks"] < 1_200
