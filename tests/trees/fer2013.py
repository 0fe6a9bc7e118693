"""FER2013: a table of pixels with every class and part, and rows that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from trees import draw

USAGES = ("Training", "PublicTest", "PrivateTest")
CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def pixels(number: int, side: int = 8) -> str:
    """Returns the numbers of a grey picture; another number gives another one."""
    values = np.random.default_rng(number).integers(0, 256, side * side)
    return " ".join(map(str, values))


def table(path: Path, header: str, rows: Iterable[Iterable[object]]) -> Path:
    """Writes a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def build(root: Path) -> tuple[int, int]:
    """Writes 21 good rows, one picture of a single grey value, and six rows that are rejected."""
    good = [
        (code, pixels(100 * part + code), u) for part, u in enumerate(USAGES) for code in range(7)
    ]
    odd = [
        (3, "0 " * 64, "Training"),
        (3, "1 2 3", "Training"),
        (3, "1 2 3 x", "Training"),
        (3, "1 2 3 256", "Training"),
        (7, pixels(500), "Training"),
        ("", pixels(501), "Training"),
        (3, pixels(502), "Other"),
    ]
    table(root / "fer2013" / "fer2013.csv", "emotion,pixels,Usage", good + odd)
    (root / "fer2013" / "README").write_text("The pixels of FER2013.")
    return 22, 6


def build_folders(root: Path) -> tuple[int, int]:
    """Writes one folder a class, as on Kaggle, with a stray picture."""
    for number, name in enumerate(CLASSES):
        draw(root / "train" / name / f"Training_{number}.jpg", number)
        draw(root / "test" / name / f"PublicTest_{number}.jpg", 10 + number)
        draw(root / "test" / name / f"PrivateTest_{number}.JPG", 20 + number)
    draw(root / "train" / "stray.png", 30)
    return 21, 1
