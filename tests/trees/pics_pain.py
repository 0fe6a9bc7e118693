"""PICS pain: every code in both spellings of names, pain, the Utrecht pictures, and strays."""

from __future__ import annotations

from pathlib import Path

from trees import draw

PAIN = ("f1p1.jpg", "f1p2r.jpg", "m10p1.jpg", "M10PA3.JPG", "m2pain1.jpg")


def build(root: Path) -> tuple[int, int]:
    """Writes two people whole, three cropped, and what has no label."""
    codes = ("n", "a", "d", "f", "h", "sa", "s")
    names = [
        f"pain/{who}{code}{take}.jpg" for who in ("f1", "m10") for code in codes for take in "12"
    ]
    names += [f"pain_crops/{who}_{code}.jpg" for who in ("f01", "f12", "m10") for code in codes]
    names += ["pain/F3N1.JPG", "pain/f3sa1_45.jpg", "pain/m2s.jpg"]
    kept = len(names)
    names += [f"pain/{name}" for name in PAIN]
    names += ["pain/f3x1.jpg", "pain/f3sh1.jpg", "pain/setup.jpg", "pain/x1a1.jpg"]
    names += [f"utrecht/{name}.jpg" for name in ("m1", "m1s", "f2", "f2s", "group")]
    for number, name in enumerate(names):
        draw(root / name, number, mode="RGB")
    (root / "pain" / "f3a1.jpg").write_bytes(b"")
    (root / "pain" / "desktop.ini").write_bytes(b"\0")
    return kept, len(names) - kept + 1
