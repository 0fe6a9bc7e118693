"""ExpW, Expression in the Wild (Zhang et al. 2018): 91,793 labelled faces in pictures from the web.

How to get it: from the page of the project, as parts of a 7z archive, which has to be unpacked
first. Layout: ``data/image/origin/*.jpg`` and ``data/label/label.lst`` of eight columns without a
header: ``name face top left right bottom confidence label``.

Traps: the box is *top, left, right, bottom*. A picture may show several faces, so a sample is
named by its picture and box. Names may hold blanks, and begin with the word that was searched for
(``afraid_African_214.jpg``): it says neither the label nor who is shown. Some rows stand there
twice. ``min_confidence`` leaves out boxes that the detector was less sure of. The set has no parts
of its own, and people are not named.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from mien.core import reading
from mien.core.errors import ConfigError
from mien.core.tree import Tree, name_of
from mien.core.types import BBox, Rejection, Sample, SourceInfo

_ORDER: Final = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral")
_CODES: Final = {str(code): name for code, name in enumerate(_ORDER)}
_TABLE: Final = "label.lst"
_ROW: Final = re.compile(
    r"^(?P<name>\S.*?)\s+(?P<face>\d+)\s+(?P<top>-?\d+)\s+(?P<left>-?\d+)\s+(?P<right>-?\d+)"
    r"\s+(?P<bottom>-?\d+)\s+(?P<confidence>-?\d*\.?\d+(?:e[+-]?\d+)?)\s+(?P<code>\d+)$"
)
_GRAMMAR: Final = (
    f"label/{_TABLE} (name face top left right bottom confidence label, parted by blanks) and the "
    "pictures that it names in image/origin"
)


class _Row(NamedTuple):
    """A row of the table: a face."""

    name: str
    corners: tuple[int, int, int, int]
    confidence: float
    code: str


@dataclass(frozen=True, kw_only=True)
class ExpW:
    """Reads ExpW, one sample a face.

    Args:
        min_confidence: faces whose box has a lower confidence are left out; 0 takes all.

    Raises:
        ConfigError: ``min_confidence`` is negative or no number.
    """

    min_confidence: float = 0

    info: ClassVar[SourceInfo] = SourceInfo(
        name="expw",
        title="ExpW",
        licence="non-commercial research; no redistribution",
        commercial_use="no",
        url="http://mmlab.ie.cuhk.edu.hk/projects/socialrelation/index.html",
        citation="Z. Zhang, P. Luo, C. C. Loy, X. Tang. From facial expression recognition to "
        "interpersonal relation prediction. International Journal of Computer Vision 2018.",
        access="Download the parts from the project's page and unpack them.",
        grammar=_GRAMMAR,
        label_map=_CODES,
    )

    def __post_init__(self) -> None:
        if not self.min_confidence >= 0:
            raise ConfigError(f"min_confidence is 0 or more; got {self.min_confidence}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every row of the table, then every picture that no row names.

        Raises:
            DataError: ``root`` is missing or is not ExpW.
        """
        tree = Tree(root, self.info)
        table = tree.demand(_GRAMMAR, _TABLE)
        pictures: dict[str, list[str]] = defaultdict(list)
        for path in tree.pictures():
            pictures[name_of(path).casefold()].append(path)
        rows, odd = _rows(tree, table)
        missing = [row.name for row in rows if row.name.casefold() not in pictures]
        total = len(rows) + len(odd)
        reading.check_half(len(rows) - len(missing), total, _GRAMMAR, missing)
        codes: dict[tuple[str, tuple[int, ...]], set[str]] = defaultdict(set)
        for row in rows:
            codes[_key(row)].add(row.code)
        done: set[tuple[str, tuple[int, ...]]] = set()
        for row in rows:
            paths = pictures.get(row.name.casefold(), [])
            if not paths:
                yield Rejection(row.name, "no_file", "the table names a missing file")
            elif len(paths) > 1:
                yield Rejection(row.name, "ambiguous_name", f"{len(paths)} files have this name")
            elif len(codes[_key(row)]) > 1:
                detail = f"the box {row.corners} has the labels {sorted(codes[_key(row)])}"
                yield Rejection(paths[0], "conflicting_labels", detail)
            elif _key(row) in done:
                yield Rejection(
                    paths[0], "repeated_row", f"the box {row.corners} stands there twice"
                )
            else:
                yield self._face(tree, paths[0], row)
            done.add(_key(row))
        yield from odd
        names = {row.name.casefold() for row in rows}
        for name, paths in pictures.items():
            if name not in names:
                yield from (
                    Rejection(p, "not_listed", f"no row of {table} names it") for p in paths
                )
            elif len(paths) > 1:
                yield from (Rejection(p, "ambiguous_name", "others have this name") for p in paths)

    def _face(self, tree: Tree, path: str, row: _Row) -> Sample | Rejection:
        if row.code not in _CODES:
            return Rejection(path, "unknown_label", f"{row.code!r} is not 0 to 6")
        if self.min_confidence and row.confidence < self.min_confidence:
            detail = f"the confidence {row.confidence} is below {self.min_confidence}"
            return Rejection(path, "not_selected", detail)
        part = ",".join(map(str, row.corners))
        box = BBox(*map(float, row.corners))
        return reading.sample(tree, path, part=part, label=_CODES[row.code], face_box=box)


def _rows(tree: Tree, table: str) -> tuple[list[_Row], list[Rejection]]:
    """Returns the faces of the table, and the rows that follow another grammar."""
    rows: list[_Row] = []
    odd: list[Rejection] = []
    for number, line in enumerate(tree.text(table).splitlines(), 1):
        found = _ROW.match(line.strip())
        if found is None:
            if line.strip():
                odd.append(Rejection(f"{table}:{number}", "unmatched", f"the row is {line!r}"))
            continue
        x1, y1, x2, y2 = (int(found[side]) for side in ("left", "top", "right", "bottom"))
        if x2 <= x1 or y2 <= y1:
            odd.append(Rejection(f"{table}:{number}", "unmatched", "its box has no area"))
            continue
        confidence = float(found["confidence"])
        rows.append(_Row(found["name"], (x1, y1, x2, y2), confidence, found["code"]))
    return rows, odd


def _key(row: _Row) -> tuple[str, tuple[int, ...]]:
    return row.name.casefold(), row.corners
