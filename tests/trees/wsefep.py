"""WSEFEP: the exported sheet with its odd rows, and pictures whose names tell no expression."""

from __future__ import annotations

from pathlib import Path

from trees import draw

TABLE = "WSEFEP - norms & FACS - Arkusz1.csv"
DISPLAYS = {
    "anger": "anger", "disgust": "disgust", "fear": "fear", "joy": "happy", "neutral": "neutral",
    "sadness": "sadness", "surprise": "surprise",
}  # fmt: skip
PEOPLE = ("AG", "MK")


def rows() -> list[str]:
    """Returns the rows that have a picture and a label."""
    return [
        f"{who}_{number:04d}{ending},{display},{agreement}"
        for i, who in enumerate(PEOPLE)
        for number, (display, agreement, ending) in enumerate(
            zip(
                DISPLAYS,
                ("98.5", "71.0", '"65,5"', "100", "90 %", "", "80"),
                (".jpg", "", ".JPG ", " ", "", "", ""),
                strict=True,
            ),
            10 * i,
        )
    ]


def build(root: Path) -> tuple[int, int]:
    """Writes two people and every kind of odd row and picture."""
    odd = [
        "zz_0001,boredom,10", "zz_0002,,50", "zz_0003,joy,50", "zz_0003,fear,50",
        "zz_0004,Joy,50", "ZZ_0004.jpg,joy,50", "zz_0005,joy,50", "zz_0006,joy,50",
        ",mean,81.2", ",,",
    ]  # fmt: skip
    names = [line.split(",")[0].split(".")[0].strip() for line in rows()]
    names += ["zz_0001", "zz_0002", "zz_0003", "zz_0004", "zz_0007"]
    for number, name in enumerate(names):
        draw(root / "WSEFEP_v101_hq" / f"{name}.jpg", number, mode="RGB")
    draw(root / "WSEFEP_v101_hq" / "zz_0006.jpg", 90)
    draw(root / "WSEFEP_v101_hq" / "zz_0006.png", 91)
    header = "No,Picture ID , Display,Agreement (%)"
    lines = [header, *(f"{i},{line}" for i, line in enumerate([*rows(), *odd[:-1]])), f",{odd[-1]}"]
    (root / TABLE).write_text("\n".join(lines) + "\n", "utf-8")
    (root / "WSEFEP - norms & FACS.xlsx").write_bytes(b"PK\3\4")
    # boredom, no display, two displays, its second row, no picture, two pictures, no id, no row
    return len(rows()) + 1, 1 + 1 + 1 + 1 + 1 + 2 + 1 + 1
