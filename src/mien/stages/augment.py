"""`augment`: more training faces for the rare classes, each traceable to its parent.

The offline augmentation of the thesis: mirrored, turned, blurred, with a little noise, until the
classes are balanced. What `train` does to each view on the fly is a policy of its own
(`mien.models.augment`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mien.core import catalogue, images, registry, shares
from mien.core.artifact import StageFolder, atomic, read_meta
from mien.core.catalogue import FACE_COLUMNS, KEY, ROLE_COLUMNS, ROLES
from mien.core.errors import ConfigError, DataError
from mien.core.labels import CLASSES, titled
from mien.core.origins import SOURCES, read_sources, write_sources
from mien.core.progress import track
from mien.core.quality import NAMES as QUALITIES
from mien.models.offline import Changes, changed
from mien.plots.sheet import Cell, sheet

if TYPE_CHECKING:
    import polars

TABLE: Final = "table.md"
PICTURE: Final = "examples.png"
_SHOWN: Final = 8
AUGMENTED_COLUMNS: Final = {**FACE_COLUMNS, **dict.fromkeys(("parent", "recipe"), "String")}
"""A table of faces, with the id of the face that each was made from, and how, in JSON."""


class AugmentConfig(Changes):
    """The settings of `augment`: those of `Changes`, and how many faces to make.

    Attributes:
        to: how many faces each class shall have: ``largest`` for as many as the largest has, or a
            number a class, such as ``{ disgust = 4800, fear = 4800 }``.
        total: instead, how many there shall be in all: the rarest classes are filled up to one
            level that gives this total.
        jobs: the number of processes; None takes every core. It does not change the result.
    """

    to: Literal["largest"] | dict[str, int] = "largest"
    total: int | None = Field(default=None, ge=1)
    jobs: int | None = Field(default=None, ge=1, exclude=True)

    @model_validator(mode="after")
    def _known(self) -> Self:
        if isinstance(self.to, dict):
            unknown = sorted(self.to.keys() - set(CLASSES))
            if unknown:
                raise ValueError(f"'to' names {', '.join(unknown)}; classes: {', '.join(CLASSES)}")
            if self.total is not None:
                raise ValueError("give 'total' or counts in 'to', not both")
        return self


@dataclass(frozen=True)
class _Shard:
    """What one worker needs: for each face of one shard, how many new ones to make."""

    path: Path
    wanted: Mapping[tuple[str, ...], int]
    config: AugmentConfig
    out: Path


def augment(
    config: AugmentConfig, faces: Path, split: Path, out: Path, *, overwrite: bool = False
) -> Path:
    """Makes new faces from those of the role ``train`` until the classes are as wished.

    A run that was stopped goes on from its finished shards. The bytes do not depend on the number
    of processes.

    Args:
        config: the settings.
        faces: the stage folder of `crop`.
        split: the stage folder of `split`.
        out: the folder to make: ``faces-NNNNN.parquet`` (`AUGMENTED_COLUMNS`; the id is the
            parent's with ``#aug`` and a number), ``roles.parquet`` (all ``train``), ``table.md``
            (class x before, new, after) and ``examples.png``. `train` takes it beside the two
            others.
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        DataError: a table is missing, or no labelled face has the role ``train``.
        ConfigError: fewer faces are wished than there are.
        StageError: ``out`` holds something else.
    """
    inputs = {"faces": faces, "split": split}
    folder = StageFolder(out, "augment", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    parents = _parents(faces, split)
    before = {name: int((parents["label"] == name).sum()) for name in CLASSES}
    new = needed(before, config.to if config.total is None else config.total)
    shards = [
        _Shard(faces / name, wanted, config, folder.work / name)
        for name, wanted in _shared_out(parents, new, config.seed).items()
    ]
    waiting = [shard for shard in shards if not shard.out.exists()]
    engine = registry.load("engines", "local")(config.jobs)
    for _ in track(engine.map(augment_shard, waiting), "augment", len(waiting)):
        pass
    _write_roles(folder.work, parents)
    _draw(folder.work, faces, [name for name in CLASSES if new[name]])
    if (faces / SOURCES).is_file():
        write_sources(read_sources(faces).values(), folder.work)
    with atomic(folder.work / TABLE, "w") as file:
        file.write(_table(before, new))
    counts = {"input": len(parents), "kept": sum(new.values()), "rejected": 0}
    return folder.finish(counts | {"before": before, "new": new})


def summary(out: Path) -> str:
    """Returns the table of a finished folder: class x before, new, after."""
    counts = read_meta(out)["counts"]
    total = f"{counts['kept']:,} new faces beside {counts['input']:,}"
    return f"{(out / TABLE).read_text('utf-8')}\n{total}"


def needed(before: Mapping[str, int], to: str | int | Mapping[str, int]) -> dict[str, int]:
    """Returns how many new faces each class needs.

    Args:
        before: how many it has; classes without any get none.
        to: ``largest``, a number of faces for each class, or the number in all.

    Raises:
        ConfigError: fewer are wished than there are, or new ones of a class without parents.
    """
    if isinstance(to, int):
        return _levelled(before, to)
    if isinstance(to, str):
        to = dict.fromkeys((name for name, n in before.items() if n), max(before.values()))
    new = {name: to.get(name, n) - n for name, n in before.items()}
    for name, n in new.items():
        if n < 0 or (n and not before[name]):
            raise ConfigError(
                f"[augment] wishes {to[name]:,} faces of {name}, but training has {before[name]:,} "
                "to start from. Faces are made from others, and none is taken away."
            )
    return new


def _levelled(before: Mapping[str, int], total: int) -> dict[str, int]:
    """Fills the rarest classes up to one level; what is left over goes to the first of them."""
    missing = total - sum(before.values())
    if missing < 0:
        raise ConfigError(
            f"[augment] wishes {total:,} faces in all, but training has {sum(before.values()):,}."
        )
    new = dict.fromkeys(before, 0)
    filled = sorted((n, name) for name, n in before.items() if n)
    for place in range(len(filled)):
        names = [name for _, name in filled[: place + 1]]
        ceiling = filled[place + 1][0] if place + 1 < len(filled) else total
        level = sum(before[name] for name in names) + missing
        if level <= ceiling * len(names):
            each, over = divmod(level, len(names))
            for number, name in enumerate(names):
                new[name] = each + (number < over) - before[name]
            break
    return new


def augment_shard(shard: _Shard) -> int:
    """Makes the new faces of one shard and returns how many."""
    pl = catalogue.polars_or_error("Augmenting")
    rows = pl.read_parquet(shard.path, columns=list(FACE_COLUMNS))
    made: list[tuple[Any, ...]] = []
    for row in rows.iter_rows(named=True):
        for number in range(shard.wanted.get(tuple(row[name] for name in KEY), 0)):
            chip, recipe = changed(
                images.decode(row["chip"]["bytes"]), row["id"], number, shard.config
            )
            name = f"#aug{number}"
            told = {"id": row["id"] + name, "path": row["path"] + name}
            picture = {"chip": {"bytes": images.encode_png(chip), "path": told["path"]}}
            # The change has moved or changed them; whoever needs them finds the parent's.
            placed = dict.fromkeys(("landmarks", "yaw", "pitch", "roll", *QUALITIES))
            told |= {"parent": row["id"], "recipe": json.dumps(recipe)}
            whole = row | told | picture | placed
            made.append(tuple(whole[name] for name in AUGMENTED_COLUMNS))
    frame = pl.DataFrame(made, schema=catalogue.schema(AUGMENTED_COLUMNS), orient="row")
    catalogue.write(frame, shard.out)
    return len(made)


def _parents(faces: Path, split: Path) -> polars.DataFrame:
    """Returns the labelled faces of the role ``train``: `KEY`, label, group and shard."""
    pl = catalogue.polars_or_error("Augmenting")
    roles = catalogue.read(split / ROLES if split.is_dir() else split, ROLE_COLUMNS)
    trained = roles.filter(pl.col("role") == "train").select(*KEY, "group")
    tables = [
        table.filter(pl.col("label").is_in(CLASSES)).with_columns(
            shard=pl.lit(catalogue.FACES.format(number))
        )
        for number, table in enumerate(catalogue.read_faces(faces, (*KEY, "label")))
    ]
    parents = pl.concat(tables).join(trained, on=list(KEY), maintain_order="left")
    if not len(parents):
        raise DataError(
            f"{faces} and {split} hold no labelled face in the role 'train'. Expected the folders "
            "of 'mien crop' and 'mien split' of one catalogue."
        )
    return parents  # type: ignore[no-any-return]  # Polars is a late import


def _shared_out(
    parents: polars.DataFrame, new: Mapping[str, int], seed: int
) -> dict[str, dict[tuple[str, ...], int]]:
    """Returns, for each shard, how many new faces each of its faces is made into.

    The parents of a class take turns, in the order of a hash, so none is used twice more than
    another.
    """
    found: dict[str, dict[tuple[str, ...], int]] = {
        name: {} for name in parents["shard"].unique().sort()
    }
    for label, count in new.items():
        rows = parents.filter(parents["label"] == label)
        turns = np.argsort(shares.order(rows["id"], f"{seed}/augment"), kind="stable")
        for place, row in enumerate(turns[:count].tolist()):
            parent = rows.row(row, named=True)
            key = tuple(parent[name] for name in KEY)
            found[parent["shard"]][key] = count // len(rows) + (place < count % len(rows))
    return found


def _write_roles(work: Path, parents: polars.DataFrame) -> None:
    pl = catalogue.polars_or_error()
    tables = catalogue.read_faces(work, (*KEY, "parent"))
    made = pl.concat(list(tables))
    groups = parents.select("group", parent="id", dataset="dataset").unique(["parent", "dataset"])
    roles = made.join(groups, on=["parent", "dataset"], maintain_order="left")
    told = roles.with_columns(role=pl.lit("train"), reason=pl.lit(None, pl.String))
    catalogue.write(told.select(list(ROLE_COLUMNS)), work / ROLES)


def _draw(work: Path, faces: Path, classes: list[str]) -> None:
    """Draws some new faces of each class beside their parents."""
    pl = catalogue.polars_or_error()
    shown: dict[str, polars.DataFrame] = {}
    for shard in catalogue.read_faces(work, ("label", "chip", "parent")):
        for (label,), rows in shard.group_by("label", maintain_order=True):
            before = [shown[label]] if label in shown else []
            every = pl.concat([*before, rows]).unique("parent", keep="first", maintain_order=True)
            shown[label] = every.head(_SHOWN)
        if all(len(shown.get(label, ())) == _SHOWN for label in classes):
            break
    wanted = {name for rows in shown.values() for name in rows["parent"]}
    found: dict[str, bytes] = {}
    for shard in catalogue.read_faces(faces, ("id", "chip")):
        own = shard.filter(pl.col("id").is_in(list(wanted)))
        found |= {name: chip["bytes"] for name, chip in own.iter_rows()}
        if found.keys() >= wanted:
            break
    grid = [
        [
            Cell(len(rows), [images.decode(found[name]) for name in rows["parent"]]),
            Cell(len(rows), [images.decode(chip["bytes"]) for chip in rows["chip"]]),
        ]
        for rows in (shown[label] for label in classes)
    ]
    sheet(grid, [titled(name) for name in classes], ["parents", "new faces"], work / PICTURE)


def _table(before: Mapping[str, int], new: Mapping[str, int]) -> str:
    pl = catalogue.polars_or_error()
    classes = [name for name, n in before.items() if n]
    table = pl.DataFrame(
        {"label": classes, "before": [before[n] for n in classes], "new": [new[n] for n in classes]}
    ).with_columns(after=pl.col("before") + pl.col("new"))
    sums = table.select(pl.lit("sum").alias("label"), pl.exclude("label").sum())
    return catalogue.markdown(pl.concat([table, sums]))
