"""``mien report``: it passes on what it was told and says where to look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mien.cli.report import report
from mien.core.artifact import write_json

RUNNER = CliRunner()


@pytest.fixture
def app() -> typer.Typer:
    """The command alone."""
    made = typer.Typer()
    made.command()(report)
    return made


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the function behind the command was called with."""
    found: list[tuple[Any, ...]] = []

    def noted(model: Path, scores: Path, out: Path, **more: Any) -> Path:
        found.append((model, scores, out, more))
        return out

    monkeypatch.setattr("mien.chains.report.report", noted)
    return found


def test_a_run_gives_its_finished_stages(
    app: typer.Typer, calls: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    for name in ("merge", "stress"):
        write_json(tmp_path / name / "meta.json", {})
    (tmp_path / "train").mkdir()
    words = ["--model", "m", "--scores", "s", "--out", "a.html", "--run", str(tmp_path)]
    done = RUNNER.invoke(app, [*words, "--with-images"])
    assert done.exit_code == 0, done.output
    stages = {name: tmp_path / name for name in ("merge", "stress")}
    more = {"stages": stages, "with_images": True}
    assert calls == [(Path("m"), Path("s"), Path("a.html"), more)]
    assert "look at a.html or a.md" in done.stdout


def test_without_a_run_faces_stay_out(app: typer.Typer, calls: list[tuple[Any, ...]]) -> None:
    done = RUNNER.invoke(app, ["--model", "m", "--scores", "s", "--out", "a.html"])
    assert done.exit_code == 0, done.output
    assert calls[0][3] == {"stages": {}, "with_images": False}
