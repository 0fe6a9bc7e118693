"""`explain` on drawn faces: which are drawn, what is kept of them, and by which method."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from mien.core import catalogue as tables
from mien.core.artifact import digest, read_meta, write_json
from mien.core.errors import (
    ConfigError,
    DataError,
    MienError,
    MissingExtraError,
    ModelError,
    StageError,
)
from mien.core.facial_parts import PARTS, part_map
from mien.core.labels import CLASSES
from mien.core.spec import CHIP_SIZE, Preprocess
from mien.runtimes.model import Model
from mien.stages import explain as stage
from mien.stages.explain import ExplainConfig, explain, explainer, summary

pl = pytest.importorskip("polars")
pytest.importorskip("matplotlib")

CONFIG = ExplainConfig(per_class=2, stride=0.2, batch_size=16, jobs=1, method="occlusion")
BRIGHT, DARK = 230, 20
# id, label, role, brightness; the fixture's model calls a bright face surprise, a dark one neutral
ROWS = (
    ("a", "surprise", "dev", BRIGHT),
    ("b", "surprise", "dev", BRIGHT),
    ("c", "happy", "dev", BRIGHT),
    ("d", None, "dev", DARK),
    ("e", "contempt", "dev", DARK),
    ("f", "neutral", "train", DARK),
)


def chip(level: int) -> bytes:
    """A face whose mouth alone is bright or dark, on grey."""
    pixels = np.full((CHIP_SIZE, CHIP_SIZE), 128, np.uint8)
    inner = round(CHIP_SIZE * 1.25 / 1.75)
    parts = part_map(Preprocess(input_size=inner))
    low = (CHIP_SIZE - inner) // 2
    pixels[low : low + inner, low : low + inner][parts == PARTS.index("mouth")] = level
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def make_stages(root: Path, rows: Any = ROWS) -> dict[str, Path]:
    """Writes what crop and split would leave, two faces a shard."""
    folders = {name: root / name for name in ("faces", "split")}
    columns = {n: tables.FACE_COLUMNS[n] for n in ("id", "path", "dataset", "label", "chip")}
    found = [
        (k, f"{k}.png", "home", label, {"bytes": chip(level), "path": f"{k}.png"})
        for k, label, _, level in rows
    ]
    for i in range(0, len(found), 2):
        frame = pl.DataFrame(found[i : i + 2], tables.schema(columns), orient="row")
        tables.write(frame, folders["faces"] / tables.FACES.format(i // 2))
    roles = [(k, "home", f"{k}.png", role, k, None) for k, _, role, _ in rows]
    frame = pl.DataFrame(roles, tables.schema(tables.ROLE_COLUMNS), orient="row")
    tables.write(frame, folders["split"] / tables.ROLES)
    return folders


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the figure out where a test does not look at it: it takes the most time."""
    monkeypatch.setattr(stage, "class_maps", lambda *_: None)


def test_the_mouth_is_found(model: Path, tmp_path: Path) -> None:
    out = explain(CONFIG, model, **make_stages(tmp_path), out=tmp_path / "out")
    faces = pl.read_parquet(out / stage.FACES)
    assert set(faces["role"]) == {"dev"}
    assert set(faces["of"]) == {"neutral", "surprise"}
    assert (faces["of"] == faces["answer"]).all()
    assert faces["of"].value_counts().sort("of")["count"].to_list() == [2, 2]
    sums = faces.select(pl.sum_horizontal(*PARTS)).to_series()
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    parts = pl.read_parquet(out / stage.TABLE).filter(pl.col("class") == "surprise")
    best = parts.sort(pl.col("share") / pl.col("area")).row(-1, named=True)
    assert (best["part"], best["n"]) == ("mouth", 2)
    maps = pl.read_parquet(out / stage.MAPS)
    assert maps["class"].to_list() == list(CLASSES)
    assert maps["map"].to_numpy()[6].sum() == pytest.approx(1, abs=1e-4)
    page = (out / stage.PAGE).read_text()
    assert page.startswith("# brightness on dev: occlusion\n")
    assert "explained is the model's answer" in page
    with PIL.Image.open(out / stage.PICTURE) as picture:
        assert picture.width > 1000
    counts = read_meta(out)["counts"]
    assert (counts["method"], counts["explained"], counts["empty"]) == ("occlusion", 4, 0)
    text = summary(out)
    assert text.startswith("4 faces explained by occlusion")
    assert "\n7-surprise (n = 2): mouth x" in text
    assert "\n3-disgust (n = 0): no face" in text


@pytest.mark.usefixtures("undrawn")
def test_labels_can_be_explained_instead(model: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"of": "label", "roles": ("dev", "train")})
    out = explain(config, model, **make_stages(tmp_path), out=tmp_path / "out")
    faces = pl.read_parquet(out / stage.FACES)
    assert sorted(faces["id"]) == ["a", "b", "c", "f"]  # neither contempt nor unlabelled
    assert (faces["of"] == faces["label"]).all()
    assert faces.filter(pl.col("id") == "c")["answer"].to_list() == ["surprise"]


