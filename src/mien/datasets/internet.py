"""Pictures from the web: one table of labels, or one folder a class.

How to get it: clone github.com/muxspace/facial_expressions, or sort pictures of your own into
folders. Two forms are read:

- ``legend.csv`` (``user.id,image,emotion``, any case) with the images anywhere below the root, as
  muxspace/facial_expressions has it;
- ``<class>/*.jpg`` or ``<split>/<class>/*.jpg``, in every spelling of the classes and with or
  without the CK+ code, such as ``1-anger``.

The person is the part of the file's name before its last ``_<number>``, so ``Ann_Lee_0001.jpg`` and
``Ann_Lee_0002.jpg`` show one person; a name without a number is its own person.

Traps of that legend: its words come in upper and lower case, it lists a few pictures twice (one of
them with two labels), and some pictures not at all: these stay, unlabelled. The other table beside
it repeats a part of it and is not read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import reading
from mien.core.errors import LabelError
from mien.core.tree import Tree
from mien.core.types import Rejection, Sample, SourceInfo

_GRAMMAR: Final = (
    "a legend (user.id,image,emotion) and each image that it names, once, or folders named after "
    "classes, such as happy/, 1-anger/ or train/fear/"
)
_WORDS: Final = {
    "neutral": "neutral",
    "happiness": "happy",
    "surprise": "surprise",
    "sadness": "sadness",
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "contempt": "contempt",
}


@dataclass(frozen=True, kw_only=True)
class Internet:
    """Reads loose pictures with a legend, or a tree with one folder a class.

    Args:
        legend: the name of the legend file; where there is none of that name, folders count.
        spellings: further words of the legend or of folders, each with its class, such as
            ``{"enraged": "anger", "0": "neutral"}``.
    """

    legend: str = "legend.csv"
    spellings: Mapping[str, str] | None = None

    info: ClassVar[SourceInfo] = SourceInfo(
        name="internet",
        title="Internet pictures",
        licence="rights of the pictures not cleared",
        commercial_use="no",
        url="https://github.com/muxspace/facial_expressions",
        citation="B. L. Y. Rowe. Facial expressions: a set of labelled web pictures. 2016.",
        access="Clone the repository; nobody has to be asked.",
        grammar=_GRAMMAR,
        label_map=_WORDS,
    )

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every row of the legend, then every other picture, unlabelled.

        Raises:
            DataError: ``root`` is missing, or fewer than half of its entries fit.
            LabelError: a folder is a bare number that ``spellings`` does not name.
        """
        tree = Tree(root, self.info)
        legend = tree.find(self.legend)
        return self._scan_folders(tree) if legend is None else self._scan_legend(tree, legend)

    def _scan_legend(self, tree: Tree, legend: str) -> Iterator[Sample | Rejection]:
        places: dict[str, list[str]] = defaultdict(list)
        for path in tree.pictures():
            places[_name(path)].append(path)
        rows: dict[str, list[str]] = defaultdict(list)
        for row in reading.table_rows(tree, legend, ("image", "emotion")):
            rows[_name(row["image"])].append(row["emotion"])
        total = sum(map(len, rows.values()))
        odd = [name for name in rows if len(places.get(name, [])) != 1]
        matched = total - sum(len(rows[name]) for name in odd)
        reading.check_half(matched, total, _GRAMMAR, odd)
        for name, words in rows.items():
            yield from self._listed(tree, name, words, places.get(name, []))
        for name, paths in places.items():
            if name not in rows:
                yield from (_sample(tree, path, None) for path in paths)

    def _listed(
        self, tree: Tree, name: str, words: list[str], paths: list[str]
    ) -> Iterator[Sample | Rejection]:
        """Yields one result a row of the legend that names this image."""
        if len(paths) != 1:
            reason = "ambiguous_name" if paths else "no_file"
            detail = f"{len(paths)} files have the name that the legend lists"
            yield from (Rejection(name, reason, detail) for _ in words)
            return
        path = paths[0]
        try:
            found = {reading.label_of(word, self.spellings) if word else None for word in words}
        except LabelError as error:
            yield from (Rejection(path, "unknown_label", str(error)) for _ in words)
            return
        if len(found) > 1:
            detail = "the legend gives it as " + ", ".join(sorted(set(words)))
            yield from (Rejection(path, "conflicting_labels", detail) for _ in words)
            return
        yield _sample(tree, path, found.pop())
        for _ in words[1:]:
            yield Rejection(path, "repeated_row", "the legend lists it again, with the same label")

    def _scan_folders(self, tree: Tree) -> Iterator[Sample | Rejection]:
        for path, label, split in reading.in_class_folders(tree, self.spellings):
            if label is None:
                yield reading.no_class_folder(path)
            else:
                yield _sample(tree, path, label, split)


def _sample(
    tree: Tree, path: str, label: str | None, split: str | None = None
) -> Sample | Rejection:
    return reading.sample(tree, path, label=label, split=split, subject=person(path))


def person(path: str) -> str:
    """Returns the person that a file's name stands for."""
    stem = Path(path).stem
    match = re.fullmatch(r"(.+)_\d+", stem)
    return match[1] if match else stem


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2].casefold()
