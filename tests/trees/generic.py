"""A made-up data set that the reader's default options fit: one folder a class."""

from __future__ import annotations

from pathlib import Path

from trees import draw

FOLDERS = {
    "1-anger": "anger", "Disgusted": "disgust", "fear": "fear", "JOY": "happy", "ne": "neutral",
    "unhappy": "sadness", "suprise": "surprise", "contemptuous": "contempt",
}  # fmt: skip


def build(root: Path) -> tuple[int, int]:
    """Writes two pictures a class, one of an unknown class, one in no folder, one empty."""
    names = [f"faces/{folder}/{n}.jpg" for folder in FOLDERS for n in (1, 2)]
    for number, name in enumerate(names):
        draw(root / name, number)
    draw(root / "faces" / "bored" / "1.jpg", 90)
    draw(root / "faces" / "2-anger" / "1.jpg", 91)  # contradicts itself
    (root / "faces" / "fear" / "3.jpg").write_bytes(b"")
    (root / "faces" / "fear" / "Thumbs.db").write_bytes(b"\0")
    (root / "readme.txt").write_text("Faces of nobody")
    return len(names), 3
