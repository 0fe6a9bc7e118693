"""`audit`: catalogue -> what is doubtful in it, as tables and as a page to look at."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import Field

from mien.core import catalogue, groups, likeness
from mien.core.artifact import StageFolder, read_meta
from mien.core.catalogue import KEY, REJECTED, REJECTION_COLUMNS, ROLE_COLUMNS, ROLES
from mien.core.config import StageConfig
from mien.core.errors import MissingExtraError, StageError
from mien.core.labels import CLASSES
from mien.core.likeness import PAIR_COLUMNS, PAIRS
from mien.core.looks import LOOK_COLUMNS, LOOKS, looks
from mien.core.origins import check_roots, read_sources
from mien.core.types import Floats
from mien.metrics import copies, findings
from mien.metrics.copies import ACROSS_COLUMNS
from mien.metrics.findings import FINDINGS, KINDS
from mien.plots import audit_page

if TYPE_CHECKING:
    import polars

ACROSS: Final = "across.parquet"
PAGE: Final = "audit.html"
_FOLDS: Final = "folds"
_READ: Final = (*KEY, "label", "split", "subject", "sequence", "face_box")
_BLOCK: Final = 65_536
_TOLD: Final = 20
_NO_SUSPECTS: Final = (
    "suspected wrong labels were not looked for: give the folder of crop (mien audit --faces)"
)
_AGREEMENT: Final = (
    "the networks that looked for wrong labels agree with {:.1f} % of all labels; the lower that "
    "is, the less their doubts mean"
)


class AuditConfig(StageConfig):
    """The settings of `audit`.

    Attributes:
        near_duplicate_cosine: pictures more alike than this are near duplicates.
        tiny: pixels; a picture or stated face with a shorter side below this is tiny.
        dark: a mean grey level (0 to 255) below this is dark.
        bright: one above this is bright.
        imbalance: a class this many times rarer than the most frequent is rare.
        folds: how many networks share out the faces that suspects are looked for among.
        epochs: how long each is trained; one that has learned all by heart doubts nothing.
        network: their name in the registry.
        seed: of folds and networks.
        shown: how many findings of a kind the page shows.
        jobs: the number of processes; None takes every core. It does not change the result.
    """

    near_duplicate_cosine: float = Field(default=0.97, gt=0, le=1)
    tiny: int = Field(default=24, ge=0)
    dark: float = Field(default=25.0, ge=0, le=255)
    bright: float = Field(default=230.0, ge=0, le=255)
    imbalance: float = Field(default=10.0, ge=1)
    folds: int = Field(default=4, ge=2)
    epochs: int = Field(default=8, ge=1)
    network: str = "mienet"
    seed: int = Field(default=0, ge=0)
    shown: int = Field(default=24, ge=0)
    jobs: int | None = Field(default=None, ge=1, exclude=True)


def audit(
    config: AuditConfig,
    merged: Path,
    out: Path,
    *,
    faces: Path | None = None,
    roles: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Looks for what is doubtful in a catalogue; changes nothing.

    Started again after a stop, it goes on from what it has seen and from the folds it has trained.

    Args:
        config: the settings.
        merged: the stage folder of `merge`.
        out: the folder to make: ``findings.parquet`` (`findings.FINDING_COLUMNS`),
            ``pairs.parquet`` (`likeness.PAIR_COLUMNS`), ``looks.parquet`` (`looks.LOOK_COLUMNS`),
            ``across.parquet`` (`copies.ACROSS_COLUMNS`) and ``audit.html``, a page with pictures.
        faces: the stage folder of `crop`; suspected wrong labels are looked for only with it.
        roles: the stage folder of `split`; its roles then count as parts, not the data sets' own.
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        DataError: the catalogue, its pictures' folders or another table cannot be read.
        MissingExtraError: a library of an extra is not installed.
        StageError: ``out`` holds something else, or the faces are too few to share out.
    """
    named = {"catalogue": merged, "faces": faces, "roles": roles}
    inputs = {name: path for name, path in named.items() if path is not None}
    folder = StageFolder(out, "audit", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    if faces is not None:
        _check_extra()  # before hours of work, not after
    work = folder.work
    rows = catalogue.select(merged, _READ)
    if not (work / ACROSS).exists():  # it is written last of the three
        _look(config, rows, merged, roles, work)
    seen = catalogue.read(work / LOOKS, LOOK_COLUMNS)
    pairs = catalogue.read(work / PAIRS, PAIR_COLUMNS)
    table = copies.placed(rows, seen, _roles(roles), _rejected(merged))
    ends = copies.ends(table, pairs)
    parts = [
        findings.duplicates(pairs),
        findings.conflicts(table, pairs, ends),
        findings.faults(table, seen, config.tiny, config.dark, config.bright),
        findings.imbalance(table, config.imbalance),
    ]
    agreement = None
    if faces is not None:
        links = ends.to_numpy().astype(np.int64)
        suspected, agreement = _suspects(config, faces, rows, links, work)
        parts.append(suspected)
    found = catalogue.polars_or_error().concat(parts)
    catalogue.write(found, work / FINDINGS)
    across = catalogue.read(work / ACROSS, ACROSS_COLUMNS)
    audit_page.write(
        work / PAGE,
        [_group(found, kind, config.shown) for kind in KINDS],
        table,
        across,
        read_sources(merged),
        _notes(config, agreement),
    )
    shutil.rmtree(work / _FOLDS, ignore_errors=True)
    return folder.finish(_counts(table, found, across, agreement))


def summary(out: Path) -> str:
    """Returns how many findings of each kind a finished folder holds, and what crosses parts."""
    counts = read_meta(out)["counts"]
    lines = [f"{counts['pictures']:,} pictures looked at"]
    lines += [f"{counts['findings'][kind]:,} {kind} ({what})" for kind, what in KINDS.items()]
    crossing = [row for row in counts["across"] if row["part"] != row["other_part"]]
    crossing.sort(key=lambda row: -row["either"])
    for row in crossing[:_TOLD]:
        lines.append(
            f"{row['part']}: of {row['pictures']:,}, {row['exact']:,} have an identical picture in "
            f"{row['other_part']}, {row['near']:,} a near one, {row['either']:,} either"
        )
    if len(crossing) > _TOLD:
        lines.append(f"and {len(crossing) - _TOLD} more pairs of parts with copies in {ACROSS}")
    agreement = counts["agreement"]
    lines.append(_NO_SUSPECTS if agreement is None else _AGREEMENT.format(100 * agreement))
    return "\n".join([*lines, f"look at {out / PAGE}"])


def _look(
    config: AuditConfig, rows: polars.DataFrame, merged: Path, roles: Path | None, work: Path
) -> None:
    """Decodes every picture, and writes what is seen and what is alike."""
    sources = read_sources(merged)
    check_roots(sources, rows["dataset"].unique().to_list())
    seen = looks(rows, sources, config.jobs, "audit")
    table = copies.placed(rows, seen.table(rows), _roles(roles), _rejected(merged))
    first = (table["copy"] == table["row"]).fill_null(False).to_numpy()[seen.rows]
    vectors = _kept(seen.fingerprints, first)
    found = likeness.near_pairs(vectors, config.near_duplicate_cosine)
    near = seen.rows[first][found]
    pairs = copies.pairs(table, near, likeness.cosines(vectors, found))
    catalogue.write(seen.table(rows), work / LOOKS)
    catalogue.write(pairs, work / PAIRS)
    catalogue.write(copies.across(table, near), work / ACROSS)


def _kept(vectors: Floats, keep: np.ndarray) -> Floats:
    """Moves the kept rows to the front, in place: a second million of them would take 2.3 GB."""
    end = 0
    for start in range(0, len(vectors), _BLOCK):
        part = vectors[start : start + _BLOCK][keep[start : start + _BLOCK]]
        vectors[end : end + len(part)] = part
        end += len(part)
    return vectors[:end]


def _roles(roles: Path | None) -> polars.DataFrame | None:
    """Returns the table of roles."""
    if roles is None:
        return None
    return catalogue.read(roles / ROLES if roles.is_dir() else roles, ROLE_COLUMNS)


def _rejected(merged: Path) -> polars.DataFrame | None:
    """Returns what `merge` left out; a catalogue from elsewhere may not say."""
    path = merged / REJECTED
    return catalogue.read(path, REJECTION_COLUMNS) if path.is_file() else None


def _check_extra() -> None:
    for name in ("cleanlab", "sklearn", "torch"):
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError("Looking for wrong labels", "audit")


def _suspects(
    config: AuditConfig, faces: Path, rows: polars.DataFrame, links: likeness.Pairs, work: Path
) -> tuple[polars.DataFrame, float]:
    """Returns the faces whose labels networks that never saw them contradict.

    And the share of all labels, 0 to 1, that the networks agree with: where it is low, they have
    learned too little to doubt anything.
    """
    from mien.metrics.suspects import suspects
    from mien.models.augment import training_cut
    from mien.models.data import read_faces
    from mien.models.folds import FoldSettings, out_of_fold
    from mien.models.recipe import Recipe

    pl = catalogue.polars_or_error()
    shards = catalogue.read_faces(faces, (*KEY, "label"))
    keys = pl.concat([shard.filter(pl.col("label").is_in(CLASSES)) for shard in shards])
    grouped = rows.select(*KEY, group=pl.Series(groups.find(rows, links).of))
    keys = keys.join(grouped, on=list(KEY), how="left", maintain_order="left")
    if not len(keys) or keys["group"].null_count():
        raise StageError(
            f"{faces} holds {len(keys):,} labelled faces, of which {keys['group'].null_count():,} "
            "are not in the catalogue. Give the folder that 'mien crop' made from this catalogue."
        )
    everyone = keys.select(
        *KEY, role=pl.lit("train"), group=pl.lit(None, pl.String), reason=pl.lit(None, pl.String)
    )
    catalogue.write(everyone, work / _FOLDS / ROLES)
    settings = FoldSettings(
        folds=config.folds,
        network=config.network,
        recipe=Recipe(epochs=config.epochs, balanced_epochs=0),
        seed=config.seed,
    )
    cut = training_cut(settings.preprocess, settings.augment)
    arrays = read_faces(faces, work / _FOLDS / ROLES, ("train",), cut, work / _FOLDS)
    seen = out_of_fold(arrays, keys["group"].to_numpy(), settings, work / _FOLDS)
    order, quality = suspects(arrays.labels, seen)
    agreement = float((seen.argmax(1) == arrays.labels).mean())
    return findings.suspects(keys, order, quality, seen), agreement


def _group(found: polars.DataFrame, kind: str, shown: int) -> audit_page.Group:
    total = int((found["kind"] == kind).sum())
    first = findings.top(found, kind, shown)
    return audit_page.Group(kind, KINDS[kind], findings.ORDERS.get(kind, ""), total, first)


def _notes(config: AuditConfig, agreement: float | None) -> list[str]:
    """Returns what the page says besides."""
    near = (
        f"Near duplicates have a cosine above {config.near_duplicate_cosine}: of the pictures at "
        f"{likeness.SIDE} x {likeness.SIDE} grey pixels, less their mean."
    )
    suspects = (
        f"Suspect labels are those that {config.folds} networks contradict, each asked about "
        "people and pictures that it never saw. They are often right about slips, and often wrong "
        "about rare and faint expressions: look before you relabel."
    )
    copied = "Copies that merge left out within a part are counted."
    if agreement is None:
        return [near, copied, f"{_NO_SUSPECTS.capitalize()}."]
    return [near, copied, suspects, f"{_AGREEMENT.format(100 * agreement).capitalize()}."]


def _counts(
    table: polars.DataFrame,
    found: polars.DataFrame,
    across: polars.DataFrame,
    agreement: float | None,
) -> dict[str, Any]:
    pl = catalogue.polars_or_error()
    tally = dict(found.group_by("kind").len().rows())
    by_dataset = found.filter(pl.col("dataset").is_not_null()).group_by("kind", "dataset").len("n")
    return {
        "pictures": len(table),
        "findings": {kind: tally.get(kind, 0) for kind in KINDS},
        "by_dataset": by_dataset.sort("kind", "dataset").to_dicts(),
        "across": across.to_dicts(),
        "agreement": agreement,
    }
