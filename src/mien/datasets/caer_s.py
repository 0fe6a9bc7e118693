"""CAER-S (Lee et al. 2019): still frames of television shows in seven classes, with their scenes.

How to get it: ask for it at caer-dataset.github.io; the reader takes the unpacked ``CAER-S`` or its
archive. Layout: ``train/Anger/0001.png`` and ``test/...``, in any case and with ``Angry`` too.

The frames show people in their surroundings, so a detector has to find the faces; a frame with
several people has one label. Nothing tells which frames come from one clip, and one clip
may lie on both sides of its own train and test parts: a result on them may look too good.
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
class CaerS:
    """Reads CAER-S."""

    info: ClassVar[SourceInfo] = SourceInfo(
        name="caer-s",
        title="CAER-S",
        licence="research only",
        commercial_use="no",
        url="https://caer-dataset.github.io",
        citation="J. Lee et al. Context-aware emotion recognition networks. ICCV 2019.",
        access="Ask for it at caer-dataset.github.io, for research.",
        grammar="train/Anger/0001.png and test/Anger/0001.png: Anger, Disgust, Fear, Happy, "
        "Neutral, Sad, Surprise",
        label_map={
            "Anger": "anger",
            "Disgust": "disgust",
            "Fear": "fear",
            "Happy": "happy",
            "Neutral": "neutral",
            "Sad": "sadness",
            "Surprise": "surprise",
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
