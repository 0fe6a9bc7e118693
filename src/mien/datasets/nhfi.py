"""NHFI (Kaggle): grey portraits from the web in eight classes, one folder each.

How to get it: download it from Kaggle (sudarshanvaidya, "Natural Human Face Images for Emotion
Recognition"). Layout: ``anger/*.png`` and so on, at times below ``images/``; ``neutrality`` and
``happiness`` are its words for neutral and happy. It has no parts and names no people.

Users found watermarks, drawings and pictures without a face among them; look before you trust it.
Pictures from the web may stand in other sets of that kind too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mien.core import reading
from mien.core.tree import Tree
from mien.core.types import Rejection, Sample, SourceInfo


@dataclass(frozen=True, kw_only=True)
class Nhfi:
    """Reads NHFI."""

    info: ClassVar[SourceInfo] = SourceInfo(
        name="nhfi",
        title="Natural Human Face Images",
        licence="stated on Kaggle; rights of the pictures not cleared",
        commercial_use="unknown",
        url="https://www.kaggle.com/datasets/sudarshanvaidya/"
        "random-images-for-face-emotion-recognition",
        citation="sudarshanvaidya. Natural human face images for emotion recognition. Kaggle.",
        access="Download it from Kaggle, with an account.",
        grammar="one folder a class: anger, contempt, disgust, fear, happiness, neutrality, "
        "sadness, surprise",
        label_map={
            "anger": "anger",
            "contempt": "contempt",
            "disgust": "disgust",
            "fear": "fear",
            "happiness": "happy",
            "neutrality": "neutral",
            "sadness": "sadness",
            "surprise": "surprise",
        },
    )

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture.

        Raises:
            DataError: ``root`` is missing, or fewer than half of its pictures lie in a class's
                folder.
            LabelError: a folder is a bare number.
        """
        yield from reading.foldered(Tree(root, self.info))
