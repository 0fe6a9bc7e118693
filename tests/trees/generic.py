"""A set without a reader: one folder a class, as the reader takes it without options."""

from __future__ import annotations

from pathlib import Path

from trees import draw

FOLDERS = ("1-anger", "DISGUST", "scared", "Happiness", "sad", "Suprise", "normal", "contempt")
ACME = (("train", "m", "07", "jy"), ("train", "f", "12", "sd"), ("test", "F", "12", "JY"))
"""The part, sex, person and label code of each picture that `acme` writes."""


def build(root: Path) -> tuple[int, int]:
    """Writes a picture a class, and one in a folder that is none."""
    for number, folder in enumerate(FOLDERS):
        draw(root / "set" / folder / f"{number}.PNG", number)
    draw(root / "set" / "holiday" / "a.png", 100)
    return len(FOLDERS), 1


def acme(root: Path) -> Path:
    """Writes pictures whose paths say all, such as ``train/m07_jy.png``; returns the root."""
    for number, (part, sex, person, code) in enumerate(ACME):
        draw(root / part / f"{sex}{person}_{code}.png", number)
    draw(root / "train" / "m07_pn.png", 50)
    return root
