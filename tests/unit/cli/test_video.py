"""`mien video` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.app import app
from tests.unit.stages.test_video import changing

pytest.importorskip("polars")
pytest.importorskip("matplotlib")
pytest.importorskip("av")


def _mien(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["video", *map(str, words)])
    return result.exit_code, result.output + str(result.exception or "")


def test_a_file_a_folder_and_a_bad_file(model: Path, tmp_path: Path) -> None:
    source = changing(tmp_path / "v" / "a.mp4", 10, 10)
    how = ("--model", model, "--detector", "full-frame", "--rate", 5)
    code, text = _mien(source, "--out", tmp_path / "one", *how, "--format", "jsonl")
    assert code == 0, text
    assert "1 changes" in text
    assert (tmp_path / "one" / "events.jsonl").exists()
    (tmp_path / "v" / "b.mp4").write_bytes(b"no video")
    code, text = _mien(tmp_path / "v", "--out", tmp_path / "many", *how)
    assert code == 3
    assert "b.mp4" in text


def test_live(model: Path, tmp_path: Path) -> None:
    source = changing(tmp_path / "a.mp4", 30, 30)
    how = ("--model", model, "--detector", "full-frame", "--live")
    code, text = _mien(source, *how)
    assert code == 0, text
    assert "0-neutral -> 7-surprise" in text
    code, text = _mien(source, source, *how)
    assert code == 2


def test_a_folder_to_write_is_needed(model: Path, tmp_path: Path) -> None:
    code, text = _mien(tmp_path / "a.mp4", "--model", model)
    assert code == 2
    assert "--out" in text
