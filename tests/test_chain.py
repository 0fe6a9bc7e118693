"""One walk through the whole chain, from drawn data sets to predictions, by the same commands."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from mien.chains.run import STAGES
from mien.cli.app import app
from mien.core.labels import CLASSES

pytest.importorskip("torch")
RUNNER = CliRunner()
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")
WORDS = {"happy": "happiness"}
OWN_ORDER = (*CLASSES[1:], "neutral")


def draw(kind: str, side: int, generator: np.random.Generator) -> np.ndarray:
    """Draws a face whose mouth and brows show one of the seven classes."""
    face = np.full((96, 96), generator.integers(90, 150), np.uint8)
    shift = generator.integers(-2, 3, 2)
    light = int(generator.integers(190, 240))

    def at(x: int, y: int) -> tuple[int, int]:
        return int(x + shift[0]), int(y + shift[1])

    cv2.ellipse(face, at(48, 48), (38, 46), 0, 0, 360, light, -1)
    slope = {"anger": 6, "fear": -6, "sadness": -6, "disgust": 4}.get(kind, 0)
    lift = 6 if kind in ("surprise", "fear") else 0
    for x, sign in ((30, 1), (66, -1)):
        cv2.circle(face, at(x, 36), 7 if kind in ("surprise", "fear") else 4, 20, -1)
        cv2.line(
            face, at(x - 8, 24 - lift - sign * slope), at(x + 8, 24 - lift + sign * slope), 30, 3
        )
    mouths = {"happy": (0, 180), "sadness": (180, 360), "anger": (180, 360)}
    if kind in ("surprise", "fear"):
        cv2.ellipse(face, at(48, 74), (9, 12 if kind == "surprise" else 6), 0, 0, 360, 20, -1)
    elif kind in mouths:
        cv2.ellipse(face, at(48, 72), (16, 9), 0, *mouths[kind], 20, 3)
    else:
        cv2.line(face, at(34, 74), at(62, 74 + (8 if kind == "disgust" else 0)), 20, 3)
    noisy = face + generator.normal(0, 4, face.shape)
    return cv2.resize(
        np.clip(noisy, 0, 255).astype(np.uint8), (side, side), interpolation=cv2.INTER_AREA
    )


def make_ferplus(root: Path, generator: np.random.Generator) -> None:
    """Writes a small FER+ in its folder form."""
    header = ["Usage", "Image name", *VOTES, "contempt", "unknown", "NF"]
    rows, own, number = [], [], 0
    for usage, folder, count in (
        ("Training", "FER2013Train", 30),
        ("PublicTest", "FER2013Valid", 6),
    ):
        (root / folder).mkdir(parents=True)
        for kind in CLASSES:
            for _ in range(count):
                name = f"fer{number:07}.png"
                number += 1
                cv2.imwrite(str(root / folder / name), draw(kind, 48, generator))
                word = WORDS.get(kind, kind)
                rows.append([usage, name, *(8 if v == word else 0 for v in VOTES), 0, 2, 0])
                own.append([usage, name, OWN_ORDER.index(kind)])
    for file, head, lines in (
        ("fer2013new.csv", header, rows),
        ("fer2013_labels.csv", ["Usage", "Image name", "emotion"], own),
    ):
        with (root / file).open("w", newline="") as handle:
            csv.writer(handle).writerows([head, *lines])


def make_internet(root: Path, generator: np.random.Generator) -> None:
    """Writes a small legend set of people with several pictures each."""
    (root / "images").mkdir(parents=True)
    (root / "data").mkdir()
    lines = [["user.id", "image", "emotion"]]
    for number, kind in enumerate(CLASSES * 4):
        name = f"Person_{number % 9}_{number:04}.jpg"
        cv2.imwrite(str(root / "images" / name), draw(kind, 120, generator))
        lines.append(["1", name, kind.upper() if number % 3 else kind])
    with (root / "data" / "legend.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows(lines)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    generator = np.random.default_rng(7)
    make_ferplus(root / "ferplus", generator)
    make_internet(root / "internet", generator)
    (root / "chain.toml").write_text(
        f"""
out = "{root / "run"}"

[[merge.sources]]
reader = "ferplus"
root = "{root / "ferplus"}"

[[merge.sources]]
reader = "internet"
root = "{root / "internet"}"

[audit]

[crop]
jobs = 1
[crop.detectors]
default = ["full-frame"]

[split]
test = ["ferplus/valid"]
unseen = ["internet"]
near_duplicate_cosine = 0.999
landmark_ids = "shipped"

[augment]
total = 230

[train]
name = "drawn"
network = "mienet-tiny"
threads = 1
weight_licence = "Apache-2.0"
[train.recipe]
epochs = 24
balanced_epochs = 2
batch_size = 16
optimizer = "adamw"
learning_rate = 0.01
balanced_learning_rate = 0.001
ema = 0.9
precision = "32-true"

