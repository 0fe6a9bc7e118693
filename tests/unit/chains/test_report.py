"""A report holds all that is known of a model, no figure without unseen, and faces only if told."""

from __future__ import annotations

import io
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from mien.chains.report import folders_of, report
from mien.core import catalogue as tables
from mien.core.artifact import digest, write_json
from mien.core.errors import ConfigError, DataError, ModelError, StageError
from mien.core.labels import CLASSES
from mien.core.origins import Source, write_sources
from mien.core.scores import Exam
from mien.core.spec import ModelSpec
from mien.core.types import Sample, SourceInfo
from tests.unit.chains.test_card import make_exam
from tests.unit.conftest import make_model
from tests.unit.plots.test_report_page import check_page

pl = pytest.importorskip("polars")
pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

BAD = "<b>|*evil*"
BAD_PATH = 'a/"><img src=x onerror=alert(1)>.png'
FACES = {"saliency": 11, "chip": 77}


def picture(level: int, side: int = 256) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("L", (side, side), level).save(file, "png")
    return file.getvalue()


def make_meta(folder: Path, **more: Any) -> None:
    found = {"config": {}, "counts": {}, "seed": 0, "versions": {"numpy": "2"}, "inputs": {}}
    write_json(folder / "meta.json", {**found, "digest": f"sha of {folder.name}", **more})


def make_data(run: Path) -> None:
    """Writes what merge, crop and split would leave."""
    info = SourceInfo("home", "A <title>", "by asking | only", "no", "https://a.example/x", "Me")
    sources = [Source(BAD, "home", Path("/secret/place"), {}, info)]
    keys = [(f"k{i}", BAD_PATH if i == 0 else f"{i}.png", CLASSES[i % 7]) for i in range(14)]
    samples = [
        Sample(id=key, path=path, dataset=BAD, licence="x", label=label)
        for key, path, label in keys
    ]
    tables.write(tables.from_samples(samples), run / "merge" / tables.CATALOGUE)
    write_sources(sources, run / "merge")
    config = {"sources": [{"reader": "home", "root": "/secret/place", "none": None}], "on": True}
    make_meta(run / "merge", config=config, counts={"kept": 14, "table": [{"label": "x", "n": 1}]})
    columns = ("id", "path", "dataset", "label", "chip")
    rows = [
        (key, path, BAD, label, {"bytes": picture(FACES["chip"]), "path": path})
        for key, path, label in keys
    ]
    schema = tables.schema({name: tables.FACE_COLUMNS[name] for name in columns})
    tables.write(pl.DataFrame(rows, schema, orient="row"), run / "crop" / tables.FACES.format(0))
    make_meta(run / "crop")
    make_meta(run / "split", counts={"reasons": [{"reason": "near", "rows": 3}]})


def make_training(run: Path, spec: ModelSpec) -> None:
    (run / "train").mkdir()
    lines = ["epoch,loss,dev_accuracy", *(f"{e},{1 / e},{0.6 + e / 100}" for e in range(1, 5))]
    (run / "train" / "log.csv").write_text("\n".join(lines))
    points = [
        {"strength": s, "accuracy": 0.7, "balanced_accuracy": 0.6, "calibration_error": 0.02}
        for s in (0.0, 0.5, 1.0)
    ]
    write_json(run / "train" / "operating_points.json", {"points": points, "chosen": points[1]})
    write_json(run / "train" / "spec.json", spec.model_dump(mode="json"))
    make_meta(run / "train", config={"recipe": {"epochs": 4}, "prior": {"a b": 0.5}}, seed=41)
    across = {"part": "p", "other_part": "q", "pictures": 9, "exact": 2, "near": 1, "either": 3}
    found = {"dark": 4, "exact_duplicate": 1_234}
    counts = {"pictures": 14, "findings": found, "across": [across], "agreement": 0.812}
    make_meta(run / "audit", counts=counts)


def make_scores(run: Path, model: Path, roles: tuple[str, ...]) -> Path:
    folder = run / "evaluate"
    folder.mkdir()
    make_exam(model, folder / "scores.json", roles)
    keys = [(f"k{i}", BAD, BAD_PATH if i == 0 else f"{i}.png") for i in range(14)]
    rows = [
        (*key, roles[i % len(roles)], "fear", "fear" if i % 3 else "happy", 0.9 - i / 100)
        for i, key in enumerate(keys)
    ]
    names = ["id", "dataset", "path", "role", "label", "answer", "confidence"]
    tables.write(pl.DataFrame(rows, names, orient="row"), folder / "predictions.parquet")
    heads = " | ".join(["number", *roles, *(() if "unseen" in roles else ("unseen",))])
    (folder / "conditions.md").write_text(f"| {heads} |\n|---|---|---|\n| yaw | 71.0 % | few |\n")
    read = {name: f"sha of {stage}" for stage, name in
            (("merge", "catalogue"), ("crop", "faces"), ("split", "split"))}  # fmt: skip
    make_meta(folder, inputs=read, config={"described": {"x": 1}, "resamples": 50})
    return folder


