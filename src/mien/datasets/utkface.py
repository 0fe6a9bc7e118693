"""UTKFace (Zhang et al. 2017): 23,708 faces with age, gender and one of five races.

How to get it: from the project's page. Layout: ``<age>_<gender>_<race>_<date and time>``, with
``.jpg.chip.jpg`` for faces that were cut out and aligned (200x200) and ``.jpg`` for the pictures
that they came from. Keep one of both kinds, or people are there twice.

There is no expression: the samples are unlabelled, to audit how a model treats groups of people.
Age, gender and race were estimated by a model and checked by people. Trap: three names lack a field
(``39_1_20170116174525125.jpg.chip.jpg`` and two more) and are rejected.
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
    r"^(?P<age>\d{1,3})_(?P<gender>[01])_(?P<race>[0-4])_\d{14,17}\.jpg(?:\.chip\.jpg)?$",
    re.IGNORECASE,
)
_GENDERS: Final = ("male", "female")
_RACES: Final = ("White", "Black", "Asian", "Indian", "other")


@dataclass(frozen=True, kw_only=True)
class UtkFace:
    """Reads UTKFace, unlabelled."""

    info: ClassVar[SourceInfo] = SourceInfo(
        name="utkface",
        title="UTKFace",
        licence="non-commercial research; the rights to the web images are not cleared",
        commercial_use="no",
        url="https://susanqq.github.io/UTKFace/",
        citation="Z. Zhang, Y. Song, H. Qi. Age progression/regression by conditional adversarial "
        "autoencoder. CVPR 2017.",
        access="Download it by the links of the project's page.",
        grammar="26_1_2_20170116184024662.jpg.chip.jpg: age, gender (0 or 1), race (0 to 4), date "
        "and time; or the same without .chip.jpg",
        audit_only=True,
    )

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture.

        Raises:
            DataError: ``root`` is not UTKFace.
        """
        tree = Tree(root, self.info)
        for path, found in reading.matches(tree, _NAME):
            if found is None:
                yield reading.unmatched(path)
                continue
            yield reading.sample(
                tree,
                path,
                gender=_GENDERS[int(found["gender"])],
                age=str(int(found["age"])),
                ethnicity=_RACES[int(found["race"])],
            )