[export]

[evaluate]
resamples = 50
min_class_count = 3

[stress]
corruptions = ["gain_down", "sunglasses"]
strengths = [1, 5]
count = 20
resamples = 20

[explain]
per_class = 2

[survey]
model = "ROOT/run/export"
""".replace("ROOT", root.as_posix()),
        "utf-8",
    )
    result = RUNNER.invoke(app, ["run", str(root / "chain.toml")], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return root


def test_every_stage_left_a_folder_that_says_what_made_it(world: Path) -> None:
    for stage in STAGES:
        meta = json.loads((world / "run" / stage / "meta.json").read_text())
        assert meta["stage"] == stage
        assert meta["versions"]["python"]
        assert meta["files"]
        assert not (world / "run" / f"{stage}.partial").exists()
    merged = json.loads((world / "run" / "merge" / "meta.json").read_text())["counts"]
    crop = json.loads((world / "run" / "crop" / "meta.json").read_text())["counts"]
    assert crop["input"] == crop["kept"] + crop["rejected"]
    assert "ferplus" in json.dumps(merged)


def test_what_was_found_and_made_on_the_way_is_used(world: Path) -> None:
    metas = {s: json.loads((world / "run" / s / "meta.json").read_text()) for s in STAGES}
    assert metas["split"]["inputs"]["audit"] == metas["audit"]["digest"]
    assert metas["train"]["inputs"]["augmented"] == metas["augment"]["digest"]
    assert metas["train"]["counts"]["train"] == 230
    spec = json.loads((world / "run" / "export" / "spec.json").read_text())
    assert spec["commercial_use"] == "unknown"
    assert [line.split(":")[0] for line in spec["training_data"]] == ["FER+"]


def test_a_second_run_does_nothing(world: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in (world / "run").rglob("*") if p.is_file()}
    result = RUNNER.invoke(app, ["run", str(world / "chain.toml")], catch_exceptions=False)
    assert result.output.count("done already") == len(STAGES)
    assert before == {p: p.stat().st_mtime_ns for p in (world / "run").rglob("*") if p.is_file()}


def test_the_network_learned_and_no_accuracy_stands_alone(world: Path) -> None:
    scores = json.loads((world / "run" / "evaluate" / "scores.json").read_text())
    accuracy = scores["roles"]["test"]["points"]["shipped"]["overall"]["accuracy"]
    assert accuracy > 0.6
    table = (world / "run" / "evaluate" / "scores.md").read_text()
    assert "unseen" in table


def test_a_report_holds_the_whole_exam(world: Path) -> None:
    run, out = world / "run", world / "report.html"
    result = RUNNER.invoke(app, [
        "report", "--model", str(run / "export"), "--scores", str(run / "evaluate"),
        "--run", str(run), "--out", str(out),
    ], catch_exceptions=False)  # fmt: skip
    assert result.exit_code == 0, result.output
    page = out.read_text("utf-8")
    for words in ("unseen", "sunglasses", "mouth", "Groups of people"):
        assert words in page
    assert "run `mien stress`" not in page
    assert "mien run run.toml" in out.with_suffix(".md").read_text("utf-8")


def test_the_exported_model_predicts_what_evaluate_scored(world: Path) -> None:
    polars = pytest.importorskip("polars")
    out = world / "rows.csv"
    pictures = world / "ferplus" / "FER2013Valid"
    result = RUNNER.invoke(app, [
        "predict", str(pictures), "--model", str(world / "run" / "export"),
        "--detector", "full-frame", "--format", "csv", "--out", str(out),
    ], catch_exceptions=False)  # fmt: skip
    assert result.exit_code == 0
    with out.open(newline="") as file:
        rows = {Path(row["path"]).name: row for row in csv.DictReader(file)}
    catalogue = polars.read_parquet(world / "run" / "merge" / "catalogue.parquet")
    scored = polars.read_parquet(world / "run" / "evaluate" / "predictions.parquet")
    joined = scored.filter(polars.col("role") == "test").join(catalogue, on="id", suffix="_")
    assert joined.height > 20
    for row in joined.iter_rows(named=True):
        predicted = rows[Path(row["path"]).name]
        for name in CLASSES:
            assert float(predicted[name]) == pytest.approx(row[name], abs=1e-4)


def test_a_card_is_written(world: Path) -> None:
    run = world / "run"
    result = RUNNER.invoke(app, ["card", "--model", str(run / "export"), "--scores",
                                 str(run / "evaluate")], catch_exceptions=False)  # fmt: skip
    assert result.exit_code == 0, result.output
    card = (run / "export" / "MODEL_CARD.md").read_text()
    assert "apparent" in card
    assert "unseen" in card
