"""ExpW: several faces a picture, rows that stand there twice, names with blanks."""

from __future__ import annotations

from pathlib import Path

from trees import draw

ROWS = """\
angry man_1.jpg 0 -1 2 7 6 40 0
afraid_African_214.jpg 0 1 2 7 6 54.25 6
afraid_African_214.jpg 1 0 0 3 4 12.5 2
afraid_African_214.jpg 1 0 0 3 4 12.5 2
happy_child_3.jpg 0 1 2 7 6 40 1
happy_child_3.jpg 1 2 3 7 6 40 3
happy_child_4.jpg 0 1 2 7 6 40 4
happy_child_5.jpg 0 1 2 7 6 40 5
happy_child_5.jpg 1 1 3 7 6 40 5
happy_child_5.jpg 2 1 3 7 6 40 4
happy_child_6.jpg 0 1 2 7 6 40 7
happy_child_6.jpg 1 1 2 2 6 40 3
missing_1.jpg 0 1 2 7 6 40 3
only three words
"""


def build(root: Path) -> tuple[int, int]:
    """Writes every label, a box without an area, and a picture without a row."""
    names = ("afraid_African_214", "angry man_1", *(f"happy_child_{n}" for n in range(3, 7)), "x_1")
    for number, name in enumerate(names):
        draw(root / "data" / "image" / "origin" / f"{name}.jpg", number, mode="RGB")
    table = root / "data" / "label" / "label.lst"
    table.parent.mkdir()
    table.write_text(ROWS)
    # Rejected: repeated, conflicting (2), unknown label, no area, missing, odd row, unlisted.
    return 7, 8
