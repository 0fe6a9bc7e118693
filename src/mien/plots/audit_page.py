"""The page of an audit: doubtful pictures beside what makes them doubtful, kind by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.core.catalogue import KEY
from mien.core.errors import ImageError
from mien.core.origins import Source, picture
from mien.plots.pages import data_uri, thumbnail, write_page

if TYPE_CHECKING:
    import polars

_SIDE: Final = 144
_PLAIN: Final = ("unreadable", "imbalance")
"""Kinds that have nothing to show."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The findings of one kind.

    Attributes:
        kind: its name.
        title: what it means.
        order: which findings are shown, in words.
        total: how many there are.
        first: those to show: `KEY` of one or two pictures, ``value`` and ``detail``.
    """

    kind: str
    title: str
    order: str
    total: int
    first: polars.DataFrame


def write(
    path: Path,
    groups: Sequence[Group],
    table: polars.DataFrame,
    across: polars.DataFrame,
    sources: Mapping[str, Source],
    notes: Sequence[str],
) -> Path:
    """Writes the page, with the pictures in it.

    Args:
        path: the HTML file.
        groups: what to show, in this order; empty ones are left out.
        table: the rows of the catalogue with `KEY`, ``label`` and ``part``.
        across: how many pictures of each part have copies in each part.
        sources: as `origins.read_sources` returns them.
        notes: sentences to say first.

    Returns:
        ``path``.
    """
    shown = [group for group in groups if group.total]
    wanted = {side[:3] for group in shown for side in _keys(group.first)}
    known = table.select(*KEY, "label", "part").filter(
        table["id"].is_in([key[0] for key in wanted])
    )
    words = {row[:3]: row[3:] for row in known.iter_rows()}
    return write_page(
        path,
        "audit.html.j2",
        title="Audit",
        pictures=len(table),
        sources=[
            f"{name} ({sources[name].info.licence})" for name in sorted(set(table["dataset"]))
        ],
        notes=notes,
        across=across.to_dicts(),
        groups=[
            {
                "kind": group.kind,
                "title": group.title,
                "order": group.order,
                "total": group.total,
                "plain": group.kind in _PLAIN,
                "items": [_item(row, words, sources, group.kind) for row in group.first.to_dicts()],
            }
            for group in shown
        ],
    )


def _keys(first: polars.DataFrame) -> list[tuple[str, ...]]:
    """Returns the keys of all pictures of some findings."""
    found = [row for row in first.select(KEY).iter_rows() if row[0] is not None]
    other = first.select(f"other_{name}" for name in KEY)
    return found + [row for row in other.iter_rows() if row[0] is not None]


def _item(
    row: Mapping[str, Any],
    words: Mapping[tuple[str, ...], tuple[str | None, str]],
    sources: Mapping[str, Source],
    kind: str,
) -> dict[str, Any]:
    """Returns one finding as the template shows it."""
    sides = []
    for prefix in ("", "other_"):
        key = tuple(row[prefix + name] for name in KEY)
        if key[0] is not None:
            label, part = words[key]
            shown = None if kind in _PLAIN else _picture(key[1], key[2], sources)
            sides.append(
                {"dataset": key[1], "path": key[2], "label": label, "part": part, "picture": shown}
            )
    text = row["detail"] or ""
    if len(sides) == 2:
        alike = "identical" if kind == "exact_duplicate" else f"cosine {row['value']:.3f}"
        text = ", ".join(part for part in (alike, text) if part)
    if kind == "imbalance":
        text = f"{row['dataset'] or 'all'}: {text}"
    return {"sides": sides, "text": text}


def _picture(dataset: str, path: str, sources: Mapping[str, Source]) -> str | None:
    try:
        return data_uri(thumbnail(picture(dataset, path, sources), _SIDE))
    except ImageError:
        return None
