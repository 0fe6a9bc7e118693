"""TFEID: one folder a class, in the spellings of its copies; the names are a guess."""

from __future__ import annotations

from pathlib import Path

from trees import draw

FOLDERS = {
    "Neutral": "neutral", "Angry": "anger", "Contempt": "contempt", "disgust": "disgust",
    "Fear": "fear", "Happiness": "happy", "Sad": "sadness", "Surprise": "surprise",
}  # fmt: skip


def build(root: Path) -> tuple[int, int]:
    """Writes three models, a picture beside the folders and one of no class."""
    names = [
        f"{folder}/{who}_{folder}_0.jpg" for folder in FOLDERS for who in ("f01", "f12", "m02")
    ]
    kept = len(names)
    names += ["overview.jpg", "Scrambled/f01.jpg"]
    for number, name in enumerate(names):
        draw(root / "TFEID" / name, number)
    (root / "TFEID" / "Sad" / "f02_Sad_0.jpg").write_bytes(b"")
    (root / "TFEID" / "Thumbs.db").write_bytes(b"\0")
    return kept, len(names) - kept + 1
