from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from mien.chains.rows import FORMATS, open_rows
from mien.core.errors import ConfigError, MissingExtraError
from mien.core.labels import CLASSES
from mien.core.types import BBox, Face, Prediction

SHARES = np.array([0.1, 0.02, 0.01, 0.02, 0.8, 0.03, 0.02], np.float32)
POINTS = np.arange(10, dtype=np.float32).reshape(5, 2)


@pytest.fixture
def predictions() -> list[Prediction]:
    face = Face(BBox(1, 2, 30.6, 40), 0.9, "yunet", POINTS)
    return [
        Prediction("a b.jpg", 0, "m", face, SHARES, "happy", 0.8),
        Prediction("é,1.jpg", 0, "m", face, SHARES, "happy", 0.8, True, "low_confidence"),
        Prediction("c.jpg", 0, "m", abstained=True, reason="no_face"),
        Prediction("d.jpg", 0, "m", abstained=True, reason="unreadable", message="empty"),
    ]


def written(form: str, predictions: list[Prediction], path: Path, top: int = 1) -> str:
    with open_rows(form, path, top) as write:
        for prediction in predictions:
            write(prediction)
    return path.read_text("utf-8")


def test_table(predictions: list[Prediction], tmp_path: Path) -> None:
    lines = written("table", predictions, tmp_path / "t", top=5).splitlines()
    assert lines[0].split() == ["expression", "sure", "box", "detector", "picture"]
    assert lines[1].split("  ")[0] == "5-happy"
    assert "80.0 %" in lines[1]
    assert "(1, 2, 31, 40)" in lines[1]
    assert lines[2].split("  ")[1].startswith("5-happy 80.00%")
    assert lines[2].count("%") == 5
    assert "80.0 %?" in lines[3]
    assert lines[5].startswith("no_face")
    assert lines[6].endswith("d.jpg #0  empty")


def test_csv_names_path_box_and_seven_classes(
    predictions: list[Prediction], tmp_path: Path
) -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv", predictions, tmp_path / "t"))))
    assert [row["path"] for row in rows] == ["a b.jpg", "é,1.jpg", "c.jpg", "d.jpg"]
    assert [float(rows[0][key]) for key in ("x1", "y1", "x2", "y2")] == [1, 2, 30.6, 40]
    assert sum(float(rows[0][name]) for name in CLASSES) == pytest.approx(1)
    assert rows[2]["happy"] == ""


def test_json_and_json_lines_agree(predictions: list[Prediction], tmp_path: Path) -> None:
    whole = json.loads(written("json", predictions, tmp_path / "t"))
    lines = written("jsonl", predictions, tmp_path / "u").splitlines()
    assert whole == [json.loads(line) for line in lines]
    assert whole[0]["landmarks"] == POINTS.tolist()
    assert whole[0]["code"] == 5
    assert whole[2]["landmarks"] is None
    assert json.loads(written("json", [], tmp_path / "v")) == []


def test_parquet(predictions: list[Prediction], tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    path = tmp_path / "t.parquet"
    with open_rows("parquet", path) as write:
        for prediction in predictions * 2000:
            write(prediction)
    frame = polars.read_parquet(path)
    assert frame.height == 8000
    assert list(frame.row(0, named=True)) == list(predictions[0].to_dict())
    assert frame["happy"][0] == pytest.approx(0.8)


def test_parquet_without_its_extra_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with (
        pytest.raises(MissingExtraError, match=r"pip install 'mien\[data\]'"),
        open_rows("parquet", tmp_path / "t"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_wrong_requests(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Known: table, json"), open_rows("xml", None):
        pass
    with pytest.raises(ConfigError, match="--out"), open_rows("parquet", None):
        pass


@pytest.mark.parametrize("form", FORMATS)
def test_a_crash_leaves_what_was_there(
    form: str, predictions: list[Prediction], tmp_path: Path
) -> None:
    path = tmp_path / "rows"
    path.write_text("precious")
    with pytest.raises(RuntimeError), open_rows(form, path) as write:
        write(predictions[0])
        raise RuntimeError
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]
