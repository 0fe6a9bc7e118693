"""Which data sets a catalogue was merged from and where their files stand: ``sources.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from mien.core import images, listing, tree
from mien.core.artifact import write_json
from mien.core.errors import DataError
from mien.core.types import Image, SourceInfo

SOURCES: Final = "sources.json"
COMMERCIAL_USE: Final = ("no", "unknown", "yes")
"""From the strictest to the freest."""


@dataclass(frozen=True, slots=True)
class Source:
    """A data set as it went into a catalogue.

    Attributes:
        dataset: the name in the catalogue's column ``dataset``.
        reader: the name of its reader.
        root: the folder that `Sample.path` is relative to, absolute.
        options: the reader's options.
        info: what the data set says of itself.
    """

    dataset: str
    reader: str
    root: Path
    options: Mapping[str, Any]
    info: SourceInfo


def write_sources(sources: Iterable[Source], folder: Path) -> None:
    """Writes ``sources.json`` into a folder."""
    write_json(folder / SOURCES, [{**asdict(s), "root": str(s.root)} for s in sources])


def read_sources(folder: Path) -> dict[str, Source]:
    """Returns the sources of a catalogue's folder by the name of the data set.

    Raises:
        DataError: ``sources.json`` is missing or damaged.
    """
    path = folder / SOURCES
    try:
        rows = json.loads(path.read_bytes())
        found = [
            Source(**{**row, "root": Path(row["root"]), "info": SourceInfo(**row["info"])})
            for row in rows
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path} cannot be read ({error}). Expected the file that 'mien merge' writes beside "
            "its catalogue."
        ) from error
    return {source.dataset: source for source in found}


def licences(sources: Mapping[str, Source], datasets: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Returns what may be done with something made from some data sets.

    Args:
        sources: as `read_sources` returns them.
        datasets: the names of those that were used.

    Returns:
        A line a data set, its title and licence; and whether the result may be sold: ``no`` where
        one of them forbids it, else ``unknown`` where one does not say, else ``yes``.
    """
    used = [sources[name].info for name in sorted(set(datasets))]
    lines = tuple(f"{info.title}: {info.licence}" for info in used)
    said = {info.commercial_use for info in used} or {"unknown"}
    return lines, min(said, key=COMMERCIAL_USE.index)


def check_roots(sources: Mapping[str, Source], datasets: Iterable[str]) -> None:
    """Checks that the files of some data sets can be reached.

    Raises:
        DataError: a data set is not among the sources, or its root is gone.
    """
    for name in sorted(datasets):
        if name not in sources:
            raise DataError(
                f"The catalogue names the data set {name!r}, but {SOURCES} does not. Merge again."
            )
        if not listing.exists(sources[name].root):
            raise DataError(
                f"The files of {name!r} are no longer at {sources[name].root}. Put them back, or "
                "merge again with their new place."
            )


def picture(dataset: str, path: str, sources: Mapping[str, Source]) -> Image:
    """Returns the picture of a catalogue's row, decoded.

    Args:
        dataset: the row's column ``dataset``.
        path: its column ``path``.
        sources: as `read_sources` returns them.

    Raises:
        ImageError: it cannot be reached or decoded.
    """
    return images.decode(tree.picture(sources[dataset].root, path), name=path)
