"""`evaluate` on drawn faces: what is scored, what is missed, what is left out, and resuming."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from mien.core import catalogue as tables
from mien.core.artifact import read_meta, write_json
from mien.core.errors import ConfigError, DataError, ModelError, StageError
from mien.core.labels import CLASSES
from mien.core.scores import Exam
from mien.core.types import Rejection, Sample
from mien.runtimes.model import Model
from mien.runtimes.stored import SEEN
from mien.stages.evaluate import PREDICTIONS, EvaluateConfig, evaluate, summary

pl = pytest.importorskip("polars")
pytest.importorskip("matplotlib")

BRIGHT, DARK = 230, 20
CONFIG = EvaluateConfig(min_class_count=2, resamples=50, batch_size=2)

POSE = (20.0, -5.0, 3.0)
QUALITY = (40.0, 0.5, 0.5, 0.5, 0.1, 0.0)
# id, data set, label, subject, role, brightness of the chip or None where no face was found;
# the model of the fixture calls a bright face surprise and a dark one neutral
ROWS = (
    ("a", "home", "surprise", None, "test", BRIGHT),
    ("b", "home", "neutral", None, "test", DARK),
    ("c", "home", "happy", None, "test", DARK),
    ("d", "home", "neutral", None, "test", None),
    ("e", "home", "contempt", None, "test", DARK),
    ("f", "home", None, None, "test", DARK),
    ("g", "home", "neutral", None, "train", DARK),
    ("h", "away", "surprise", "p1", "unseen", BRIGHT),
    ("i", "away", "surprise", "p1", "unseen", BRIGHT),
    ("j", "away", "neutral", "p2", "unseen", BRIGHT),
    ("k", "away", "neutral", "p3", "unseen", DARK),
    ("l", "away", "fear", "p3", "unseen", DARK),
    ("m", "home", "neutral", None, "rejected", DARK),
)


def chip(level: int) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("L", (256, 256), level).save(file, "png")
    return file.getvalue()


def make_stages(root: Path, rows: Any = ROWS, *, shard: int = 4) -> dict[str, Path]:
    """Writes what merge, crop and split would leave, and returns their folders."""
    folders = {name: root / name for name in ("catalogue", "faces", "split")}
    samples = [
        Sample(id=key, path=f"{key}.png", dataset=source, licence="x", label=label, subject=who)
        for key, source, label, who, _, _ in rows
    ]
    tables.write(tables.from_samples(samples), folders["catalogue"] / tables.CATALOGUE)
    columns = {n: tables.FACE_COLUMNS[n] for n in ("id", "path", "dataset", "chip", *SEEN)}
    found = [
        (k, f"{k}.png", d, {"bytes": chip(v), "path": f"{k}.png"}, "drawn", False, *POSE, *QUALITY)
        for k, d, _, _, _, v in rows
        if v is not None
    ]
    for i in range(0, len(found), shard):
        frame = pl.DataFrame(found[i : i + shard], tables.schema(columns), orient="row")
        tables.write(frame, folders["faces"] / tables.FACES.format(i // shard))
    lost = [Rejection(f"{r[0]}.png", "no_face", "", r[0], r[1]) for r in rows if r[5] is None]
    tables.write(tables.from_rejections(lost), folders["faces"] / tables.REJECTED)
    roles = [(k, d, f"{k}.png", role, k, None) for k, d, _, _, role, _ in rows]
    frame = pl.DataFrame(roles, tables.schema(tables.ROLE_COLUMNS), orient="row")
    tables.write(frame, folders["split"] / tables.ROLES)
    return folders


@pytest.mark.usefixtures("undrawn")
def test_every_picture_is_scored_missed_or_counted_apart(model: Path, tmp_path: Path) -> None:
    out = evaluate(CONFIG, model, **make_stages(tmp_path), out=tmp_path / "out")
    exam = Exam.read(out)
    assert list(exam.roles) == ["test", "unseen"]
    test = exam.roles["test"]
    scores = test.points["shipped"]
    assert (scores.n, scores.n_missed) == (4, 1)
    assert scores.overall["accuracy"] == 0.5
    assert scores.overall["balanced_accuracy"] == pytest.approx((0.5 + 0 + 1) / 3)
    assert scores.overall["balanced_accuracy_frequent"] == 0.5
    assert test.missed == {"no_face": 1}
    assert test.not_scored == {"contempt": 1, "unlabelled": 1}
    assert test.sources == {"home": 4}
    unseen = exam.roles["unseen"]
    assert unseen.subjects == unseen.points["shipped"].n_clusters == 3
    assert unseen.points["shipped"].overall["accuracy"] == pytest.approx(3 / 5)
    assert unseen.points["shipped"].frequent == ("neutral", "surprise")
    assert set(unseen.points) == {"shipped", "natural", "balanced"}
    counts = read_meta(out)["counts"]
    assert counts == {
        "input": 11,
        "scored": 9,
        "missed": 1,
        "not_scored": 2,
        "contempt": 1,
        "unmeasured": ["dev"],
    }


@pytest.mark.usefixtures("undrawn")
def test_every_prediction_is_kept(model: Path, tmp_path: Path) -> None:
    out = evaluate(CONFIG, model, **make_stages(tmp_path), out=tmp_path / "out")
    rows = pl.read_parquet(out / PREDICTIONS)
    assert sorted(rows["id"]) == list("abcdhijkl")
    missed = rows.row(by_predicate=pl.col("id") == "d", named=True)
    assert missed["missed"] == "no_face"
    assert missed["answer"] is missed["confidence"] is missed["neutral"] is missed["logits"] is None
    found = rows.filter(pl.col("missed").is_null())
    assert set(found.select(*SEEN).rows()) == {("drawn", False, *POSE, *map(np.float32, QUALITY))}
    assert missed["yaw"] is missed["detector"] is None
    sums = found.select(pl.sum_horizontal(*CLASSES)).to_series()
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    assert dict(found.select("id", "answer").iter_rows())["h"] == "surprise"
    assert rows.filter(pl.col("subject").is_not_null())["cluster"].n_unique() == 3


def test_what_a_reader_sees(model: Path, tmp_path: Path) -> None:
    out = evaluate(CONFIG, model, **make_stages(tmp_path), out=tmp_path / "out")
    line = summary(out)
    assert "test (n = 4)" in line
    assert "unseen (n = 5, 3 people)" in line
    assert line in (out / "scores.md").read_text()
    assert (out / "conditions.md").read_text().startswith(line)
    by_yaw = pl.read_parquet(out / "conditions.parquet").filter(pl.col("condition") == "yaw")
    assert by_yaw.select("role", "low", "n").rows() == [("test", 15.0, 3), ("unseen", 15.0, 5)]
    for name in ("confusion-test", "reliability-test", "confusion-unseen", "reliability-unseen"):
        with PIL.Image.open(out / f"{name}.png") as picture:
            assert picture.width > 600


@pytest.mark.usefixtures("undrawn")
def test_without_unseen_sources_every_line_says_so(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path, [r for r in ROWS if r[4] != "unseen"])
    out = evaluate(CONFIG, model, **folders, out=tmp_path / "out")
    text = (out / "scores.md").read_text()
    for line in text.splitlines():
        if "%" in line and "95 %" not in line:
            assert "unseen sources: not measured" in line


@pytest.mark.usefixtures("undrawn")
def test_a_finished_evaluation_is_not_made_again(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = make_stages(tmp_path)
    out = evaluate(CONFIG, model, **folders, out=tmp_path / "out")
    monkeypatch.setattr(Model, "logits", None)
    spec = json.loads((model / "spec.json").read_bytes())
    write_json(model / "spec.json", {**spec, "scores": {"test": {"n": 4}}})  # as the card does
    assert evaluate(CONFIG, model, **folders, out=out) == out
    other = CONFIG.model_copy(update={"seed": 1})
    with pytest.raises(StageError, match=r"config\.seed"):
        evaluate(other, model, **folders, out=out)
    write_json(model / "spec.json", {**spec, "temperature": 2.0})
    with pytest.raises(StageError, match=r"config\.described"):
        evaluate(CONFIG, model, **folders, out=out)


@pytest.mark.usefixtures("undrawn")
def test_a_stopped_evaluation_goes_on_from_its_shards(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = make_stages(tmp_path)
    whole = evaluate(CONFIG, model, **folders, out=tmp_path / "whole")
    calls = 0
    real = Model.logits

    def stop_late(self: Model, chips: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return real(self, chips)

    monkeypatch.setattr(Model, "logits", stop_late)
    with pytest.raises(KeyboardInterrupt):
        evaluate(CONFIG, model, **folders, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    calls = 10
    out = evaluate(CONFIG, model, **folders, out=tmp_path / "out")
    assert calls == 13  # the first of three shards stood; five batches are needed in all
    assert (out / "scores.json").read_bytes() == (whole / "scores.json").read_bytes()
    assert not (out / "parts").exists()


def test_a_network_that_gives_nan_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "logits", lambda _, chips: np.full((len(chips), 7), np.nan))
    with pytest.raises(ModelError, match="NaN"):
        evaluate(CONFIG, model, **make_stages(tmp_path), out=tmp_path / "out")


def test_faces_of_another_framing_are_refused(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path)
    write_json(folders["faces"] / "meta.json", {"config": {"aligner": "eye-line"}, "digest": "x"})
    with pytest.raises(ConfigError, match="'eye-line', the network's preprocessing names 'five-p"):
        evaluate(CONFIG, model, **folders, out=tmp_path / "out")


def test_nothing_to_score_is_an_error(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path, [r for r in ROWS if r[4] == "train"])
    with pytest.raises(DataError, match="No picture of the roles dev, test, unseen"):
        evaluate(CONFIG, model, **folders, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("stored", "words"), [(b"not a picture", "damaged"), (None, "64 x 64 pixels")]
)
def test_a_bad_chip_is_named(model: Path, tmp_path: Path, stored: bytes | None, words: str) -> None:
    folders = make_stages(tmp_path, ROWS[:2])
    file = folders["faces"] / tables.FACES.format(0)
    if stored is None:
        small = io.BytesIO()
        PIL.Image.new("L", (64, 64)).save(small, "png")
        stored = small.getvalue()
    frame = pl.read_parquet(file)
    bad = pl.Series(
        "chip", [{"bytes": stored, "path": p} for p in frame["path"]], frame.schema["chip"]
    )
    tables.write(frame.with_columns(bad), file)
    with pytest.raises(DataError, match=rf"a\.png .*{words}"):
        evaluate(CONFIG, model, **folders, out=tmp_path / "out")


def test_tables_that_do_not_fit_each_other_are_refused(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path)
    other = make_stages(tmp_path / "other", ROWS[:3])
    with pytest.raises(DataError, match=r"8 pictures of .* are not in"):
        evaluate(CONFIG, model, **{**folders, "catalogue": other["catalogue"]}, out=tmp_path / "o")
    twice = make_stages(tmp_path / "twice", (*ROWS, ROWS[0]))
    with pytest.raises(DataError, match="twice"):
        evaluate(CONFIG, model, **twice, out=tmp_path / "out")
