"""Occlusion on a network whose answer comes from one corner, and so is known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.labels import CLASSES
from mien.core.spec import ModelSpec
from mien.runtimes.occlusion_map import occlusion_map

SIZE = 48
SPEC = ModelSpec(name="corner", network="none", weight_licence="x", commercial_use="yes")
UNSURE = SPEC.model_copy(update={"temperature": 2.0})


class Corner:
    """The logit of anger is the mean of the upper left quarter, that of fear its opposite."""

    batch_size = 7

    def __init__(self, spec: ModelSpec = SPEC) -> None:
        self.spec = spec
        self.largest = 0

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        self.largest = max(self.largest, len(inputs))
        logits = np.zeros((len(inputs), 7), np.float32)
        logits[:, 1] = inputs[:, :, : SIZE // 2, : SIZE // 2].mean(axis=(1, 2, 3))
        logits[:, 3] = -logits[:, 1]
        return logits


def bright_corner(channels: int = 1) -> np.ndarray:
    face = np.zeros((1, channels, SIZE, SIZE), np.float32)
    face[:, :, : SIZE // 2, : SIZE // 2] = 4.0
    return face


def test_only_the_corner_counts() -> None:
    faces = np.concatenate([bright_corner(), bright_corner()])
    model = Corner()
    found = occlusion_map(model, faces, np.array([1, 3]))
    assert found.shape == (2, SIZE, SIZE)
    assert found.dtype == np.float32
    assert (found[0, 6:18, 6:18] > 0.05).all()
    assert (found[1, 6:18, 6:18] < -0.05).all()  # hiding it raises the odds of fear
    assert np.abs(found[:, 34:]).max() < 1e-6
    assert np.abs(found[:, :, 34:]).max() < 1e-6
    assert model.largest == model.batch_size


def test_the_drop_is_the_one_reckoned_by_hand() -> None:
    # A patch as large as the input leaves only its mean, 1, so the logit of anger falls from 4
    # to 1 and that of fear rises from -4 to -1; five more classes stay at 0.
    (found,) = occlusion_map(Corner(), bright_corner(), np.array([1]), patch=1.0, stride=1.0)
    before = 4 - np.log(5 + np.exp(-4))
    after = 1 - np.log(5 + np.exp(-1))
    np.testing.assert_allclose(found, before - after, rtol=1e-4)
    (halved,) = occlusion_map(Corner(UNSURE), bright_corner(), np.array([1]), patch=1, stride=1)
    assert halved.max() < 0.6 * found.max()


def test_a_sure_network_still_shows_where() -> None:
    (found,) = occlusion_map(Corner(), 60 * bright_corner(3), np.array([1]), prior="balanced")
    assert np.isfinite(found).all()
    assert found[12, 12] > 0.1 > abs(found[40, 40])


def test_it_counts_at_the_operating_point() -> None:
    prior = dict.fromkeys(CLASSES, 0.1) | {"anger": 0.4}
    model = Corner(UNSURE)
    whole, mean = bright_corner(), np.full((1, 1, SIZE, SIZE), 1.0, np.float32)
    p, q = (model.spec.probabilities(model.infer(x), prior)[0, 1] for x in (whole, mean))
    (found,) = occlusion_map(model, whole, np.array([1]), patch=1, stride=1, prior=prior)
    np.testing.assert_allclose(found, np.log(p / (1 - p)) - np.log(q / (1 - q)), rtol=1e-4)


def test_no_face_gives_no_map_and_wrong_numbers_are_refused() -> None:
    none = np.empty((0, 1, SIZE, SIZE), np.float32)
    assert occlusion_map(Corner(), none, np.empty(0, int)).shape == (0, SIZE, SIZE)
    with pytest.raises(ValueError, match="1 inputs, 2 classes"):
        occlusion_map(Corner(), bright_corner(), np.array([1, 2]))
    with pytest.raises(ValueError, match="stride 0"):
        occlusion_map(Corner(), bright_corner(), np.array([1]), stride=0)
