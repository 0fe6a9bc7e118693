"""`crop` and prediction cut the same chips: there is one way from a picture to a face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest

from mien.chains.samples import photographs
from mien.core import catalogue
from mien.core.images import decode
from mien.core.types import Image
from mien.faces.turns import turned
from mien.predictor import Predictor
from mien.runtimes.model import Model
from mien.stages.crop import CropConfig, crop
from mien.stages.merge import MergeConfig, merge

pytest.importorskip("skimage")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Portraits: as they are, grey, small, leaning, with two people, and none."""
    hopper, collins = (decode(path) for path in photographs())
    two = np.hstack([cv2.resize(hopper, (400, 500)), cv2.resize(collins, (400, 500))])
    shown: dict[str, Image] = {
        "a_hopper": hopper,
        "b_collins": collins,
        "c_grey": np.repeat(cv2.cvtColor(hopper, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2),
        "d_small": np.asarray(cv2.resize(collins[30:230, 120:320], (48, 48))),
        "e_leaning": turned(collins, 15)[0],
        "f_two": two,
        "g_nobody": np.full((90, 90, 3), 128, np.uint8),
    }
    for name, image in shown.items():
        path = tmp_path / "pictures" / "happy" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(image).save(path)
    return tmp_path / "pictures"


@pytest.mark.parametrize("detector", ["hog", "full-frame", "yunet"])
@pytest.mark.parametrize("choice", ["largest", "all"])
def test_crop_and_predict_cut_the_same_chips(
    pictures: Path,
    detector: str,
    choice: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if detector == "yunet":
        monkeypatch.setenv("MIEN_YUNET", str(request.getfixturevalue("yunet_weights")))
    source = {"reader": "generic", "root": pictures}
    merged = merge(MergeConfig.model_validate({"sources": [source]}), tmp_path / "merge")
    settings = CropConfig(
        detectors={"default": (detector,)}, faces=choice, shard_size=3, jobs=1, examples=0
    )
    out = crop(settings, merged, tmp_path / "crop")
    stored = [
        (row["path"], decode(row["chip"]["bytes"]), row["yaw"], row["sharpness"])
        for shard in catalogue.read_faces(out)
        for row in shard.iter_rows(named=True)
    ]

    seen: list[Image] = []
    real = Model.probabilities

    def spy(self: Model, chips: Any, prior: Any = None) -> Any:
        seen.extend(chips)
        return real(self, chips, prior)

    monkeypatch.setattr(Model, "probabilities", spy)
    predictor = Predictor(detector=detector, faces=choice, jobs=2)
    found = [p for p in predictor.stream(str(pictures)) if p.probabilities is not None]
    assert len(stored) == len(seen) == len(found) >= (6 if detector != "hog" else 4)
    for (path, chip, yaw, sharpness), other, prediction in zip(stored, seen, found, strict=True):
        assert prediction.source.endswith(path)
        assert np.array_equal(chip, other)
        assert prediction.face is not None
        assert prediction.face.quality is not None
        assert prediction.face.yaw == (None if yaw is None else pytest.approx(yaw, abs=1e-4))
        assert prediction.face.quality.sharpness == pytest.approx(sharpness, abs=1e-6)
