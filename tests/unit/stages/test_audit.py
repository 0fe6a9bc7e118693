"""`audit`: everything doubtful is found and shown, nothing is changed, and no picture is fatal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import polars as pl
import pytest

from mien.core import catalogue
from mien.core.artifact import digest, read_meta
from mien.core.errors import DataError, MissingExtraError, StageError
from mien.core.likeness import PAIR_COLUMNS, PAIRS
from mien.core.looks import LOOK_COLUMNS, LOOKS
from mien.core.origins import Source, write_sources
from mien.core.types import Sample, SourceInfo
from mien.metrics.copies import ACROSS_COLUMNS
from mien.metrics.findings import FINDING_COLUMNS, FINDINGS
from mien.models import folds
from mien.models.data import FaceArrays
from mien.stages import audit as module
from mien.stages.audit import ACROSS, PAGE, AuditConfig, audit, summary
from mien.stages.merge import MergeConfig, merge
from tests.unit.models.synthetic import kinds, tables

INFO = SourceInfo("internet", "Web", "none", "no", "example.org", "Me 2020")
QUICK = AuditConfig(imbalance=1e9, jobs=1)


def _picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 200, (6, 6), dtype=np.uint8)
    return cv2.resize(coarse, (48, 48), interpolation=cv2.INTER_CUBIC)


def _write(root: Path, rows: list[tuple[str, str, str | None, str | None, np.ndarray]]) -> Path:
    """Writes pictures and their catalogue: (data set, path, label, part, pixels)."""
    samples = []
    for dataset, path, label, part, pixels in rows:
        file = root / dataset / path
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(pixels).save(file)
        samples.append(Sample(digest(file), path, dataset, "none", label, split=part))
    catalogue.write(catalogue.from_samples(samples), root / "merge" / catalogue.CATALOGUE)
    names = sorted({row[0] for row in rows})
    write_sources([Source(n, "internet", root / n, {}, INFO) for n in names], root / "merge")
    return root / "merge"


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    near = np.clip(_picture(2).astype(int) + 9, 0, 255).astype(np.uint8)
    rows = [
        ("a", "t0.png", "happy", "train", _picture(0)),
        ("a", "t1.png", "fear", "train", _picture(1)),
        ("a", "t2.png", "happy", "train", _picture(2)),
        ("a", "v0.png", "happy", "valid", _picture(0)),
        ("a", "v2.png", "happy", "valid", near),
        ("a", "v9.png", "anger", "valid", _picture(9)),
        ("b", "x1.bmp", "anger", None, _picture(1)),
        ("b", "flat.png", None, None, np.full((48, 48), 250, np.uint8)),
        ("b", "tiny.png", None, None, _picture(20)[:20]),
        ("b", "dark.png", None, None, _picture(21) // 12),
        ("b", "bright.png", None, None, 255 - _picture(22) // 12),
        ("b", "page.png", None, None, _picture(23)),
    ]
    folder = _write(tmp_path, rows)
    (tmp_path / "b" / "page.png").write_bytes(b"<html>")
    return folder


def test_everything_doubtful_is_found(merged: Path, tmp_path: Path) -> None:
    before = digest(merged)
    out = audit(QUICK, merged, tmp_path / "out")
    assert digest(merged) == before
    found = catalogue.read(out / FINDINGS, FINDING_COLUMNS).filter(pl.col("kind") != "imbalance")
    assert Counter(found.select("kind", "path", "other_path").rows()) == Counter([
        ("exact_duplicate", "t0.png", "v0.png"), ("exact_duplicate", "t1.png", "x1.bmp"),
        ("near_duplicate", "t2.png", "v2.png"), ("label_conflict", "t1.png", "x1.bmp"),
        ("constant", "flat.png", None), ("tiny", "tiny.png", None), ("dark", "dark.png", None),
        ("bright", "bright.png", None), ("unreadable", "page.png", None),
    ])  # fmt: skip
    details = dict(found.select("kind", "detail").rows())
    assert details["label_conflict"] == "fear and anger"
    assert details["near_duplicate"] == "across parts"
    assert "page.png" in details["unreadable"]
    pairs = catalogue.read(out / PAIRS, PAIR_COLUMNS)
    flags = pairs.select("path", "exact", "across_sources", "across_splits").rows()
    assert flags == [
        ("t0.png", True, False, True), ("t1.png", True, True, False), ("t2.png", False, False, True)
    ]  # fmt: skip
    across = catalogue.read(out / ACROSS, ACROSS_COLUMNS)
    assert ("a/valid", 3, "a/train", 1, 1, 2) in across.rows()
    assert len(catalogue.read(out / LOOKS, LOOK_COLUMNS)) == 12
    counts = read_meta(out)["counts"]
    assert counts["pictures"] == 12
    assert counts["findings"]["exact_duplicate"] == 2
    assert {"kind": "dark", "dataset": "b", "n": 1} in counts["by_dataset"]
    assert sorted(path.name for path in out.iterdir()) == [
        "across.parquet", "audit.html", "findings.parquet", "looks.parquet", "meta.json",
        "pairs.parquet",
    ]  # fmt: skip
    page = (out / PAGE).read_text("utf-8")
    assert page.count("<img") == 2 * 4 + 4  # pairs, then single ones
    told = summary(out)
    assert "a/valid: of 3, 1 have an identical picture in a/train, 1 a near one, 2 either" in told
    assert "mien audit --faces" in told


def test_the_same_request_returns_at_once(
    merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = audit(QUICK, merged, tmp_path / "out")
    monkeypatch.setattr(module, "looks", None)
    assert audit(QUICK.model_copy(update={"jobs": 2}), merged, out) == out
    with pytest.raises(StageError, match=r"config\.tiny"):
        audit(AuditConfig(tiny=9), merged, out)


def test_a_stopped_run_does_not_look_again(
    merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = audit(QUICK, merged, tmp_path / "whole")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module.audit_page, "write", stop)
        audit(QUICK, merged, tmp_path / "out")
    monkeypatch.setattr(module, "looks", None)
    out = audit(QUICK, merged, tmp_path / "out")
    assert read_meta(out)["files"] == read_meta(whole)["files"]


def test_roles_take_the_place_of_parts(merged: Path, tmp_path: Path) -> None:
    rows = catalogue.read(merged)
    role = pl.when(pl.col("dataset") == "b").then(pl.lit("unseen")).otherwise(pl.lit("train"))
    nothing = pl.lit(None, pl.String)
    table = rows.select(*catalogue.KEY, role=role, group=nothing, reason=nothing)
    catalogue.write(table, tmp_path / "split" / catalogue.ROLES)
    out = audit(QUICK, merged, tmp_path / "out", roles=tmp_path / "split")
    pairs = catalogue.read(out / PAIRS, PAIR_COLUMNS)
    assert pairs.select("path", "across_splits").rows() == [
        ("t0.png", False), ("t1.png", True), ("t2.png", False)
    ]  # fmt: skip


def test_a_catalogue_without_pictures_is_no_error(merged: Path, tmp_path: Path) -> None:
    rows = catalogue.read(merged)
    catalogue.write(rows.clear(), merged / catalogue.CATALOGUE)
    out = audit(AuditConfig(), merged, tmp_path / "out")
    assert sum(read_meta(out)["counts"]["findings"].values()) == 0


def test_missing_folders_are_said(merged: Path, tmp_path: Path) -> None:
    (tmp_path / "b").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="The files of 'b' are no longer at"):
        audit(QUICK, merged, tmp_path / "out")


@pytest.fixture
def faces(tmp_path: Path) -> tuple[Path, Path]:
    """Returns drawn faces, of which six neutral ones are called fear, and their catalogue."""
    folder, _ = tables(tmp_path / "tables")
    for shard in sorted(folder.glob("*.parquet")):
        frame = pl.read_parquet(shard)
        neutral = (frame["label"] == "neutral").arg_true().head(3).to_list()
        wrong = pl.Series(range(len(frame))).is_in(neutral)
        label = pl.when(wrong).then(pl.lit("fear")).otherwise("label").alias("label")
        votes = pl.lit(None, frame.schema["votes"]).alias("votes")
        catalogue.write(frame.with_columns(label, votes), shard)
    table = pl.concat(catalogue.read_faces(folder, (*catalogue.KEY, "label")))
    samples = [
        Sample(row["id"], row["path"], "drawn", "none", row["label"], subject=f"{number // 2}")
        for number, row in enumerate(table.iter_rows(named=True))
    ]
    (tmp_path / "drawn").mkdir()
    for number, sample in enumerate(samples):
        PIL.Image.fromarray(_picture(number)).save(tmp_path / "drawn" / sample.path)
    merged = tmp_path / "merge"
    catalogue.write(catalogue.from_samples(samples), merged / catalogue.CATALOGUE)
    write_sources([Source("drawn", "internet", tmp_path / "drawn", {}, INFO)], merged)
    return folder, merged


def test_suspects_are_looked_for_from_end_to_end(faces: tuple[Path, Path], tmp_path: Path) -> None:
    config = AuditConfig(folds=2, epochs=1, network="mienet-tiny", jobs=1)
    out = audit(config, faces[1], tmp_path / "out", faces=faces[0])
    assert 0 <= read_meta(out)["counts"]["agreement"] <= 1
    assert not (out / "folds").exists()
    assert "not looked for" not in summary(out)
    assert "% of all labels" in summary(out)


def test_wrong_labels_are_shown_with_what_the_networks_see(
    faces: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = kinds(210, 5)
    asked = []

    def sure(arrays: FaceArrays, groups: np.ndarray, *_: object) -> np.ndarray:
        asked.append((arrays, groups))
        return np.eye(7, dtype=np.float32)[truth] * 0.93 + np.float32(0.01)

    monkeypatch.setattr(folds, "out_of_fold", sure)
    out = audit(QUICK, faces[1], tmp_path / "out", faces=faces[0])
    found = catalogue.read(out / FINDINGS, FINDING_COLUMNS)
    suspects = found.filter(pl.col("kind") == "suspect_label")
    assert set(suspects["detail"]) == {"given fear, the network sees neutral (0.94)"}
    assert len(suspects) == 6
    ((arrays, groups),) = asked
    assert [arrays.ids[i] for i in np.flatnonzero(arrays.labels != truth)] == sorted(suspects["id"])
    assert np.array_equal(np.unique(groups, return_counts=True)[1], [2] * 105)  # people stay whole
    page = (out / PAGE).read_text("utf-8")
    assert "look before you relabel" in page
    assert "the network sees neutral" in page
    assert "agree with 97.1 % of all labels" in page


def test_faces_of_another_catalogue_are_refused(
    faces: tuple[Path, Path], merged: Path, tmp_path: Path
) -> None:
    with pytest.raises(StageError, match="not in the catalogue"):
        audit(QUICK, _write(tmp_path / "other", [("a", "x.png", "happy", None, _picture(0))]),
              tmp_path / "out", faces=faces[0])  # fmt: skip


def test_a_missing_library_is_said_before_the_work(
    faces: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(module, "looks", None)
    with pytest.raises(MissingExtraError, match=r"mien\[audit\]"):
        audit(QUICK, faces[1], tmp_path / "out", faces=faces[0])


def test_the_copies_in_the_real_set_are_found(
    unpacked: Callable[[str], Path], tmp_path: Path
) -> None:
    sources = [{"reader": "ferplus", "root": unpacked("ferplus")}]
    folder = merge(MergeConfig.model_validate({"sources": sources}), tmp_path / "merge")
    out = audit(AuditConfig(), folder, tmp_path / "out")
    across = {(row["part"], row["other_part"]): row for row in read_meta(out)["counts"]["across"]}
    leak = across["ferplus/valid", "ferplus/train"]
    assert leak["exact"] >= 279
    assert leak["either"] == pytest.approx(376, abs=4)
    page = (out / PAGE).read_text("utf-8")
    assert page.count("<img") > 100
    assert len(page) < 3_000_000
