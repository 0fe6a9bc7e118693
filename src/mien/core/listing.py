"""Which files a data set's root holds, in folders and in archives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from mien.core import archives
from mien.core.archives import INSIDE
from mien.core.errors import DataError
from mien.core.images import is_clutter, walk
from mien.core.types import SourceInfo


def exists(root: Path) -> bool:
    """Tells whether a data set's root can be read."""
    return root.is_dir() or (root.is_file() and archives.is_archive(root.name))


def files(root: Path, info: SourceInfo) -> Iterator[str]:
    """Yields the path of each file below a root, as `Tree.paths` has them.

    Raises:
        DataError: the root is missing or is no folder or archive; an archive in it is damaged,
            dangerous, or stands half unpacked beside itself.
    """
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
    paths = [path.relative_to(root).as_posix() for path in walk(root)]
    known = set(paths)
    for path in paths:
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
    name = path.rpartition("/")[2]
    here = path[: -len(name)]
    found: dict[str, int] = defaultdict(int)
    missing = ""
    for member in members:
        for place in (here, f"{here}{archives.stem(name)}/"):
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
