"""`weights`: what a network can start from, where it can be had, and what is here already."""

from __future__ import annotations

import hashlib
import textwrap
from pathlib import Path
from typing import Final

from mien.chains.networks import aligned
from mien.core.errors import MissingExtraError
from mien.models.known_weights import PUBLISHED, Published, command, here

_WIDTH: Final = 98
_COLUMNS: Final = ("network", "start", "fetched by", "here", "commercial use", "form")


def listing() -> str:
    """Returns the table of published weights, and a block on each: source, licence, checksum.

    Raises:
        DownloadError: there is no cache folder to look into.
    """
    places = [here(row) for row in PUBLISHED]
    table = [_COLUMNS, *(_cells(row, place) for row, place in zip(PUBLISHED, places, strict=True))]
    lines = aligned(table, left=tuple(range(len(_COLUMNS))))
    blocks = [_block(row, place) for row, place in zip(PUBLISHED, places, strict=True)]
    end = textwrap.fill(
        "mien ships none of them. Every network also starts from 'scratch', and from the path of a "
        'file or of a model\'s folder: [train] start = "..."',
        _WIDTH,
    )
    return "\n\n".join(["\n".join(lines), *blocks, end])


def convert(
    source: Path,
    network: str,
    *,
    start: str | None = None,
    out: Path | None = None,
    prototxt: Path | None = None,
) -> str:
    """Converts a file of weights for a network (see `mien.models.convert`); says what to do next.

    Args:
        source: the file.
        network: the network's name.
        start: ``imagenet`` or ``face``; None takes that of the list.
        out: the file to write; None takes the place in the cache folder.
        prototxt: the description of a ``.caffemodel``; None looks for it beside the file.

    Returns:
        Where the converted file is, and how a training names it.

    Raises:
        MissingExtraError: torch is not installed.
        ModelError: the file cannot be read or is another network's.
        UnknownNameError: there is no such network.
    """
    try:
        from mien.models.convert import convert as converted
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mien"):
            raise
        raise MissingExtraError("Converting weights", "train") from error
    place, loaded = converted(source, network, out, start=start, prototxt=prototxt)
    named = place.stem.rpartition("-")[2] if out is None else place
    lines = [f"wrote: {place}"]
    if loaded.licence:
        lines.append(f"licence: {loaded.licence}")
    lines.append(f'use it: [train] network = "{network}", start = "{named}"')
    return "\n".join(lines)


def _name(row: Published) -> str:
    return row.network + ("NAME" if row.network.endswith("/") else "")


def _checksum(row: Published) -> str:
    algorithm, _, digits = row.checksum.partition(":")
    if not digits:
        return "none published"
    whole = len(digits) == 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size
    return row.checksum if whole else f"{row.checksum}..., the first digits, in the file's name"


def _cells(row: Published, place: Path | None) -> tuple[str, ...]:
    if row.form == "none":
        return _name(row), row.start, "-", "-", "-", "-"
    unknown = "-" if row.library == "timm" else "no"  # which files would be timm's is not known
    found = "yes" if place else unknown
    return _name(row), row.start, row.library or "you", found, row.commercial, row.form


def _block(row: Published, place: Path | None) -> str:
    lines = textwrap.wrap(
        f"{_name(row)} {row.start}: {row.what}",
        _WIDTH,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    if row.form == "none":
        return "\n".join(lines)
    told = {
        "where": row.url if row.file in row.url else f"{row.url} ({row.file})",
        "licence": row.licence,
        "commercial use": row.commercial,
        "checksum": _checksum(row),
        "fetched by": row.library or f"you; then: {command(row, row.network)}",
        "here": str(place) if place else "",
    }
    for word, text in told.items():
        if text:
            lines.append(f"  {word}: {text}")
    return "\n".join(lines)
