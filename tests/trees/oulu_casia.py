"""Oulu-CASIA: both cameras, three lights and six expressions; some expressions are missing."""

from __future__ import annotations

import zlib
from pathlib import Path

from trees import draw

TOP = "B_OriginalImg/B_OriginalImg/OriginalImg"
EMOTIONS = ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")


def sequence(folder: Path, frames: range) -> None:
    """Writes the frames of a sequence, each a picture of its own."""
    for frame in frames:
        place = folder / f"{frame:03}.jpeg"
        draw(
            place,
            zlib.crc32("/".join(place.parts[-6:]).encode()),
            mode="RGB" if "VL" in str(folder) else "L",
        )


def build(root: Path) -> tuple[int, int]:
    """Writes two people before both cameras and in three lights."""
    for emotion in EMOTIONS:
        sequence(root / TOP / "VL" / "Strong" / "P001" / emotion, range(6))  # 4 and 2 each
    for emotion in EMOTIONS[:2]:  # the others are missing
        sequence(root / TOP / "VL" / "Strong" / "P080" / emotion, range(9, 12))  # 3 peaks each
    for place in ("VL/Dark", "VL/Weak", "NI/Strong", "NI/Dark"):
        sequence(root / TOP / place / "P001" / "Anger", range(4))  # 4 left out each
    (root / TOP / "VL" / "Strong" / "P001" / "Anger" / "Thumbs.db").write_bytes(b"\0")
    draw(root / TOP / "VL" / "cover.jpeg", 1)  # unmatched
    return 6 * 4 + 2 * 3, 6 * 2 + 4 * 4 + 1
