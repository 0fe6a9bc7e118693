from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import mien
from mien.core.artifact import write_json
from mien.core.errors import ConfigError, ModelError, NoImagesError, UnknownNameError
from mien.core.spec import FIVE_POINTS
from mien.core.types import BBox, Face, Image
from mien.predictor import Predictor
from tests.unit.conftest import make_model


class Halves:
    """A detector that finds one face in each half of a wide picture, and none in a black one."""

    name = "halves"

    def detect(self, image: Image) -> list[Face]:
        height, width = image.shape[:2]
        if image.max() == 0:
            return []
        template = np.array(FIVE_POINTS, np.float32)
        return [
            Face(BBox(x, 0, x + width / 2, height), 1.0, self.name,
                 (template * [width / 2, height] + [x, 0]).astype(np.float32))
            for x in (0, width / 2)
        ]  # fmt: skip


@pytest.fixture
def predictor(model: Path) -> Predictor:
    return Predictor(model, detector="full-frame", jobs=2, batch_size=3)


def test_order_and_origin_are_kept(predictor: Predictor, bright: Path, dark: Path) -> None:
    source = [bright, dark, np.full((40, 40, 3), 250, np.uint8), bright]
    predictions = predictor.predict(source)
    assert [p.source for p in predictions] == [str(bright), str(dark), "image 0", str(bright)]
    assert [p.expression for p in predictions] == ["surprise", "neutral", "surprise", "surprise"]
    assert all(p.face is not None and p.face.detector == "full-frame" for p in predictions)


def test_probabilities_are_a_distribution(predictor: Predictor, bright: Path) -> None:
    (prediction,) = predictor.predict(bright)
    assert prediction.probabilities is not None
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-6)
    assert prediction.confidence == pytest.approx(prediction.top(1)[0][1])
    assert str(prediction).startswith(f"{bright} #0 7-surprise ")


def test_bad_files_are_rows_and_harm_nobody(
    predictor: Predictor, bright: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "page.jpg").write_bytes(b"<!DOCTYPE html><html></html>")
    source = [tmp_path / "empty.jpg", bright, tmp_path / "page.jpg", "nowhere.jpg"]
    predictions = predictor.predict(source)
    assert [p.reason for p in predictions] == ["unreadable", None, "unreadable", "unreadable"]
    assert "0 bytes" in str(predictions[0])
    assert "web page" in str(predictions[2].message)
    assert "no such file" in str(predictions[3].message)


def test_no_face_is_a_row(model: Path) -> None:
    mien.register("detectors", "halves", Halves)
    black = np.zeros((20, 40, 3), np.uint8)
    grey = np.full((20, 40, 3), 99, np.uint8)
    predictions = Predictor(model, detector="halves").predict([black, grey])
    assert [(p.source, p.index, p.reason) for p in predictions] == [
        ("image 0", 0, "no_face"), ("image 1", 0, None), ("image 1", 1, None),
    ]  # fmt: skip
    assert str(predictions[0]) == "image 0 #0 no_face"
    for one in ("largest", "central"):
        chosen = Predictor(model, detector="halves", faces=one).predict(grey)  # type: ignore[arg-type]
        assert [p.index for p in chosen] == [0]


def test_low_confidence_abstains_but_shows_its_numbers(tmp_path: Path, bright: Path) -> None:
    sure = make_model(tmp_path / "strict", low_confidence=1.0)
    (prediction,) = Predictor(sure, detector="full-frame").predict(bright)
    assert prediction.abstained
    assert prediction.reason == "low_confidence"
    assert prediction.expression == "surprise"
    assert "(low_confidence)" in str(prediction)


def test_the_operating_point_moves_the_answer(model: Path, dark: Path) -> None:
    only_fear = {name: 1.0 if name == "fear" else 1e-6 for name in mien.CLASSES}
    options = {"model": model, "detector": "full-frame"}
    assert mien.predict(dark, **options)[0].expression == "neutral"
    assert mien.predict(dark, prior=only_fear, **options)[0].expression == "fear"
    with pytest.raises(ModelError, match="not known"):
        Predictor(model, prior="wild")  # type: ignore[arg-type]


def test_wrong_options_are_told_at_once(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'largest', 'central', 'all', not 'some'"):
        Predictor(model, faces="some")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="1 or more"):
        Predictor(model, jobs=0)
    with pytest.raises(UnknownNameError, match="Did you mean 'yunet'"):
        Predictor(model, detector="yunett")
    with pytest.raises(NoImagesError):
        Predictor(model, detector="full-frame").predict(tmp_path / "brightness")


def test_endless_sources_stream_in_bounded_memory(model: Path) -> None:
    given = 0

    def pictures() -> Iterator[Image]:
        nonlocal given
        while given < 400:
            given += 1
            yield np.full((200, 200, 3), given % 255, np.uint8)

    predictor = Predictor(model, detector="full-frame", jobs=2, batch_size=8)
    stream = predictor.stream(pictures())
    next(stream)
    assert given < 60
    tracemalloc.start()
    for _ in range(100):
        next(stream)
    _, early = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    rest = sum(1 for _ in stream)
    _, late = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rest == 299
    assert late < 1.3 * early


