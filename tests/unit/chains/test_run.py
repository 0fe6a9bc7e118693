"""`run`: one file, every stage, nothing twice; and every wrong setting before the first stage."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien.chains import grid, prices, teachers
from mien.chains import run as module
from mien.chains.run import STAGES, run
from mien.core import config as settings
from mien.core import registry
from mien.core.errors import ConfigError, MissingExtraError, StageError
from mien.core.types import BBox, Face, Floats, Image
from mien.faces import shards

EXAMPLE = Path(__file__).parents[3] / "examples" / "default.toml"


class Whole:
    """A detector for drawn pictures: the frame, with landmarks where a face would have them."""

    name = "whole"

    def detect(self, image: Image) -> list[Face]:
        height, width = image.shape[:2]
        points: Floats = np.float32(
            [(0.3, 0.35), (0.7, 0.35), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
        )
        points *= np.float32([width, height])
        return [Face(BBox(0, 0, width, height), 1.0, self.name, points)]


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A chain of merge, crop and split over ten drawn pictures."""
    monkeypatch.setattr(registry, "_registered", {})
    registry.register("detectors", "whole", Whole)
    shards._finder.cache_clear()
    monkeypatch.setenv("PICTURES", str(tmp_path / "pictures"))
    (tmp_path / "pictures" / "happy").mkdir(parents=True)
    for number in range(10):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 24), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(tmp_path / "pictures" / "happy" / f"p{number}x.png")
    path = tmp_path / "chain.toml"
    path.write_text(
        f"""
        out = "{(tmp_path / "runs").as_posix()}"
        [merge]
        sources = [{{ reader = "internet", root = "$PICTURES" }}]
        [crop]
        detectors = {{ default = ["whole"] }}
        jobs = 1
        [split]
        dev_share = 0.2
        """
    )
    return path


def test_the_named_sections_run_in_order_and_once(toml: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    folders = run(toml, say=lines.append)
    assert folders == {name: tmp_path / "runs" / name for name in ("merge", "crop", "split")}
    assert all((folder / "meta.json").is_file() for folder in folders.values())
    assert [line.split(":")[0] for line in lines if ": done in" in line] == list(folders)
    assert any("10 of 10 (100.00 %" in line for line in lines)
    lines.clear()
    assert run(toml, say=lines.append) == folders
    assert lines == [f"{name}: done already ({folder})" for name, folder in folders.items()]


def test_other_settings_need_overwrite(toml: Path, tmp_path: Path) -> None:
    run(toml, say=lambda line: None)
    with pytest.raises(StageError, match=r"config\.dev_share"):
        run(toml, ["split.dev_share=0.4"], say=lambda line: None)
    lines: list[str] = []
    run(toml, ["split.dev_share=0.4"], overwrite=True, say=lines.append)
    assert lines[:2] == [f"{n}: done already ({tmp_path / 'runs' / n})" for n in ("merge", "crop")]
    assert lines[2].startswith("split: done in")


def test_stages_may_be_chosen_and_out_has_a_default(
    toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "\n".join(line for line in toml.read_text().splitlines() if "out =" not in line)
    toml.write_text(f'stages = ["merge"]\n{text}')
    assert run(toml) == {"merge": Path("runs/chain/merge")}
    assert "merge: done in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["mrege.sources=1"], r"knows no 'mrege'.*\[merge\], \[audit\], \[crop\]"),
        (['stages=["cut"]'], "'cut'.*Expected some of: merge, audit, crop"),
        (["stages=[]"], "nothing"),
        (["split.dev_share=2"], r"\[split\](.|\n)*dev_share"),
        (["crop.shards=2"], r"\[crop\](.|\n)*shards: unknown key"),
        (["evaluate=3"], r"\[evaluate\] is a section"),
    ],
)
def test_wrong_settings_stop_it_before_the_first_stage(
    toml: Path, tmp_path: Path, sets: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(toml, sets)
    assert not (tmp_path / "runs").exists()


def test_a_missing_library_names_its_extra(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mien.stages.train", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"The stage 'train'.*mien\[train\]"):
        module._module("train")


def test_the_example_fits_every_stage() -> None:
    data = tomllib.loads(EXAMPLE.read_text("utf-8"))
    optional = {"audit", "augment", "stress", "explain", "survey"}
    assert data["stages"] == [name for name in STAGES if name not in optional]
    for name, stage in STAGES.items():
        model = getattr(module._module(name), stage.config)
        settings.check(model, data.get(name, {}), name)


@pytest.mark.parametrize("path", sorted(EXAMPLE.parent.glob("*.toml")), ids=lambda p: p.stem)
def test_every_example_is_read_by_some_command(path: Path) -> None:
    data = tomllib.loads(path.read_text("utf-8"))
    if "machine" in data:
        assert prices.read(path)
        return
    sections = data.keys() - {"out", "stages"}
    if "landmarks" in sections:
        sections -= {"landmarks"}
    if "experiment" in sections:
        assert grid.cells(grid.read(path)[0])
        sections -= {"experiment"}
    if "teachers" in sections:
        assert teachers.prepared(data)
        sections -= {"teachers"}
    for name in sections:
        model = getattr(module._module(name), STAGES[name].config)
        settings.check(model, data[name], name)
