"""UTKFace: both kinds of names, and the three that lack a field."""

from __future__ import annotations

from pathlib import Path

from trees import draw

BROKEN = ("39_1_20170116174525125", "61_1_20170109142408075", "61_1_20170109150557335")


def build(root: Path) -> tuple[int, int]:
    """Writes every gender and race, cut out; two pictures as they were; three broken names."""
    for number in range(10):
        name = f"{10 * number + 1}_{number % 2}_{number % 5}_2017011618402466{number}.jpg.chip.jpg"
        draw(root / "UTKFace" / name, number, mode="RGB")
    draw(root / "part1" / "26_1_2_20170116184024662.jpg", 20, mode="RGB")
    draw(root / "part1" / "110_0_4_20170116184024.JPG", 21, mode="RGB")
    for number, name in enumerate(BROKEN):
        draw(root / "UTKFace" / f"{name}.jpg.chip.jpg", 30 + number, mode="RGB")
    return 12, 3
