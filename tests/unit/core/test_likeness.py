"""Near duplicates: the same picture in another size, brightness or file; nothing else."""

import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien.core import likeness
from mien.core.errors import MissingExtraError
from mien.core.likeness import cosines, fingerprint, hashes, near_pairs


def _noise(seed: int, side: int = 48) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 200, (6, 6, 3), dtype=np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def _vectors(n: int, copies: int) -> np.ndarray:
    """Returns n unit vectors; each of the first has a copy with noise at the end."""
    random = np.random.default_rng(0)
    spread = np.linspace(3, 0.1, likeness.SIDE**2)
    vectors = random.normal(0, 1, (n, len(spread))) * spread
    noise = random.normal(0, 0.8, (copies, len(spread))) * spread * random.random((copies, 1))
    vectors[-copies:] = vectors[:copies] + noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_a_fingerprint_has_mean_zero_and_length_one() -> None:
    vector = fingerprint(_noise(0))
    assert vector is not None
    assert vector.shape == (576,)
    assert vector.dtype == np.float32
    assert abs(vector.mean()) < 1e-6
    assert np.linalg.norm(vector) == pytest.approx(1)


def test_brightness_and_size_do_not_matter() -> None:
    picture = _noise(1)
    brighter = np.clip(picture.astype(int) + 40, 0, 255).astype(np.uint8)
    larger = cv2.resize(picture, (96, 96), interpolation=cv2.INTER_LINEAR)
    one = fingerprint(picture)
    assert one @ fingerprint(brighter) > 0.99
    assert one @ fingerprint(larger) > 0.97
    assert one @ fingerprint(_noise(2)) < 0.9


def test_grey_and_colour_give_the_same() -> None:
    grey = cv2.cvtColor(_noise(1), cv2.COLOR_RGB2GRAY)
    assert np.array_equal(fingerprint(grey), fingerprint(np.repeat(grey[..., None], 3, 2)))


def test_a_constant_picture_has_none() -> None:
    assert fingerprint(np.full((48, 48, 3), 7, np.uint8)) is None


@settings(max_examples=30, deadline=None)
@given(
    arrays(np.float32, st.tuples(st.integers(0, 12), st.just(3)), elements=st.integers(-3, 3)),
    st.integers(1, 5),
)
def test_blocks_find_what_the_whole_product_finds(vectors: np.ndarray, block: int) -> None:
    expected = [
        (i, j)
        for i in range(len(vectors))
        for j in range(i + 1, len(vectors))
        if vectors[i] @ vectors[j] > 2
    ]
    assert [tuple(pair) for pair in near_pairs(vectors, 2, rows_at_once=block)] == expected


@pytest.mark.parametrize("above", [0.97, 0.9])
def test_the_index_finds_what_the_full_comparison_finds(
    monkeypatch: pytest.MonkeyPatch, above: float
) -> None:
    vectors = _vectors(4000, 500)
    vectors[1000] = vectors[7]  # identical ones are pairs too
    full = near_pairs(vectors, above)
    assert 100 < len(full) < 500
    assert [7, 1000] in full.tolist()
    monkeypatch.setattr(likeness, "FULL", 1000)
    assert np.array_equal(near_pairs(vectors, above), full)
    assert np.array_equal(near_pairs(vectors, above, rows_at_once=77), full)


def test_without_faiss_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "FULL", 1)
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=r"mien\[data\]"):
        near_pairs(np.eye(3, dtype=np.float32), 0.97)


def test_cosines_are_those_of_the_pairs() -> None:
    vectors = _vectors(30, 5)
    pairs = np.array([[0, 25], [1, 2], [3, 28]])
    expected = [vectors[i] @ vectors[j] for i, j in pairs]
    assert cosines(vectors, pairs, pairs_at_once=2) == pytest.approx(expected, abs=1e-6)
    assert cosines(vectors, pairs[:0]).shape == (0,)


def test_hashes_of_near_duplicates_share_most_bits() -> None:
    pictures = [_noise(seed) for seed in range(20)]
    dimmed = [(p * 0.7 + 20).astype(np.uint8) for p in pictures]
    both = [np.stack([fingerprint(p) for p in group]) for group in (pictures, dimmed)]
    one, other = (hashes(vectors) for vectors in both)
    assert one.dtype == np.uint64
    assert np.bitwise_count(one).tolist() == [32] * 20  # a median cuts in half
    assert np.bitwise_count(one ^ other).max() <= 6
    assert np.bitwise_count(one ^ np.roll(one, 1)).min() >= 16
    assert hashes(both[0][:0]).shape == (0,)
