"""NHFI: one folder a class below images/, and strays."""

from __future__ import annotations

from pathlib import Path

from trees import draw

FOLDERS = {
    "anger": "anger", "contempt": "contempt", "disgust": "disgust", "fear": "fear",
    "happiness": "happy", "neutrality": "neutral", "sadness": "sadness", "surprise": "surprise",
}  # fmt: skip


def build(root: Path) -> tuple[int, int]:
    """Writes two pictures a class, one beside the folders and one empty file."""
    names = [f"{folder}/{n}.png" for folder in FOLDERS for n in (0, 1)]
    for number, name in enumerate(names):
        draw(root / "images" / name, number)
    draw(root / "images" / "sample.png", 90)
    (root / "images" / "fear" / "9.png").write_bytes(b"")
    (root / "images" / "fear" / ".DS_Store").write_bytes(b"\0")
    return len(names), 2