def test_results_do_not_depend_on_jobs_or_batches(model: Path) -> None:
    generator = np.random.default_rng(0)
    pictures = [generator.integers(0, 255, (50, 50, 3), dtype=np.uint8) for _ in range(20)]
    one = Predictor(model, detector="full-frame", jobs=1, batch_size=1).predict(pictures)
    two = Predictor(model, detector="full-frame", jobs=2, batch_size=7).predict(pictures)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-6)


def test_grey_and_pil_inputs(predictor: Predictor) -> None:
    grey = np.full((30, 30), 240, np.uint8)
    picture = PIL.Image.fromarray(grey)
    assert [p.expression for p in predictor.predict([grey, picture])] == ["surprise"] * 2


def test_landmarks_that_are_no_face_are_a_row(model: Path) -> None:
    class Broken(Halves):
        name = "broken"

        def detect(self, image: Image) -> list[Face]:
            good, bad = super().detect(image)
            return [good, Face(bad.bbox, 1.0, self.name, np.ones((5, 2), np.float32))]

    mien.register("detectors", "broken", Broken)
    grey = np.full((20, 40, 3), 99, np.uint8)
    good, bad = Predictor(model, detector="broken").predict(grey)
    assert good.expression is not None
    assert (bad.reason, bad.expression, bad.index) == ("bad_landmarks", None, 1)
    assert "no face's" in str(bad)


def test_a_detector_that_breaks_costs_one_picture(model: Path) -> None:
    class Moody(Halves):
        name = "moody"

        def detect(self, image: Image) -> list[Face]:
            if image[0, 0, 0] == 7:
                raise RuntimeError("seven")
            return super().detect(image)

    mien.register("detectors", "moody", Moody)
    pictures = [np.full((20, 40, 3), value, np.uint8) for value in (99, 7, 99)]
    found = Predictor(model, detector="moody").predict(pictures)
    assert [p.reason for p in found] == [None, None, "detector_failed", None, None]
    assert found[2].message == "image 1: moody: RuntimeError: seven"


def test_several_detectors_are_tried_in_order(model: Path) -> None:
    mien.register("detectors", "halves", Halves)
    pictures = [np.zeros((20, 40, 3), np.uint8), np.full((20, 40, 3), 99, np.uint8)]
    found = Predictor(model, detector=["halves", "full-frame"]).predict(pictures)
    assert [p.face.detector for p in found if p.face] == ["full-frame", "halves", "halves"]
    with pytest.raises(ConfigError, match="'halves' has no option 'size'"):
        Predictor(model, detector="halves", options={"halves": {"size": 3}})


def test_pose_and_quality_beyond_the_limits_abstain(tmp_path: Path) -> None:
    mien.register("detectors", "halves", Halves)
    folder = make_model(tmp_path / "strict")
    spec = json.loads((folder / "spec.json").read_bytes())
    grey = np.random.default_rng(0).integers(90, 110, (80, 160, 3), dtype=np.uint8)
    for limits, reason, said in (
        ({"min_size": 900.0}, "low_quality", "size 80"),
        ({"min_exposure": 0.9}, "low_quality", "exposure 0.3"),
        ({"low_confidence": 1.0}, "low_confidence", None),
        ({}, None, None),
    ):
        write_json(folder / "spec.json", {**spec, "thresholds": limits})
        first = Predictor(folder, detector="halves").predict(grey)[0]
        assert first.reason == reason
        assert first.abstained == (reason is not None)
        assert first.expression is not None
        assert said is None or said in str(first.message)
        row = first.to_dict()
        assert row["size"] == pytest.approx(80, rel=1e-3)
        assert row["yaw"] is not None


def test_stages_can_be_called_apart_and_tell_their_seconds(predictor, bright, dark):
    seen = [predictor.look((str(path), path)) for path in (bright, dark)]
    pictures = list(predictor.classify(seen))
    rows = [p.to_dict() for one in pictures for p in one.predictions]
    assert rows == [p.to_dict() for p in predictor.predict([str(bright), str(dark)])]
    for picture in pictures:
        assert set(picture.seconds) == {"decode", "detect", "align", "network"}
        assert min(picture.seconds.values()) > 0
        assert len(picture.cuts) == len(picture.predictions) == 1


def test_a_picture_above_the_limit_of_pixels_is_refused(model, bright):
    small = Predictor(model, detector="full-frame", jobs=1, max_pixels=64 * 64 - 1)
    (prediction,) = small.predict(str(bright))
    assert prediction.reason == "unreadable"
    assert "limit of 4,095" in (prediction.message or "")


def test_a_finder_is_made_once_a_thread_not_once_a_call(model, bright, monkeypatch):
    predictor, made = Predictor(model, detector="full-frame", jobs=1), []
    make = predictor._make_finder
    monkeypatch.setattr(predictor, "_make_finder", lambda: made.append(1) or make())
    for _ in range(3):
        predictor.predict([str(bright)] * 4)
    assert len(made) == 1
