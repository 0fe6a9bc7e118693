"""KMU-FED: drivers in every class but neutral, and the false thirteenth."""

from __future__ import annotations

import shutil
from pathlib import Path

from trees import draw

CODES = ("AN", "DI", "FE", "HA", "SA", "SU")


def build(root: Path) -> tuple[int, int]:
    """Writes twelve drivers with one frame a class, seven of the first, and its six copies."""
    for driver in range(1, 13):
        for at, code in enumerate(CODES):
            draw(root / f"{driver:02}_{code}_mr_001.jpg", 10 * driver + at, mode="RGB")
    for frame in range(2, 8):
        draw(root / f"01_AN_mr_{frame:03}.jpg", 200 + frame, mode="RGB")
    for frame in range(1, 7):
        shutil.copyfile(root / f"01_AN_mr_{frame:03}.jpg", root / f"1_AN_mr_{frame:03}.jpg")
    draw(root / "01_NE_mr_001.jpg", 300)
    return 72 + 6, 6 + 1
