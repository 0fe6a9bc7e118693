"""FER2013 (Goodfellow et al. 2013): 35,887 web faces, 48x48 grey, seven classes.

How to get it: from the challenge "Representation Learning: Facial Expression Recognition" (ICML
2013) on Kaggle; name its folder or archive as the root. The first of these forms that is found
counts:

- ``FER2013Train/*.png``, ``FER2013Valid/*.png`` (and ``FER2013Test``) with
  ``fer2013_labels.csv``: ``Usage,Image name,emotion``;
- ``fer2013.csv``, else ``icml_face_data.csv`` (both ``emotion,pixels,Usage``, the latter with
  blanks before the names), else ``train.csv`` (``emotion,pixels``) with ``test.csv`` (``pixels``
  alone, so unlabelled). A picture's path is that of its row: ``fer2013.csv!/12``;
- ``train/<class>/*.jpg`` and ``test/<class>/*.jpg`` (or ``0`` to ``6`` for the class). The number
  in ``Training_3908.jpg`` is no row of the table: this form has lost their order.

Eleven of the pictures are of one grey value, and row 59 of the table (from 0) shows no face. They
are passed on like any other, since cropping finds no face in them. Pictures recur across the parts,
people are not named, and the labels are known to be noisy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import reading
from mien.core.archives import INSIDE
from mien.core.errors import DataError
from mien.core.images import EXTENSIONS
from mien.core.labels import CLASSES
from mien.core.tree import Tree, name_of, pixel_table, suffix
from mien.core.types import Rejection, Sample, SourceInfo

_ORDER: Final = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral")
_BY_DIGIT: Final = {str(digit): name for digit, name in enumerate(_ORDER)}
_FOLDER: Final = {
    "Training": "FER2013Train",
    "PublicTest": "FER2013Valid",
    "PrivateTest": "FER2013Test",
}
_TABLE: Final = "fer2013_labels.csv"
_PIXELS: Final = ("fer2013.csv", "icml_face_data.csv")
_GRAMMAR: Final = (
    f"{_TABLE} (Usage,Image name,emotion) beside FER2013Train/fer0000000.png, "
    f"FER2013Valid/... , or {_PIXELS[0]} (emotion,pixels,Usage), or folders train/<class>/*.jpg "
    "and test/<class>/*.jpg"
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
        access="Log in to Kaggle and accept the rules of the challenge.",
        grammar=_GRAMMAR,
        label_map=_BY_DIGIT,
    )

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every table row, then every picture that no row names; or every foldered picture.

        Raises:
            DataError: ``root`` is missing or holds none of the forms.
        """
        tree = Tree(root, self.info)
        table = tree.find(_TABLE)
        if table is not None:
            yield from self._scan_table(tree, table)
        elif tables := _pixel_tables(tree):
            for table in tables:
                yield from self._scan_pixels(tree, table)
            for path in tree.paths:
                if suffix(path) in EXTENSIONS:
                    yield Rejection(path, "not_selected", f"{tables[0]} is read instead")
        else:
            yield from self._scan_folders(tree)

    def _scan_table(self, tree: Tree, table: str) -> Iterator[Sample | Rejection]:
        pictures = tree.by_place()
        rows = [
            (_FOLDER.get(row["Usage"], row["Usage"]), row["Image name"], row["emotion"])
            for row in reading.table_rows(tree, table, ("Usage", "Image name", "emotion"))
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
                yield self._sample(tree, pictures[key], _BY_DIGIT[digit])
        for key, path in pictures.items():
            if key not in uses:
                yield Rejection(path, "not_listed", f"no row of {_TABLE} names it")

    def _scan_pixels(self, tree: Tree, table: str) -> Iterator[Sample | Rejection]:
        rows = pixel_table(tree.root, table).rows
        part = reading.split_name(Path(name_of(table)).stem)
        found = [_pixel_row(row, part) for row in rows]
        odd = [f"row {n}: {item[1]}" for n, item in enumerate(found) if isinstance(item[0], str)]
        reading.check_half(len(found) - len(odd), len(found), _GRAMMAR, odd)
        for number, (reason, text, split) in enumerate(found):
            path = f"{table}{INSIDE}{number}"
            if reason is not None:
                yield Rejection(path, reason, text)
                continue
            yield reading.sample(tree, path, label=_BY_DIGIT.get(text), split=split)

    def _scan_folders(self, tree: Tree) -> Iterator[Sample | Rejection]:
        for path, label, _ in reading.in_class_folders(tree, _BY_DIGIT):
            if label is None:
                yield reading.no_class_folder(path)
            elif label not in CLASSES:
                yield Rejection(path, "unknown_label", f"FER2013 has no class {label}")
            else:
                yield self._sample(tree, path, label)

    def _sample(self, tree: Tree, path: str, label: str) -> Sample | Rejection:
        return reading.sample(tree, path, label=label, split=_split(path))


def _pixel_tables(tree: Tree) -> list[str]:
    """Returns the tables of pixels to read: one, or ``train.csv`` with or without ``test.csv``."""
    for name in _PIXELS:
        path = tree.find(name)
        if path is not None:
            return [path]
    found = [path for path in (tree.find("train.csv"), tree.find("test.csv")) if path is not None]
    return found if found and all(_has_pixels(tree, path) for path in found) else []


def _has_pixels(tree: Tree, path: str) -> bool:
    # A table of another set may have this name too, beside folders of pictures.
    try:
        pixel_table(tree.root, path)
    except DataError:
        return False
    return True


def _pixel_row(row: dict[str, str], part: str | None) -> tuple[str | None, str, str | None]:
    """Returns why a row is rejected (or None), the detail or its label's digit, and its part.

    Args:
        row: the columns but for the pixels.
        part: the part that the table's name states, if any; the part ``test`` has no labels.
    """
    values = {name.casefold(): value for name, value in row.items()}
    usage, digit = values.get("usage", ""), values.get("emotion", "")
    split = part or reading.split_name(usage)
    if split is None:
        return "unmatched", f"the usage {usage!r} is not known", None
    if digit in _BY_DIGIT or (part == "test" and not digit):
        return None, digit, split
    if not digit:
        return "no_label", "the row has no emotion", None
    return "unknown_label", f"{digit!r} is not 0 to 6", None


def _split(path: str) -> str:
    # Pictures named after their usage tell the public from the private half of ``test/``.
    usage = reading.split_name(name_of(path).partition("_")[0])
    split = usage or reading.class_and_split(path, _BY_DIGIT)[1]
    if split is None:
        raise DataError(f"{path} lies in no part of FER2013. Expected {_GRAMMAR}.")
    return split
