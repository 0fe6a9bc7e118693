"""What a model says of faces: in order, with gaps, and with its thresholds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.core.types import BBox, Face, Image
from mien.runtimes.answers import Answer, answers
from mien.runtimes.model import Model
from tests.unit.conftest import make_model

FACE = Face(BBox(0, 0, 9, 9), 1.0, "drawn")


def chip(level: int) -> Image:
    return np.full((256, 256, 3), level, np.uint8)


def test_gaps_stay_where_they_are(model: Path) -> None:
    found = answers(Model(model), [None, (FACE, chip(230)), None, (FACE, chip(20))])
    assert [one.answer for one in found] == [None, "surprise", None, "neutral"]
    assert found[0] == Answer(None, None, True)
    assert not found[1].abstained
    assert 0.5 < (found[1].confidence or 0) <= 1
    assert answers(Model(model), []) == []
    assert answers(Model(model), [None]) == [Answer(None, None, True)]


def test_below_its_threshold_a_model_abstains(tmp_path: Path) -> None:
    careful = Model(make_model(tmp_path / "careful", low_confidence=0.99))
    (found,) = answers(careful, [(FACE, chip(128))])
    assert found.abstained
    assert found.answer is not None
