"""Trees in the published layouts, with pictures drawn here: no image of any data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

FERPLUS_HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)
PARTS = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}


@pytest.fixture
def draw() -> Callable[[Path, int], Path]:
    """Returns a function that draws a picture; another number draws another picture."""

    def drawn(path: Path, number: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(path)
        return path

    return drawn


@pytest.fixture
def ferplus(tmp_path: Path, draw: Callable[[Path, int], Path]) -> Callable[..., Path]:
    """Returns a function that writes FER+ from rows of (usage, number, ten votes, own label)."""

    def tree(*rows: tuple[str, int, str, int], root: Path = tmp_path / "ferplus") -> Path:
        root.mkdir(exist_ok=True)
        votes, own = [FERPLUS_HEADER], ["Usage,Image name,emotion"]
        for usage, number, counts, label in rows:
            name = f"fer{number:07}.png"
            draw(root / PARTS[usage] / name, number)
            votes.append(f"{usage},{name},{counts}")
            own.append(f"{usage},{name},{label}")
        (root / "fer2013new.csv").write_text("\n".join(votes) + "\n")
        (root / "fer2013_labels.csv").write_text("\n".join(own) + "\n")
        return root

    return tree
