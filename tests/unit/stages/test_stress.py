"""`stress` on drawn faces: which are drawn, what is counted, resuming, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from pydantic import ValidationError

from mien.core import catalogue as tables
from mien.core.artifact import digest, read_meta, write_json
from mien.core.config import check
from mien.core.errors import ConfigError, DataError, ModelError, StageError
from mien.core.images import encode_png
from mien.core.origins import SOURCES
from mien.core.types import Sample
from mien.faces.align import TEMPLATE
from mien.faces.changed import Chips
from mien.faces.corruptions import CORRUPTIONS
from mien.metrics.corruption import CLEAN
from mien.runtimes.model import Model
from mien.stages.stress import (
    CURVES,
    ERRORS,
    EXAMPLES,
    PAGE,
    PREDICTIONS,
    TABLE,
    StressConfig,
    stress,
    summary,
)
from tests.unit.conftest import make_model

pl = pytest.importorskip("polars")
pytest.importorskip("matplotlib")

BRIGHT, DARK = 200, 30
FEW: dict[str, Any] = {
    "corruptions": ("gain_down", "mask"), "strengths": (1, 5), "resamples": 20, "batch_size": 2,
    "jobs": 1,
}  # fmt: skip
CONFIG = StressConfig(**FEW)
# id, label, subject, role, brightness of the chip or None where no face was found; the model of
# the fixture calls a bright face surprise and a dark one neutral
ROWS = (
    ("a", "surprise", "p1", "dev", BRIGHT),
    ("b", "surprise", "p1", "dev", BRIGHT),
    ("c", "neutral", "p2", "dev", DARK),
    ("d", "neutral", None, "dev", None),
    ("e", "contempt", None, "dev", DARK),
    ("f", None, None, "dev", DARK),
    ("g", "neutral", "p3", "unseen", DARK),
    ("h", "neutral", "p4", "train", DARK),
)
POSE = (20.0, -5.0, 3.0)
QUALITY = (40.0, 0.5, 0.5, 0.5, 0.1, 0.0)


def make_stages(root: Path, rows: Any = ROWS) -> dict[str, Path]:
    """Writes what merge, crop and split would leave, and returns their folders."""
    folders = {name: root / name for name in ("catalogue", "faces", "split")}
    samples = [
        Sample(id=key, path=f"{key}.png", dataset="home", licence="x", label=label, subject=who)
        for key, label, who, _, _ in rows
    ]
    tables.write(tables.from_samples(samples), folders["catalogue"] / tables.CATALOGUE)
    pictures = root / "pictures"
    pictures.mkdir()
    found = []
    for key, label, who, _, level in rows:
        if level is None:
            continue
        image = np.full((256, 256, 3), level, np.uint8)
        PIL.Image.fromarray(image).save(pictures / f"{key}.png")
        chip = {"bytes": encode_png(image), "path": f"{key}.png"}
        told = (key, f"{key}.png", "home", label, None, None, who, chip)
        box = [40.0, 40.0, 216.0, 230.0]
        seen = (box, TEMPLATE.tolist(), 0.9, "drawn", False, *POSE, *QUALITY)
        found.append((*told, *seen))
    frame = pl.DataFrame(found, tables.schema(tables.FACE_COLUMNS), orient="row")
    for number, start in enumerate(range(0, len(frame), 2)):
        tables.write(frame[start : start + 2], folders["faces"] / tables.FACES.format(number))
    roles = [(k, "home", f"{k}.png", role, k, None) for k, _, _, role, _ in rows]
    frame = pl.DataFrame(roles, tables.schema(tables.ROLE_COLUMNS), orient="row")
    tables.write(frame, folders["split"] / tables.ROLES)
    info = {"name": "home", "title": "Home", "licence": "x", "commercial_use": "no", "url": "",
            "citation": ""}  # fmt: skip
    source = {"dataset": "home", "reader": "generic", "root": str(pictures), "options": {}}
    write_json(folders["catalogue"] / SOURCES, [{**source, "info": info}])
    return folders


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leaves the figure out where a test does not look at it: it takes the most time."""
    monkeypatch.setattr("mien.stages.stress.curves", lambda *_: None)
    return


