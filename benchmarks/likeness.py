"""How many near duplicates the index finds, and how fast, beside comparing every pair.

    python benchmarks/likeness.py runs/default/merge [--rows 100000] [--asked 10000]

The fingerprints are those of a catalogue's pictures; up to ``--rows``, more are made by blending,
shifting and mirroring them at random. The truth is the full comparison of ``--asked`` of them,
drawn at random, with all others.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from mien.core import catalogue, likeness
from mien.core.looks import looks
from mien.core.origins import read_sources
from mien.core.types import Floats


def more(real: Floats, rows: int, seed: int = 0) -> Floats:
    """Returns the fingerprints and variants of them, ``rows`` in all."""
    random = np.random.default_rng(seed)
    side = likeness.SIDE
    made = [real[:rows]]
    for _ in range(rows - len(real)):
        one, two = real[random.integers(0, len(real), 2)].reshape(2, side, side)
        shift = np.float32([[1, 0, random.uniform(-3, 3)], [0, 1, random.uniform(-3, 3)]])
        picture = one + random.uniform(0, 0.6) * (two[:, ::-1] if random.random() < 0.5 else two)
        moved = cv2.warpAffine(picture, shift, (side, side), borderMode=cv2.BORDER_REPLICATE)
        vector = moved.ravel() - moved.mean()
        made.append((vector / np.linalg.norm(vector))[None])
    return np.concatenate(made).astype(np.float32)


def truth(vectors: Floats, asked: np.ndarray, above: float) -> set[tuple[int, int]]:
    """Returns every pair that holds one of the rows asked about."""
    found = set()
    for start in range(0, len(asked), 512):
        rows = asked[start : start + 512]
        i, j = np.nonzero(vectors[rows] @ vectors.T > above)
        pairs = zip(rows[i].tolist(), j.tolist(), strict=True)
        found |= {(min(a, b), max(a, b)) for a, b in pairs if a != b}
    return found


def main() -> None:
    """Measures and prints one line a threshold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--asked", type=int, default=10_000)
    given = parser.parse_args()
    rows = catalogue.select(given.catalogue, catalogue.KEY)
    real = looks(rows, read_sources(given.catalogue), None, "look").fingerprints
    vectors = more(real, given.rows)
    asked = np.random.default_rng(1).permutation(len(vectors))[: given.asked]
    likeness.FULL = 0  # type: ignore[misc]  # so that the index is asked, however few there are
    print(f"{len(vectors):,} fingerprints, {len(real):,} of them of real pictures")
    print("| cosine above | pairs asked about | found | seconds of the index |")
    print("|---:|---:|---:|---:|")
    for above in (0.97, 0.9):
        start = time.perf_counter()
        pairs = {(i, j) for i, j in likeness.near_pairs(vectors, above).tolist()}
        seconds = time.perf_counter() - start
        expected = truth(vectors, asked, above)
        print(f"| {above} | {len(expected):,} | {len(expected & pairs):,} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
