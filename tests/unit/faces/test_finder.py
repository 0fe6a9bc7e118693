from __future__ import annotations

import numpy as np
import pytest

from mien.core import registry
from mien.core.errors import ConfigError, UnknownNameError
from mien.core.spec import FIVE_POINTS
from mien.core.types import BBox, Face, Image
from mien.faces.align import FivePointAligner
from mien.faces.finder import Finder, made, resolved

TEMPLATE = np.array(FIVE_POINTS, np.float32)


def face(x: float, y: float, side: float, name: str = "drawn") -> Face:
    points = (TEMPLATE * side + [x, y]).astype(np.float32)
    return Face(BBox(x, y, x + side, y + side), 0.9, name, points)


class Three:
    """Finds three faces: a large one at the left, a small one in the middle, one at the right."""

    name = "three"

    def __init__(self, limit: int = 3) -> None:
        self._limit = limit

    def detect(self, image: Image) -> list[Face]:
        found = [face(10, 60, 80), face(250, 80, 60), face(130, 90, 40)]
        return found[: self._limit]


class Nothing:
    name = "nothing"

    def detect(self, image: Image) -> list[Face]:
        return []


class Fails:
    name = "fails"

    def detect(self, image: Image) -> list[Face]:
        raise RuntimeError("no luck")


class Blind:
    """Finds a box but no landmarks."""

    name = "blind"

    def detect(self, image: Image) -> list[Face]:
        return [Face(BBox(0, 0, 50, 50), 0.5, "blind")]


class Pointless:
    """Its landmarks coincide."""

    name = "pointless"

    def detect(self, image: Image) -> list[Face]:
        return [Face(BBox(0, 0, 50, 50), 0.5, "pointless", np.ones((5, 2), np.float32))]


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    for kind in (Three, Nothing, Fails, Blind, Pointless):
        registry.register("detectors", kind.name, kind)


@pytest.fixture
def picture() -> Image:
    return np.random.default_rng(3).integers(0, 256, (200, 320, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("choice", "sides"), [("largest", [80]), ("central", [40]), ("all", [80, 60, 40])]
)
def test_the_choice_of_faces(picture: Image, choice: str, sides: list[int]) -> None:
    found = Finder(["three"], faces=choice).find(picture)  # type: ignore[arg-type]
    assert [round(cut.face.bbox.width) for cut in found.cuts] == sides
    assert (found.reason, found.message) == (None, None)


def test_the_stated_box_decides(picture: Image) -> None:
    stated = BBox(240, 70, 320, 150)
    for choice in ("largest", "central"):
        (cut,) = Finder(["three"], faces=choice).find(picture, stated).cuts  # type: ignore[arg-type]
        assert cut.face.bbox.x1 == 250
    every = Finder(["three"], faces="all").find(picture, stated).cuts
    assert [cut.face.bbox.x1 for cut in every] == [250, 10, 130]


def test_a_face_elsewhere_is_not_the_stated_one(picture: Image) -> None:
    found = Finder(["three"]).find(picture, BBox(0, 0, 30, 30))
    assert not found.cuts
    assert (found.reason, found.message) == ("no_face", "three: nothing in the stated box")


def test_chips_pose_and_quality(picture: Image) -> None:
    (cut,) = Finder(["three"]).find(picture).cuts
    assert cut.chip is not None
    assert np.array_equal(cut.chip, FivePointAligner().align(picture, face(10, 60, 80)))
    assert cut.face.yaw == pytest.approx(0, abs=1)
    assert cut.face.roll == pytest.approx(0, abs=1)
    assert cut.face.quality is not None
    assert cut.face.quality.size == pytest.approx(80, rel=1e-3)


def test_assumed_landmarks_have_no_pose(picture: Image) -> None:
    (cut,) = Finder(["full-frame"]).find(picture).cuts
    assert cut.face.assumed
    assert (cut.face.yaw, cut.face.pitch, cut.face.roll) == (None, None, None)
    assert cut.face.quality is not None


def test_detectors_are_tried_in_order(picture: Image) -> None:
    found = Finder(["fails", "nothing", "pointless", "three"]).find(picture)
    assert [cut.face.detector for cut in found.cuts] == ["drawn"]


def test_what_each_detector_said(picture: Image) -> None:
    found = Finder(["nothing", "fails"]).find(picture)
    assert found.reason == "detector_failed"
    assert found.message == "nothing: nothing; fails: RuntimeError: no luck"


@pytest.mark.parametrize(
    ("name", "message"), [("blind", "gave no landmarks"), ("pointless", "no face's")]
)
def test_a_face_that_cannot_be_aligned_says_why(picture: Image, name: str, message: str) -> None:
    (cut,) = Finder([name, "nothing"]).find(picture).cuts
    assert cut.chip is None
    assert message in str(cut.message)
    assert cut.face.quality is None


def test_options_reach_the_detector(picture: Image) -> None:
    found = Finder(["three"], faces="all", options={"three": {"limit": 1}}).find(picture)
    assert len(found.cuts) == 1
    with pytest.raises(ConfigError, match=r"no option 'limits'. It has: limit\."):
        made("three", {"three": {"limits": 1}})


def test_wrong_names_are_told() -> None:
    with pytest.raises(UnknownNameError, match="no detector named 'tree'"):
        Finder(["tree"])
    with pytest.raises(UnknownNameError, match="no aligner named 'eye-lines'"):
        Finder(["three"], aligner="eye-lines")
    with pytest.raises(ConfigError, match="'largest', 'central', 'all', not 'biggest'"):
        Finder(["three"], faces="biggest")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="No detector is named"):
        Finder([])


def test_auto_is_a_name_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.faces import auto

    monkeypatch.setattr(auto, "choice", lambda: "three")
    assert resolved(["auto", "hog"]) == ("three", "hog")
