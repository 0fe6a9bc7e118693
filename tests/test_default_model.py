"""The model that ships: whole, small, described, and right about a plain smile."""

from __future__ import annotations

import numpy as np
import PIL.Image
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
    limits = spec.thresholds.limits()
    assert limits.keys() >= {"max_yaw", "min_size", "max_occlusion"}
    assert all(f"{name} {value:g}" in (folder / "MODEL_CARD.md").read_text("utf-8")
               for name, value in limits.items())  # fmt: skip
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


def test_it_abstains_where_a_face_cannot_be_seen() -> None:
    pytest.importorskip("skimage")
    face = np.array(mien_crop(photographs()[1]))
    dark = (face * 0.03).astype(np.uint8)
    tiny = np.asarray(PIL.Image.fromarray(face).resize((8, 8)))
    covered = face.copy()
    covered[60:] = 90
    reasons = [mien.predict(i, detector="full-frame")[0] for i in (face, dark, tiny, covered)]
    assert reasons[0].reason is None
    assert [p.reason for p in reasons[1:]] == ["low_quality"] * 3
    for prediction, word in zip(reasons[1:], ("exposure", "size", "occlusion"), strict=True):
        assert prediction.message is not None
        assert prediction.message.startswith(word)
        assert prediction.probabilities is not None


def mien_crop(path: object) -> object:
    """Returns the astronaut's face with the framing that full-frame expects."""
    from mien.core.images import decode

    return decode(path)[55:195, 155:295]  # type: ignore[arg-type]
