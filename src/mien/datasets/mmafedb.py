"""MMAFEDB (Kaggle): faces from the web in seven classes and three parts, 48x48.

How to get it: download it from Kaggle (mahmoudima, "MMA facial expression"). Layout:
``MMAFEDB/train/angry/*.jpg``, and ``valid`` and ``test`` likewise. It names no people.

**It seems to contain FER2013.** Among its 92,968, 17,356 and 17,356 pictures are 28,709, 3,589 and
3,589 that are stored in colour: exactly the parts of FER2013. So do not train on this set and test
on FER2013 or FER+, nor the other way round, unless what both share has been taken out. The same
picture need not have the same bytes in both: compare pixels or look for near duplicates. This rests
on the counts alone and is not verified picture by picture.
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
class Mmafedb:
    """Reads MMAFEDB."""

    info: ClassVar[SourceInfo] = SourceInfo(
        name="mmafedb",
        title="MMAFEDB",
        licence="stated on Kaggle; rights of the pictures not cleared",
        commercial_use="unknown",
        url="https://www.kaggle.com/datasets/mahmoudima/mma-facial-expression",
        citation="mahmoudima. MMA facial expression. Kaggle.",
        access="Download it from Kaggle, with an account.",
        grammar="train/angry/*.jpg, and valid and test: angry, disgust, fear, happy, neutral, sad, "
        "surprise",
        label_map={
            "angry": "anger",
            "disgust": "disgust",
            "fear": "fear",
            "happy": "happy",
            "neutral": "neutral",
            "sad": "sadness",
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
