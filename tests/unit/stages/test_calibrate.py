"""`calibrate`: temperature and threshold from `dev`, and from nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core import catalogue as tables
from mien.core.artifact import digest, read_meta, write_json
from mien.core.errors import DataError, ModelError
from mien.core.scores import Exam
from mien.core.spec import ModelSpec
from mien.runtimes.model import Model
from mien.stages.calibrate import CalibrateConfig, calibrate, summary

pl = pytest.importorskip("polars")
CONFIG = CalibrateConfig(risk=0.2)


def scored(
    model: Path, folder: Path, *, role: str = "dev", n: int = 400, sharp: float = 3.0
) -> Path:
    """Writes what `evaluate` would leave: logits that are ``sharp`` times too sure."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (n, 7))
    odds = np.exp(logits)
    odds /= odds.sum(1, keepdims=True)
    labels = [random.choice(7, p=p) for p in odds]
    names = list(ModelSpec.read(model / "spec.json").classes)
    frame = pl.DataFrame(
        {
            "role": [role] * n,
            "label": [names[k] for k in labels],
            "logits": (sharp * logits).astype(np.float32),
        },
        schema_overrides={"logits": pl.Array(pl.Float32, 7)},
    )
    tables.write(frame, folder / "predictions.parquet")
    exam = Exam(
        model="m", weights=digest(model / "model.onnx"), prior="natural", temperature=1,
        resamples=0, roles={},
    )  # fmt: skip
    exam.write(folder / "scores.json")
    write_json(folder / "meta.json", {"stage": "evaluate", "digest": "x", "counts": {}})
    return folder


def test_the_temperature_that_was_too_cold_is_found(model: Path, tmp_path: Path) -> None:
    out = calibrate(CONFIG, model, scored(model, tmp_path / "scores"), tmp_path / "out")
    new = Model(out).spec
    assert new.temperature == pytest.approx(3.0, rel=0.15)
    assert new.thresholds.risk == 0.2
    assert 0 < new.thresholds.low_confidence < 1
    counts = read_meta(out)["counts"]
    assert counts["wrong"] <= 0.2
    assert 0 < counts["answered"] < 1
    assert "unseen sources: not measured" in summary(out)
    assert calibrate(CONFIG, model, tmp_path / "scores", out) == out


def test_a_smaller_risk_answers_less(model: Path, tmp_path: Path) -> None:
    made = scored(model, tmp_path / "scores")
    shares = []
    for risk in (0.3, 0.1):
        config = CalibrateConfig(risk=risk, temperature=False)
        out = calibrate(config, model, made, tmp_path / str(risk))
        assert Model(out).spec.temperature == 1.0
        shares.append(read_meta(out)["counts"]["answered"])
    assert shares[0] > shares[1]


@pytest.mark.parametrize("given", [{"role": "test"}, {"n": 20}])
def test_only_dev_and_enough_of_it(model: Path, tmp_path: Path, given: dict[str, Any]) -> None:
    made = scored(model, tmp_path / "scores", **given)
    with pytest.raises(DataError, match="faces of the role dev, and calibration asks for 200"):
        calibrate(CONFIG, model, made, tmp_path / "out")


def test_predictions_of_other_weights_are_refused(model: Path, tmp_path: Path) -> None:
    made = scored(model, tmp_path / "scores")
    exam = Exam.read(made).model_copy(update={"weights": "another"})
    exam.write(made / "scores.json")
    with pytest.raises(ModelError, match="predictions of other weights"):
        calibrate(CONFIG, model, made, tmp_path / "out")
