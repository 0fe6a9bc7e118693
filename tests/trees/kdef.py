"""KDEF and AKDEF: every code and angle, wrong names, black pictures, other spellings of names."""

from __future__ import annotations

from pathlib import Path

from trees import blank, draw

EXPRESSIONS = ("AF", "AN", "DI", "HA", "NE", "SA", "SU")
ANGLES = ("FL", "HL", "S", "HR", "FR")
ERRATA = ("AF31/AF31V.JPG", "AM31/AM31H.JPG")
BLACK = ("AF01/AF01SUFR.JPG", "BM22/BM22DIHL.JPG")


def build(root: Path) -> tuple[int, int]:
    """Writes two people in two sessions, the averaged faces of one gender, and the traps."""
    home = root / "KDEF_and_AKDEF"
    people = [f"{session}{who}" for session in "AB" for who in ("F01", "M35")]
    names = [f"{p}/{p}{e}{a}.JPG" for p in people for e in EXPRESSIONS for a in ANGLES]
    names = [name for name in names if name not in BLACK]
    names += [*ERRATA, "AF20/af20ans.jpg", "AF20/AF20DIS.jpeg"]
    for number, name in enumerate(names):
        draw(home / "KDEF" / name, number, mode="RGB")
    for name in BLACK:
        blank(home / "KDEF" / name)
    blank(home / "KDEF" / "AF20" / "AF20NES.JPG", 9)  # black, frontal and on no list
    blank(home / "KDEF" / "AF20" / "AF20SUS.JPG", 11)  # dark, but a picture
    (home / "KDEF" / "AF20" / "AF20SAS.JPG").write_bytes(b"")
    (home / "KDEF" / "AF20" / "AF20HAS.JPG").write_bytes(b"<html>not found</html>")
    for number, name in enumerate(("FAFS", "FANS", "FAFFL", "FAHR", "FSUS"), 500):
        draw(home / "AKDEF" / f"{name}.JPG", number)
    draw(home / "KDEFmap" / "map.jpg", 600)
    draw(home / "KDEF" / "Thumbs.db.jpg", 601)
    (home / "KDEF" / "Thumbs.db").write_bytes(b"\0")
    (home / "ReadThis").mkdir()
    (home / "ReadThis" / "About KDEF.txt").write_text("The Karolinska Directed Emotional Faces")
    frontal = len(people) * len(EXPRESSIONS) + 2 + 1  # two of AF20, one dark
    bad = 1 + 1 + 1 + 2  # black, empty, damaged, no grammar
    angled = len(people) * len(EXPRESSIONS) * 4 + 2 + 1  # wrong names; the black BM22
    return frontal, bad + angled + 5
