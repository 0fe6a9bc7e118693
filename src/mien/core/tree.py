"""The files of one data set, whether they lie in folders, in archives, or in a table of pixels."""

from __future__ import annotations

import functools
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from mien.core import archives
from mien.core.archives import INSIDE, PixelTable
from mien.core.errors import DataError, ImageError
from mien.core.images import EXTENSIONS, ImageLike, is_clutter, walk
from mien.core.types import SourceInfo


class Tree:
    """The files below a data set's root.

    A path is relative to the root, with ``/``; a file in an archive is called
    ``archive.zip!/folder/file``, the row of a pixel table ``table.csv!/12``. Hidden files and the
    clutter of other systems are left out. An archive that stands unpacked beside itself is left
    out too, so that nothing counts twice.

    Args:
        root: a folder, which may hold archives, or one archive.
        info: the data set, for messages.

    Attributes:
        paths: every file, in a stable order.

    Raises:
        DataError: the root is missing or is no folder or archive; an archive in it is damaged,
            dangerous, or stands half unpacked beside itself.
    """

    def __init__(self, root: Path, info: SourceInfo) -> None:
        self.root, self.info = root, info
        self.paths = list(_paths(root, info))

    def pictures(self) -> list[str]:
        """Returns the paths of all pictures.

        Raises:
            DataError: there is none; the message names archives of kinds that mien does not read.
        """
        found = [path for path in self.paths if suffix(path) in EXTENSIONS]
        if not found:
            raise DataError(f"{self.info.title}: {self.root} holds no picture.{self._foreign()}")
        return found

    def by_place(self, paths: list[str] | None = None) -> dict[str, str]:
        """Returns paths (all pictures where not given) by ``folder/name`` in lower case.

        Raises:
            DataError: one folder and name occurs twice, as where an archive was unpacked twice.
        """
        found: dict[str, str] = {}
        for path in self.pictures() if paths is None else paths:
            key = "/".join(path.split("/")[-2:]).casefold()
            if key in found:
                raise DataError(
                    f"{self.root} holds both {found[key]} and {path}. An archive may be unpacked "
                    "there twice: keep one copy."
                )
            found[key] = path
        return found

    def named(self, *names: str) -> list[str]:
        """Returns the paths of the files that have one of these names, whatever the case."""
        wanted = {name.casefold() for name in names}
        return [path for path in self.paths if name_of(path).casefold() in wanted]

    def find(self, *names: str) -> str | None:
        """Returns the path of the one file that has one of these names; None if there is none.

        Raises:
            DataError: there are several.
        """
        found = self.named(*names)
        if len(found) > 1:
            raise DataError(
                f"{self.root} holds {len(found)} files {names[0]} ({', '.join(found[:5])}). "
                "Keep one of them."
            )
        return found[0] if found else None

    def demand(self, grammar: str, *names: str) -> str:
        """Returns the path of the one file that has one of these names.

        Raises:
            DataError: there is none, or several.
        """
        found = self.find(*names)
        if found is None:
            raise DataError(
                f"{self.info.title}: {self.root} holds no {' or '.join(names)}. Expected "
                f"{grammar}.{self._foreign()}"
            )
        return found

    def read(self, path: str) -> bytes:
        """Returns the bytes of a file.

        Raises:
            DataError: it is missing or cannot be read.
        """
        return read(self.root, path)

    def text(self, path: str) -> str:
        """Returns a text file in UTF-8, or, where it is not that, in Latin-1.

        Raises:
            DataError: it is missing or cannot be read.
        """
        data = self.read(path)
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return data.decode("latin-1")

    def identify(self, path: str) -> str:
        """Returns the id of a picture: the sha256 of its bytes, or of its size and pixels.

        Raises:
            DataError: it cannot be read; or it is empty.
        """
        outer, _, row = path.rpartition(INSIDE)
        if is_pixel_row(path):
            return archives.pixel_id(pixel_table(self.root, outer).picture(int(row)))
        data = self.read(path)
        if not data:
            raise DataError(f"{path} has 0 bytes")
        return hashlib.sha256(data).hexdigest()

    def _foreign(self) -> str:
        found = [p for p in self.paths if suffix(p) in archives.FOREIGN]
        nested = [p for p in self.paths if INSIDE in p and archives.is_archive(p)]
        if found:
            return f" It holds {found[0]}, which mien cannot read: unpack it."
        if nested:
            return f" It holds {nested[0]}, an archive in an archive: unpack the outer one."
        return ""


