"""`leave-one-source-out`: one training a source, told what could not be left out."""

import json

import pytest

pytest.importorskip("torch")

from mien.chains import leave_out as module
from mien.chains.cells import Figures, Result
from mien.chains.leave_out import leave_one_source_out, page
from mien.core.artifact import read_meta
from mien.core.errors import ConfigError
from mien.stages import evaluate, train
from tests.unit.chains.drawn_sources import CHAIN, sources


@pytest.fixture(scope="module")
def toml(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    path = root / "chain.toml"
    path.write_text(
        f'out = "{(root / "out").as_posix()}"\n{sources(root)}{CHAIN}\n[leave_out]\nper_role = 30\n'
    )
    return path


def test_each_source_is_left_out_once(toml, monkeypatch):
    out = toml.parent / "out"
    home = out / "leave-one-out"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(evaluate, "evaluate", _killed)
        leave_one_source_out(toml, say=lambda line: None)
    stamp = (home / "one" / "train" / "meta.json").stat().st_mtime_ns
    lines: list[str] = []
    results = leave_one_source_out(toml, say=lines.append)
    assert {name: r.state for name, r in results.items()} == {
        "blind": "skipped", "few": "skipped", "one": "done", "two": "done",
    }  # fmt: skip
    assert results["blind"].why.startswith("0 labelled faces")
    assert (home / "one" / "train" / "meta.json").stat().st_mtime_ns == stamp
    for source in ("one", "two"):
        made = read_meta(home / source / "split")["config"]
        assert (made["by"], made["unseen"]) == ("source", [source])
        exam = json.loads((home / source / "evaluate" / "scores.json").read_text())
        assert exam["roles"]["unseen"]["sources"] == {source: 30}
        assert source not in exam["roles"]["dev"]["sources"]
    text = (home / "leave-one-out.md").read_text()
    assert "over 2 sources." in text
    assert "- few: skipped: 7 labelled faces" in text
    rows = json.loads((home / "leave-one-out.json").read_text())
    assert [row["left_out"] for row in rows] == ["blind", "few", "one", "two"]

    monkeypatch.setattr(train, "_fill", None)
    before = (home / "leave-one-out.json").stat().st_mtime_ns
    lines.clear()
    assert leave_one_source_out(toml, say=lines.append) == results
    assert lines[-1].startswith("Nothing new")
    assert (home / "leave-one-out.json").stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="no source 'three'. It has: blind, few, one, two"):
        leave_one_source_out(toml, ["three"], say=lambda line: None)


def _killed(*args, **options):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["crp.jobs=1"], "knows no 'crp'"),
        (["leave_out.source=1"], r"\[leave_out\](.|\n)*did you mean 'sources'"),
        (["split.dev_share=2"], "dev_share"),
        (["train.recipe.epoch=2"], "epoch"),
        (["leave_out.base=nowhere"], "no finished merge"),
    ],
)
def test_wrong_settings_stop_it_before_the_first_stage(toml, tmp_path, sets, message):
    with pytest.raises(ConfigError, match=message):
        leave_one_source_out(toml, (), [f"out={tmp_path / 'out'}", *sets], say=lambda line: None)
    assert not (tmp_path / "out").exists()


def test_one_source_alone_cannot_be_left_out():
    with pytest.raises(ConfigError, match="one source only, one"):
        module._chosen(module.LeaveOutConfig(), {"one": 100})


def test_a_test_that_is_left_out_is_no_test():
    data = {"split": {"test": ["a/valid", "b"], "unseen": ["c"], "seed": 4}}
    job = module._Job(module.LeaveOutConfig(), data, {}, None)
    assert job._split("a") == {"test": ["b"], "unseen": ["a"], "seed": 4, "by": "source"}


def test_the_gap_is_measured_from_dev_where_there_is_no_test():
    dev, hidden = Figures(5, 0.9, 0.9), Figures(6, 0.4, 0.3, (0.2, 0.6))
    text = page({"a": Result("done", figures={"dev": dev, "unseen": hidden}),
                 "b": Result("done", figures={"dev": dev}),
                 "c": Result("failed", "StageError: too small")})  # fmt: skip
    assert "| a | 6 | 90.0 % | not measured | 40.0 % [20.0, 60.0] | 30.0 % | +50.0 |" in text
    assert "| b | 0 | 90.0 % | not measured | not measured | not measured | - |" in text
    assert "Mean gap: +50.0 points over 1 source." in text
    assert "- c: failed: StageError: too small" in text
