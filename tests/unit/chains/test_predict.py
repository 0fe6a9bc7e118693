from __future__ import annotations

import json
from pathlib import Path

import PIL.Image
import pytest

from mien.chains.predict import predict_files
from mien.predictor import Predictor


@pytest.fixture
def predictor(model: Path) -> Predictor:
    return Predictor(model, detector="full-frame", jobs=1)


def test_rows_and_tally(predictor: Predictor, bright: Path, dark: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"nothing")
    out = tmp_path / "rows.json"
    tally = predict_files([str(bright), str(dark), str(tmp_path / "bad.png")], predictor,
                          form="json", out=out)  # fmt: skip
    assert str(tally) == "3 pictures, 2 faces, 1 unreadable"
    assert [row["path"] for row in json.loads(out.read_text())] == [
        str(bright), str(dark), str(tmp_path / "bad.png"),
    ]  # fmt: skip


def test_annotated_copies_never_overwrite_each_other(
    predictor: Predictor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [tmp_path / folder / "x.png" for folder in ("a", "b", "c")]
    for path in places:
        path.parent.mkdir()
        PIL.Image.new("RGB", (50, 40), (9, 9, 9)).save(path)
    copies = tmp_path / "copies"
    paths = [str(path) for path in [*places, places[0]]]
    tally = predict_files(iter(paths), predictor, annotated=copies)
    assert tally.pictures == 4
    names = sorted(path.name for path in copies.iterdir())
    assert len(names) == 4
    assert "x.mien.png" in names
    with PIL.Image.open(copies / "x.mien.png") as copy:
        assert copy.width >= 360
    assert "0-neutral" in capsys.readouterr().out
