"""MUG: sequences that end as they began, with and without session folders."""

from __future__ import annotations

import zlib
from pathlib import Path

from trees import draw

EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def take(folder: Path, frames: range, name: str = "img_{:04}.jpg") -> None:
    """Writes the frames of a take, each a picture of its own."""
    for frame in frames:
        place = folder / name.format(frame)
        draw(place, zlib.crc32("/".join(place.parts[-5:]).encode()), mode="RGB")


def build(root: Path) -> tuple[int, int]:
    """Writes every expression of one person, and a session of another."""
    for expression in EXPRESSIONS:  # 4 and 5 each; neutral 3 and 6
        take(root / "subjects3" / "001" / expression / "take000", range(9))
    # Names without leading zeros sort wrongly as text: 3 peaks, 1 neutral, 7 others.
    take(root / "subjects3/084/session1/Surprise/take002", range(11), "084_2_{}.JPG")
    take(root / "subjects3/005/fear/take000", range(5))  # not of the 52: 4 and 1
    draw(root / "subjects3" / "001" / "anger" / "cover.png", 1)  # unmatched
    (root / "subjects3" / "001" / "Thumbs.db").write_bytes(b"\0")
    return 6 * 4 + 3 + 4 + 4, 6 * 5 + 6 + 7 + 1 + 1
