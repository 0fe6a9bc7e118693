"""AffectNet: the lists with every code, mixed endings, odd boxes; and the form with npy files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from trees import draw

HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
    "valence,arousal"
)
ENDINGS = ("jpg", "JPG", "png", "bmp", "tif", "jpeg")
Row = tuple[str, str, object]


def write_list(path: Path, rows: Iterable[Row], *, header: bool = True) -> None:
    """Writes a list from rows of (place, box, code)."""
    points = ";".join(f"{n}.5" for n in range(136))
    lines = [f"{place},{box},{points},{code},-0.1,0.2" for place, box, code in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *lines] if header else lines) + "\n")


def build(root: Path) -> tuple[int, int]:
    """Writes codes 0 to 10 in two lists, one without a header, and what is rejected."""
    pictures = root / "Manually_Annotated" / "Manually_Annotated_Images"
    lists = root / "Manually_Annotated_file_lists"
    for part, (name, header) in enumerate((("training", True), ("validation", False))):
        rows: list[Row] = [
            (f"{689 + part}/{part}f{code:x}.{ENDINGS[code % 6]}", "1,2,5,4", code)
            for code in range(11)
        ]
        for number, (place, _, _) in enumerate(rows):
            draw(pictures / place, 100 * part + number)
        write_list(lists / f"{name}.csv", rows, header=header)
    odd: list[Row] = [
        ("700/null.jpg", "NULL,NULL,NULL,NULL", 1),
        ("700/negative.jpg", "1,2,-5,4", 1),
        ("700/twice.jpg", "1,2,5,4", 1),
        ("700/twice.jpg", "1,2,5,4", 1),
        ("700/both.jpg", "1,2,5,4", 1),
        ("700/both.jpg", "1,2,5,4", 2),
        ("700/eleven.jpg", "1,2,5,4", 11),
        ("700/empty.jpg", "1,2,5,4", ""),
        ("700/missing.jpg", "1,2,5,4", 1),
    ]
    for number, place in enumerate(dict.fromkeys(place for place, _, _ in odd)):
        if place != "700/missing.jpg":
            draw(pictures / place, 300 + number)
    write_list(lists / "train.csv", odd)
    draw(pictures / "700" / "unlisted.jpg", 400)
    draw(root / "Automatically_Annotated" / "Automatically_Annotated_Images" / "1" / "a.jpg", 401)
    # Kept: 8 + 8, and NULL, negative and once of twice. Rejected: 3 + 3 codes, twice, both (2),
    # eleven, empty, missing, unlisted, automatic.
    return 19, 6 + 8


def build_numbered(root: Path) -> tuple[int, int]:
    """Writes train_set and val_set with the same numbers, codes as text and as numbers."""
    for part, name in enumerate(("train_set", "val_set")):
        labels = root / name / "annotations"
        labels.mkdir(parents=True)
        for number in range(8):
            draw(root / name / "images" / f"{number}.jpg", 100 * part + number)
            value = str(number) if part else number
            np.save(labels / f"{number}_exp.npy", np.array(value))
            np.save(labels / f"{number}_val.npy", np.array("-0.25"))
            np.save(labels / f"{number}_lnd.npy", np.zeros(136))
    return 16, 0
