"""The commands that examine, calibrate and compare models."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.app import app
from mien.core import registry
from tests.unit.runtimes.test_stored import Counted
from tests.unit.stages.test_calibrate import scored
from tests.unit.stages.test_evaluate import ROWS, make_stages

pytest.importorskip("polars")
pytest.importorskip("fairlearn")
RUNNER = CliRunner()
SETS = ["--set", "evaluate.resamples=20", "--set", "evaluate.min_class_count=2"]


def run_folder(root: Path, rows: object) -> Path:
    """Writes a run's folder: merge, crop and split."""
    made = make_stages(root / "made", rows)
    run = root / "run"
    run.mkdir()
    for name, stage in (("merge", "catalogue"), ("crop", "faces"), ("split", "split")):
        made[stage].rename(run / name)
    return run


def invoke(*words: object) -> str:
    result = RUNNER.invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("undrawn")
def test_a_model_is_scored_on_sets_and_compared(model: Path, tmp_path: Path) -> None:
    home = run_folder(tmp_path / "home", [r for r in ROWS if r[1] == "home"])
    away = run_folder(tmp_path / "away", [r for r in ROWS if r[1] == "away"])
    alone = invoke("evaluate", model, home, "--out", tmp_path / "alone", *SETS)
    assert alone.rstrip().endswith("unseen sources: not measured")
    both = invoke("evaluate", model, home, f"unseen={away}", "--out", tmp_path / "both", *SETS)
    assert "test (n = 4)" in both
    assert "unseen (n = 5, 3 people)" in both
    apart = invoke("evaluate", model, "--catalogue", home / "merge", "--faces", home / "crop",
                   "--split", home / "split", "--out", tmp_path / "apart", *SETS)  # fmt: skip
    assert apart == alone
    page = invoke("compare", tmp_path / "alone", tmp_path / "apart", "--resamples", 10)
    assert "McNemar" in page


def test_without_a_set_it_says_what_is_missing(model: Path, tmp_path: Path) -> None:
    words = ["evaluate", str(model), "--out", str(tmp_path / "out")]
    for more in ([], ["--faces", str(tmp_path)]):
        result = RUNNER.invoke(app, [*words, *more])
        assert result.exit_code == 2
        assert "name at least one set" in result.output


def test_a_model_is_calibrated(model: Path, tmp_path: Path) -> None:
    made = scored(model, tmp_path / "scores")
    said = invoke("calibrate", model, "--scores", made, "--out", tmp_path / "new", "--risk", 0.2)
    assert said.startswith("temperature 2.9")
    assert "unseen sources: not measured" in said


@pytest.mark.usefixtures("undrawn")
def test_an_engine_may_be_named(model: Path, tmp_path: Path) -> None:
    home = run_folder(tmp_path / "home", [r for r in ROWS if r[1] == "home"])
    registry.register("engines", "counted", lambda jobs: Counted())
    words = ["evaluate", model, home, "--jobs", 1, *SETS, "--out"]
    page = invoke(*words, tmp_path / "here")
    assert invoke(*words, tmp_path / "there", "--engine", "counted") == page
    for name in ("scores.json", "predictions.parquet"):
        here, there = (tmp_path / run / name for run in ("here", "there"))
        assert here.read_bytes() == there.read_bytes()
    result = RUNNER.invoke(app, [str(w) for w in (*words, tmp_path / "no", "--engine", "none")])
    assert result.exit_code != 0
