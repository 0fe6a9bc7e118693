from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from mien.cli.app import app
from mien.core import registry
from mien.models import known_weights
from tests.unit.models.foreign_files import Small, write_caffe

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(registry, "_registered", {"networks": {"small": Small}})
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))


def test_alone_it_lists() -> None:
    result = RUNNER.invoke(app, ["weights"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("network")
    assert len(result.stdout.split("\n\n")) == len(known_weights.PUBLISHED) + 2


def test_convert_writes_and_says_what_came(tmp_path: Path) -> None:
    path = write_caffe(tmp_path / "a.caffemodel", prototxt=None)
    other = write_caffe(tmp_path / "b.caffemodel").with_suffix(".prototxt")
    arguments = ["weights", "convert", str(path), "--network", "small", "--start", "imagenet"]
    result = RUNNER.invoke(app, [*arguments, "--prototxt", str(other)])
    assert result.exit_code == 0, result.output
    assert "start a.caffemodel: 9 of 11 tensors came over (100.0 %" in result.stderr
    place = tmp_path / "cache" / "small-imagenet.safetensors"
    assert result.stdout.splitlines()[0] == f"wrote: {place}"
    assert place.is_file()
    assert "small-imagenet.safetensors" in str(place)


def test_convert_to_a_place_of_one_s_own(tmp_path: Path) -> None:
    torch.save(Small().build(7).state_dict(), tmp_path / "a.pth")
    out = tmp_path / "mine.safetensors"
    result = RUNNER.invoke(
        app,
        ["weights", "convert", str(tmp_path / "a.pth"), "--network", "small", "--out", str(out)],
    )
    assert result.exit_code == 0, result.output
    assert out.is_file()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["a.pth"], 2, "--network"),
        (["a.pth", "--network", "mienet", "--start", "cats"], 2, "cats"),
        (["gone.pth", "--network", "mienet"], 1, "gone.pth cannot be read"),
        (["a.pth", "--network", "nowhere"], 1, "no network named 'nowhere'"),
    ],
)
def test_exit_codes(arguments: list[str], code: int, text: str) -> None:
    command = "from mien.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, "weights", "convert", *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert text in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_listing_loads_no_torch() -> None:
    code = (
        "import sys; sys.argv = ['mien', 'weights']\n"
        "from mien.cli import main\n"
        "try: main()\n"
        "finally: print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "False"
