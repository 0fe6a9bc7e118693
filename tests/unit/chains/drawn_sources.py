"""Data sets drawn here, and the settings of a chain over them: bars whose angle is the class."""

from pathlib import Path

import cv2
import numpy as np

from mien.core.labels import CLASSES
from tests.unit.models.synthetic import chip

COUNTS = {"one": 12, "two": 8, "few": 1}
"""Pictures a class, by source."""
CHAIN = """
[crop]
jobs = 1
detectors = { default = ["full-frame"] }

[split]
unseen = ["two"]
test_share = 0.2
dev_share = 0.2
near_duplicates = false

[train]
name = "drawn"
network = "mienet-tiny"
threads = 1
loggers = []
augment = "none"
preprocess = { input_size = 24 }

[train.recipe]
epochs = 1
balanced_epochs = 0
batch_size = 32
precision = "32-true"

[export]
faces = 4
calibration_faces = 4

[evaluate]
resamples = 10
min_class_count = 1
"""


def sources(root: Path) -> str:
    """Draws the data sets under a folder and returns the section that merges them."""
    random = np.random.default_rng(3)
    lines = []
    for name, count in COUNTS.items():
        for kind, label in enumerate(CLASSES):
            folder = root / name / label
            folder.mkdir(parents=True)
            for number in range(count):
                picture = cv2.resize(chip(kind, random), (48, 48), interpolation=cv2.INTER_AREA)
                cv2.imwrite(str(folder / f"{number}.png"), picture)
        place = (root / name).as_posix()
        lines.append(f'{{ reader = "generic", name = "{name}", root = "{place}" }},')
    for number in range(3):
        folder = root / "blind" / "whoever"
        folder.mkdir(parents=True, exist_ok=True)
        noise = random.integers(0, 256, (48, 48), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), noise)
    lines.append(
        f'{{ reader = "generic", name = "blind", root = "{(root / "blind").as_posix()}", '
        'options = { pattern = "whoever" } },'
    )
    return "[merge]\nsources = [\n" + "\n".join(lines) + "\n]\n"
