"""The model that ships: whole, small, described, and right about a plain smile."""

from __future__ import annotations

import pytest

import mien
from mien.chains.samples import photographs
from mien.core.spec import ModelSpec
from mien.runtimes.model import DEFAULT, SPEC, WEIGHTS, shipped, verify


def test_it_is_whole_small_and_described() -> None:
    folder = shipped()[DEFAULT]
    spec = ModelSpec.read(folder / SPEC)
    assert spec.name == DEFAULT
    verify(folder, spec, [WEIGHTS, "MODEL_CARD.md"])
    assert sum(path.stat().st_size for path in folder.iterdir()) < 10_000_000
    assert {"dev", "test", "unseen"} <= spec.scores.keys()
    assert 0 < spec.thresholds.low_confidence < 1
    card = (folder / "MODEL_CARD.md").read_text("utf-8")
    for phrase in ("apparent", "unseen", "not cleared", "make train-default"):
        assert phrase in card.replace("uncleared", "not cleared"), phrase


@pytest.mark.parametrize("detector", ["hog", "full-frame"])
def test_it_sees_a_smile(detector: str) -> None:
    pytest.importorskip("skimage")
    astronaut = photographs()[1]
    source = astronaut if detector == "hog" else mien_crop(astronaut)
    first = mien.predict(source, detector=detector)[0]
    assert first.expression == "happy"
    assert first.confidence is not None
    assert first.confidence > 0.5


def mien_crop(path: object) -> object:
    """Returns the astronaut's face with the framing that full-frame expects."""
    from mien.core.images import decode

    return decode(path)[55:195, 155:295]  # type: ignore[arg-type]
