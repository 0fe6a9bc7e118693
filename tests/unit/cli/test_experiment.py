"""The commands around experiments: they parse, call and print."""

import pytest
import typer
from typer.testing import CliRunner

pytest.importorskip("torch")

from mien.chains import experiment as grid
from mien.chains import leave_out
from mien.chains.cells import Result
from mien.cli import experiment as module
from mien.core.errors import ConfigError

RUNNER = CliRunner()
APP = typer.Typer()
APP.command()(module.experiment)
APP.command()(module.leave_one_source_out)


def test_a_failed_cell_ends_with_an_error(monkeypatch, tmp_path):
    seen = []

    def answer(state):
        return lambda *args, **options: seen.append((args, options)) or {"cell": Result(state)}

    path = str(tmp_path / "grid.toml")
    monkeypatch.setattr(grid, "experiment", answer("failed"))
    found = RUNNER.invoke(APP, ["experiment", path, "--set", "out=a", "--overwrite"])
    assert found.exit_code == 1
    assert seen[0][0][1] == ["out=a"]
    assert seen[0][1] == {"overwrite": True}
    monkeypatch.setattr(grid, "experiment", answer("no weights"))
    assert RUNNER.invoke(APP, ["experiment", path]).exit_code == 0
    monkeypatch.setattr(leave_out, "leave_one_source_out", answer("failed"))
    found = RUNNER.invoke(APP, ["leave-one-source-out", path, "--source", "a", "--source", "b"])
    assert found.exit_code == 1
    assert seen[-1][0][1] == ["a", "b"]


def test_a_dry_run_prints_the_cells(monkeypatch, tmp_path):
    monkeypatch.setattr(grid, "dry_run", lambda config, sets: f"cells of {config.name}")
    found = RUNNER.invoke(APP, ["experiment", str(tmp_path / "grid.toml"), "--dry-run"])
    assert found.output == "cells of grid.toml\n"


def test_a_missing_file_is_told(tmp_path):
    found = RUNNER.invoke(APP, ["experiment", str(tmp_path / "none.toml")])
    assert isinstance(found.exception, ConfigError)