def make_more(run: Path, model: Path) -> None:
    """Writes what stress, explain and the groups of evaluate would leave."""
    weights = digest(model / "model.onnx")
    for stage, page, figure in (
        ("stress", "stress.md", "curves.png"),
        ("explain", "explain.md", "saliency.png"),
        ("evaluate", "groups.md", "groups.png"),
    ):
        (run / stage).mkdir(exist_ok=True)
        text = f"# Title\n\nwords of {stage}\n\n![x]({figure})\n\n## Part\n\n| a | b |\n|---|---|\n"
        (run / stage / page).write_text(text + f"| {stage} | <u>1</u> |\n")
        (run / stage / figure).write_bytes(picture(FACES["saliency"], 40))
        if stage != "evaluate":
            make_meta(run / stage, inputs={"weights": weights})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with all that a report may show, its model, and the report."""
    run = tmp_path_factory.mktemp("run")
    model = make_model(run / "model", low_confidence=0.4)
    make_data(run)
    make_training(run, ModelSpec.read(model / "spec.json"))
    scores = make_scores(run, model, ("dev", "test", "unseen"))
    make_more(run, model)
    before = digest(model / "spec.json")
    report(model, scores, run / "report.html", stages=folders_of(run))
    assert digest(model / "spec.json") == before
    return run


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a model of which nothing is known but figures without unseen sources."""
    run = tmp_path_factory.mktemp("bare")
    model = make_model(run / "model")
    scores = make_scores(run, model, ("test",))
    for name in ("conditions.md", "predictions.parquet"):
        (scores / name).unlink()
    report(model, scores, run / "deep" / "report.html")
    return run / "deep"


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws a square instead of each figure where a test does not look at them: it is faster."""

    def draw(*given: Any, **_: Any) -> Path:
        path = next(p for p in given if isinstance(p, Path) and p.suffix == ".png")
        path.write_bytes(picture(200, 12))
        return path

    for name in (
        "plots.exam.confusion",
        "plots.exam.reliability",
        "plots.curves.training",
        "plots.curves.operating_points",
        "chains.report_data.counts",
        "chains.report_parts.risk_coverage",
    ):
        monkeypatch.setattr(f"mien.{name}", draw)


def beside_figures(text: str) -> list[str]:
    """Returns what stands with figures in per cent: lines, and tables as a whole."""
    found = re.findall(r"(?:^\|.*\n)+|^.+$", text, re.MULTILINE)
    return [part for part in found if re.search(r"\d %", part) and "95 % intervals" not in part]


def test_the_report_says_what_it_must(whole: Path) -> None:
    text = (whole / "report.md").read_text()
    for words in (
        "# Report on brightness",
        "Article 5(1)(f)",
        "| 4-fear | 2 | 2 |",
        "by asking \\| only | no | <https://a.example/x> | Me |",
        "| exact duplicate | the same pixels twice | 1,234 |",
        "| p | q | 9 | 2 | 1 | 3 |",
        "a share of 0.812 of all labels",
        "Last of 4 epochs: loss 0.25, dev accuracy 0.64.",
        "Chosen: strength 0.500",
        "### Recall of each class, shipped operating point",
        "Confusion matrix of dev, 120 pictures. Answered rightly: 0-neutral",
        "Expected calibration error",
        "From a confidence of 0.400 on, dev:",
        "| yaw | 71.0 % | few |",
        "words of evaluate\n",
        "words of stress\n",
        "words of explain\n",
        '| \\<b\\>\\|\\*evil\\* | a/"\\>\\<img src=x onerror=alert(1)\\>.png | fear | happy |',
        "Temperature: 1.000",
        "mien report --model MODEL --scores RUN/evaluate --run RUN --out report.html",
        "| train | 41 | `sha of train` |",
        "Versions behind",
        "Performance by gender, age, skin colour or origin is **not measured**",
    ):
        assert words in text, words
    assert "Not measured" not in text
    assert "Careful" not in text
    assert "/secret" not in text + (whole / "report.html").read_text()
    order = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert order[1] == "What it is"
    assert order[-1] == "Limits"


def test_the_page_is_one_file_that_everyone_can_read(whole: Path, bare: Path) -> None:
    seen = check_page((whole / "report.html").read_text())
    told = "".join(seen.words)
    assert BAD_PATH in told
    assert "brightness | dev (n = 120)" in told
    figures = sorted(p.name for p in (whole / "report-figures").iterdir())
    assert len(seen.all("img")) == len(figures) == 12
    assert len(seen.all("section")) == 19
    check_page((bare / "report.html").read_text())


def test_settings_can_be_run_again(whole: Path) -> None:
    text = (whole / "report.md").read_text()
    settings = tomllib.loads(text.split("```toml\n")[1].split("```")[0])
    assert settings["merge"] == {"sources": [{"reader": "home", "root": "place"}], "on": True}
    assert settings["train"]["prior"] == {"a b": 0.5}
    assert settings["evaluate"] == {"resamples": 50}


def test_no_figure_stands_without_that_of_unseen_sources(whole: Path, bare: Path) -> None:
    for folder in (whole, bare):
        parts = beside_figures((folder / "report.md").read_text())
        assert len(parts) >= 9
        assert not [part for part in parts if "unseen" not in part]
    for part in beside_figures((bare / "report.md").read_text()):
        rows = [line for line in part.splitlines() if re.search(r"\d %", line)]
        assert not [row for row in rows if "unseen sources: not measured" not in row]


def test_without_leave_no_face_is_in_it(whole: Path) -> None:
    names = {p.name for p in (whole / "report-figures").iterdir()}
    assert names == {
        "counts.png", "training.png", "operating-points.png", "risk.png", "groups.png",
        "stress.png", *(f"{kind}-{role}.png" for kind in ("confusion", "reliability")
        for role in ("dev", "test", "unseen")),
    }  # fmt: skip
    text = (whole / "report.md").read_text()
    assert "No pictures of people are shown here" in text
    assert "its picture shows faces and is left out" in text.lower()


@pytest.mark.usefixtures("undrawn")
def test_with_leave_faces_are_in_it_and_later_they_go(whole: Path) -> None:
    model, scores, stages = whole / "model", whole / "evaluate", folders_of(whole)
    out = report(model, scores, whole / "faces.html", stages=stages, with_images=True)
    seen = check_page(out.read_text())
    names = {p.name for p in (whole / "faces-figures").iterdir()}
    assert {"explain.png", "mistake-00.png", "mistake-04.png", "fear-00.png", "fear-01.png"} < names
    with PIL.Image.open(whole / "faces-figures" / "fear-00.png") as face:
        assert np.array(face).ravel()[0] == FACES["chip"]
    assert "keep the report to yourself" in out.read_text()
    alts = [image["alt"] for image in seen.all("img")]
    assert "A face: dev: labelled fear, answered happy, 0.900." in alts
    report(model, scores, out, stages=stages)
    left = {p.name for p in (whole / "faces-figures").iterdir()}
    assert left == {p.name for p in (whole / "report-figures").iterdir()}
    assert not list(whole.glob(".*"))


def test_what_was_not_measured_is_said_with_its_command(bare: Path) -> None:
    text = (bare / "report.md").read_text()
    for command in (
        "mien audit --catalogue",
        "mien evaluate MODEL RUN",
        "mien stress --model MODEL --catalogue RUN/merge",
        "mien explain --model MODEL --faces RUN/crop",
    ):
        assert f"Not measured: run `{command}" in text
    assert "The training: not known here" in text
    assert "The sources' licences: not known here" in text


@pytest.mark.usefixtures("undrawn")
def test_folders_of_another_run_are_told(whole: Path, tmp_path: Path) -> None:
    stages = folders_of(whole)
    for name in ("crop", "train", "stress"):
        make_meta(tmp_path / name, digest="other", inputs={"weights": "other"})
        stages[name] = tmp_path / name
    spec = json.loads((whole / "model" / "spec.json").read_bytes())
    write_json(tmp_path / "train" / "spec.json", {**spec, "network": "other"})
    out = report(whole / "model", whole / "evaluate", tmp_path / "a.html", stages=stages)
    assert "Careful: the folders of crop, stress, train that this report" in out.read_text()
    assert "The training kept no curves." in out.read_text()


@pytest.mark.usefixtures("undrawn")
def test_sources_of_an_older_evaluation_are_not_mixed_up(whole: Path, tmp_path: Path) -> None:
    scores = tmp_path / "evaluate"
    scores.mkdir()
    exam = Exam.read(whole / "evaluate")
    role = exam.roles["test"].model_copy(update={"sources": {"a": 60, "b": 60}})
    exam.model_copy(update={"roles": {"test": role}}).write(scores / "scores.json")
    make_meta(scores)
    report(whole / "model", scores, tmp_path / "a.html")
    text = (tmp_path / "a.md").read_text()
    assert "## Figures by source\n\nNot measured: run `mien evaluate" in text


@pytest.mark.usefixtures("undrawn")
def test_what_does_not_fit_is_refused(whole: Path, tmp_path: Path) -> None:
    model, scores = whole / "model", whole / "evaluate"
    with pytest.raises(ConfigError, match=r"ends in \.html"):
        report(model, scores, tmp_path / "report.md")
    with pytest.raises(DataError, match="no folder"):
        report(model, scores / "scores.json", tmp_path / "a.html")
    with pytest.raises(StageError, match="not a finished stage"):
        report(model, scores, tmp_path / "a.html", stages={"split": tmp_path})
    other = make_model(tmp_path / "other")
    spec = json.loads((other / "spec.json").read_bytes())
    write_json(other / "spec.json", {**spec, "temperature": 3.0})
    with pytest.raises(ModelError, match="another operating point"):
        report(other, scores, tmp_path / "a.html")
    assert not list(tmp_path.glob("*.html"))
    assert not list(tmp_path.glob(".*"))
