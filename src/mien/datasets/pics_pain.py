"""PICS pain expressions (Stirling): colour portraits of pain and of seven other expressions.

How to get it: download ``pain.zip`` from the 2D face sets of pics.stir.ac.uk; a cropped part of it
is called ``pain_crops``. Layout: ``pain/f1a1.jpg`` and ``pain_crops/f01_a.jpg``: sex, number of the
person, code, and a tail. Names and codes are known from other programs that read the set; what the
tail stands for is not verified. There are 599 pictures.

Traps that are taken care of:

- ``f`` is a sex and the code of fear (``f1f1`` is a frightened woman), ``s`` is surprise and ``sa``
  sadness: the letters after the number are read as one code.
- ``f1`` and ``f01`` are one person; so are the pictures of both folders, which show the same poses.
- Codes that begin with ``p`` are pain, which is none of the seven classes. They are rejected as
  ``no_class``, but see ``pain_as``.
- The Utrecht pictures of the same site (a folder or archive ``utrecht...``) have similar names, but
  whether these tell the expression is not verified. They are rejected as ``no_label``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import labels, reading
from mien.core.errors import ConfigError
from mien.core.tree import Tree
from mien.core.types import Rejection, Sample, SourceInfo

_NAME: Final = re.compile(
    r"^(?P<sex>[fm])(?P<number>\d{1,2})_?(?P<code>[a-z]{1,2}|pain)(?P<tail>[^a-z][^.]*)?\.\w+$",
    re.IGNORECASE,
)
_CODES: Final = {
    "n": "neutral",
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happy",
    "sa": "sadness",
    "s": "surprise",
    "p": None,
}
_UNLABELLED: Final = "utrecht"


@dataclass(frozen=True, kw_only=True)
class PicsPain:
    """Reads the pain expressions of PICS.

    Args:
        pain_as: one of the seven classes, which pictures of pain then count as. This mixes two
            things: pain is no emotion of the seven, and a network taught so calls grimaces of pain
            by that class. It serves to repeat older studies that did it, or to see which class
            pain is taken for. Left out, pain is rejected.

    Raises:
        ConfigError: ``pain_as`` is no class.
    """

    pain_as: str | None = None

    info: ClassVar[SourceInfo] = SourceInfo(
        name="pics-pain",
        title="PICS pain expressions",
        licence="research purposes only",
        commercial_use="no",
        url="http://pics.stir.ac.uk/2D_face_sets.htm",
        citation="Psychological Image Collection at Stirling (PICS): Pain expressions. University "
        "of Stirling.",
        access="Download pain.zip from the 2D face sets of pics.stir.ac.uk.",
        grammar="pain/f1a1.jpg or pain_crops/f01_a.jpg: sex (f m), person, code (n a d f h sa s, "
        "p for pain), and a tail",
        label_map=_CODES,
        verified=False,
    )

    def __post_init__(self) -> None:
        if self.pain_as is not None and self.pain_as not in labels.CLASSES:
            raise ConfigError(
                f"pain_as is one of {', '.join(labels.CLASSES)}, or left out; got {self.pain_as!r}."
            )

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture.

        Raises:
            DataError: ``root`` is not this data set.
        """
        tree = Tree(root, self.info)
        pictures = tree.pictures()
        named = [path for path in pictures if not _is_unlabelled(tree, path)]
        found = dict(reading.matches(tree, _NAME, paths=named)) if named else {}
        for path in pictures:
            if path not in found:
                yield Rejection(path, "no_label", "of the Utrecht pictures, which have no labels")
            elif (match := found[path]) is None:
                yield reading.unmatched(path)
            else:
                yield self._read(tree, path, match)

    def _read(self, tree: Tree, path: str, found: re.Match[str]) -> Sample | Rejection:
        code, sex = found["code"].lower(), found["sex"].lower()
        label = self.pain_as if code.startswith("p") else _CODES.get(code)
        if label is None and code.startswith("p"):
            return Rejection(path, "no_class", "pain; the option pain_as gives it a class")
        if label is None:
            known = " ".join(_CODES)
            return Rejection(path, "unknown_label", f"the code {code!r} is none of {known}")
        return reading.sample(
            tree,
            path,
            label=label,
            subject=f"{sex.upper()}{int(found['number']):02d}",
            gender="female" if sex == "f" else "male",
        )


def _is_unlabelled(tree: Tree, path: str) -> bool:
    folders = [tree.root.name, *path.split("/")[:-1]]
    return any(folder.casefold().startswith(_UNLABELLED) for folder in folders)