@pytest.mark.usefixtures("undrawn")
def test_the_same_seed_draws_the_same_faces(model: Path, tmp_path: Path) -> None:
    many = [(f"{n}", "surprise", "dev", BRIGHT) for n in range(12)]
    folders = make_stages(tmp_path, many)
    drawn = []
    for name, seed in (("x", 0), ("y", 0), ("z", 1)):
        config = CONFIG.model_copy(update={"seed": seed, "per_class": 4})
        out = explain(config, model, **folders, out=tmp_path / name)
        drawn.append(pl.read_parquet(out / stage.FACES)["id"].to_list())
    assert drawn[0] == drawn[1] != drawn[2]
    fewer = make_stages(tmp_path / "fewer", [r for r in many if r[0] in drawn[0]])
    config = CONFIG.model_copy(update={"per_class": 4})
    out = explain(config, model, **fewer, out=tmp_path / "w")
    assert pl.read_parquet(out / stage.FACES)["id"].to_list() == drawn[0]


def test_faces_stand_behind_only_where_asked(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(stage, "class_maps", lambda panels, *_: seen.append(panels))
    folders = make_stages(tmp_path)
    explain(CONFIG, model, **folders, out=tmp_path / "without")
    config = CONFIG.model_copy(update={"pictures": True})
    explain(config, model, **folders, out=tmp_path / "with")
    assert all(panel.behind is None for panel in seen[0])
    assert seen[1][6].behind.std() > 0
    assert not (tmp_path / "without" / "parts").exists()


@pytest.mark.usefixtures("undrawn")
def test_a_finished_explanation_is_not_made_again(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = make_stages(tmp_path)
    out = explain(CONFIG, model, **folders, out=tmp_path / "out")
    monkeypatch.setattr(Model, "infer", None)
    more = CONFIG.model_copy(update={"jobs": 2})
    assert explain(more, model, **folders, out=out) == out
    with pytest.raises(StageError, match=r"config\.patch"):
        explain(CONFIG.model_copy(update={"patch": 0.5}), model, **folders, out=out)


@pytest.mark.parametrize("of", ["answer", "label"])
def test_no_face_to_explain_is_an_error(model: Path, tmp_path: Path, of: str) -> None:
    folders = make_stages(tmp_path, [ROWS[5]])
    config = CONFIG.model_copy(update={"of": of})
    with pytest.raises(DataError, match="no face to explain: none of .* has the role dev"):
        explain(config, model, **folders, out=tmp_path / "out")


def test_faces_of_another_framing_are_refused(model: Path, tmp_path: Path) -> None:
    folders = make_stages(tmp_path)
    write_json(folders["faces"] / "meta.json", {"config": {"aligner": "eye-line"}, "digest": "x"})
    with pytest.raises(ConfigError, match="'eye-line'"):
        explain(CONFIG, model, **folders, out=tmp_path / "out")


def test_gradcam_needs_weights(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("captum")
    config = CONFIG.model_copy(update={"method": "gradcam"})
    with pytest.raises(ModelError, match=r"no weights\.safetensors"):
        explain(config, model, **make_stages(tmp_path), out=tmp_path / "out")
    with pytest.raises(ModelError, match=r"holds no model\.onnx"):
        explainer(tmp_path / "faces", "occlusion")
    with pytest.raises(ModelError, match="There is no model 'nowhere'"):
        explainer(Path("nowhere"))


def add_weights(folder: Path, network: str = "mienet-tiny") -> Path:
    """Puts torch's weights of another network beside ``model.onnx``."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from mien.core import registry

    torch.manual_seed(0)
    built = registry.load("networks", network)().build(7)
    save_file(built.state_dict(), folder / "weights.safetensors")
    spec = json.loads((folder / "spec.json").read_bytes())
    spec["files"]["weights.safetensors"] = digest(folder / "weights.safetensors")
    write_json(folder / "spec.json", {**spec, "network": network})
    return folder


@pytest.mark.usefixtures("undrawn")
def test_auto_takes_gradcam_where_it_can(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("captum")
    add_weights(model)
    auto = CONFIG.model_copy(update={"method": "auto", "of": "label"})
    folders = make_stages(tmp_path)
    out = explain(auto, model, **folders, out=tmp_path / "out")
    assert read_meta(out)["config"]["used"] == "gradcam"
    page = (out / stage.PAGE).read_text()
    assert "Grad-CAM" in page
    assert "6 x 6 cells" in page
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    assert explainer(model).method == "occlusion"
    with pytest.raises(MissingExtraError, match="Grad-CAM"):
        explainer(model, "gradcam")
    (model / "model.onnx").unlink()
    with pytest.raises(MissingExtraError, match="Grad-CAM"):
        explainer(model)


def test_auto_passes_over_coarse_maps(model: Path) -> None:
    pytest.importorskip("captum")
    add_weights(model, "mienet")  # 3 x 3 cells
    assert explainer(model).method == "occlusion"
    assert explainer(model, "gradcam").cells == 3
    assert explainer(model, config=ExplainConfig(block="stage3")).cells == 6
    (model / "model.onnx").unlink()
    assert explainer(model).method == "gradcam"


def test_auto_passes_over_a_network_that_gives_no_maps(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("captum")
    add_weights(model)

    def refuse(*_: object) -> str:
        raise ConfigError("no maps")

    monkeypatch.setattr("mien.models.gradcam.map_block", refuse)
    assert explainer(model).method == "occlusion"
    with pytest.raises(MienError, match="no maps"):
        explainer(model, "gradcam")
