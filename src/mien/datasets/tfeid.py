"""TFEID (Chen and Yen 2007): 40 Taiwanese models, six expressions, neutral and contempt.

How to get it: ask the Brain Mapping Laboratory of National Yang-Ming University, Taipei
(bml.ym.edu.tw/tfeid, tfeidnycu@gmail.com). Copies hold one folder a class (``Anger``, ``Contempt``,
``Disgust``, ...), which is what this reader takes.

The layout is **not verified**: no public description of the file names was found, so nothing is
read from them. With ``subject_pattern`` you say where the model stands in them; without it no
subject is known, and one person may land on both sides of a split.

Not to be confused with the Taiwanese set of NTU (about 1,230 pictures and ``Image_info.xls``),
which is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import reading
from mien.core.errors import DataError
from mien.core.tree import Tree
from mien.core.types import Rejection, Sample, SourceInfo

_NTU: Final = ("Image_info.xls", "Image_info.xlsx")


@dataclass(frozen=True, kw_only=True)
class Tfeid:
    """Reads TFEID from folders named after its classes.

    Args:
        subject_pattern: a regular expression with the named group ``subject``, searched in each
            path below the root whatever the case, such as ``'/(?P<subject>[fm][0-9]+)_[^/]*$'``.
            A picture that it does not fit is rejected. Empty: no subject is read.

    Raises:
        ConfigError: it is no regular expression or lacks the group.
    """

    subject_pattern: str = ""

    info: ClassVar[SourceInfo] = SourceInfo(
        name="tfeid",
        title="Taiwanese Facial Expression Image Database",
        licence="academic research on request",
        commercial_use="no",
        url="http://bml.ym.edu.tw/tfeid",
        citation="L.-F. Chen, Y.-S. Yen. Taiwanese Facial Expression Image Database. Brain Mapping "
        "Laboratory, National Yang-Ming University, Taipei, 2007.",
        access="Ask the Brain Mapping Laboratory by e-mail (tfeidnycu@gmail.com).",
        grammar="one folder a class, such as Anger/, Contempt/, Happiness/ (not verified)",
        label_map={
            "neutral": "neutral",
            "angry": "anger",
            "contempt": "contempt",
            "disgust": "disgust",
            "fear": "fear",
            "happy": "happy",
            "sad": "sadness",
            "surprise": "surprise",
        },
        verified=False,
    )

    def __post_init__(self) -> None:
        reading.pattern("subject_pattern", self.subject_pattern, "subject")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture.

        Raises:
            DataError: ``root`` is missing or is the set of NTU; fewer than half of its pictures
                lie in a class's folder or fit ``subject_pattern``.
            LabelError: a folder is a bare number.
        """
        tree = Tree(root, self.info)
        if ntu := tree.named(*_NTU):
            raise DataError(
                f"{root} holds {ntu[0]}, so it is the Taiwanese set of NTU, not TFEID. The reader "
                "'generic' can read it, once that table is a CSV file."
            )
        found = [(path, *reading.class_and_split(path)) for path in tree.pictures()]
        strays = [path for path, label, _ in found if label is None]
        reading.check_half(len(found) - len(strays), len(found), self.info.grammar, strays)
        subjects = self._subjects(tree, [path for path, label, _ in found if label is not None])
        for path, label, split in found:
            if label is None:
                yield Rejection(path, "no_class_folder", "no folder above it is a class")
            elif path not in subjects:
                yield Rejection(path, "unmatched", "subject_pattern does not fit its path")
            else:
                yield reading.sample(
                    tree,
                    path,
                    label=label,
                    split=split,
                    subject=subjects[path],
                    ethnicity="Taiwanese",
                )

    def _subjects(self, tree: Tree, paths: list[str]) -> dict[str, str | None]:
        """Returns the subject of each path that ``subject_pattern`` fits."""
        if not self.subject_pattern:
            return dict.fromkeys(paths)
        pattern = re.compile(self.subject_pattern, re.IGNORECASE)
        matches = ((path, pattern.search(path)) for path in paths)
        found = {path: match["subject"] for path, match in matches if match and match["subject"]}
        strays = [path for path in paths if path not in found]
        grammar = f"paths that subject_pattern fits ({self.subject_pattern})"
        reading.check_half(len(found), len(paths), grammar, strays)
        return found
