"""CK+: labelled, unlabelled and empty sequences, contempt, a late start, and spoilt labels."""

from __future__ import annotations

from pathlib import Path

from trees import draw

IMAGES = "extended-cohn-kanade-images/cohn-kanade-images"
LABELS = "Emotion_labels/Emotion"


def sequence(root: Path, subject: str, name: str, frames: range, *, top: str = IMAGES) -> None:
    """Writes the frames of a sequence."""
    for frame in frames:
        place = root / top / subject / name / f"{subject}_{name}_{frame:08}.png"
        number = int(subject[1:]) * 10_000 + int(name) * 100 + frame
        draw(place, number, mode="RGB" if frame % 2 else "L")


def label(root: Path, subject: str, name: str, frame: int, text: str, *, top: str = LABELS) -> Path:
    """Writes the label of a sequence."""
    place = root / top / subject / name / f"{subject}_{name}_{frame:08}_emotion.txt"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def build(root: Path) -> tuple[int, int]:
    """Writes one labelled sequence a class, and every other kind."""
    sequence(root, "S005", "001", range(1, 12))
    label(root, "S005", "001", 11, "   3.0000000e+00\n")  # 4 samples, 7 others
    for place, code in enumerate((1, 2, 4, 5, 6, 7), start=1):
        sequence(root, "S010", f"{place:03}", range(1, 5))
        label(root, "S010", f"{place:03}", 4, f"   {code}.0000000e+00\n")  # 4 samples each
    sequence(root, "S501", "001", range(3, 9))
    label(root, "S501", "001", 8, "   5.0000000e+00\n")  # starts at 3; 4 samples, 2 others
    sequence(root, "S999", "003", range(1, 4))
    (root / LABELS / "S999" / "003").mkdir(parents=True)  # empty: 3 without a label
    sequence(root, "S895", "002", range(1, 3))  # no folder of labels: 2 without one
    sequence(root, "S037", "001", range(1, 3))
    label(root, "S037", "001", 2, "   9.0000000e+00\n")  # 2 of an unknown label
    label(root, "S042", "001", 17, "   5.0000000e+00\n")  # 1 label without frames
    for folder in (IMAGES, f"{IMAGES}/S005", LABELS):
        (root / folder / ".DS_Store").write_bytes(b"\0")
    _others(root)
    draw(root / IMAGES / "sheet.png", 7)  # 1 unmatched
    return 4 + 6 * 4 + 4, 7 + 2 + 3 + 2 + 2 + 1 + 1


def _others(root: Path) -> None:
    for kind, text in (("facs", "9.0000000e+00   4.0000000e+00\n"), ("landmarks", "1.0 2.0\n")):
        folder = root / {"facs": "FACS_labels/FACS", "landmarks": "Landmarks"}[kind] / "S005/001"
        folder.mkdir(parents=True)
        (folder / f"S005_001_00000011_{kind}.txt").write_text(text)
    (root / "ReadMeCohnKanadeDatabase_website.txt").write_text("3. The Emotion labels\n")
