"""`sources`: what mien reads, under which licence, and where it can be had."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from mien.core import registry
from mien.core.types import SourceInfo

_WIDTH: Final = 98


def infos() -> Iterator[SourceInfo]:
    """Yields what every reader says of its data set, by name."""
    for name in registry.names("datasets"):
        yield registry.load("datasets", name)().info


def listing() -> str:
    """Returns a block for each reader: its data set, licence, and where to ask for it."""
    blocks = []
    for info in infos():
        marks = [", no expressions: for audits only"] if info.audit_only else []
        marks += [] if info.verified else [", layout not verified"]
        lines = [f"{info.name}: {info.title}{''.join(marks)}", info.licence, info.url]
        blocks.append("\n  ".join(lines))
    return "\n".join([*blocks, "", "mien downloads none of them. More on one: mien sources NAME"])


def page(name: str) -> str:
    """Returns all that one reader says of its data set.

    Raises:
        UnknownNameError: there is no such reader.
    """
    factory = registry.load("datasets", name)
    info: SourceInfo = factory().info
    labels = ", ".join(f"{code} = {label or 'left out'}" for code, label in info.label_map.items())
    told = {
        "Licence": info.licence,
        "Commercial use": info.commercial_use,
        "Where": info.url,
        "How to get it": info.access,
        "Expects": info.grammar,
        "Labels": labels or "words, in any spelling",
        "Cite": info.citation,
    }
    lines = [f"{info.name}: {info.title}"]
    for word, text in told.items():
        if text:
            lines += textwrap.wrap(f"{word}: {text}", _WIDTH, subsequent_indent="  ")
    about = (factory.__doc__ or "").strip()
    return "\n".join([*lines, "", textwrap.dedent(f"    {about}")])
