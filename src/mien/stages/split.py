"""`split`: catalogue -> what each row is for, so that nothing near a test picture is trained on."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mien.core import catalogue, images, likeness, reading
from mien.core.artifact import StageFolder, atomic, read_meta
from mien.core.catalogue import KEY, ROLE_COLUMNS, ROLES
from mien.core.config import StageConfig
from mien.core.errors import ConfigError, ImageError, MissingExtraError
from mien.core.origins import Source, check_roots, image_path, read_sources
from mien.core.progress import track
from mien.core.types import Floats

if TYPE_CHECKING:
    import polars

TABLE: Final = "table.md"
ROLE_ORDER: Final = ("train", "dev", "test", "unseen", "landmarks", "rejected")
_TRAINING: Final = ("train", "landmarks")
_HELD_OUT: Final = ("test", "unseen")
_SHIPPED: Final = "assets/landmarks/internet_third.txt"
Pairs = npt.NDArray[np.int64]


class SplitConfig(StageConfig):
    """The settings of `split`.

    Attributes:
        by: what stays together: ``group`` (people and near duplicates).
        test: the data sets or their parts (``"ferplus/valid"``) that are scored once.
        unseen: those scored as sources that training never saw; all others are trained on.
        dev_share: how much of the training rows serves for choices.
        near_duplicate_cosine: pictures more alike than this stay together.
        landmark_ids: a file with one id a line: rows of ``unseen`` that trained the landmark
            predictor; ``shipped`` is the package's own.
        seed: another one chooses another ``dev``.
    """

    by: Literal["group"] = "group"
    test: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    dev_share: float = Field(default=0.1, ge=0, lt=1)
    near_duplicate_cosine: float = Field(default=0.97, gt=0, le=1)
    landmark_ids: Literal["shipped"] | Path | None = "shipped"
    seed: int = 0


def split(config: SplitConfig, merged: Path, out: Path, *, overwrite: bool = False) -> Path:
    """Gives every catalogue row a role.

    Rows of one person, of the same content or of nearly the same picture form a group. A group
    never lies in two of ``train``, ``dev`` and ``test``: one that ties training and held-out rows
    together is rejected whole, as ``bridges_splits``; ``dev`` takes whole groups.

    Args:
        config: the settings.
        merged: the stage folder of `merge`.
        out: the folder to make: ``roles.parquet`` (`catalogue.ROLE_COLUMNS`) and ``table.md``
            (class x role).
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        ConfigError: a selector matches nothing, or one row is selected twice.
        DataError: the catalogue, its pictures' folders or the list of ids cannot be read.
        StageError: ``out`` holds something else.
    """
    listed = _landmark_file(config.landmark_ids) if config.unseen else None
    inputs = {"catalogue": merged} | ({"landmark_ids": listed} if listed else {})
    folder = StageFolder(out, "split", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    rows = catalogue.read(merged)
    sources = read_sources(merged)
    check_roots(sources, rows["dataset"].unique().to_list())
    wanted = _wanted(rows, config, reading.read_ids(listed) if listed else set())
    vectors, faults = _fingerprints(rows, sources)
    pairs = _near(vectors, config.near_duplicate_cosine)
    group = _groups(rows, pairs)
    reasons = _reasons(faults, wanted, group)
    roles = [want if why is None else "rejected" for want, why in zip(wanted, reasons, strict=True)]
    for index in _dev(rows["label"].to_list(), roles, group, config):
        roles[index] = "dev"
    pl = catalogue.polars_or_error()
    table = rows.select(
        *KEY,
        role=pl.Series(roles, dtype=pl.String),
        group=pl.Series(group, dtype=pl.String),
        reason=pl.Series(reasons, dtype=pl.String),
    )
    catalogue.write(table.select(list(ROLE_COLUMNS)), folder.work / ROLES)
    counts = catalogue.count(table.with_columns(label=rows["label"]), "role")
    counts = counts.select("label", "total", *(r for r in ROLE_ORDER if r in counts.columns))
    with atomic(folder.work / TABLE, "w") as file:
        file.write(catalogue.markdown(counts))
    across = {
        "near_duplicate_pairs": len(pairs),
        "near_duplicate_pairs_across": {
            "before": _crossing(pairs, wanted),
            "after": _crossing(pairs, roles),
        },
        "people_across": _people_across(table.with_columns(subject=rows["subject"])),
    }
    return folder.finish(_counts(table, counts) | across)


def summary(out: Path) -> str:
    """Returns the table of a finished folder, class x role, and how many near pairs cross."""
    counts = read_meta(out)["counts"]
    across = counts["near_duplicate_pairs_across"]
    pairs = (
        f"{counts['near_duplicate_pairs']:,} near-duplicate pairs: {across['before']:,} crossed "
        f"training and test before, {across['after']:,} cross train, dev and test now; "
        f"{counts['people_across']:,} people do"
    )
    lines = [f"{row['dataset']}: {row['rows']:,} {row['reason']}" for row in counts["reasons"]]
    return "\n".join([(out / TABLE).read_text("utf-8"), pairs, *lines])


def _wanted(rows: polars.DataFrame, config: SplitConfig, landmark_ids: set[str]) -> list[str]:
    """Returns the role that the settings alone would give each row."""
    parts = [
        {dataset, f"{dataset}/{part}"}
        for dataset, part in rows.select("dataset", "split").iter_rows()
    ]
    known = set().union(*parts) if parts else set()
    for name in (*config.test, *config.unseen):
        if name not in known:
            raise ConfigError(
                f"[split] names {name!r}, but the catalogue has no such data set or part. "
                f"It has: {', '.join(sorted(known))}."
            )
    test, unseen = set(config.test), set(config.unseen)
    wanted = []
    for names, key in zip(parts, rows["id"], strict=True):
        if names & test and names & unseen:
            raise ConfigError(f"[split] puts {min(names)!r} both in test and in unseen.")
        role = "test" if names & test else "unseen" if names & unseen else "train"
        wanted.append("landmarks" if role == "unseen" and key in landmark_ids else role)
    return wanted


def _fingerprints(
    rows: polars.DataFrame, sources: dict[str, Source]
) -> tuple[list[Floats | None], list[str | None]]:
    """Returns each row's fingerprint, or None and what is wrong with its picture."""
    vectors: list[Floats | None] = []
    faults: list[str | None] = []
    places = rows.select("dataset", "path").iter_rows()
    for dataset, path in track(places, "split", len(rows)):
        try:
            vector = likeness.fingerprint(images.decode(image_path(dataset, path, sources)))
            fault = "constant" if vector is None else None
        except ImageError:
            vector, fault = None, "unreadable"
        vectors.append(vector)
        faults.append(fault)
    return vectors, faults


