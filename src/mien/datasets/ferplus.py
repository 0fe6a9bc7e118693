"""FER+ (Barsoum et al. 2016): ten crowd votes for each image of FER2013.

How to get it: the votes (``fer2013new.csv``) from github.com/microsoft/FERPlus, the images from
FER2013. The first of these forms that is found counts:

- folders ``FER2013Train``, ``FER2013Valid`` (and ``FER2013Test``) of ``ferXXXXXXX.png``, as FER+'s
  own script writes them, beside ``fer2013new.csv``; joined by name, but for the four names that
  stand in two rows each: both are rejected;
- ``fer2013new.csv`` and ``fer2013.csv``, the table of pixels; joined row by row. A name is *not*
  the number of its row: rows without a name (all voters saw no face) shift those that follow;
- the same folders, each with a ``label.csv`` without header: name, box of the whole picture, votes.

``rule`` says how votes become a label. Classes with a single vote are set to 0 first (but not for
``argmax``). In brackets the training and validation images that a rule keeps, of eight classes:

- ``majority``: a class with more than half is the label; an image without one stays, unlabelled,
  with its votes (25,060 and 3,199 have one).
- ``probability``: the classes with most votes, ties together, until they hold three quarters or
  are three, with their shares; refused are more than three, or half or less (27,956 and 3,505).
- ``multi-target``: each class with three tenths or more, in equal shares; refused if they hold half
  or less (27,671 and 3,472). For these two the label is the majority's, if there is one.
- ``argmax``: the most votes (28,389 and 3,553); a tie, of 1,449 and 157, goes to the first column.

The last three also refuse unknown or no face on top; what they refuse is ``no_class``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from mien.core import reading
from mien.core.archives import INSIDE
from mien.core.errors import ConfigError, DataError
from mien.core.images import EXTENSIONS
from mien.core.labels import CLASSES, CONTEMPT
from mien.core.tree import Tree, pixel_table, suffix
from mien.core.types import Rejection, Sample, SourceInfo

VOTED: Final = ("neutral", "happy", "surprise", "sadness", "anger", "disgust", "fear", CONTEMPT)
"""FER+'s first eight columns, in its order; ``unknown`` and ``NF`` (no face) follow."""
RULES: Final = ("majority", "probability", "multi-target", "argmax")
"""How votes may become a label."""
_COLUMNS: Final = tuple(
    "neutral happiness surprise sadness anger disgust fear contempt unknown NF".split()
)
_OWN: Final = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral")
_PARTS: Final = {
    "Training": "FER2013Train",
    "PublicTest": "FER2013Valid",
    "PrivateTest": "FER2013Test",
}
_TABLE: Final = "fer2013new.csv"
_PIXELS: Final = "fer2013.csv"
_PART_TABLE: Final = "label.csv"
_OWN_TABLE: Final = "fer2013_labels.csv"
_GRAMMAR: Final = (
    f"{_TABLE} (Usage,Image name,{','.join(_COLUMNS)}) and folders FER2013Train, FER2013Valid "
    f"of fer0000000.png, or {_PIXELS} beside it"
)


class _Row(NamedTuple):
    """A row of votes: the picture's place, name and part, the votes, and where the row stands."""

    key: str
    name: str
    usage: str
    votes: Sequence[str]
    where: str


