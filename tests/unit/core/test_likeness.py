"""Near duplicates: the same picture in another size, brightness or file; nothing else."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien.core.likeness import fingerprint, near_pairs


def _noise(seed: int, side: int = 48) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 200, (6, 6, 3), dtype=np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


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
