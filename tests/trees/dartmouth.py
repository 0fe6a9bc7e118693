"""Dartmouth: every word of an expression, in names and in folders; the grammar is a guess."""

from __future__ import annotations

from pathlib import Path

from trees import draw

WORDS = {
    "neutral": "neutral", "happy": "happy", "sad": "sadness", "angry": "anger", "afraid": "fear",
    "surprised": "surprise", "disgusted": "disgust",
}  # fmt: skip


def build(root: Path) -> tuple[int, int]:
    """Writes two children whole, one by folders, one by short words, and what is left out."""
    names = [f"{who}_{w}_{a}.jpg" for who in ("F012", "M03") for w in WORDS for a in ("0", "30L")]
    names += [f"by class/{word}/042-60-1.jpg" for word in WORDS]
    names += [f"short/f07.{code}.1.JPG" for code in ("NE", "Hap", "sa", "ang", "af", "FEA", "su2")]
    names += ["happy/M03_sad_60R.jpg"]  # the name goes before the folder
    kept = len(names)
    names += ["F012_content_0.jpg", "short/f07.con.1.jpg", "by class/pleased/042-30-1.jpg"]
    names += ["F012_happy_sad.jpg", "F012.jpg", "hat and gown.jpg"]
    for number, name in enumerate(names):
        draw(root / "DDCF" / name, number, mode="RGB")
    (root / "DDCF" / "F012_happy_2.jpg").write_bytes(b"")
    return kept, len(names) - kept + 1
