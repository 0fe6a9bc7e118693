"""RAF-DB: the basic set in both kinds of pictures, with annotations, beside a compound picture."""

from __future__ import annotations

from pathlib import Path

from trees import draw


def _annotate(root: Path, stem: str, codes: str) -> None:
    points = "".join(f"{10 + n}.5\t{20 + n}.25\n" for n in range(5))
    manual = root / "Annotation" / "manual" / f"{stem}_manu_attri.txt"
    box = root / "Annotation" / "boundingbox" / f"{stem}_boundingbox.txt"
    for path, text in ((manual, points + codes), (box, "1.5 2.5 6.5 7.5\n")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def build(root: Path) -> tuple[int, int]:
    """Writes each code in both parts; a repeated, a contradicted, a missing and an odd row."""
    basic = root / "basic"
    rows = [f"train_{code:05} {code}" for code in range(1, 8)]
    rows += [f"test_{code:04} {code}" for code in range(1, 8)]
    for number, row in enumerate(rows):
        stem = row.split()[0]
        draw(basic / "Image" / "aligned" / f"{stem}_aligned.jpg", number, mode="RGB")
        draw(basic / "Image" / "original" / f"{stem}.jpg", 50 + number, mode="RGB")
        _annotate(basic, stem, f"{number % 3}\n{number % 3}\n{number % 5}\n")
    for number, stem in enumerate(("train_00020", "train_00021", "train_00022")):
        draw(basic / "Image" / "aligned" / f"{stem}_aligned.jpg", 100 + number, mode="RGB")
    rows += ["train_00002 2", "train_00020 1", "train_00020 2", "train_00021 12", "train_00030 1"]
    listed = [f"{stem}.jpg {code}" for stem, code in map(str.split, rows)]
    (basic / "EmoLabel").mkdir()
    text = "\n".join([*listed, "nonsense", ""])
    (basic / "EmoLabel" / "list_patition_label.txt").write_text(text)
    compound = root / "compound"
    draw(compound / "Image" / "aligned" / "train_00001_aligned.jpg", 200, mode="RGB")
    (compound / "EmoLabel").mkdir()
    (compound / "EmoLabel" / "list_patition_label.txt").write_text("train_00001.jpg 11\n")
    # Rejected: four rows of two or three pictures, the missing one, the odd row, the unlisted
    # picture, fourteen originals and the compound picture.
    return 14, 4 + 1 + 1 + 1 + 14 + 1


def build_folders(root: Path, codes: range = range(1, 8)) -> tuple[int, int]:
    """Writes numbered folders as on Kaggle, or those for MA-Net."""
    for code in codes:
        draw(root / "DATASET" / "train" / str(code) / f"train_{code:05}_aligned.jpg", code)
        draw(root / "DATASET" / "test" / str(code) / f"test_{code:04}_aligned.jpg", 20 + code)
    return 14, 0
