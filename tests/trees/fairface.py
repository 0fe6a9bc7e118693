"""FairFace: every group, in one table as published and in one that Excel has saved."""

from __future__ import annotations

from pathlib import Path

from trees import draw

HEADER = "file,age,gender,race,service_test"
AGES = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
RACES = (
    "White", "Black", "Latino_Hispanic", "East Asian", "Southeast Asian", "Indian",
    "Middle Eastern",
)  # fmt: skip
DATES = ("03-09", "9-Mar", "Oct-19")


def build(root: Path) -> tuple[int, int]:
    """Writes nine rows of each table, and rows that are rejected."""
    train = [
        f"train/{n}.jpg,{age},{('Male', 'Female')[n % 2]},{RACES[n % 7]},{n % 2 == 0}"
        for n, age in enumerate(AGES, 1)
    ]
    val = [f"val/{n}.jpg,{age},Male,White,True" for n, age in enumerate(DATES, 1)]
    odd = [
        "val/3.jpg,Oct-19,Male,White,True",
        "val/4.jpg,20-29,Male,White,True",
        "val/4.jpg,30-39,Male,White,True",
        "val/5.jpg,1-Jan,Male,White,True",
        "val/6.jpg,20-29,Male,White,True",
    ]
    pictures = root / "fairface-img-margin025-trainval"
    for number in range(1, 10):
        draw(pictures / "train" / f"{number}.jpg", number, mode="RGB")
    for number in (1, 2, 3, 4, 5, 7):
        draw(pictures / "val" / f"{number}.jpg", 20 + number, mode="RGB")
    for name, rows in (("train", train), ("val", [*val, *odd])):
        (root / f"fairface_label_{name}.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    # Rejected: repeated, conflicting (2), unknown age, missing, unlisted.
    return 12, 6
