"""RaFD: eight expressions, three gazes, five cameras, children, and copies with other names."""

from __future__ import annotations

from pathlib import Path

from trees import draw

EXPRESSIONS = (
    "angry", "contemptuous", "disgusted", "fearful", "happy", "neutral", "sad", "surprised",
)  # fmt: skip
GAZES = ("frontal", "left", "right")


def build(root: Path) -> tuple[int, int]:
    """Writes two models from the front in full, some from the side, and strays."""
    home = root / "RafDDownload-1"
    models = ("01_Caucasian_female", "64_Kid_male")
    names = [f"Rafd090_{m}_{e}_{g}.jpg" for m in models for e in EXPRESSIONS for g in GAZES]
    names += [
        "cropped_151_159_Rafd090_12_Caucasian_female_happy_left.png",
        "rafd090_73_moroccan_male_SAD_frontal.JPG",
    ]
    kept = len(names)
    names += [f"Rafd{a}_29_Moroccan_male_neutral_frontal.jpg" for a in ("000", "045", "135", "180")]
    names += [f"Rafd090_{number}_Caucasian_male_happy_frontal.jpg" for number in ("00", "06", "74")]
    names += ["Rafd090_02_Caucasian_female_bored_frontal.jpg", "calibration.jpg"]
    for number, name in enumerate(names):
        draw(home / name, number, mode="RGB")
    (home / "Rafd090_03_Caucasian_male_happy_left.jpg").write_bytes(b"")
    (home / ".DS_Store").write_bytes(b"\0")
    return kept, len(names) - kept + 1
