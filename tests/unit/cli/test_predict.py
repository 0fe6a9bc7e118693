from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import mien
from mien.cli.app import app

RUNNER = CliRunner()


def test_rows_on_standard_output_and_the_tally_beside(model: Path, bright: Path) -> None:
    result = RUNNER.invoke(app, ["predict", str(bright), "--model", str(model),
                                 "--detector", "full-frame", "--format", "csv"])  # fmt: skip
    assert result.exit_code == 0, result.output
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert row["expression"] == "surprise"
    assert result.stderr == "1 pictures, 1 faces\n"


def test_paths_from_a_pipe(model: Path, bright: Path, dark: Path) -> None:
    result = RUNNER.invoke(
        app,
        ["predict", "-", "--model", str(model), "--detector", "full-frame", "--format", "jsonl"],
        input=f"{bright}\n{dark}\n",
    )
    assert result.stdout.count("\n") == 2
    assert result.stdout.index("bright.png") < result.stdout.index("dark.png")


def test_unreadable_pictures_end_in_exit_code_3(model: Path, bright: Path) -> None:
    result = RUNNER.invoke(app, ["predict", str(bright), "gone.jpg", "--model", str(model),
                                 "--detector", "full-frame", "--top", "5"])  # fmt: skip
    assert result.exit_code == 3
    assert "gone.jpg: there is no such file" in result.stdout
    assert "  7-surprise 79.8" in result.stdout


def test_several_detectors_and_a_file_of_landmarks(
    model: Path, bright: Path, tmp_path: Path
) -> None:
    arguments = ["predict", str(bright), "--model", str(model), "--format", "csv"]
    result = RUNNER.invoke(app, [*arguments, "--detector", "hog, full-frame"])
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert (row["detector"], row["yaw"]) == ("full-frame", "")
    assert float(row["size"]) == pytest.approx(51.2, abs=0.1)
    (tmp_path / "trees.dat").write_bytes(b"no trees")
    result = RUNNER.invoke(
        app, [*arguments, "--detector", "hog", "--landmarks", str(tmp_path / "trees.dat")]
    )
    assert "not a shape predictor" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--version"], 0, f"mien {mien.__version__}"),
        (["predict", "x.jpg", "--model", "nowhere"], 1, "There is no model 'nowhere'"),
        (["predict", "x.jpg", "--top", "9"], 2, "--top"),
        (["predict", "x.jpg", "--format", "xml", "--detector", "full-frame"], 1, "no format 'xml'"),
    ],
)
def test_exit_codes(arguments: list[str], code: int, text: str) -> None:
    command = [sys.executable, "-c", "from mien.cli import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert text in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
