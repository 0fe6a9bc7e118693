"""The card holds the figures, the bans and the checksums; the description stays consistent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mien.chains.card import card, scores_into_spec
from mien.core.artifact import digest, write_json
from mien.core.errors import ChecksumError, DataError, ModelError
from mien.core.scores import POINTS, Exam, RoleScores
from mien.core.spec import ModelSpec
from mien.metrics.summary import How, summarise
from mien.runtimes.model import verify

pl = pytest.importorskip("polars")


def make_exam(model: Path, path: Path, roles: tuple[str, ...] = ("dev", "test", "unseen")) -> Path:
    spec = ModelSpec.read(model / "spec.json")
    rng = np.random.default_rng(0)
    found = {}
    for role in roles:
        labels = rng.integers(0, 7, 120)
        logits = rng.normal(0, 1, (120, 7)) + np.eye(7)[labels]
        odds = np.exp(logits)
        probabilities = odds / odds.sum(axis=1, keepdims=True)
        probabilities[:3] = np.nan
        scores = summarise(labels, probabilities, how=How(5, 50))
        found[role] = RoleScores(
            sources={"ferplus": 120},
            subjects=0,
            missed={"no_face": 3},
            not_scored={"contempt": 2},
            points=dict.fromkeys(POINTS, scores),
        )
    exam = Exam(
        model=spec.name,
        weights=spec.files["model.onnx"],
        prior=spec.prior,
        temperature=spec.temperature,
        resamples=50,
        roles=found,
    )
    exam.write(path)
    return path


def test_the_card_says_what_it_must(model: Path, tmp_path: Path) -> None:
    data = json.loads((model / "spec.json").read_bytes())
    sources = ["FER2013 pictures with FER+ votes (no licence)"]
    limits = {"low_confidence": 0.4, "max_yaw": 65.0, "max_occlusion": 0.5}
    write_json(model / "spec.json", {**data, "training_data": sources, "thresholds": limits})
    scores = make_exam(model, tmp_path / "scores.json")
    split = tmp_path / "split"
    counts = {"kept": 90, "table": [{"dev": 1, "label": "fear", "train": 3}], "leaks": {"after": 0}}
    write_json(split / "meta.json", {"counts": counts, "versions": {"numpy": "2"}, "seed": 7})
    commands = ["make train-default", "mien evaluate runs/x"]
    text = card(model, scores, stages={"split": split}, commands=commands)
    assert text == (model / "MODEL_CARD.md").read_text()
    assert "beyond: max_yaw 65, max_occlusion 0.5." in text
    assert text.startswith("---\nlicense: apache-2.0\n")
    for words in (
        "apparent expression",
        "Article 5(1)(f)",
        "at work or in education",
        "detect lies",
        "rights in these pictures are not cleared",
        "not measured",
        "| fear | 1 | 3 |",
        "| split | 7 |",
        "Versions behind split: numpy 2.",
        "make train-default\nmien evaluate runs/x",
        digest(model / "model.onnx"),
        "no_face 3",
        "4-fear",
        "ferplus (unseen role)",
    ):
        assert words in text
    figure = next(line for line in text.splitlines() if line.startswith("| shipped | accuracy"))
    assert figure.count("%") == 3


def test_the_front_matter_is_yaml(model: Path, tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    text = card(model, make_exam(model, tmp_path / "scores.json"))
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["license"] == "apache-2.0"
    results = head["model-index"][0]["results"]
    assert [r["dataset"]["split"] for r in results] == ["test", "unseen"]
    assert results[0]["metrics"][0]["value"] > 0
    other = card(model, make_exam(model, tmp_path / "dev.json", ("dev",)))
    assert yaml.safe_load(other.split("---\n")[1])["model-index"][0]["results"] == []


def test_without_unseen_sources_the_card_says_so_beside_each_figure(
    model: Path, tmp_path: Path
) -> None:
    text = card(model, make_exam(model, tmp_path / "scores.json", ("test",)))
    rows = [line for line in text.splitlines() if line.startswith("|") and "%" in line]
    assert rows
    assert all("unseen sources: not measured" in row for row in rows)


def test_checksums_stay_true(model: Path, tmp_path: Path) -> None:
    write_json(model / "meta.json", {"digest": "d", "files": {"spec.json": "old"}})
    scores = make_exam(model, tmp_path / "scores.json")
    first = card(model, scores)
    spec = ModelSpec.read(model / "spec.json")
    verify(model, spec, ["model.onnx", "MODEL_CARD.md"])
    meta = json.loads((model / "meta.json").read_bytes())
    assert meta["digest"] == "d"
    assert meta["files"]["spec.json"] == digest(model / "spec.json")
    assert meta["files"]["MODEL_CARD.md"] == digest(model / "MODEL_CARD.md")
    assert card(model, scores) == first


def test_figures_go_into_the_description(model: Path, tmp_path: Path) -> None:
    spec = scores_into_spec(model, make_exam(model, tmp_path / "scores.json", ("test",)))
    assert spec == ModelSpec.read(model / "spec.json")
    assert spec.scores["unseen"] == {"n": 0}
    value, low, high = spec.scores["test"]["shipped"]["accuracy"]
    assert low < value < high
    assert spec.scores["test"]["n_missed"] == 3


def test_scores_of_another_model_are_refused(model: Path, tmp_path: Path) -> None:
    scores = make_exam(model, tmp_path / "scores.json")
    data = json.loads(scores.read_bytes())
    write_json(scores, {**data, "temperature": 2.0})
    with pytest.raises(ModelError, match="another operating point"):
        scores_into_spec(model, scores)
    write_json(scores, {**data, "weights": "0" * 64})
    with pytest.raises(ModelError, match="other weights"):
        card(model, scores)
    write_json(scores, {**data, "roles": {"test": {}}})
    with pytest.raises(DataError, match="not an exam"):
        card(model, scores)
    with pytest.raises(DataError, match="Run 'mien evaluate' first"):
        card(model, tmp_path / "nowhere.json")


def test_an_altered_model_gets_no_card(model: Path, tmp_path: Path) -> None:
    scores = make_exam(model, tmp_path / "scores.json")
    (model / "model.onnx").write_bytes(b"something else")
    with pytest.raises(ChecksumError):
        card(model, scores)


def make_groups(folder: Path, *groups: tuple[str, str, str, bool]) -> None:
    """Writes the accuracy of some groups: role, attribute, group, and whether it is large."""
    rows = [
        (role, attribute, group, 100 + i, 40, figure, 0.5 + i / 100, 0.4, 0.9, enough)
        for i, (role, attribute, group, enough) in enumerate(groups)
        for figure in ("accuracy", "missed")
    ]
    names = "role attribute group n people figure value low high enough".split()
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, names, orient="row").write_parquet(folder / "groups.parquet")


def test_figures_by_group_of_people_stand_in_the_card(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "evaluate"
    write_json(folder / "meta.json", {"counts": {}})
    make_exam(model, folder / "scores.json", ("dev", "test"))
    sentence = "Performance by gender, age, skin colour or origin is **not measured**"
    make_groups(folder, ("test", "gender", "male", True), ("test", "gender", "female", False))
    text = card(model, folder)
    assert sentence in text  # one large group is nothing to compare
    assert "By group of people" not in text
    make_groups(
        folder,
        *(("test", "gender", group, True) for group in ("male", "fe|male")),
        *(("test", "light", group, True) for group in ("dim", "bright")),
    )
    text = card(model, folder)
    row = "| gender | male | too few | 50.0 % [40.0, 90.0] of 100 | unseen sources: not measured |"
    assert row in text
    assert "| gender | fe\\|male |" in text
    assert "| light |" not in text
    assert sentence not in text
    assert "Performance by gender stands above" in text


def test_the_worst_changes_of_pictures_stand_in_the_card(model: Path, tmp_path: Path) -> None:
    scores, folder = make_exam(model, tmp_path / "scores.json"), tmp_path / "stress"
    weights = ModelSpec.read(model / "spec.json").files["model.onnx"]
    write_json(folder / "meta.json", {"inputs": {"weights": weights}})
    accuracies = {"all": 0.1, "fog": 0.5, "noise": 0.3, "blur": 0.7, "turn": 0.4}
    rows = [("dev", name, value) for name, value in accuracies.items()]
    names = ["role", "corruption", "accuracy"]
    pl.DataFrame(rows, names, orient="row").write_parquet(folder / "errors.parquet")
    rows = [("dev", "none", 0.8), ("dev", "fog", 0.6)]
    pl.DataFrame(rows, names, orient="row").write_parquet(folder / "stress.parquet")
    text = card(model, scores, stages={"stress": folder})
    told = "dev noise 30.0 %, turn 40.0 %, fog 50.0 % (unchanged 80.0 %); unseen sources: not m"
    assert told in next(line for line in text.splitlines() if "hurts most" in line)
    write_json(folder / "meta.json", {"inputs": {"weights": "those of another model"}})
    assert "hurts most" not in card(model, scores, stages={"stress": folder})


def test_the_hub_reads_the_front_matter(model: Path, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCard(card(model, make_exam(model, tmp_path / "scores.json"))).data
    assert (data.license, data.library_name) == ("apache-2.0", "mien")
    assert data.model_name == "brightness"
    assert data.pipeline_tag == "image-classification"
    assert {result.metric_type for result in data.eval_results} >= {"accuracy"}
    assert {result.dataset_split for result in data.eval_results} == {"test", "unseen"}
