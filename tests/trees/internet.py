"""Pictures with a legend: words in both cases, repeated and conflicting rows, a stray table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from trees import draw

WORDS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
)  # fmt: skip


def write(root: Path, rows: Iterable[tuple[str, str]]) -> Path:
    """Writes a legend of (image, word) and draws each picture that it names."""
    listed = list(rows)
    lines = ["user.id,image,emotion", *(f"302,{name},{word}" for name, word in listed)]
    (root / "data").mkdir(parents=True)
    (root / "data" / "legend.csv").write_text("\n".join(lines) + "\n")
    for number, name in enumerate(dict.fromkeys(name for name, _ in listed)):
        draw(root / "images" / name, number)
    return root


def build(root: Path) -> tuple[int, int]:
    """Writes every word in both cases, a picture without a row, and rows that are rejected."""
    words = [word for name in WORDS for word in (name, name.upper())]
    good = [(f"Ann_Lee_{n:04}.jpg", word) for n, word in enumerate(words)]
    odd = [("Bo_0001.jpg", "sadness"), ("Bo_0001.jpg", "SADNESS"), ("Bo_0002.jpg", "puzzled"),
           ("Bo_0003.jpg", "anger"), ("Bo_0003.jpg", "fear"), ("Bo_0004.jpg", "anger")]  # fmt: skip
    write(root, [*good, *odd])
    (root / "images" / "Bo_0004.jpg").unlink()
    draw(root / "images" / "Cy_0001.jpg", 99)
    (root / "data" / "500_picts_satz.csv").write_bytes(b"302,Ann_Lee_0000.jpg,sad\r")
    return len(good) + 2, 5
