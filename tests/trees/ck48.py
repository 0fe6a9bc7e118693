"""CK+48: three frames of one sequence a class; and the table ``ckextended.csv``."""

from __future__ import annotations

from pathlib import Path

from trees import draw

CLASSES = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
SQUARE = " ".join(map(str, range(16)))


def build(root: Path) -> tuple[int, int]:
    """Writes the folders."""
    for place, name in enumerate(CLASSES, start=1):
        for frame in (17, 18, 19):
            picture = f"S{place * 7:03}_{place:03}_{frame:08}.png"
            draw(root / "CK+48" / name / picture, place * 100 + frame)
    (root / "CK+48" / "anger" / "Thumbs.db").write_bytes(b"\0")
    draw(root / "CK+48" / "fear" / "cover.png", 1)  # unmatched
    draw(root / "CK+48" / "S010_001_00000014.png", 2)  # in no class folder
    return 21, 2


def table(root: Path) -> tuple[int, int]:
    """Writes the table instead: each code, each part, an unknown code and a spoilt picture."""
    parts = ("Training", "PublicTest", "PrivateTest")
    rows = [f"{code},{code} {SQUARE[2:]},{parts[code % 3]}" for code in range(8)]
    rows += [f"9,{SQUARE},Training", "3,1 2 3,Training"]
    root.mkdir(parents=True, exist_ok=True)
    (root / "ckextended.csv").write_text("\n".join(["emotion, pixels, Usage", *rows]) + "\n")
    return 8, 2