@pytest.mark.usefixtures("undrawn")
def test_every_drawn_face_is_counted_at_every_strength(model: Path, tmp_path: Path) -> None:
    out = stress(CONFIG, model, **make_stages(tmp_path), out=tmp_path / "out")
    rows = pl.read_parquet(out / PREDICTIONS)
    assert sorted(set(rows["id"])) == list("abcd")
    assert rows.group_by("corruption", "strength").len()["len"].to_list() == [4] * 5
    clean = rows.filter(pl.col("corruption") == CLEAN).sort("id")
    assert clean["answer"].to_list() == ["surprise", "surprise", "neutral", None]
    assert clean["cluster"].to_list() == ["home: p1", "home: p1", "home: p2", "group d"]
    missed = rows.filter(pl.col("id") == "d")
    assert missed["abstained"].all()
    assert missed["confidence"].null_count() == len(missed) == 5
    table = pl.read_parquet(out / TABLE)
    found = {(r["corruption"], r["strength"]): r for r in table.iter_rows(named=True)}
    assert found[CLEAN, 0]["accuracy"] == 0.75
    assert found[CLEAN, 0]["detected"] == 0.75
    assert found["gain_down", 1]["accuracy"] == 0.75
    assert found["gain_down", 5]["accuracy"] == 0.25  # a bright face became a dark one
    assert found["gain_down", 5]["family"] == "illumination"
    errors = pl.read_parquet(out / ERRORS)
    assert errors["corruption"].to_list() == ["all", "gain_down", "mask"]
    assert errors.filter(pl.col("corruption") == "gain_down")["accuracy"][0] == 0.5
    assert read_meta(out)["counts"] == {"input": 4, "missed": 1, "predictions": 20}
    assert not (out / "parts").exists()
    assert not (out / EXAMPLES).exists()


def test_what_a_reader_sees(model: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"roles": ("dev", "unseen"), "pictures": True})
    out = stress(config, model, **make_stages(tmp_path), out=tmp_path / "out")
    line = summary(out)
    assert line.startswith("brightness | dev (n = 4): accuracy 75.0 %")
    assert "unseen (n = 1): accuracy 100.0 % unchanged" in line
    page = (out / PAGE).read_text()
    assert line.removeprefix("brightness | ") in page
    assert page.startswith("# brightness under changes to its chips")
    for name in (CURVES, EXAMPLES):
        with PIL.Image.open(out / name) as picture:
            assert picture.width > 300


@pytest.mark.usefixtures("undrawn")
def test_the_same_faces_are_drawn_for_every_model(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path)
    config = CONFIG.model_copy(update={"count": 2})
    other = make_model(tmp_path / "careful", low_confidence=0.99)
    outs = [
        stress(config, m, **folders, out=tmp_path / name)
        for m, name in ((model, "one"), (other, "two"))
    ]
    one, two = (pl.read_parquet(out / PREDICTIONS) for out in outs)
    assert one["id"].n_unique() == 2
    assert one["id"].to_list() == two["id"].to_list()
    assert one["answer"].to_list() == two["answer"].to_list()
    assert two["abstained"].sum() > one["abstained"].sum()
    moved = stress(
        config.model_copy(update={"seed": 5}), model, **folders, out=tmp_path / "another seed"
    )
    assert pl.read_parquet(moved / PREDICTIONS)["id"].n_unique() == 2