@dataclass(frozen=True, kw_only=True)
class FerPlus:
    """Reads FER+.

    Args:
        own_label_weight: how much of FER2013's own label (``fer2013_labels.csv``, or the table of
            pixels) is mixed into the votes, 0 to 1.
        rule: how votes become a label: one of `RULES`.

    Raises:
        ConfigError: an option is out of range.
    """

    own_label_weight: float = 0.0
    rule: str = "majority"

    info: ClassVar[SourceInfo] = SourceInfo(
        name="ferplus",
        title="FER+",
        licence="votes: MIT (Microsoft); images: FER2013, research use, rights not cleared",
        commercial_use="unknown",
        url="https://github.com/microsoft/FERPlus",
        citation="E. Barsoum et al. Training deep networks for facial expression recognition "
        "with crowd-sourced label distribution. ICMI 2016.",
        access="Clone the repository for the votes, and get the images from FER2013.",
        grammar=_GRAMMAR,
        label_map=dict(zip(_COLUMNS, (*VOTED, None, None), strict=True)),
    )

    def __post_init__(self) -> None:
        if not 0 <= self.own_label_weight <= 1:
            raise ConfigError(f"own_label_weight is 0 to 1; got {self.own_label_weight}.")
        if self.rule not in RULES:
            raise ConfigError(f"The rule {self.rule!r} is not known. Known: {', '.join(RULES)}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every row of the votes, then every picture that no row names.

        Raises:
            DataError: ``root`` is missing or is not FER+, or a row breaks the table's grammar.
        """
        tree = Tree(root, self.info)
        table = tree.find(_TABLE)
        parts = [] if table else tree.named(_PART_TABLE)
        rows = [row for path in parts for row in _part_rows(tree, path)]
        if not parts:
            rows = _rows(tree, tree.demand(_GRAMMAR, _TABLE))
        pictures = tree.by_place([path for path in tree.paths if suffix(path) in EXTENSIONS])
        listed = {row.key for row in rows}
        pixels = tree.find(_PIXELS) if table else None
        if pixels and not listed & pictures.keys():
            yield from self._by_position(tree, rows, pixels)
        else:
            yield from self._by_name(tree, rows, pictures or tree.by_place())
        for key, path in pictures.items():
            if key not in listed:
                yield Rejection(path, "not_listed", f"no row of {table or _PART_TABLE} names it")

    def _by_name(
        self, tree: Tree, rows: Sequence[_Row], pictures: dict[str, str]
    ) -> Iterator[Sample | Rejection]:
        missing = [row.key for row in rows if row.key not in pictures]
        reading.check_half(len(rows) - len(missing), len(rows), _GRAMMAR, missing)
        own = self._own_labels(tree) if self.own_label_weight else {}
        uses = Counter(row.key for row in rows)
        for row in rows:
            key = row.key
            if not row.name:
                yield Rejection(key, "no_name", f"{row.where} names no image")
            elif key not in pictures:
                yield Rejection(key, "no_file", f"{row.where} names a missing file")
            elif uses[key] > 1:
                yield Rejection(pictures[key], "ambiguous_name", f"{uses[key]} rows name it")
            else:
                yield self._sample(tree, pictures[key], row, own.get(key))

    def _by_position(
        self, tree: Tree, rows: Sequence[_Row], pixels: str
    ) -> Iterator[Sample | Rejection]:
        others = pixel_table(tree.root, pixels).rows
        if [row.usage for row in rows] != [other.get("Usage") for other in others]:
            raise DataError(
                f"{_TABLE} ({len(rows)} rows) and {pixels} ({len(others)} rows) are joined row by "
                "row, but differ in their length or in the usage of a row. Give both as they were "
                "published, whole and unsorted."
            )
        for number, (row, other) in enumerate(zip(rows, others, strict=True)):
            path = f"{pixels}{INSIDE}{number}"
            if not row.name:
                yield Rejection(path, "no_name", f"{row.where} names no image")
                continue
            own = _own_label(other.get("emotion", ""), pixels) if self.own_label_weight else None
            yield self._sample(tree, path, row, own)

    def _sample(self, tree: Tree, path: str, row: _Row, own: str | None) -> Sample | Rejection:
        counts = _counts(row)
        if self.rule != "majority" and not kept(counts, self.rule):
            return Rejection(path, "no_class", f"the rule {self.rule} keeps no class of {counts}")
        label = VOTED[counts.index(max(counts))] if self.rule == "argmax" else majority(counts)
        votes = shares(counts, self.rule)
        if votes is not None and own is not None:
            weight = self.own_label_weight
            mixed = [(1 - weight) * vote for vote in votes]
            mixed[CLASSES.index(own)] += weight
            votes = tuple(mixed)
        split = reading.split_name(row.usage)
        return reading.sample(tree, path, label=label, votes=votes, split=split)

    def _own_labels(self, tree: Tree) -> dict[str, str]:
        needs = f"Usage,Image name,emotion, which own_label_weight = {self.own_label_weight} needs"
        table = tree.demand(needs, _OWN_TABLE)
        rows = reading.table_rows(tree, table, ("Usage", "Image name", "emotion"))
        return {_place(row): _own_label(row["emotion"], table) for row in rows}


def majority(counts: Sequence[int]) -> str | None:
    """Returns the class that holds more than half of the votes.

    Args:
        counts: the ten columns of FER+ in its order.

    Returns:
        One of `VOTED`; None without a majority, or where the majority voted unknown or no face.
    """
    left = _without_single(counts)
    top = left.index(max(left))
    return VOTED[top] if top < len(VOTED) and 2 * left[top] > sum(left) else None


def kept(counts: Sequence[int], rule: str) -> bool:
    """Tells whether a rule (one of `RULES`) finds one of the eight classes in the ten votes."""
    if rule == "majority":
        return majority(counts) is not None
    left = list(counts) if rule == "argmax" else _without_single(counts)
    if left.index(max(left)) >= len(VOTED):
        return False
    return rule == "argmax" or 2 * sum(left[i] for i in _chosen(left, rule)) > sum(left)


def shares(counts: Sequence[int], rule: str = "majority") -> tuple[float, ...] | None:
    """Returns the votes for the seven classes as shares that sum to 1.

    Args:
        counts: the ten columns of FER+ in its order.
        rule: one of `RULES`: ``probability`` leaves all but its chosen classes out,
            ``multi-target`` gives each chosen class the same; the others take all.

    Returns:
        Seven shares in the order of `CLASSES`; None where none is left or another is on top.
    """
    left = _without_single(counts)
    if left.index(max(left)) >= len(CLASSES):
        return None
    if rule in ("probability", "multi-target"):
        chosen = _chosen(left, rule)
        level = {i: 1 if rule == "multi-target" else left[i] for i in chosen}
        left = [level.get(i, 0) for i in range(len(left))]
    total = float(sum(left[: len(CLASSES)]))
    return tuple(left[VOTED.index(name)] / total for name in CLASSES) if total else None


def _chosen(left: Sequence[int], rule: str) -> list[int]:
    """Returns the columns that ``probability`` or ``multi-target`` choose; none if too many."""
    total = sum(left)
    if rule == "multi-target":
        return [i for i, votes in enumerate(left) if votes and 10 * votes >= 3 * total]
    found: list[int] = []
    for level in sorted(set(left) - {0}, reverse=True):
        if len(found) >= 3 or 4 * sum(left[i] for i in found) >= 3 * total:
            break
        tied = [i for i, votes in enumerate(left) if votes == level]
        found += [i for i in tied if i < len(VOTED)]
        if tied[-1] >= len(VOTED):  # behind unknown or no face nothing counts
            break
    return found if len(found) <= 3 else []


def _without_single(counts: Sequence[int]) -> list[int]:
    return [votes if votes > 1 else 0 for votes in counts]


def _counts(row: _Row) -> list[int]:
    if not all(text.isdecimal() for text in row.votes):
        raise DataError(f"{row.where}: votes are whole numbers of 0 or more; got {row.votes}.")
    return [int(text) for text in row.votes]


def _rows(tree: Tree, table: str) -> list[_Row]:
    rows = reading.table_rows(tree, table, ("Usage", "Image name", *_COLUMNS))
    return [
        _Row(_place(row), row["Image name"], row["Usage"], [row[c] for c in _COLUMNS], where)
        for row, where in ((row, f"row {n} of {table}") for n, row in enumerate(rows, 2))
    ]


def _part_rows(tree: Tree, table: str) -> Iterator[_Row]:
    folder = table.rpartition("/")[0].rpartition("/")[2]
    if reading.split_name(folder) is None:
        raise DataError(f"{table} lies in no part of FER+. Expected FER2013Train/{_PART_TABLE}.")
    for number, line in enumerate(filter(None, tree.text(table).splitlines()), 1):
        head, *votes = (cell.strip() for cell in line.rsplit(",", len(_COLUMNS)))
        name, where = head.partition(",")[0].strip(), f"row {number} of {table}"
        if len(votes) != len(_COLUMNS):
            raise DataError(f"{where}: expected a name, a box and ten votes, without a header.")
        yield _Row(f"{folder}/{name}".casefold(), name, folder, votes, where)


def _own_label(digit: str, table: str) -> str:
    if digit not in set("0123456"):
        raise DataError(f"{table}: the emotion {digit!r} is not 0 to 6.")
    return _OWN[int(digit)]


def _place(row: dict[str, str]) -> str:
    if row["Usage"] not in _PARTS:
        raise DataError(f"The usage {row['Usage']!r} is not known; known: {', '.join(_PARTS)}.")
    return f"{_PARTS[row['Usage']]}/{row['Image name']}".casefold()
