"""`experiment`: every cell once, whatever stops a cell or the run, and no accuracy alone."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from mien.chains import cells as one
from mien.chains import experiment as module
from mien.chains.experiment import dry_run, experiment
from mien.chains.grid import Cell
from mien.chains.run import run
from mien.core.errors import ConfigError, UnknownNameError
from mien.models.loop import Training
from mien.stages import train
from tests.unit.chains.drawn_sources import CHAIN, sources

GRID = """
[experiment]
networks = ["mienet-tiny"]
starts = ["broken", "scratch", "gone", "face"]
per_class = 6
per_role = 12

[augment]
total = 50

[experiment.start.gone]
weights = { mienet-tiny = "gone.pth" }

[experiment.start.broken]
weights = { mienet-tiny = "scratch" }
train = { trainable = "no-such-block" }
"""
DONE = Cell("disjoint", "original", "mienet-tiny", "scratch", 0)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder with a finished catalogue and its faces."""
    root = tmp_path_factory.mktemp("drawn")
    (root / "chain.toml").write_text(
        f'out = "{(root / "base").as_posix()}"\n' + sources(root) + CHAIN
    )
    run(root / "chain.toml", ['stages=["merge", "crop"]'], say=lambda line: None)
    return root / "base"


def toml(folder: Path, base: Path, grid: str = GRID) -> Path:
    path = folder / "grid.toml"
    based = grid.replace("[experiment]", f'[experiment]\nbase = "{base.as_posix()}"', 1)
    path.write_text(f'out = "{(folder / "out").as_posix()}"\n{CHAIN}\n{based}')
    return path


def kept(folder: Path) -> dict[Path, int]:
    return {
        path: path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and "broken" not in path.parts
    }


def test_a_grid_that_was_killed_goes_on_and_then_does_nothing(tmp_path, base, monkeypatch):
    path, out = toml(tmp_path, base), tmp_path / "out"
    sets = ["train.recipe.epochs=2"]
    close = Training._close

    def killed(self, epoch):
        close(self, epoch)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Training, "_close", killed)
        experiment(path, sets, say=lambda line: None)
    home = out / DONE.place
    assert (home / "train.partial").is_dir()

    lines: list[str] = []
    results = experiment(path, sets, say=lines.append)
    states = {(c.data, c.start): r.state for c, r in results.items()}
    assert states == {
        (data, start): state
        for data in ("original", "augmented")
        for start, state in (
            ("broken", "failed"),
            ("scratch", "done"),
            ("gone", "no weights"),
            ("face", "no weights"),
        )
    }
    first = results[DONE]
    assert (first.epochs, first.iterations, first.faces) == (2, 4, 42)
    assert first.figures["unseen"].n == 12
    sittings = json.loads((home / "sittings.json").read_text())
    assert len(sittings) == 2
    assert first.seconds == pytest.approx(sum(s["ended"] - s["began"] for s in sittings), abs=0.01)
    assert [name.name for name in sorted(home.iterdir())] == [
        "evaluate", "export", "sittings.json", "train",
    ]  # fmt: skip
    page = (out / "experiment.md").read_text()
    assert "2 of 8 trainings are done." in page
    assert "no-such-block" in page
    assert "gone.pth" in page
    assert (out / "experiment.png").is_file()
    rows = json.loads((out / "cells.json").read_text())
    assert [row["state"] for row in rows] == [r.state for r in results.values()]
    told = next(line for line in lines if "scratch" in line and "done" in line)
    assert "validation" in told
    assert "unseen" in told

    before = kept(out)
    monkeypatch.setattr(train, "_fill", None)  # training anything would call it
    lines.clear()
    broken = ['experiment.starts=["scratch", "gone", "face"]']
    again = experiment(path, [*sets, *broken], say=lines.append)
    assert again == {c: r for c, r in results.items() if c.start != "broken"}
    assert lines[-1].startswith("Nothing new")
    left = {p: t for p, t in kept(out).items() if p.parent != out}
    assert left == {p: t for p, t in before.items() if p.parent != out}

    table = dry_run(path, sets)
    assert (
        "| mienet-tiny | original | scratch | disjoint | 0 | 42 | 32 | 2 | 4 | - | ready |" in table
    )
    assert "gone.pth" in table


def test_an_augmented_set_that_needs_no_new_face_is_skipped(tmp_path, base):
    path = toml(tmp_path, base)
    sets = ['experiment.sets=["augmented"]', 'experiment.starts=["scratch"]', "augment.total=42"]
    (found,) = experiment(path, sets, say=lambda line: None).values()
    assert (found.state, found.figures) == ("skipped", {})
    assert "the classes are even" in (tmp_path / "out" / "experiment.md").read_text()


def test_wrong_files_stop_it_before_the_first_stage(tmp_path, base):
    path = toml(tmp_path, base)
    for sets, error, message in (
        (['experiment.networks=["mienett"]'], UnknownNameError, "mienet"),
        (['experiment.splits=["whole"]'], ConfigError, "'whole'"),
        (["experiment.networks=[]"], ConfigError, "networks"),
        (["experiment.base=nowhere"], ConfigError, "no finished merge and no crop"),
        (["experiment.prices=nowhere.toml"], ConfigError, r"nowhere\.toml cannot be read"),
        (["train.recipe.epoch=3"], ConfigError, r"\[train\](.|\n)*epoch"),
        (["split.dev_share=2"], ConfigError, "dev_share"),
        (["evaluate.resample=3"], ConfigError, "resample"),
    ):
        with pytest.raises(error, match=message):
            experiment(path, sets, say=lambda line: None)
    assert not (tmp_path / "out").exists()


def test_before_the_split_iterations_are_not_known(tmp_path, base):
    assert dry_run(toml(tmp_path, base)).count("after the split") == 2 * 8


def test_weights_that_nobody_published_are_missing(tmp_path):
    assert one.missing_weights("mienet-tiny", "scratch") == ""
    assert "no start 'face'" in one.missing_weights("mienet-tiny", "face")
    assert module._unnamed(DONE) == "[experiment.start.scratch] names no weights for mienet-tiny"


def test_a_plan_fetches_nothing(monkeypatch):
    monkeypatch.setattr(one, "missing_weights", lambda network, start: "looked for")
    assert one.planned_weights("vgg16", "imagenet") == "torchvision fetches them"
    assert one.planned_weights("mienet-tiny", "imagenet") == "looked for"
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    assert one.planned_weights("vgg16", "imagenet") == "looked for"
