"""FER2013 (Goodfellow et al. 2013): 35,887 web faces, 48x48 grey, seven classes.

How to get it: from the challenge "Representation Learning: Facial Expression Recognition" (ICML
2013). Two forms are read:

- ``FER2013Train/*.png``, ``FER2013Valid/*.png`` (and ``FER2013Test``) with
  ``fer2013_labels.csv``: ``Usage,Image name,emotion``;
- ``train/<class>/*.jpg`` and ``test/<class>/*.jpg`` (or ``0`` to ``6`` for the class).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import reading
from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.core.types import Rejection, Sample, SourceInfo

_ORDER: Final = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral")
_BY_DIGIT: Final = {str(digit): name for digit, name in enumerate(_ORDER)}
_FOLDER: Final = {
    "Training": "FER2013Train",
    "PublicTest": "FER2013Valid",
    "PrivateTest": "FER2013Test",
}
_TABLE: Final = "fer2013_labels.csv"
_GRAMMAR: Final = (
    f"{_TABLE} (Usage,Image name,emotion) beside FER2013Train/fer0000000.png, "
    "FER2013Valid/... , or folders train/<class>/*.jpg and test/<class>/*.jpg"
)


@dataclass(frozen=True, kw_only=True)
class Fer2013:
    """Reads FER2013 with its own labels."""

    info: ClassVar[SourceInfo] = SourceInfo(
        name="fer2013",
        title="FER2013",
        licence="research use; the rights to the web images are not cleared",
        commercial_use="unknown",
        url="https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-"
        "recognition-challenge",
        citation="I. J. Goodfellow et al. Challenges in representation learning: a report on "
        "three machine learning contests. ICONIP 2013.",
    )

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every table row, then every picture that no row names; or every foldered picture.

        Raises:
            DataError: ``root`` is missing or holds neither form.
        """
        reading.check_root(root, self.info)
        table = reading.find_table(root, _TABLE)
        return self._scan_folders(root) if table is None else self._scan_table(root, table)

    def _scan_table(self, root: Path, table: Path) -> Iterator[Sample | Rejection]:
        pictures = reading.pictures_by_place(root)
        rows = [
            (_FOLDER.get(row["Usage"], row["Usage"]), row["Image name"], row["emotion"])
            for row in reading.read_table(table, ("Usage", "Image name", "emotion"))
        ]
        keys = [f"{folder}/{name}".casefold() for folder, name, _ in rows]
        missing = [key for key in keys if key not in pictures]
        reading.check_half(len(rows) - len(missing), len(rows), _GRAMMAR, missing)
        uses = Counter(keys)
        for key, (folder, name, digit) in zip(keys, rows, strict=True):
            if not name:
                yield Rejection(f"{folder}/", "no_name", "the row names no image")
            elif key not in pictures:
                yield Rejection(f"{folder}/{name}", "no_file", "the table names a missing file")
            elif uses[key] > 1:
                yield Rejection(pictures[key], "ambiguous_name", f"{uses[key]} rows name it")
            elif digit not in _BY_DIGIT:
                yield Rejection(pictures[key], "unknown_label", f"{digit!r} is not 0 to 6")
            else:
                yield self._sample(root, pictures[key], _BY_DIGIT[digit])
        for key, path in pictures.items():
            if key not in uses:
                yield Rejection(path, "not_listed", f"no row of {_TABLE} names it")

    def _scan_folders(self, root: Path) -> Iterator[Sample | Rejection]:
        pictures = reading.picture_paths(root)
        found = [reading.class_and_split(path, _BY_DIGIT)[0] for path in pictures]
        strays = [path for path, label in zip(pictures, found, strict=True) if label is None]
        reading.check_half(len(found) - len(strays), len(found), _GRAMMAR, strays)
        for path, label in zip(pictures, found, strict=True):
            if label is None:
                yield Rejection(path, "no_class_folder", "no folder above it is a class")
            elif label not in CLASSES:
                yield Rejection(path, "unknown_label", f"FER2013 has no class {label}")
            else:
                yield self._sample(root, path, label)

    def _sample(self, root: Path, path: str, label: str) -> Sample | Rejection:
        found = reading.identify(root, path)
        if isinstance(found, Rejection):
            return found
        return Sample(
            id=found,
            path=path,
            dataset=self.info.name,
            licence=self.info.licence,
            label=label,
            split=_split(path),
        )


def _split(path: str) -> str:
    # Pictures named after their usage tell the public from the private half of ``test/``.
    usage = reading.split_name(path.rpartition("/")[2].partition("_")[0])
    split = usage or reading.class_and_split(path, _BY_DIGIT)[1]
    if split is None:
        raise DataError(f"{path} lies in no part of FER2013. Expected {_GRAMMAR}.")
    return split
