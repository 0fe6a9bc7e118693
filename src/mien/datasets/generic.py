"""Any data set, described in the settings of `merge` alone: no reader has to be written.

How to get it: it is your own. Say where in a picture's path, or in a table, things stand:

    [[merge.sources]]
    reader = "generic"
    name = "acme"
    root = "data/acme.zip"

    [merge.sources.options]
    pattern = '(?P<split>train|test)/(?P<gender>[mf])(?P<subject>[0-9]+)_(?P<label>[a-z]+)'
    codes = { jy = "happy", sd = "sadness", pn = "none" }
    values.gender = { m = "male", f = "female" }
    defaults = { pose = "frontal", ethnicity = "Caucasian" }
    table = "people.csv"
    table_path = "file"
    columns = { age = "Age", x1 = "left", y1 = "top", x2 = "right", y2 = "bottom" }
    title = "Acme Faces"
    licence = "research only"
    commercial_use = "no"

Without a pattern the folder of a picture is its label; with a table and no pattern, the table alone
counts. Where nothing tells a label, the pictures have none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from mien.core import labels, reading
from mien.core.errors import ConfigError, LabelError
from mien.core.tree import Tree, suffix
from mien.core.types import BBox, Rejection, Sample, SourceInfo

FOLDERS: Final = r"(?P<label>[^/]+)/[^/]+$"
"""The pattern where none is given: the folder of a picture is its label."""
FIELDS: Final = tuple(
    "label subject sequence pose light gender age ethnicity split frame intensity "
    "x1 y1 x2 y2".split()
)
"""What a pattern's groups and a table's columns may be; the last four are a box in pixels."""
_BOX: Final = FIELDS[-4:]
_SAYS: Final = tuple("title licence commercial_use url citation access".split())
_TABLES: Final = ("codes", "values", "defaults", "columns")
_MISFITS: Final = ("unmatched", "unknown_label", "no_file", "ambiguous_name")
_ANSWERS: Final = ("yes", "no", "unknown")
_Texts = Mapping[str, str]
_Entry = tuple[str, str, Mapping[str, Any]]  # path, part, and the fields of a sample


@dataclass(frozen=True, kw_only=True)
class Generic:
    """Reads what its options describe.

    Args:
        pattern: a regular expression whose named groups are fields (see `FIELDS`), searched in each
            path below the root, whatever the case; ``a.zip!/b.jpg`` is ``a.zip/b.jpg`` to it.
        codes: label codes and the class of each; ``""`` or ``"none"`` leaves a code out. They go
            before the usual spellings of the classes. Labels that are bare numbers need them.
        values: for other fields, their codes and the word (or number) of each.
        defaults: fields that are the same wherever path and table say nothing.
        table: the name of a CSV file with a header, anywhere below the root.
        table_path: its column with the picture's name, or as much of the path as tells it apart;
            the ending may be missing. Several rows of one picture are its faces, by their boxes.
        columns: fields and the table's column of each.
        title: like ``licence``, ``commercial_use``, ``url``, ``citation`` and ``access``, what the
            data set says of itself; see `SourceInfo`.

    Raises:
        ConfigError: an option is wrong, or options contradict each other.
    """

    pattern: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    table: str = ""
    table_path: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    title: str = "A data set described in the settings"
    licence: str = "not stated"
    commercial_use: str = "unknown"
    url: str = "not stated"
    citation: str = "not stated"
    access: str = "not stated"

    info: ClassVar[SourceInfo] = SourceInfo(
        "generic", title, licence, commercial_use, url, citation, access, f"paths like {FOLDERS}"
    )

    def __post_init__(self) -> None:
        told = self._told()
        expected = [f"paths like {self._pattern}"] if self._pattern else []
        if self.table:
            columns = ", ".join([self.table_path, *self.columns.values()])
            expected.append(f"{self.table} with the columns {columns} and the pictures it names")
        info = replace(
            self.info,
            **{name: getattr(self, name) for name in _SAYS},
            grammar=" and ".join(expected),
            label_map={code: _named(name) or None for code, name in self.codes.items()},
            audit_only="label" not in told,
        )
        object.__setattr__(self, "info", info)  # hides the class's own

    def _told(self) -> set[str]:
        """Returns the fields that something tells; ConfigError where the options are wrong."""
        for option in _TABLES:
            table = getattr(self, option)
            inner = table.values() if option == "values" and isinstance(table, Mapping) else ()
            if not all(isinstance(item, Mapping) for item in (table, *inner)):
                raise ConfigError(f"{option} is no table of keys and words: {table!r}.")
        try:
            groups = re.compile(self._pattern).groupindex
            for name in self.codes.values():
                _named(name)
            for name, word in self.defaults.items():
                labels.parse(word) if name == "label" else _read(name, str(word))
        except (re.error, ValueError) as error:
            raise ConfigError(f"pattern, codes or defaults: {error}") from None
        told = {*groups, *self.columns, *self.defaults}
        if unknown := ", ".join(sorted((told | set(self.values)) - set(FIELDS))):
            raise ConfigError(f"There is no field {unknown}. Known: {', '.join(FIELDS)}.")
        if twice := ", ".join(sorted(set(groups) & set(self.columns))):
            raise ConfigError(f"Both pattern and columns tell {twice}. Keep one of them.")
        for wrong, text in (
            ("label" in self.values, "The codes of labels stand in the option codes."),
            (bool(self.table) != bool(self.table_path), "table and table_path go together."),
            (self.columns and not self.table, "columns needs table and table_path."),
            (len(told & set(_BOX)) not in (0, 4), "A box needs all of x1, y1, x2, y2."),
            (self.commercial_use not in _ANSWERS, f"commercial_use is one of {_ANSWERS}."),
        ):
            if wrong:
                raise ConfigError(text)
        return told

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture, or every face of it, then every row whose picture is missing.

        Raises:
            DataError: ``root`` is missing, lacks the table, or fewer than half of it fits.
            LabelError: a label is a bare number, and there are no ``codes``.
        """
        tree = Tree(root, self.info)
        found = list(self._entries(tree))
        refused = [entry for entry in found if isinstance(entry, Rejection)]
        strays = [item.path for item in refused if item.reason in _MISFITS]
        total = len(found) - sum(item.reason == "not_listed" for item in refused)
        reading.check_half(total - len(strays), total, self.info.grammar, strays)
        for entry in found:
            if isinstance(entry, Rejection):
                yield entry
            else:
                yield reading.sample(tree, entry[0], part=entry[1], **entry[2])

    def _entries(self, tree: Tree) -> Iterator[_Entry | Rejection]:
        pictures = tree.pictures()
        pattern = re.compile(self._pattern, re.IGNORECASE)
        rows, refused = self._rows(tree, pictures) if self.table else ({}, {})
        for path in pictures:
            match = pattern.search(path.replace("!/", "/"))
            if match is None:
                yield Rejection(path, "unmatched", f"its path does not match {self._pattern}")
            elif not self.table:
                yield self._entry(path, _said(match.groupdict()))
            elif path in rows:
                own = _said(match.groupdict())
                yield from self._faces(path, [{**own, **row} for row in rows[path]])
            elif path in refused:
                yield refused[path]
            else:
                yield Rejection(path, "not_listed", f"no row of {self.table} names it")
        yield from (item for item in refused.values() if item.reason == "no_file")

    def _rows(
        self, tree: Tree, pictures: list[str]
    ) -> tuple[dict[str, list[_Texts]], dict[str, Rejection]]:
        """Returns the table's rows by picture, and what they name in vain or not clearly."""
        table = tree.demand(self.info.grammar, self.table)
        read = reading.table_rows(tree, table, [self.table_path, *self.columns.values()])
        keys = [_key(row[self.table_path]) for row in read]
        places = _places(pictures, {key.count("/") + 1 for key in keys})
        rows: dict[str, list[_Texts]] = defaultdict(list)
        refused: dict[str, Rejection] = {}
        for number, (key, row) in enumerate(zip(keys, read, strict=True), 2):
            where, found = f"row {number} of {table}", places.get(key, [])
            if len(found) == 1:
                told = {name: row[column] for name, column in self.columns.items()}
                rows[found[0]].append(_said(told))
            for path in found if len(found) > 1 else ():
                detail = f"{where} fits {len(found)} pictures; its path needs folders"
                refused[path] = Rejection(path, "ambiguous_name", detail)
            if not found:
                detail = f"{where} names no picture that is here"
                refused[where] = Rejection(row[self.table_path] or table, "no_file", detail)
        return rows, refused

    def _faces(self, path: str, rows: list[_Texts]) -> Iterator[_Entry | Rejection]:
        """Yields one entry a box, and a rejection for each row that says it again."""
        faces: dict[str, list[_Texts]] = defaultdict(list)
        for row in rows:
            faces[",".join(row.get(corner, "") for corner in _BOX)].append(row)
        for box, same in faces.items():
            words = {row.get("label", "").casefold() for row in same}
            if len(words) > 1:
                detail = f"{self.table} gives it as {', '.join(sorted(words))}"
                yield Rejection(path, "conflicting_labels", detail)
                continue
            yield self._entry(path, same[0], box if len(faces) > 1 else "")
            for _ in same[1:]:
                yield Rejection(path, "repeated_row", f"{self.table} lists it again")

    def _entry(self, path: str, texts: _Texts, part: str = "") -> _Entry | Rejection:
        word, label = texts.get("label", self.defaults.get("label", "")), None
        try:
            if not self.info.audit_only:
                if not word:
                    return Rejection(path, "no_label", "its label is empty")
                found = _look(self.codes, word)
                label = labels.parse(word) if found is None else _named(found)
                if not label:
                    return Rejection(path, "no_class", f"the option codes leave {word!r} out")
            return path, part, {"label": label, **self._fields(texts)}
        except LabelError as error:
            if word.isdigit() and not self.codes:
                raise LabelError(f"{error} Here the option codes does so.") from None
            return Rejection(path, "unknown_label", str(error))
        except ValueError as error:
            return Rejection(path, "unmatched", str(error))

    def _fields(self, texts: _Texts) -> dict[str, Any]:
        """Returns the fields of a sample but its label; ValueError where one cannot be read."""
        fields: dict[str, Any] = {}
        for name in FIELDS[1:]:
            text: str | None = texts.get(name, "")
            if text and name in self.values:
                text = _look(self.values[name], code := text)
                if text is None:
                    raise ValueError(f"{name}: the option values has no code {code!r}")
            if text := text or str(self.defaults.get(name, "")):
                fields[name] = _read(name, text)
        corners = [fields.pop(name) for name in _BOX if name in fields]
        if corners and len(corners) < len(_BOX):
            raise ValueError("box: some of x1, y1, x2, y2 are missing")
        return {**fields, "face_box": BBox(*corners)} if corners else fields

    @property
    def _pattern(self) -> str:
        return self.pattern or ("" if self.table else FOLDERS)


