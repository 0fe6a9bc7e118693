"""``mien explain``, as a command of its own, and ``mien predict --explain``."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mien.cli.app import app
from mien.cli.explain import explain
from mien.core.errors import ConfigError
from mien.stages import explain as stage
from tests.unit.stages.test_explain import make_stages

RUNNER = CliRunner()


def test_a_model_is_explained(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("polars")
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(stage, "class_maps", lambda *_: None)
    alone = typer.Typer()
    alone.command()(explain)
    folders = make_stages(tmp_path)
    arguments = ["--model", str(model), "--out", str(tmp_path / "out")]
    arguments += [text for name, path in folders.items() for text in (f"--{name}", str(path))]
    sets = ["--set", "explain.stride=0.25", "--set", "explain.jobs=1"]
    result = RUNNER.invoke(alone, [*arguments, *sets])
    assert result.exit_code == 0, result.output
    assert "faces explained by occlusion" in result.stdout
    assert (tmp_path / "out" / stage.PAGE).is_file()
    result = RUNNER.invoke(alone, [*arguments, "--set", "explain.methot=x"])
    assert isinstance(result.exception, ConfigError)
    assert "did you mean 'method'" in str(result.exception)


def test_predict_explains_its_answers(model: Path, bright: Path, tmp_path: Path) -> None:
    result = RUNNER.invoke(
        app,
        ["predict", str(bright), "--model", str(model), "--detector", "full-frame",
         "--explain", str(tmp_path / "why")],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert [path.name for path in (tmp_path / "why").iterdir()] == ["bright-0.why.png"]
