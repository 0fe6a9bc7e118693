"""SFEW 2.0: the three aligned parts; and loose pictures with a table."""

from __future__ import annotations

from pathlib import Path

from trees import draw

WORDS = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
PARTS = {"Train": "Train/Train_Aligned_Faces", "Val": "Val/Val_Aligned_Faces_new"}
HEADER = "image_name,label,emotion,original_split"


def build(root: Path) -> tuple[int, int]:
    """Writes one picture a class and part, and an unlabelled test part."""
    for number, (film, part) in enumerate((("Airheads", "Train"), ("About_A_Boy_2", "Val"))):
        for place, word in enumerate(WORDS):
            name = f"{film}_{place:09}_00000005.png"
            draw(root / PARTS[part] / word / name, number * 10 + place, mode="RGB")
    test = root / "Test" / "Test_Aligned_Faces"
    for place in range(3):
        draw(test / f"Serendipity_{place:09}_00000012.png", 50 + place, mode="RGB")
    draw(root / PARTS["Train"] / "Airheads_000000099_00000005.png", 60)  # in no class folder
    draw(root / PARTS["Train"] / "Angry" / "sheet.png", 61)  # unmatched
    for folder in ("Angry", "Fear"):  # one frame, two classes
        draw(root / PARTS["Train"] / folder / "Hangover_000000001_00000002.png", 62)
    (root / PARTS["Val"] / ".DS_Store").write_bytes(b"\0")
    return 14 + 3, 4


def table(root: Path) -> tuple[int, int]:
    """Writes loose pictures and a table instead; the table has every fault of a table."""
    rows = []
    for place, word in enumerate(WORDS):
        name = f"Airheads_{place:09}_00000005.png"
        draw(root / "images" / name, place)
        rows.append(f"{name},{place},{word},{'Val' if place % 2 else 'Train'}")
    for film in "ABCDE":
        draw(root / "images" / f"{film}_000000001_00000001.png", 20 + ord(film))
    draw(root / "images" / "Test" / "F_000000001_00000001.png", 19)  # not listed, but of the test
    rows += [
        "A_000000001_00000001.png,0,Angry,Train",
        "a_000000001_00000001.PNG,0,Angry,Train",  # again
        "B_000000001_00000001.png,0,Angry,Train",
        "B_000000001_00000001.png,3,Happy,Train",  # another class
        "C_000000001_00000001.png,9,Bored,Train",  # an unknown word
        "D_000000001_00000001.png,,,Train",  # no word
        "G_000000001_00000001.png,0,Angry,Train",  # no picture
    ]  # and E is not listed
    (root / "sfew_2.0_labels.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return 7 + 1 + 1, 1 + 2 + 1 + 1 + 1 + 1
