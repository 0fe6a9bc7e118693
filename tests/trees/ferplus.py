"""FER+: votes beside folders of pictures, with nameless, repeated, missing and unlisted ones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from trees import draw

HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)
PARTS = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}
NO_FACE = "0,0,0,0,0,0,0,0,0,10"


def write(root: Path, rows: Iterable[tuple[str, int, str, int]]) -> Path:
    """Writes FER+ from rows of (usage, number, ten votes, FER2013's own label)."""
    root.mkdir(parents=True, exist_ok=True)
    votes, own = [HEADER], ["Usage,Image name,emotion"]
    for usage, number, counts, label in rows:
        name = f"fer{number:07}.png"
        draw(root / PARTS[usage] / name, number)
        votes.append(f"{usage},{name},{counts}")
        own.append(f"{usage},{name},{label}")
    (root / "fer2013new.csv").write_text("\n".join(votes) + "\n")
    (root / "fer2013_labels.csv").write_text("\n".join(own) + "\n")
    return root


def votes_for(column: int) -> str:
    """Returns ten votes of which eight are for one column."""
    counts = [0] * 10
    counts[column], counts[(column + 1) % 10] = 8, 2
    return ",".join(map(str, counts))


def build(root: Path) -> tuple[int, int]:
    """Writes a majority for each column in each part, one row without, and five odd ones."""
    rows = [
        (usage, 20 * part + column, votes_for(column), 3)
        for part, usage in enumerate(PARTS)
        for column in range(10)
    ]
    write(root, [*rows, ("Training", 15, "4,0,0,1,3,2,0,0,0,0", 0)])
    table = root / "fer2013new.csv"
    odd = [f"Training,,{NO_FACE}", f"Training,fer0000099.png,{votes_for(1)}"]
    odd += [f"Training,fer0000098.png,{votes_for(column)}" for column in (1, 2)]
    draw(root / "FER2013Train" / "fer0000098.png", 98)
    draw(root / "FER2013Train" / "fer0000097.png", 97)
    table.write_text(table.read_text() + "\n".join(odd) + "\n")
    return 31, 5