def picture(root: Path, path: str) -> ImageLike:
    """Returns a picture of a data set as `images.decode` takes it.

    Args:
        root: the data set's folder or archive.
        path: as in `Sample.path`.

    Raises:
        ImageError: it cannot be reached.
    """
    outer, _, row = path.rpartition(INSIDE)
    if not outer:
        return _base(root) / path
    try:
        if is_pixel_row(path):
            return pixel_table(root, outer).picture(int(row))
        return read(root, path)
    except DataError as error:
        raise ImageError(str(error)) from error


def read(root: Path, path: str) -> bytes:
    """Returns the bytes of a data set's file.

    Raises:
        DataError: it is missing or cannot be read.
    """
    outer, _, inner = path.rpartition(INSIDE)
    try:
        if outer:
            return archives.read_member(_base(root) / outer, inner)
        return (_base(root) / path).read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def pixel_table(root: Path, path: str) -> PixelTable:
    """Returns the pixel table at a path; the last few stay open.

    Raises:
        DataError: it cannot be read or is no pixel table.
    """
    try:
        changed = (_base(root) / path.partition(INSIDE)[0]).stat().st_mtime_ns
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    return _pixel_table(root, path, changed)


@functools.lru_cache(maxsize=2)
def _pixel_table(root: Path, path: str, _changed: int) -> PixelTable:
    return PixelTable(read(root, path), path)


def is_pixel_row(path: str) -> bool:
    """Tells whether a path names the row of a pixel table."""
    outer = path.rpartition(INSIDE)[0]
    return bool(outer) and not archives.is_archive(outer)


def name_of(path: str) -> str:
    """Returns the name of the file at a path."""
    return path.rpartition("/")[2]


def suffix(path: str) -> str:
    """Returns the ending of the file at a path, in lower case, with its dot."""
    return Path(name_of(path)).suffix.lower()


def exists(root: Path) -> bool:
    """Tells whether a data set's root can be read."""
    return root.is_dir() or (root.is_file() and archives.is_archive(root.name))


def _base(root: Path) -> Path:
    """Returns the folder that paths start at."""
    return root.parent if root.is_file() else root


def _paths(root: Path, info: SourceInfo) -> Iterator[str]:
    if not exists(root):
        found = "is a file, and no zip or tar" if root.is_file() else "does not exist"
        raise DataError(
            f"{info.title}: the root {root} {found}. Give the folder or archive (.zip, .tar, "
            f".tar.gz and so on) that holds the data set. It can be had from {info.url} "
            f"({info.licence})."
        )
    if root.is_file():
        yield from _members(root, root.name)
        return
    files = [path.relative_to(root).as_posix() for path in walk(root)]
    known = set(files)
    for path in files:
        if not archives.is_archive(path):
            yield path
        elif not _unpacked(root, path, known):
            yield from _members(root / path, path)


def _members(archive: Path, name: str) -> Iterator[str]:
    for member in sorted(archives.open_archive(archive).sizes):
        if not any(is_clutter(part) for part in member.split("/")):
            yield f"{name}{INSIDE}{member}"


def _unpacked(root: Path, path: str, known: set[str]) -> bool:
    """Tells whether an archive stands unpacked beside itself.

    Raises:
        DataError: it does so in part.
    """
    sizes = archives.open_archive(root / path).sizes
    members = [m for m in sizes if not any(is_clutter(part) for part in m.split("/"))]
    here = path[: -len(name_of(path))]
    found: dict[str, int] = defaultdict(int)
    missing = ""
    for member in members:
        for place in (here, f"{here}{archives.stem(name_of(path))}/"):
            target = f"{place}{member}"
            if target in known and (root / target).stat().st_size == sizes[member]:
                found[place] += 1
                break
        else:
            missing = missing or member
    if not found or not members:
        return False
    if missing:
        raise DataError(
            f"The archive {root / path} stands half unpacked beside itself: {sum(found.values())} "
            f"of its {len(members)} files are there in full, {missing!r} is not. Unpack it again, "
            "or remove what was unpacked or the archive."
        )
    return True
