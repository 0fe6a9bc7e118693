"""Which pictures show nearly the same thing: cosine of small grey versions.

Two pictures are near duplicates where the cosine of their fingerprints is above a threshold
(0.97 where nobody says otherwise). Among up to `FULL` pictures every pair is compared. Among more,
an index proposes pairs and the same cosine decides: a pair may be missed, but none is wrong.

- Fingerprints are turned onto their leading principal components, with the length of what is left
  as one number more. That lengthens no distance, so nothing near is lost, and 32 numbers stand for
  576: FER+ and a web collection (33,630 pictures) have 1,089 pairs above 0.97, and 3,200 in the
  short version.
- An inverted file (FAISS, MIT) compares each with the `_PROBES` cells nearest to it alone.

``python benchmarks/likeness.py CATALOGUE`` measures what it misses. On two cores, with those
pictures and blended, shifted and mirrored ones, the truth being the full comparison of some:

| pictures | asked about | pairs above 0.97, found | pairs above 0.9, found | seconds |
|---:|---:|---:|---:|---:|
| 33,630 | all | 1,089 of 1,089 | 3,412 of 3,412 | 1 |
| 100,000 | 10,000 | 316 of 316 | 2,309 of 2,311 | 3 |
| 1,000,000 | 5,000 | 465 of 465 | 12,100 of 12,121 | 107 |

A perceptual hash (`hashes`) was measured on the same pictures. It finds all 1,089 pairs only at 12
of 64 bits, where it proposes 18,000 (99.1 % at 10 bits, 70 % at 4), and its time grows with the
square. So it does not decide; it is a short key that other tools and machines can compare.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mien.core.errors import MissingExtraError
from mien.core.types import Floats, Image

SIDE: Final = 24
FULL: Final = 50_000
"""Up to so many vectors every pair is compared."""
PAIRS: Final = "pairs.parquet"
PAIR_COLUMNS: Final = {
    **dict.fromkeys(("id", "dataset", "path"), "String"),
    **dict.fromkeys(("other_id", "other_dataset", "other_path"), "String"),
    "cosine": "Float32",
    **dict.fromkeys(("exact", "across_sources", "across_splits"), "Boolean"),
}
"""The columns of a table of pairs: the keys of two rows that show nearly the same, how alike they
are, whether every pixel is equal, and whether they stand in two data sets or in two parts."""
Pairs = npt.NDArray[np.int64]
_LEAST_CONTRAST: Final = 1.0
"""Grey levels of standard deviation; below it a picture is constant but for compression noise."""
_COMPONENTS: Final = 31
_PROBES: Final = 64
_LEARNED: Final = 50_000
"""Vectors that the principal components are learned from."""
_SLACK: Final = 1e-4
"""Added to squared distances, which float32 rounds, so that rounding loses no pair."""


def fingerprint(image: Image) -> Floats | None:
    """Returns a picture's small grey version with mean 0 and length 1.

    Args:
        image: (height, width, 3) RGB, or (height, width) grey, uint8, any size.

    Returns:
        (576,) float32, or None for a picture that is constant.
    """
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    vector = small.astype(np.float32).ravel()
    if vector.std() < _LEAST_CONTRAST:
        return None
    vector -= vector.mean()
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def near_pairs(vectors: Floats, above: float, *, rows_at_once: int = 1024) -> Pairs:
    """Returns the pairs of vectors whose cosine is above a threshold.

    Every one of them among up to `FULL` vectors; beyond that an index may miss a few, see above.

    Args:
        vectors: (n, d) float32, each of length 1.
        above: the threshold.
        rows_at_once: how many rows are compared in one step; memory grows with it.

    Returns:
        (m, 2) int64, pairs of row numbers i < j, ordered.

    Raises:
        MissingExtraError: there are more than `FULL` vectors and FAISS is not installed.
    """
    if len(vectors) > FULL:
        return _indexed_pairs(vectors, above, rows_at_once)
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(vectors), rows_at_once):
        block = vectors[start : start + rows_at_once]
        i, j = np.nonzero(block @ vectors[start:].T > above)
        pairs = np.stack([i, j], axis=1)[i < j] + start
        found.append(pairs.astype(np.int64))
    return np.concatenate(found)


def cosines(vectors: Floats, pairs: Pairs, *, pairs_at_once: int = 8192) -> Floats:
    """Returns the cosine (m,) of each pair of rows, -1 to 1.

    Args:
        vectors: (n, d) float32, each of length 1.
        pairs: (m, 2) row numbers.
        pairs_at_once: how many are computed in one step; memory grows with it.
    """
    found = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), pairs_at_once):
        i, j = pairs[start : start + pairs_at_once].T
        found[start : start + len(i)] = np.einsum("ij,ij->i", vectors[i], vectors[j])
    return found


def hashes(vectors: Floats) -> npt.NDArray[np.uint64]:
    """Returns the perceptual hash (n,) of each fingerprint: 64 bits that near duplicates share.

    Of the cosine transform the 8 x 8 lowest frequencies beside the constant ones are kept; a bit
    says whether one is above the median of the 64 (Zauner 2010, "Implementation and Benchmarking
    of Perceptual Image Hash Functions", section 3.2.1, on `SIDE` instead of 32 pixels).

    Args:
        vectors: (n, 576) float32, see `fingerprint`.
    """
    k, x = np.arange(1, 9)[:, None], np.arange(SIDE)
    waves = np.cos(np.pi * k * (2 * x + 1) / (2 * SIDE))
    low = vectors @ np.kron(waves, waves).T.astype(np.float32)
    bits = low > np.median(low, axis=1, keepdims=True) if len(low) else low > 0
    return np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)


def _indexed_pairs(vectors: Floats, above: float, rows_at_once: int) -> Pairs:
    faiss = _faiss()
    short = _shortened(vectors, rows_at_once)
    cells = faiss.IndexFlatL2(short.shape[1])
    index = faiss.IndexIVFFlat(cells, short.shape[1], int(4 * np.sqrt(len(short))))
    index.train(short)
    index.add(short)
    index.nprobe = _PROBES
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(short), rows_at_once):
        block = short[start : start + rows_at_once]
        limits, _, j = index.range_search(block, 2 - 2 * above + _SLACK)
        i = np.repeat(np.arange(start, start + len(block)), np.diff(limits.astype(np.int64)))
        pairs = np.stack([i, j], axis=1)[i < j]
        pairs = pairs[cosines(vectors, pairs) > above]
        found.append(pairs[np.lexsort(pairs.T[::-1])])
    return np.concatenate(found)


def _shortened(vectors: Floats, rows_at_once: int) -> Floats:
    """Returns (n, 32) vectors that lie no further apart than the (n, d) given ones."""
    n, d = vectors.shape
    learned = vectors[:: -(-n // _LEARNED)]
    mean = learned.mean(0)
    _, axes = np.linalg.eigh(np.cov(learned, rowvar=False, dtype=np.float64))
    axes = axes[:, ::-1][:, : min(_COMPONENTS, d)].astype(np.float32)
    short = np.empty((n, axes.shape[1] + 1), np.float32)
    for start in range(0, n, rows_at_once):
        centred = vectors[start : start + rows_at_once] - mean
        turned = centred @ axes
        left = np.square(centred).sum(1) - np.square(turned).sum(1)
        short[start : start + len(left), :-1] = turned
        short[start : start + len(left), -1] = np.sqrt(np.maximum(left, 0))
    return short


def _faiss() -> ModuleType:
    try:
        import faiss
    except ImportError:
        raise MissingExtraError(
            f"Finding near duplicates among more than {FULL:,} pictures", "data"
        ) from None
    return faiss
