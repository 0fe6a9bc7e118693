"""Views of a face: seeded, of the right geometry, and switched off by zeros."""

import numpy as np
import pytest

from mien.core.spec import Preprocess, resized_cut
from mien.models.augment import Augment, view, wide
from tests.unit.models.synthetic import chip


@pytest.fixture
def face() -> np.ndarray:
    return chip(2, np.random.default_rng(0))


@pytest.mark.parametrize("colour", ["grey", "rgb"])
def test_view_is_a_function_of_its_key(face, colour):
    preprocess = Preprocess(colour=colour)
    cut = resized_cut(face, wide(preprocess)).reshape(96, 96, -1)
    views = {}
    for key in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]:
        first = view(cut, preprocess, Augment(), key)
        assert first.shape == (48, 48, preprocess.channels)
        assert first.dtype == np.uint8
        np.testing.assert_array_equal(first, view(cut, preprocess, Augment(), key))
        views[first.tobytes()] = key
    assert len(views) == 4


def test_every_change_at_once_stays_in_range(face):
    preprocess = Preprocess()
    cut = resized_cut(face, wide(preprocess)).reshape(96, 96, 1)
    before = cut.copy()
    harsh = Augment(flip=1, shadow=1, blur=1, noise=1, erase=1, erase_area=0.5, brightness=200)
    for index in range(30):
        assert view(cut, preprocess, harsh, (0, 0, index)).shape == (48, 48, 1)
    np.testing.assert_array_equal(cut, before)


@pytest.mark.parametrize("margin", [0.0, 0.25, 0.5, 0.75])
def test_an_unchanged_view_is_the_cut_of_prediction(face, margin):
    preprocess = Preprocess(margin=margin, input_size=40)
    kept = wide(preprocess)
    cut = resized_cut(face, kept).reshape(kept.input_size, kept.input_size, 1)
    plain = view(cut, preprocess, Augment.none(), (0, 0, 0))[:, :, 0].astype(float)
    wanted = resized_cut(face, preprocess).astype(float)
    # Sampling twice differs from sampling once by noise, but never by a shift or a scale.
    moved = np.abs(np.roll(wanted, 1, axis=1) - wanted).mean()
    assert np.abs(plain - wanted).mean() < 0.35 * moved


def test_flip_mirrors(face):
    preprocess = Preprocess()
    cut = resized_cut(face, wide(preprocess)).reshape(96, 96, 1)
    none = Augment.none()
    mirrored = view(cut, preprocess, none.model_copy(update={"flip": 1.0}), (0, 0, 0))
    plain = view(cut, preprocess, none, (0, 0, 0))
    assert np.abs(mirrored[:, ::-1].astype(int) - plain).mean() < 2


def test_a_cover_hides_one_side_and_draws_after_all_else(face):
    preprocess = Preprocess()
    cut = resized_cut(face, wide(preprocess)).reshape(96, 96, 1)
    for key in [(0, 0, i) for i in range(40)]:
        before = view(cut, preprocess, Augment(), key).astype(int)
        covered = view(cut, preprocess, Augment(cover=1, cover_depth=0.5), key).astype(int)
        changed = (before != covered)[:, :, 0]
        edges = [changed[0], changed[-1], changed[:, 0], changed[:, -1]]
        assert 0 < changed.mean() <= 0.65
        assert max(edge.mean() for edge in edges) > 0.4  # the cover comes from one of the borders
        assert min(edge.mean() for edge in edges) < 0.2


def test_the_lower_side_is_covered_most_often(face):
    preprocess = Preprocess()
    cut = resized_cut(face, wide(preprocess)).reshape(96, 96, 1)
    settings = Augment.none()
    plain = view(cut, preprocess, settings, (0, 0, 0))
    low = 0
    for index in range(200):
        one = view(cut, preprocess, settings.model_copy(update={"cover": 1.0}), (0, 0, index))
        low += (one[-1] != plain[-1]).mean() > 0.9
    assert 70 <= low <= 120
