"""CAER-S: two parts in any case, the same names in every folder."""

from __future__ import annotations

from pathlib import Path

from trees import draw

FOLDERS = {
    "Anger": "anger", "Disgust": "disgust", "Fear": "fear", "Happy": "happy",
    "Neutral": "neutral", "Sad": "sadness", "Surprise": "surprise",
}  # fmt: skip


def build(root: Path) -> tuple[int, int]:
    """Writes wide frames for both parts, with an alias, a stray and an empty file."""
    home = root / "CAER-S"
    names = [f"{part}/{folder}/0001.png" for part in ("train", "Test") for folder in FOLDERS]
    names += ["train/Angry/7001.png"]
    for number, name in enumerate(names):
        draw(home / name, number, size=(16, 8), mode="RGB")
    (home / "train.txt").write_text("train/Anger/0001.png,0,1,2,3,4")
    draw(home / "teaser.png", 90)
    (home / "Test" / "Sad" / "0002.png").write_bytes(b"")
    return len(names), 2
