"""Predictions in shards: the same rows as without, whoever works, and after any stop."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner

from mien.chains import predict_shards as chain
from mien.chains.predict_shards import PredictConfig, predict_shards, summary
from mien.cli.app import app
from mien.core.artifact import read_meta
from mien.core.errors import ConfigError, NoImagesError, StageError
from mien.predictor import Predictor

pl = pytest.importorskip("polars")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(7):
        level = int(random.integers(0, 255))
        PIL.Image.new("RGB", (32, 32), (level, level, level)).save(folder / f"{number}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def settings(photos: Path, model: Path, **more: object) -> PredictConfig:
    told = {"sources": [str(photos)], "model": str(model), "detector": ["full-frame"]}
    return PredictConfig.model_validate({**told, "shard_size": 3, **more})


def rows(folder: Path) -> list[dict[str, object]]:
    found = [pl.read_parquet(file) for file in sorted(folder.glob("predictions-*.parquet"))]
    return pl.concat(found).to_dicts()


def test_rows_are_those_of_the_predictor(photos: Path, model: Path, tmp_path: Path) -> None:
    out = predict_shards(settings(photos, model, jobs=1), tmp_path / "out")
    plain = Predictor(model, detector="full-frame", jobs=1).predict(str(photos))
    assert [r["path"] for r in rows(out)] == [p.source for p in plain]
    for row, prediction in zip(rows(out), plain, strict=True):
        assert row["expression"] == prediction.expression
        assert row["reason"] == prediction.reason
        assert row["confidence"] == pytest.approx(prediction.confidence, abs=1e-6)
    counts = read_meta(out)["counts"]
    assert counts["pictures"] == 8
    assert counts["unreadable"] == 1
    assert len(list(out.glob("predictions-*.parquet"))) == 3
    assert summary(counts).startswith("8 pictures, 7 faces, ")


def test_bytes_do_not_depend_on_the_jobs(photos: Path, model: Path, tmp_path: Path) -> None:
    one = predict_shards(settings(photos, model, jobs=1), tmp_path / "one")
    two = predict_shards(settings(photos, model, jobs=2), tmp_path / "two")
    assert read_meta(one)["digest"] == read_meta(two)["digest"]


def test_a_stopped_run_goes_on(
    photos: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = predict_shards(settings(photos, model, jobs=1), tmp_path / "whole")
    work, made = chain._predict_shard, []

    def stops(shard: chain._Shard) -> int:
        if len(made) == 1:
            raise KeyboardInterrupt
        made.append(shard.index)
        return work(shard)

    monkeypatch.setattr(chain, "_predict_shard", stops)
    with pytest.raises(KeyboardInterrupt):
        predict_shards(settings(photos, model, jobs=1), tmp_path / "out")
    (photos / "later.png").write_bytes((photos / "0.png").read_bytes())  # the list stands already
    monkeypatch.setattr(chain, "_predict_shard", lambda s: made.append(s.index) or work(s))
    out = predict_shards(settings(photos, model, jobs=1), tmp_path / "out")
    assert made == [0, 1, 2]
    assert read_meta(out)["digest"] == read_meta(whole)["digest"]
    assert predict_shards(settings(photos, model, jobs=1), tmp_path / "out") == out
    assert made == [0, 1, 2]


def test_other_settings_never_overwrite(photos: Path, model: Path, tmp_path: Path) -> None:
    out = predict_shards(settings(photos, model, jobs=1), tmp_path / "out")
    with pytest.raises(StageError, match=r"config\.shard_size"):
        predict_shards(settings(photos, model, jobs=1, shard_size=5), out)
    predict_shards(settings(photos, model, jobs=1, shard_size=5), out, overwrite=True)
    assert len(list(out.glob("predictions-*.parquet"))) == 2


def test_what_does_not_fit_is_told_first(photos: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(NoImagesError):
        predict_shards(settings(tmp_path / "none*", model), tmp_path / "a")
    with pytest.raises(ConfigError, match="no precision"):
        predict_shards(settings(photos, model, precision="int3"), tmp_path / "b")


def test_the_command_writes_a_folder(photos: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["predict", str(photos), "--model", str(model), "--detector", "full-frame"]
    words += ["--shard-size", "4", "--jobs", "1"]
    done = CliRunner().invoke(app, [*words, "--out", str(out)])
    assert done.exit_code == 3, done.output  # one picture is unreadable
    assert json.loads((out / "meta.json").read_bytes())["counts"]["pictures"] == 8
    missing = CliRunner().invoke(app, words)
    assert isinstance(missing.exception, ConfigError)
    assert "--out" in str(missing.exception)