def _near(vectors: list[Floats | None], above: float) -> Pairs:
    """Returns the pairs of near duplicates as row numbers."""
    index = np.array([i for i, vector in enumerate(vectors) if vector is not None], np.int64)
    if not len(index):
        return np.empty((0, 2), np.int64)
    stacked = np.stack([vector for vector in vectors if vector is not None])
    return index[likeness.near_pairs(stacked, above)]


def _groups(rows: polars.DataFrame, pairs: Pairs) -> list[str]:
    """Returns the name of each row's group: the smallest id in it."""
    try:
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components
    except ImportError:
        raise MissingExtraError("Splitting", "data") from None
    pl = catalogue.polars_or_error()
    n = len(rows)
    first = rows.with_row_index("row").select(
        content=pl.col("row").first().over("id"),
        person=pl.when(pl.col("subject").is_not_null())
        .then(pl.col("row").first().over("dataset", "subject"))
        .otherwise("row"),
    )
    own = np.arange(n)
    starts = np.concatenate([own, own, pairs[:, 0]])
    ends = np.concatenate([first["content"].to_numpy(), first["person"].to_numpy(), pairs[:, 1]])
    graph = coo_matrix((np.ones(len(starts), np.int8), (starts, ends)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    named = rows.select("id", component=pl.Series(component))
    return named.select(pl.col("id").min().over("component"))["id"].to_list()


def _reasons(faults: list[str | None], wanted: list[str], group: list[str]) -> list[str | None]:
    """Returns why each row is rejected, or None."""
    sides: dict[str, set[bool]] = defaultdict(set)
    for fault, role, name in zip(faults, wanted, group, strict=True):
        if fault is None:
            sides[name].add(role in _TRAINING)
    return [
        fault or ("bridges_splits" if len(sides[name]) > 1 else None)
        for fault, name in zip(faults, group, strict=True)
    ]


def _dev(
    labels: list[str | None], roles: list[str], group: list[str], config: SplitConfig
) -> list[int]:
    """Returns the row numbers of ``dev``.

    The order of a hash decides, so new data move few of the old groups. A group counts for the
    rarest of its classes, since those are hardest to share out.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, (role, name) in enumerate(zip(roles, group, strict=True)):
        if role == "train":
            members[name].append(index)
    sizes: dict[str | None, int] = defaultdict(int)
    for indices in members.values():
        for index in indices:
            sizes[labels[index]] += 1
    strata: dict[str | None, list[str]] = defaultdict(list)
    for name, indices in members.items():
        found = {labels[i] for i in indices}
        strata[min(found, key=lambda label: (sizes[label], label or ""))].append(name)
    chosen: list[int] = []
    for names in strata.values():
        names.sort(key=lambda name: hashlib.sha256(f"{config.seed}/{name}".encode()).digest())
        room = round(config.dev_share * sum(len(members[name]) for name in names))
        for name in names:
            if len(members[name]) <= room:
                chosen += members[name]
                room -= len(members[name])
    return chosen


def _crossing(pairs: Pairs, roles: list[str]) -> int:
    """Counts the near duplicates of which one is trained on or chosen by and the other held out."""
    side = np.array([_SIDE.get(role, -1) for role in roles], np.int64)[pairs]
    both = (side >= 0).all(axis=1)
    return int((both & (side[:, 0] != side[:, 1])).sum())


_SIDE: Final = {"train": 0, "landmarks": 0, "dev": 1, "test": 2, "unseen": 2}


def _people_across(table: polars.DataFrame) -> int:
    """Counts the people who stand in more than one of train, dev and the held-out roles."""
    pl = catalogue.polars_or_error()
    side = pl.col("role").replace_strict(_SIDE, default=None, return_dtype=pl.Int64)
    people = table.with_columns(side=side).drop_nulls(["subject", "side"])
    sides = people.group_by("dataset", "subject").agg(pl.col("side").n_unique())
    return int((sides["side"] > 1).sum())


def _counts(table: polars.DataFrame, by_role: polars.DataFrame) -> dict[str, Any]:
    pl = catalogue.polars_or_error()
    rejected = table.filter(pl.col("role") == "rejected")
    reasons = rejected.group_by("dataset", "reason").len("rows").sort("dataset", "reason")
    return {
        "input": len(table),
        "kept": len(table) - len(rejected),
        "rejected": len(rejected),
        "reasons": reasons.to_dicts(),
        "table": by_role.to_dicts(),
        "groups": table["group"].n_unique(),
    }


def _landmark_file(setting: Path | str | None) -> Path | None:
    if setting is None:
        return None
    if setting == "shipped":
        return Path(str(resources.files("mien") / _SHIPPED))
    return Path(setting)
