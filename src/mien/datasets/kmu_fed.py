"""KMU-FED (Jeong and Ko 2018): 1,100 frames of twelve drivers, six classes, no neutral.

How to get it: ask on the page of the university. Layout: one folder of ``01_AN_mr_005.jpg``
(driver, expression, initials, frame), 1600x1200, taken in a car.

Traps: six files ``1_AN_mr_001.jpg`` to ``006`` are copies of the first driver's frames; they are
rejected as ``known_copy``, wherever a picture of the same content has the two-digit name. Without
its leading zero a driver is the same driver. Not every driver shows every class. The frames of one
driver, expression and initials are one sequence.

The pictures look like near infrared. No public description says so for certain, so ``light`` is
left open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import reading
from mien.core.tree import Tree
from mien.core.types import Rejection, Sample, SourceInfo

_NAME: Final = re.compile(
    r"^(?P<subject>\d{1,2})_(?P<expr>AN|DI|FE|HA|SA|SU)_(?P<person>[A-Za-z]+)_(?P<frame>\d{3})"
    r"\.(?:jpe?g|png|bmp)$",
    re.IGNORECASE,
)
_CODES: Final = {
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happy",
    "SA": "sadness",
    "SU": "surprise",
}


@dataclass(frozen=True, kw_only=True)
class KmuFed:
    """Reads KMU-FED."""

    info: ClassVar[SourceInfo] = SourceInfo(
        name="kmu-fed",
        title="KMU-FED",
        licence="research use on request; no redistribution",
        commercial_use="no",
        url="https://cvpr.kmu.ac.kr/KMU-FED.htm",
        citation="M. Jeong, B. C. Ko. Driver's facial expression recognition in real-time for "
        "safe driving. Sensors 2018.",
        access="Ask on the page of Keimyung University's laboratory.",
        grammar="01_AN_mr_005.jpg: driver, expression (AN DI FE HA SA SU), initials, frame",
        label_map=_CODES,
    )

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture.

        Raises:
            DataError: ``root`` is not KMU-FED.
        """
        tree = Tree(root, self.info)
        found = reading.matches(tree, _NAME)
        # Names of two digits go first, so that a copy is told by its shorter name.
        found.sort(key=lambda item: item[1] is not None and len(item[1]["subject"]) < 2)
        kept: dict[str, str] = {}
        for path, match in found:
            if match is None:
                yield reading.unmatched(path)
                continue
            item = self._sample(tree, path, match)
            if isinstance(item, Sample) and len(match["subject"]) < 2 and item.id in kept:
                yield Rejection(path, "known_copy", f"it is a copy of {kept[item.id]}", item.id)
                continue
            if isinstance(item, Sample):
                kept.setdefault(item.id, path)
            yield item

    def _sample(self, tree: Tree, path: str, match: re.Match[str]) -> Sample | Rejection:
        subject, expr = f"{int(match['subject']):02}", match["expr"].upper()
        return reading.sample(
            tree,
            path,
            label=_CODES[expr],
            subject=subject,
            sequence=f"{subject}_{expr}_{match['person'].lower()}",
            frame=int(match["frame"]),
        )
