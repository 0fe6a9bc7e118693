"""AffectNet (Mollahosseini et al. 2017): about 420,000 web faces, eight classes by annotators.

How to get it: a faculty member signs the agreement at mohammadmahoor.com. The pictures come in
parts of a rar archive: unpack it first. The first of these forms that is found counts:

- ``train_set/images/0.jpg`` with ``train_set/annotations/0_exp.npy``, and ``val_set`` likewise:
  faces cut out, 224x224. The numbers start again in ``val_set``;
- ``labels.csv`` (``pth,label``) with one folder a word, as on Kaggle. The table counts;
- ``training.csv`` and ``validation.csv`` with ``<number>/<hash>.jpg``: nine columns, of which the
  sixth holds landmarks parted by ``;``. Copies without the header line exist and are read too.

Codes from 8 (none, uncertain, no face) are rejected, and so are pictures under a folder whose name
begins with ``Automatically``: a machine labelled them. A box that is NULL or has no area is left
out; the picture stays. People are not named, and some pictures recur.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

import numpy as np

from mien.core import reading
from mien.core.errors import DataError, LabelError
from mien.core.tree import Tree, name_of
from mien.core.types import BBox, Rejection, Sample, SourceInfo

_NAMES: Final = "neutral happy sadness surprise fear disgust anger contempt".split()
_CODES: Final[dict[str, str | None]] = {
    **{str(code): name for code, name in enumerate(_NAMES)},
    **dict.fromkeys(("8", "9", "10")),
}
_HEADER: Final = "subdirectory_filepath"
_LISTS: Final = ("training.csv", "train.csv", "validation.csv", "valid.csv", "val.csv")
_IN_SET: Final = r"(?:^|/)(?P<part>train|val)_set(?:\.[\w.]+!)?/"
_PICTURE: Final = re.compile(_IN_SET + r"images/(?P<number>\d+)\.\w+$", re.IGNORECASE)
_CODE: Final = re.compile(_IN_SET + r"annotations/(?P<number>\d+)_exp\.npy$", re.IGNORECASE)
_GRAMMAR: Final = (
    "training.csv and validation.csv (subDirectory_filePath,face_x,face_y,face_width,face_height,"
    "facial_landmarks,expression,valence,arousal) with pictures 689/<hash>.jpg, or "
    "train_set/images/0.jpg with train_set/annotations/0_exp.npy, or labels.csv (pth,label)"
)


class _Row(NamedTuple):
    """A row of a table: the picture's place, its code or word, its part and its box."""

    place: str
    code: str
    split: str | None
    box: BBox | None


