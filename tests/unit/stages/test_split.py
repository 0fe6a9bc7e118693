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
    assert counts["people_across"] == {"before": 1, "after": 0}
    assert counts["kept"] + counts["rejected"] == counts["input"] == 16
    assert "0 of 3 near-duplicate pairs cross train, dev and test; 3 did in the parts" in summary(
        out
    )
    assert "| 5-happy | 16 |" in (out / "table.md").read_text()


def test_unreadable_pictures_are_rejected(merged: Callable[..., Path], tmp_path: Path) -> None:
    folder = merged(faces={f"happy/{n}x.png": _picture(n) for n in range(3)})
    (tmp_path / "faces" / "happy" / "1x.png").write_bytes(b"<html>")
    out = split(SplitConfig(test_share=0, dev_share=0), folder, tmp_path / "split")
    assert Counter(_roles(out).values()) == {("train", None): 2, ("rejected", "unreadable"): 1}


def test_dev_is_a_stable_share_of_each_class(merged: Callable[..., Path], tmp_path: Path) -> None:
    names = [f"{label}/{label[0]}{n}x.png" for label in ("happy", "sad") for n in range(40)]
    pictures = {name: _picture(seed) for seed, name in enumerate(names)}
    folder = merged(faces=pictures)
    config = SplitConfig(test_share=0, dev_share=0.2)
    first = _roles(split(config, folder, tmp_path / "a"))
    dev = Counter(path.split("/")[0] for path, (role, _) in first.items() if role == "dev")
    assert dev == {"happy": 8, "sad": 8}
    other = _roles(split(SplitConfig(test_share=0, dev_share=0.2, seed=1), folder, tmp_path / "b"))
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
    config = SplitConfig(unseen=("web",), landmark_ids=tmp_path / "ids.txt", test_share=0)
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


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "name them in unseen"),
        ({"unseen": ["faces/valid"]}, "whole data sets"),
    ],
)
def test_holding_sources_out_needs_their_names(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SplitConfig(by="source", **config)


def _catalogue(place: Path, rows: list[tuple[str, str, str | None, str | None]]) -> Path:
    """Writes a catalogue of rows (id, data set, label, subject) without pictures."""
    samples = [
        Sample(id=row[0], path=f"{row[0]}-{number}.png", dataset=row[1], licence="none",
               label=row[2], subject=row[3])
        for number, row in enumerate(rows)
    ]  # fmt: skip
    catalogue.write(catalogue.from_samples(samples), place / catalogue.CATALOGUE)
    names = sorted({row[1] for row in rows})
    write_sources([Source(n, "internet", place, {}, INFO) for n in names], place)
    return place


def _people(count: int, each: int, dataset: str = "a", start: int = 0) -> list[Any]:
    labels = ("happy", "fear", "neutral")
    return [
        (f"{dataset}{person:04}{number}", dataset, labels[person % 3], f"p{person}")
        for person in range(start, start + count)
        for number in range(each)
    ]


def _by_id(out: Path) -> dict[str, str]:
    return dict(pl.read_parquet(out / catalogue.ROLES).select("id", "role").rows())


BLIND = {"near_duplicates": False}


def test_shares_are_drawn_by_person_class_and_source(tmp_path: Path) -> None:
    rows = _people(120, 5) + _people(60, 5, "b")
    merged = _catalogue(tmp_path / "m", rows)
    out = split(SplitConfig(**BLIND), merged, tmp_path / "s")
    roles = _by_id(out)
    shares = Counter((roles[row[0]], row[1], row[2]) for row in rows)
    for dataset, size in (("a", 200), ("b", 100)):
        for label in ("happy", "fear", "neutral"):
            assert abs(shares["test", dataset, label] - 0.15 * size) <= 5
            assert abs(shares["dev", dataset, label] - 0.1 * 0.85 * size) <= 5
    people: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        people[row[1] + row[3]].add(roles[row[0]])
    assert all(len(found) == 1 for found in people.values())
    counts = read_meta(out)["counts"]
    assert counts["people_across"]["after"] == 0
    assert counts["people_across"]["before"] > 60
    assert "would in a random split of the same shares" in summary(out)


def test_a_random_split_is_that_of_the_thesis_and_leaks(tmp_path: Path) -> None:
    merged = _catalogue(tmp_path / "m", _people(32843 // 7, 7) + _people(6, 1, "b"))
    out = split(SplitConfig(by="random", **BLIND), merged, tmp_path / "s")
    counts = read_meta(out)["counts"]
    rows = {row["label"]: row for row in counts["table"]}
    assert (rows["sum"]["total"], rows["sum"]["test"]) == (32843, 4926)
    assert rows["sum"]["dev"] == round(0.1 * 27917)
    assert counts["people_across"]["after"] > 3000
    assert f"{counts['people_across']['after']:,} people cross" in summary(out)


def test_whole_sources_are_held_out(tmp_path: Path) -> None:
    rows = _people(30, 2) + _people(30, 2, "b") + [("a00000", "b", "happy", "x")]
    merged = _catalogue(tmp_path / "m", rows)
    config = SplitConfig(by="source", unseen=("b",), landmark_ids=None, **BLIND)
    table = pl.read_parquet(split(config, merged, tmp_path / "s") / catalogue.ROLES)
    roles = set(table.filter(pl.col("dataset") == "b")["role"])
    assert roles == {"unseen", "rejected"}
    bridging = table.filter(pl.col("reason") == "bridges_splits")
    assert sorted(bridging["id"]) == ["a00000", "a00000", "a00001"]  # the copy and its person
    assert "unseen" not in set(table.filter(pl.col("dataset") == "a")["role"])


def test_what_was_assigned_stays_and_bridges_are_rejected(tmp_path: Path) -> None:
    old = _people(60, 2)
    config = SplitConfig(**BLIND)
    first = split(config, _catalogue(tmp_path / "m1", old), tmp_path / "s1")
    before = _by_id(first)
    test = next(row for row in old if before[row[0]] == "test")
    train = next(row for row in old if before[row[0]] == "train")
    dev = next(row for row in old if before[row[0]] == "dev")
    new = [
        ("n1", "a", "happy", test[3]), ("n2", "a", "happy", train[3]), ("n3", "a", "fear", dev[3]),
        *((name, "b", "happy", "tie") for name in ("n4", test[0], train[0])),
        *_people(60, 2, "c"),
    ]  # fmt: skip
    merged = _catalogue(tmp_path / "m2", old + new)
    out = split(config, merged, tmp_path / "s2", previous=first)
    table = pl.read_parquet(out / catalogue.ROLES).with_row_index()
    after = _by_id(out)
    assert all(after[row[0]] == before[row[0]] for row in old if row not in (test, train))
    frozen = table.head(len(old))
    assert dict(frozen.select("id", "role").rows()) == before
    assert [after[name] for name in ("n1", "n2", "n3")] == ["test", "train", "dev"]
    assert after["n4"] == "rejected"
    assert set(table.filter(pl.col("id") == "n4")["reason"]) == {"bridges_splits"}
    drawn = Counter(after[row[0]] for row in new[6:])
    assert drawn["test"] == 18
    assert drawn["dev"] == 6
    assert read_meta(out)["counts"]["people_across"]["after"] == 0


def test_an_audit_is_taken_at_its_word(tmp_path: Path) -> None:
    rows = _people(40, 1)
    merged = _catalogue(tmp_path / "m", rows)
    keys = catalogue.read(merged).select(catalogue.KEY)
    audit = tmp_path / "audit"
    faults = [None] * 39 + ["unreadable"]
    catalogue.write(
        keys.with_columns(fault=pl.Series(faults, dtype=pl.String)), audit / "looks.parquet"
    )
    one, other = keys.head(20), keys.slice(19, 20).rename({n: f"other_{n}" for n in catalogue.KEY})
    pairs = pl.concat([one, other], how="horizontal").with_columns(cosine=pl.lit(0.98))
    catalogue.write(pairs, audit / "pairs.parquet")
    out = split(SplitConfig(), merged, tmp_path / "s", audit=audit)
    counts = read_meta(out)["counts"]
    assert counts["near_duplicate_pairs"] == 20
    assert counts["near_duplicate_pairs_across"]["after"] == 0
    assert counts["rejected"] == 1
    table = pl.read_parquet(out / catalogue.ROLES)
    assert table["group"].n_unique() == 20
    strict = SplitConfig(near_duplicate_cosine=0.99)
    out = split(strict, merged, tmp_path / "s2", audit=audit)
    assert read_meta(out)["counts"]["near_duplicate_pairs"] == 0
    meta = '{"digest": "x", "config": {"near_duplicate_cosine": 0.98}}'
    (audit / "meta.json").write_text(meta)
    with pytest.raises(ConfigError, match=r"looked for pairs above 0\.98 only"):
        split(SplitConfig(), merged, tmp_path / "s3", audit=audit)


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
@given(ROWS, st.floats(0, 0.6), st.sampled_from(["group", "random"]))
def test_any_catalogue_splits_into_disjoint_parts(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], share: float, by: Any
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
        landmark_ids=None, dev_share=share, test_share=share / 2, by=by,
        near_duplicates=by == "group",
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
    for part in (1, 2, 3) if by == "group" else ():
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
    assert counts["people_across"]["after"] == 0
    assert counts["contents_across"]["after"] == 0
    rows = {row["label"]: row for row in counts["table"]}
    assert rows["sum"]["train"] > 24_000
    assert rows["sum"]["test"] > 3_100
    assert 600 < rows["sum"]["landmarks"] < 1_200
