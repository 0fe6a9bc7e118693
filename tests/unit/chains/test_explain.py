"""`predict --explain`: one picture a face with an answer, told apart as annotated copies are."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien.chains import explain
from mien.chains.explain import Reasons
from mien.chains.predict import predict_files
from mien.core.types import BBox, Face, Prediction
from mien.faces.full_frame import FullFrame
from mien.predictor import Picture, Predictor


@pytest.fixture
def predictor(model: Path) -> Predictor:
    return Predictor(model, detector="full-frame", jobs=1, batch_size=64)


def half_bright(path: Path) -> Path:
    """A picture that is bright at its left only."""
    pixels = np.full((96, 96, 3), 20, np.uint8)
    pixels[:, :40] = 250
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels).save(path)
    return path


def test_each_face_gets_a_picture(predictor: Predictor, tmp_path: Path) -> None:
    paths = [half_bright(tmp_path / folder / "x.png") for folder in "ab"]
    (tmp_path / "bad.png").write_bytes(b"nothing")
    out, copies = tmp_path / "why", tmp_path / "copies"
    sources = [*map(str, paths), str(tmp_path / "bad.png")]
    tally = predict_files(
        sources, predictor, form="json", out=tmp_path / "rows.json", annotated=copies, explained=out
    )
    assert str(tally) == "3 pictures, 2 faces, 1 unreadable"
    assert len(json.loads((tmp_path / "rows.json").read_text())) == 3
    names = sorted(path.name for path in out.iterdir())
    assert len(names) == 2
    assert "x-0.why.png" in names
    stems = {name.removesuffix("-0.why.png") for name in names}
    assert {path.name.removesuffix(".mien.png") for path in copies.iterdir()} == stems
    with PIL.Image.open(out / "x-0.why.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    red = (pixels[..., 0] - pixels[..., 2] > 40).any(axis=0)
    blue = (pixels[..., 2] - pixels[..., 0] > 40).any(axis=0)
    middle = pixels.shape[1] // 2
    assert not red[:middle].any()  # the input stands at the left, as it is
    assert not blue[:middle].any()
    # neutral is the darker the surer: hiding what is bright speaks for it, the dark against it
    assert red.any()
    assert blue.any()


def test_nothing_is_drawn_without_an_answer(predictor: Predictor, tmp_path: Path) -> None:
    image = np.full((60, 60, 3), 90, np.uint8)
    none = Prediction("a", 0, "m", abstained=True, reason="no_face")
    spoilt = Prediction("a", 0, "m", Face(BBox(1, 1, 9, 9), 1, "d"), abstained=True, reason="x")
    reasons = Reasons(predictor, "occlusion")
    assert reasons.save(Picture("a", image, [none]), tmp_path / "out", "a") == []
    assert reasons.save(Picture("a", image, [spoilt]), tmp_path / "out", "a") == []
    assert not (tmp_path / "out").exists()


def test_several_faces_of_one_picture_and_doubt(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.full((60, 60, 3), 90, np.uint8)
    (face,) = FullFrame().detect(image)
    shares = np.full(7, 1 / 7, np.float32)
    some = [
        Prediction(
            "a", n, "m", face, shares, "fear", 0.143, n == 1, "low_confidence" if n else None
        )
        for n in range(2)
    ]
    seen = []
    real = explain.beside

    def note(shown: np.ndarray, found: np.ndarray, title: str, words: list[str]) -> np.ndarray:
        seen.append(title)
        return real(shown, found, title, words)

    monkeypatch.setattr(explain, "beside", note)
    files = Reasons(predictor).save(Picture("a", image, some), tmp_path, "a")
    assert [path.name for path in files] == ["a-0.why.png", "a-1.why.png"]
    assert seen == ["4-fear  14.30%", "4-fear  14.30%  unsure: low confidence"]


def test_a_detector_that_finds_nothing_leaves_no_file(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FullFrame, "detect", lambda *_: [])
    path = half_bright(tmp_path / "x.png")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    tally = predict_files([str(path)], predictor, explained=tmp_path / "why")
    assert tally.reasons == {"no_face": 1}
    assert not (tmp_path / "why").exists()
