"""KDEF-dyn: clips of every expression, named like KDEF's pictures or otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trees.clips import Picture, clip

FOLDERS = ("Anger", "DISGUST clips", "fear", "Happiness", "3. Sadness", "Surprise")
CODES = ("AN", "DI", "AF", "HA", "SA", "SU")
TOP = "I. KDEF-dyn I/S4 Stimuli (Video-clips)"


def morph(number: int, frames: int = 6) -> list[Picture]:
    """Returns the frames of a clip, which grow brighter."""
    noise = np.random.default_rng(number).integers(0, 60, (24, 32, 3), np.uint8)
    return [noise + np.uint8(180 // frames * frame) for frame in range(frames)]


def build(root: Path) -> tuple[int, int]:
    """Writes two clips an expression, of a woman and of somebody, and every kind of trap."""
    for place, (folder, code) in enumerate(zip(FOLDERS, CODES, strict=True)):
        clips = root / TOP / folder
        clip(clips / f"AF{place + 1:02}{code}S.mp4", morph(place), size=(32, 24))
        clip(clips / f"clip {place}.MP4", morph(10 + place), size=(32, 24))
    samples, rejections = 12 * 4, 12 * 2  # the first and the last three of six
    clip(root / TOP / "Fear" / "BM07AFS.mp4", morph(20, 2), size=(32, 24))  # the peak alone
    clip(root / TOP / "practice" / "a.mp4", morph(21), size=(32, 24))
    clip(root / TOP / "happy or sad" / "a.mp4", morph(22), size=(32, 24))
    (root / TOP / "Anger" / "empty.mp4").touch()
    (root / TOP / "Anger" / "letter.mp4").write_text("Dear reader")
    (root / TOP / "data.xlsx").write_bytes(b"PK")
    return samples + 2, rejections + 4