@dataclass(frozen=True, kw_only=True)
class AffectNet:
    """Reads what people labelled of AffectNet."""

    info: ClassVar[SourceInfo] = SourceInfo(
        name="affectnet",
        title="AffectNet",
        licence="non-commercial research under an agreement; no redistribution",
        commercial_use="no",
        url="https://www.mohammadmahoor.com/affectnet/",
        citation="A. Mollahosseini, B. Hasani, M. H. Mahoor. AffectNet: a database for facial "
        "expression, valence, and arousal computing in the wild. IEEE Transactions on Affective "
        "Computing 2017.",
        access="A faculty member signs the agreement on the project's page.",
        grammar=_GRAMMAR,
        label_map=_CODES,
    )

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every row of the tables, then every other picture; or every numbered picture.

        Raises:
            DataError: ``root`` is missing or holds none of the forms.
        """
        tree = Tree(root, self.info)
        codes = [(path, found) for path in tree.paths if (found := _CODE.search(path))]
        if codes:
            yield from _scan_numbered(tree, codes)
            return
        table = tree.find("labels.csv")
        if table is not None:
            rows = [
                _Row(row["pth"], row["label"], _part(row["pth"]), None)
                for row in reading.table_rows(tree, table, ("pth", "label"))
            ]
            yield from _scan_rows(tree, rows)
            return
        lists = tree.named(*_LISTS)
        if not lists:
            tree.demand(_GRAMMAR, *_LISTS)
        yield from _scan_rows(tree, [row for path in lists for row in _manual_rows(tree, path)])


def _scan_rows(tree: Tree, rows: Sequence[_Row]) -> Iterator[Sample | Rejection]:
    by_machine: list[str] = []
    by_people: list[str] = []
    for path in tree.pictures():
        (by_machine if "/automatically" in f"/{path.casefold()}" else by_people).append(path)
    pictures = tree.by_place(by_people)
    codes: dict[str, set[str]] = defaultdict(set)
    matched = total = 0
    for row in rows:
        codes[_key(row.place)].add(row.code.casefold())
        if row.code not in ("8", "9", "10"):  # copies often lack the pictures of these
            total += 1
            matched += _key(row.place) in pictures
    missing = (row.place for row in rows if _key(row.place) not in pictures)
    reading.check_half(matched, total, _GRAMMAR, missing)
    done: set[str] = set()
    for row in rows:
        key = _key(row.place)
        path = pictures.get(key, row.place)
        label, problem = _label(row.code)
        if problem is not None:
            yield Rejection(path, problem, f"it is labelled {row.code!r}")
        elif key not in pictures:
            yield Rejection(path, "no_file", "a table names a missing file")
        elif len(codes[key]) > 1:
            yield Rejection(path, "conflicting_labels", f"rows say {sorted(codes[key])}")
        elif key in done:
            yield Rejection(path, "repeated_row", "a table names it again")
        else:
            yield reading.sample(tree, path, label=label, split=row.split, face_box=row.box)
        done.add(key)
    for key, path in pictures.items():
        if key not in codes:
            yield Rejection(path, "not_listed", "no row of a table names it")
    for path in by_machine:
        yield Rejection(path, "not_selected", "a machine labelled it")


def _scan_numbered(
    tree: Tree, codes: Iterable[tuple[str, re.Match[str]]]
) -> Iterator[Sample | Rejection]:
    paths: dict[tuple[str, int], str] = {}
    for path, found in codes:
        key = found["part"].lower(), int(found["number"])
        if key in paths:
            raise DataError(
                f"{tree.root} holds both {paths[key]} and {path}. An archive may be unpacked "
                "there twice: keep one copy."
            )
        paths[key] = path
    done = set()
    for path, named in reading.matches(tree, _PICTURE, whole=True):
        if named is None:
            yield reading.unmatched(path)
            continue
        key = named["part"].lower(), int(named["number"])
        done.add(key)
        if key not in paths:
            yield Rejection(path, "no_label", f"there is no {key[1]}_exp.npy for it")
            continue
        label, problem = _label(_number(tree.read(paths[key])))
        if problem is not None:
            yield Rejection(path, problem, f"{paths[key]} holds no code of a class")
        else:
            yield reading.sample(tree, path, label=label, split=reading.split_name(key[0]))
    for key, path in paths.items():
        if key not in done:
            yield Rejection(path, "no_file", "there is no picture for this label")


def _manual_rows(tree: Tree, table: str) -> Iterator[_Row]:
    """Yields the rows of a list with or without a header.

    Raises:
        DataError: a row has too few columns.
    """
    split = _part(table)
    order = list(range(7))
    for number, cells in enumerate(_cells(tree, table), 1):
        row = [cell.strip() for cell in cells]
        if row and row[0].casefold() == _HEADER:
            order = _columns(table, row)
        elif len(row) > max(order):
            place, x, y, width, height, _, code = (row[at] for at in order)
            yield _Row(place, code, split, _box(x, y, width, height))
        elif row:
            raise DataError(
                f"{table}, row {number}, has {len(row)} columns. Expected nine: {_GRAMMAR}."
            )


def _cells(tree: Tree, table: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(tree.text(table), newline=""))
    except csv.Error as error:
        raise DataError(f"{table} cannot be read as a CSV file: {error}.") from error


def _columns(table: str, header: list[str]) -> list[int]:
    names = "face_x face_y face_width face_height facial_landmarks expression".split()
    known = [name.casefold() for name in header]
    if missing := [name for name in names if name not in known]:
        raise DataError(f"{table} has no column {', '.join(missing)}. Expected {_GRAMMAR}.")
    return [0, *map(known.index, names)]


def _box(x: str, y: str, width: str, height: str) -> BBox | None:
    try:
        return BBox(float(x), float(y), float(x) + float(width), float(y) + float(height))
    except ValueError:  # NULL, or a box without an area
        return None


def _label(code: str) -> tuple[str | None, str | None]:
    """Returns the class of a code or word; or why there is none."""
    if code in _CODES:
        label = _CODES[code]
        return label, "no_class" if label is None else None
    try:
        return reading.label_of(code), None
    except LabelError:
        return None, "unknown_label" if code else "no_label"


def _number(data: bytes) -> str:
    """Returns the whole number in a npy file, be it a number or text; ``"none"`` if it is none."""
    try:
        value = float(np.lib.format.read_array(io.BytesIO(data), allow_pickle=False).item())
        return str(int(value)) if value == int(value) else str(value)
    except (ValueError, TypeError, OverflowError, MemoryError):
        return "none"


def _key(place: str) -> str:
    return "/".join(place.replace("\\", "/").split("/")[-2:]).casefold()


def _part(path: str) -> str | None:
    folders = path.replace("\\", "/").split("/")
    names = [name_of(path).partition(".")[0], *reversed(folders[:-1])]
    return next(filter(None, map(reading.split_name, names)), None)