def _said(texts: Mapping[str, str | None]) -> _Texts:
    """Returns the fields that a path or row has something for."""
    return {name: text.strip() for name, text in texts.items() if text and text.strip()}


def _look(table: Mapping[str, str], code: str) -> str | None:
    """Returns what a table of the options has for a code, whatever the case."""
    key = code.casefold()
    return next((str(word) for own, word in table.items() if own.casefold() == key), None)


def _named(word: str) -> str:
    """Returns the class of a word in ``codes``, or ``""`` where it leaves its code out."""
    return "" if str(word).strip().casefold() in ("", "none") else labels.parse(str(word))


def _read(name: str, text: str) -> str | float | None:
    """Returns what a field's text stands for; ValueError where it is nothing."""
    if name in ("frame", "intensity", *_BOX):
        whole = name == "frame"
        if not re.fullmatch(r"-?\d+" if whole else r"-?\d+\.?\d*(e[-+]?\d+)?", text.casefold()):
            raise ValueError(f"{name}: {text!r} is no {'whole ' if whole else ''}number")
        return int(text) if whole else float(text)
    if name == "split" and reading.split_name(text) is None:
        raise ValueError(f"split: {text!r} is no part such as train, valid or test")
    return {"split": reading.split_name, "gender": str.casefold}.get(name, str)(text)


def _key(text: str) -> str:
    """Returns how a path of a table is looked up."""
    return re.sub(r"^(\.?/)+", "", text.replace("\\", "/")).casefold()


def _places(pictures: list[str], depths: set[int]) -> dict[str, list[str]]:
    """Returns pictures by the last parts of their paths, with and without their ending."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in pictures:
        parts = path.replace("!/", "/").casefold().split("/")
        for key in ("/".join(parts[-depth:]) for depth in depths if depth <= len(parts)):
            found[key].append(path)
            found[key[: -len(suffix(key))]].append(path)
    return found
