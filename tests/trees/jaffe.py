"""JAFFE: the full list, a README with ratings, and the clutter of its archives."""

from __future__ import annotations

from pathlib import Path

from mien.datasets.jaffe import STEMS
from trees import draw

README = """JAFFE: semantic ratings
  N HAP SAD SUR ANG DIS FEA PIC
  1 2.87 2.52 2.10 1.97 1.97 2.06 KM-NE1
 39 1.10 2.00 1.30 3.10 4.20 1.90 KA-AN1
"""


def build(root: Path) -> tuple[int, int]:
    """Writes 213 pictures, half of them grey with three channels."""
    for number, stem in enumerate(sorted(STEMS)):
        mode = "RGB" if number % 2 else "L"
        draw(root / "jaffeimages" / "jaffe" / f"{stem}.tiff", number, mode=mode)
    (root / "jaffeimages" / "README").write_text(README)
    (root / "jaffeimages" / ".DS_Store").write_bytes(b"\0")
    return 213, 0
