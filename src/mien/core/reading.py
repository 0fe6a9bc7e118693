"""What the readers of data sets share: finding files, reading tables, naming samples by content."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from mien.core import labels
from mien.core.errors import DataError, LabelError
from mien.core.images import find_images, is_clutter
from mien.core.types import Rejection, SourceInfo

_SPLITS: Final = {
    "train": "train training fer2013train",
    "valid": "val valid validation publictest fer2013valid",
    "test": "test testing privatetest fer2013test",
}
_SPLIT_OF: Final = {word: name for name, words in _SPLITS.items() for word in words.split()}


def check_root(root: Path, info: SourceInfo) -> None:
    """Checks that a data set's folder is there.

    Raises:
        DataError: it is missing or is no folder; the message says where to ask for the data.
    """
    if root.is_dir():
        return
    found = "is a file, not a folder: unpack it" if root.is_file() else "does not exist"
    raise DataError(
        f"{info.title}: the root {root} {found}. Give the folder that holds the data set. "
        f"It can be had from {info.url} ({info.licence})."
    )


def find_table(root: Path, name: str) -> Path | None:
    """Returns the one file of this name below ``root``, whatever its case; None if there is none.

    Raises:
        DataError: there are several.
    """
    found = [
        path
        for path in sorted(root.rglob("*"))
        if path.name.casefold() == name.casefold()
        and path.is_file()
        and not any(is_clutter(part) for part in path.relative_to(root).parts)
    ]
    if len(found) > 1:
        places = ", ".join(str(path.relative_to(root)) for path in found[:5])
        raise DataError(f"{root} holds {len(found)} files {name} ({places}). Keep one of them.")
    return found[0] if found else None


def read_table(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yields the rows of a CSV file by column name; blanks around names and values are dropped.

    Args:
        path: a UTF-8 file with a header.
        columns: the columns that it must have; others are passed on too.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                raise DataError(
                    f"{path} has no column {', '.join(map(repr, missing))}. "
                    f"Expected the header {','.join(columns)}; found {','.join(header) or 'none'}."
                )
            for row in rows:
                if row:
                    padded = [value.strip() for value in row] + [""] * (len(header) - len(row))
                    yield dict(zip(header, padded, strict=False))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a CSV file in UTF-8: {error}.") from error


def picture_paths(root: Path) -> list[str]:
    """Returns the pictures below a root, relative to it and with ``/``, in a stable order."""
    return [path.relative_to(root).as_posix() for path in find_images(root)]


def pictures_by_place(root: Path) -> dict[str, str]:
    """Returns the pictures below a root by ``folder/name`` in lower case, in a stable order.

    Raises:
        DataError: one folder and name occurs twice, as where an archive was unpacked twice.
    """
    found: dict[str, str] = {}
    for path in picture_paths(root):
        key = "/".join(path.split("/")[-2:]).casefold()
        if key in found:
            raise DataError(
                f"{root} holds both {found[key]} and {path}. An archive may be unpacked there "
                "twice: keep one copy."
            )
        found[key] = path
    return found


def identify(root: Path, path: str) -> str | Rejection:
    """Returns the sha256 of a file's bytes, or why it cannot be used.

    Args:
        root: the data set's folder.
        path: the file, relative to it.
    """
    try:
        data = (root / path).read_bytes()
    except OSError as error:
        return Rejection(path, "unreadable", f"the file cannot be read: {error.strerror}")
    if not data:
        return Rejection(path, "empty", "the file has 0 bytes")
    return hashlib.sha256(data).hexdigest()


def read_ids(path: Path) -> set[str]:
    """Returns the ids that a file lists, one a line; ``#`` starts a comment.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}). Expected one id a line.") from error
    return {text for line in lines if (text := line.partition("#")[0].strip())}


def split_name(word: str) -> str | None:
    """Returns ``train``, ``valid`` or ``test`` for the many names of these parts, else None."""
    return _SPLIT_OF.get(re.sub(r"[\s_-]", "", word).casefold())


def class_and_split(
    path: str, spellings: Mapping[str, str] | None = None
) -> tuple[str | None, str | None]:
    """Returns the class and the part that the folders above a picture name; None where none does.

    The nearest folder that is a class counts, so an enclosing folder may have any name.

    Args:
        path: relative to the data set's root, such as ``"train/1-anger/a.jpg"``.
        spellings: further folder names and the class of each; needed for folders that are bare
            numbers, since data sets number their classes differently.

    Raises:
        LabelError: no folder is a known class, and one is a bare number or contradicts itself.
    """
    label = split = problem = None
    for folder in reversed(path.split("/")[:-1]):
        split = split or split_name(folder)
        if label is not None or split_name(folder):
            continue
        try:
            label = label_of(folder, spellings)
        except LabelError as error:
            if folder[:1].isdigit():
                problem = problem or error
    if label is None and problem is not None:
        raise problem
    return label, split


def label_of(word: str, spellings: Mapping[str, str] | None = None) -> str:
    """Returns the class of a word: by ``spellings`` first, else by `labels.parse`.

    Raises:
        LabelError: neither knows it.
    """
    for spelling, name in (spellings or {}).items():
        if spelling.casefold() == word.strip().casefold():
            return labels.parse(name)
    return labels.parse(word)


def check_half(matched: int, total: int, grammar: str, examples: Iterable[str] = ()) -> None:
    """Checks that at least half of what a reader found follows the data set's grammar.

    Args:
        matched: how many follow it.
        total: how many there are.
        grammar: what is expected, for the message.
        examples: some that do not follow it.

    Raises:
        DataError: fewer than half do, or there is nothing at all.
    """
    if total and 2 * matched >= total:
        return
    shown = ", ".join(list(examples)[:3])
    found = f"{matched} of {total} entries match" + (f" (not: {shown})" if shown else "")
    raise DataError(f"This does not look like the data set: {found}. Expected {grammar}.")
