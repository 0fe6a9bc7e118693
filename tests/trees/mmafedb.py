"""MMAFEDB: three parts, grey and in colour, the same names in every folder."""

from __future__ import annotations

from pathlib import Path

from trees import draw

FOLDERS = {
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "happy",
    "neutral": "neutral", "sad": "sadness", "surprise": "surprise",
}  # fmt: skip
PARTS = ("train", "valid", "test")


def build(root: Path) -> tuple[int, int]:
    """Writes a grey and a coloured picture a class and part, a stray and an empty file."""
    home = root / "MMAFEDB"
    names = [f"{part}/{folder}/{n}.jpg" for part in PARTS for folder in FOLDERS for n in (1, 2)]
    for number, name in enumerate(names):
        draw(home / name, number, mode="RGB" if number % 2 else "L")
    draw(home / "cover.JPG", 90)
    (home / "valid" / "sad" / "3.jpg").write_bytes(b"")
    return len(names), 2
