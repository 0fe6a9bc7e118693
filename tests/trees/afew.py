"""AFEW: clips in class folders, frames beside them, doubled folders and clips without frames."""

from __future__ import annotations

import zlib
from pathlib import Path

from trees import draw

WORDS = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
TRAIN = "Train_AFEW/AlignedFaces_LBPTOP_Points/AlignedFaces_LBPTOP_Points/Faces"
VAL = "Val_AFEW/AlignedFaces_LBPTOP_Points_Val/Faces"


def clip(root: Path, place: str) -> Path:
    """Writes a file that stands for a clip."""
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF")
    return path


def frames(folder: Path, numbers: range) -> None:
    """Writes the frames of a clip, each a picture of its own."""
    for number in numbers:
        place = folder / f"{number:05}.jpg"
        draw(place, zlib.crc32("/".join(place.parts[-5:]).encode()), mode="RGB")


def build(root: Path) -> tuple[int, int]:
    """Writes a clip a class to train with, and two parts that share a number."""
    for place, word in enumerate(WORDS):
        clip(root, f"Train_AFEW/{word}/{place:09}.avi")
        frames(root / TRAIN / f"{place:09}", range(1, 5))  # 4 each
    clip(root, "Val_AFEW/Happy/000000000.avi")  # Angry in the other part
    frames(root / VAL / "000000000", range(1, 4))  # 3
    clip(root, "Val_AFEW/Sad/000000077.avi")  # 1 without frames
    frames(root / "Test_AFEW/AlignedFaces_LBPTOP_Points/Faces/000000500", range(1, 3))  # 2
    clip(root, "Test_AFEW/000000500.avi")
    frames(root / TRAIN / "000000900", range(1, 3))  # 2 without a clip
    clip(root, "Train_AFEW/Calm/000000901.avi")
    frames(root / TRAIN / "000000901", range(1, 2))  # 1 in no class folder
    draw(root / "Train_AFEW" / "cover.jpg", 1)  # 1 unmatched
    return 28 + 3 + 2, 1 + 2 + 1 + 1