@pytest.mark.usefixtures("undrawn")
def test_a_stopped_run_goes_on_from_the_changes_that_are_done(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = make_stages(tmp_path)
    whole = stress(CONFIG, model, **folders, out=tmp_path / "whole")
    real, seen = Chips.cuts, []

    def stop_late(self: Chips, stored: Any, name: str, strengths: Any) -> Any:
        seen.append(name)
        if name == "mask":
            raise KeyboardInterrupt
        return real(self, stored, name, strengths)

    monkeypatch.setattr(Chips, "cuts", stop_late)
    with pytest.raises(KeyboardInterrupt):
        stress(CONFIG, model, **folders, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    seen.clear()
    monkeypatch.setattr(Chips, "cuts", lambda *args: (seen.append(args[2]), real(*args))[1])
    out = stress(CONFIG, model, **folders, out=tmp_path / "out")
    assert set(seen) == {"mask"}
    assert digest(out) == digest(whole)
    monkeypatch.setattr(Model, "logits", None)
    assert stress(CONFIG, model, **folders, out=out) == out  # finished: nothing is made again
    with pytest.raises(StageError, match=r"config\.seed"):
        stress(CONFIG.model_copy(update={"seed": 1}), model, **folders, out=out)
    milder = replace(CORRUPTIONS["mask"], levels=(1.1, 1.0, 0.9, 0.8, 0.7))
    monkeypatch.setitem(CORRUPTIONS, "mask", milder)
    with pytest.raises(StageError, match=r"config\.levels"):  # another drawing, another result
        stress(CONFIG, model, **folders, out=out)


@pytest.mark.usefixtures("undrawn")
def test_beside_a_reference(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path)
    first = stress(CONFIG, model, **folders, out=tmp_path / "first")
    beside = CONFIG.model_copy(update={"reference": first})
    out = stress(beside, model, **folders, out=tmp_path / "out")
    errors = pl.read_parquet(out / ERRORS)
    assert errors["ce"].to_list() == [pytest.approx(1)] * 3
    assert "mCE 1.000" in summary(out)
    for change in ({"strengths": (1,)}, {"seed": 3}, {"count": 2}):
        with pytest.raises(ConfigError, match=f"differs in {next(iter(change))}"):
            stress(beside.model_copy(update=change), model, **folders, out=tmp_path / "other")
    elsewhere = make_stages(tmp_path / "elsewhere", ROWS[:4])
    with pytest.raises(ConfigError, match="differs in catalogue, faces, split"):
        stress(beside, model, **elsewhere, out=tmp_path / "other")
    with pytest.raises(StageError, match="not a finished stage folder"):
        nowhere = CONFIG.model_copy(update={"reference": tmp_path})
        stress(nowhere, model, **folders, out=tmp_path / "other")
    with pytest.raises(ConfigError, match="differs in stage"):
        write_json(tmp_path / "meta.json", {**read_meta(first), "stage": "evaluate"})
        stress(nowhere, model, **folders, out=tmp_path / "other")
    assert not (tmp_path / "other.partial").exists()


@pytest.mark.usefixtures("undrawn")
def test_on_photos_the_face_is_searched_again(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mien.faces.full_frame import FullFrame

    real = FullFrame.detect

    def blind_in_the_dark(self: FullFrame, image: Any) -> Any:
        return real(self, image) if image.mean() > 60 else []

    monkeypatch.setattr(FullFrame, "detect", blind_in_the_dark)
    config = CONFIG.model_copy(update={"on": "photos", "detector": "full-frame", "pictures": True})
    out = stress(config, model, **make_stages(tmp_path), out=tmp_path / "out")
    table = pl.read_parquet(out / TABLE)
    found = {(r["corruption"], r["strength"]): r["detected"] for r in table.iter_rows(named=True)}
    assert found[CLEAN, 0] == 0.5
    assert found["gain_down", 1] == 0.5
    assert found["gain_down", 5] == 0
    assert read_meta(out)["config"]["detector"] == "full-frame"
    assert (out / EXAMPLES).exists()


def test_nothing_to_score_is_an_error(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path, [r for r in ROWS if r[3] != "dev"])
    with pytest.raises(DataError, match="No picture of the roles dev"):
        stress(CONFIG, model, **folders, out=tmp_path / "out")


def test_a_picture_that_is_named_twice_is_refused(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path, (*ROWS, ROWS[0]))
    with pytest.raises(DataError, match="twice"):
        stress(CONFIG, model, **folders, out=tmp_path / "out")


def test_faces_of_another_framing_are_refused(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path)
    write_json(folders["faces"] / "meta.json", {"config": {"aligner": "eye-line"}, "digest": "x"})
    with pytest.raises(ConfigError, match="cut by the aligner 'eye-line'"):
        stress(CONFIG, model, **folders, out=tmp_path / "out")
    spec = (model / "spec.json").read_text().replace('"five-point"', '"eye-line"')
    (model / "spec.json").write_text(spec)
    with pytest.raises(ConfigError, match="Set on = 'photos'"):
        stress(CONFIG, model, **folders, out=tmp_path / "out")


def test_a_network_that_gives_nan_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "logits", lambda _, chips: np.full((len(chips), 7), np.nan))
    with pytest.raises(ModelError, match="NaN"):
        stress(CONFIG, model, **make_stages(tmp_path), out=tmp_path / "out")


@pytest.mark.parametrize("stored", [b"not a picture", encode_png(np.zeros((64, 64, 3), np.uint8))])
def test_a_bad_chip_is_named(model: Path, tmp_path: Path, stored: bytes) -> None:
    folders = make_stages(tmp_path, ROWS[:1])
    file = folders["faces"] / tables.FACES.format(0)
    frame = pl.read_parquet(file)
    bad = pl.Series("chip", [{"bytes": stored, "path": "a.png"}], frame.schema["chip"])
    tables.write(frame.with_columns(bad), file)
    with pytest.raises(DataError, match=r"a\.png is"):
        stress(CONFIG, model, **folders, out=tmp_path / "out")


def test_settings_that_name_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="no corruption 'blurr'. Did you mean 'blur'"):
        check(StressConfig, {"corruptions": ["blurr"]}, "stress")
    for bad in ({"strengths": [0]}, {"strengths": [6]}, {"on": "film"}, {"corruptions": []}):
        with pytest.raises(ValidationError):
            StressConfig(**bad)
    tidy = StressConfig(corruptions=("jpeg", "blur"), strengths=(5, 1, 1))
    assert (tidy.corruptions, tidy.strengths) == (("blur", "jpeg"), (1, 5))
