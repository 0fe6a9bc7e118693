"""The command that changes faces: what it hands to the stage, and the list of changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mien.cli.stress import stress
from mien.faces.corruptions import CORRUPTIONS

pytest.importorskip("polars")
pytest.importorskip("matplotlib")
RUNNER = CliRunner()
FOLDERS = [f"--{name}={name}" for name in ("model", "catalogue", "faces", "split", "out")]


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(stress)
    return made


def test_the_list_needs_nothing_else(app: typer.Typer) -> None:
    done = RUNNER.invoke(app, ["--list"])
    assert done.exit_code == 0, done.output
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == list(CORRUPTIONS)


def test_options_lie_over_the_settings(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "mien.stages.stress.stress", lambda *args, **more: calls.append((*args, more))
    )
    monkeypatch.setattr("mien.stages.stress.summary", lambda out: f"done: {out}")
    file = tmp_path / "mien.toml"
    file.write_text('[stress]\ncount = 7\non = "chips"\n')
    more = ["--on=photos", "--reference=first run", "--jobs=2", "--set=stress.seed=3"]
    done = RUNNER.invoke(app, [str(file), *FOLDERS, *more])
    assert done.exit_code == 0, done.output
    assert done.stdout == "done: out\n"
    config, *folders, given = calls[0]
    assert (config.count, config.on, config.seed, config.jobs) == (7, "photos", 3, 2)
    assert config.reference == Path("first run")
    assert [str(folder) for folder in folders] == "model catalogue faces split out".split()
    assert given == {"overwrite": False}
    assert RUNNER.invoke(app, FOLDERS).exit_code == 0
    assert calls[1][0].on == "chips"


def test_a_missing_folder_is_told(app: typer.Typer) -> None:
    done = RUNNER.invoke(app, FOLDERS[1:])
    assert done.exit_code == 2
    assert "--model" in done.output
