"""`evaluate --sequences` on drawn sequences: dark faces that turn bright, with gaps and faults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.app import app
from mien.core import catalogue as tables
from mien.core.artifact import read_meta
from mien.core.errors import DataError
from mien.core.exam_sets import ExamSet
from mien.core.types import Sample
from mien.stages.sequences import FIGURES, PAGE, ROWS, SequencesConfig, examine_sequences, summary
from tests.unit.stages.test_evaluate import BRIGHT, DARK, make_stages

pl = pytest.importorskip("polars")
pytest.importorskip("scipy")

CONFIG = SequencesConfig(rate=10, resamples=50, rates={"away": 5})


def _set(root: Path, *, sequences: int = 4, frames: int = 30, lost: int = 0) -> ExamSet:
    """Sequences that are dark (neutral) and then bright (surprise, as the model calls it)."""
    rows, samples = [], []
    for number in range(sequences):
        for frame in range(frames):
            key = f"s{number}-{frame:02}"
            bright = frame >= frames // 2
            label = "neutral" if frame < 3 else "surprise" if frame >= frames - 3 else None
            level = None if frame == lost and lost else BRIGHT if bright else DARK
            role = "unseen" if number % 2 else "test"
            rows.append((key, "home", label, f"p{number}", role, level))
            samples.append(
                Sample(
                    id=key, path=f"{key}.png", dataset="home", licence="x", label=label,
                    subject=f"p{number}", sequence=f"s{number}", frame=frame,
                )
            )  # fmt: skip
    folders = make_stages(root, tuple(rows), shard=16)
    tables.write(tables.from_samples(samples), folders["catalogue"] / tables.CATALOGUE)
    return ExamSet(folders["catalogue"], folders["faces"], folders["split"])


def test_changes_of_sequences_are_scored(model: Path, tmp_path: Path) -> None:
    out = examine_sequences(CONFIG, model, [_set(tmp_path, lost=20)], tmp_path / "out")
    rows = pl.read_parquet(out / ROWS)
    assert rows["sequence"].to_list() == ["s0", "s2", "s1", "s3"]
    assert rows["faces"].to_list() == [29] * 4
    figures = json.loads((out / FIGURES).read_text())
    assert {row["role"] for row in figures} == {"test", "unseen"}
    assert all(row["f1"] == 1 for row in figures)
    live = [row for row in figures if row["way"] == "live"]
    assert all(0 < row["delay"] < 1 for row in live)
    page = (out / PAGE).read_text("utf-8")
    assert "not measured" not in page
    assert "away 5, others 10" in page
    assert read_meta(out)["counts"] == {"sequences": 4, "frames": 120}
    assert "4 sequences of 120 frames" in summary(out)
    assert not (out / "parts").exists()
    assert examine_sequences(CONFIG, model, [_set(tmp_path, lost=20)], out) == out


def test_without_unseen_sequences_the_page_says_so(model: Path, tmp_path: Path) -> None:
    out = examine_sequences(CONFIG, model, [_set(tmp_path, sequences=1)], tmp_path / "out")
    assert "unseen sources: not measured" in (out / PAGE).read_text("utf-8")


def test_pictures_without_sequences_are_refused(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path)
    one = ExamSet(folders["catalogue"], folders["faces"], folders["split"])
    with pytest.raises(DataError, match="whole_sequences"):
        examine_sequences(CONFIG, model, [one], tmp_path / "out")


def test_a_frame_twice_is_refused(model: Path, tmp_path: Path) -> None:
    one = _set(tmp_path)
    rows = tables.read(one.catalogue).with_columns(frame=pl.lit(1, pl.Int32))
    tables.write(rows, one.catalogue / tables.CATALOGUE)
    with pytest.raises(DataError, match="twice"):
        examine_sequences(CONFIG, model, [one], tmp_path / "out")


def test_on_the_command_line(model: Path, tmp_path: Path) -> None:
    one = _set(tmp_path)
    words = [
        "evaluate", str(model), "--catalogue", str(one.catalogue), "--faces", str(one.faces),
        "--split", str(one.split), "--sequences", "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    result = CliRunner().invoke(app, [*words, "--set", "sequences.rate=10", "--jobs", "1"])
    assert result.exit_code == 0, result.output
    assert "4 sequences" in result.output
    refused = CliRunner().invoke(app, [*words, "--engine", "ray"])
    assert refused.exit_code == 2
