"""`split`: catalogue -> what each row is for, so that nothing near a test picture is trained on."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mien.core import bridges as bridging
from mien.core import catalogue, groups, likeness, reading, roles, shares
from mien.core.artifact import META, StageFolder, atomic, read_meta
from mien.core.catalogue import KEY, ROLE_COLUMNS, ROLES
from mien.core.config import StageConfig
from mien.core.errors import ConfigError
from mien.core.groups import Codes, Groups
from mien.core.likeness import PAIRS
from mien.core.looks import LOOK_COLUMNS, LOOKS, looks
from mien.core.origins import check_roots, read_sources
from mien.core.roles import DEV, LANDMARKS, REJECTED, ROLE_ORDER, TEST, TRAIN, UNSEEN, Flags

if TYPE_CHECKING:
    import polars

TABLE: Final = "table.md"
_SHIPPED: Final = "assets/landmarks/internet_third.txt"
_READ: Final = (*KEY, "label", "split", "subject", "sequence")
_OTHER: Final = tuple(f"other_{name}" for name in KEY)
_REASONS: Final = (None, "unreadable", "constant", "bridges_splits")
_BRIDGES: Final = 3


class SplitConfig(StageConfig):
    """The settings of `split`.

    Attributes:
        by: ``group`` keeps people, sequences and near duplicates together; ``source`` does, too,
            and holds the whole data sets of ``unseen`` out; ``random`` draws row by row and
            leaks, as the thesis's split did.
        test: the data sets or their parts (``"ferplus/valid"``) that are scored once; where none is
            named, ``test_share`` is drawn.
        unseen: those scored as sources that training never saw; all others are trained on.
        test_share: how much is taken for the test, before anything else.
        dev_share: how much of the other rows serves for choices.
        near_duplicates: whether to look for nearly equal pictures, and unreadable or constant ones;
            an audit's tables are taken where there are any.
        near_duplicate_cosine: pictures more alike than this stay together.
        landmark_ids: a file with one id a line: rows of ``unseen`` that trained the landmark
            predictor; ``shipped`` is the package's own.
        seed: another one draws other rows.
        jobs: the number of processes; None takes every core. It does not change the result.
    """

    by: Literal["group", "random", "source"] = "group"
    test: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    test_share: float = Field(default=0.15, ge=0, lt=1)
    dev_share: float = Field(default=0.1, ge=0, lt=1)
    near_duplicates: bool = True
    near_duplicate_cosine: float = Field(default=0.97, gt=0, le=1)
    landmark_ids: Literal["shipped"] | Path | None = "shipped"
    seed: int = 0
    jobs: int | None = Field(default=None, ge=1, exclude=True)

    @model_validator(mode="after")
    def _whole_sources(self) -> Self:
        if self.by == "source" and not self.unseen:
            raise ValueError('by = "source" holds data sets out: name them in unseen = ["..."]')
        parts = [name for name in self.unseen if "/" in name]
        if self.by == "source" and parts:
            raise ValueError(f'by = "source" holds whole data sets out; {parts[0]!r} is a part')
        return self


def split(
    config: SplitConfig,
    merged: Path,
    out: Path,
    *,
    audit: Path | None = None,
    previous: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Gives every catalogue row a role.

    Rows of one person, sequence or content, or of nearly the same picture, form a group. A group
    never lies in two of ``train``, ``dev`` and the held-out roles: one that ties fixed training and
    held-out rows together is rejected, as ``bridges_splits``. Shares are drawn by whole groups, by
    class and source, in the order of a hash, so that new data move few of the old groups.

    Args:
        config: the settings.
        merged: the stage folder of `merge`.
        out: the folder to make: ``roles.parquet`` (`catalogue.ROLE_COLUMNS`) and ``table.md``
            (class x role).
        audit: the stage folder of `audit`: its pairs and faults are taken instead of looking again.
        previous: an earlier split, whose assignments all stay; of what ties two of its roles
            together, the new rows are rejected.
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        ConfigError: a selector matches nothing, one row is selected twice, or the audit looked for
            fewer near duplicates.
        DataError: the catalogue, its pictures' folders or a table of another stage cannot be read.
        StageError: ``out`` holds something else.
    """
    listed = _landmark_file(config.landmark_ids) if config.unseen else None
    named = {"catalogue": merged, "landmark_ids": listed, "audit": audit, "previous": previous}
    inputs = {name: path for name, path in named.items() if path is not None}
    folder = StageFolder(out, "split", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    rows = catalogue.select(merged, _READ)
    wanted = roles.selected(rows, config.test, config.unseen)
    if listed is not None:
        pl = catalogue.polars_or_error()
        known = rows.select(pl.col("id").is_in(reading.read_ids(listed))).to_series().to_numpy()
        wanted[(wanted == UNSEEN) & known] = LANDMARKS
    old = np.full(len(rows), -1)
    if previous is not None:
        old = roles.frozen(rows, catalogue.read(previous / ROLES, ROLE_COLUMNS))
    faults, pairs = _seen(config, rows, merged, audit)
    found = groups.find(rows, pairs)
    reasons = faults.copy()
    role = np.where(old >= 0, old, wanted)
    free = (old < 0) & (wanted == TRAIN) & (faults == 0)
    if config.by != "random":
        named_test = bool(config.test)
        bridges, joined = bridging.settle(
            found.links, wanted, old, faults == 0, test_is_named=named_test
        )
        reasons[bridges] = _BRIDGES
        role = np.where(joined >= 0, joined, role)
        free &= ~bridges & (joined < 0)
    role[reasons > 0] = REJECTED
    units = groups.single(rows, found) if config.by == "random" else found
    role = _drawn(config, rows, role, free, units)
    _write(folder.work, rows, role, reasons, found)
    leaks = _leaks(config, wanted, role, free, pairs, found)
    return folder.finish(_counts(folder.work, rows, role, reasons) | leaks)


def summary(out: Path) -> str:
    """Returns the table of a finished folder, class x role, and what crosses its roles."""
    counts = read_meta(out)["counts"]
    text = [(out / TABLE).read_text("utf-8")]
    for what, name in (
        ("people", "people"),
        ("pictures with identical copies", "contents"),
        (f"of {counts['near_duplicate_pairs']:,} near-duplicate pairs", "near_duplicate_pairs"),
    ):
        across = counts[f"{name}_across"]
        text.append(f"{across['after']:,} {what} cross train, dev and test; {across['before']:,} "
                    f"{counts['compared_with']}")  # fmt: skip
    text += [f"{row['dataset']}: {row['rows']:,} {row['reason']}" for row in counts["reasons"]]
    return "\n".join(text)


def _seen(
    config: SplitConfig, rows: polars.DataFrame, merged: Path, audit: Path | None
) -> tuple[Codes, Codes]:
    """Returns what is wrong with each picture, by `_REASONS`, and the near pairs."""
    none = np.empty((0, 2), np.int64)
    if not config.near_duplicates:
        return np.zeros(len(rows), np.int64), none
    pl = catalogue.polars_or_error()
    if audit is None:
        sources = read_sources(merged)
        check_roots(sources, rows["dataset"].unique().to_list())
        seen = looks(rows, sources, config.jobs, "split")
        near = likeness.near_pairs(seen.fingerprints, config.near_duplicate_cosine)
        faults = pl.Series(seen.faults, dtype=pl.String)
        return _codes(faults), seen.rows[near] if len(seen.rows) else none
    _check_audit(audit, config.near_duplicate_cosine)
    numbered = rows.select(KEY).with_row_index("row")
    table = catalogue.read(audit / LOOKS, {n: LOOK_COLUMNS[n] for n in (*KEY, "fault")})
    told = numbered.join(table, on=list(KEY), how="left", maintain_order="left")["fault"]
    alike = catalogue.read(audit / PAIRS, dict.fromkeys((*KEY, *_OTHER), "String"))
    if "cosine" in alike.columns:
        alike = alike.filter(pl.col("cosine") > config.near_duplicate_cosine)
    here = alike.join(numbered, on=list(KEY))
    both = here.join(numbered, left_on=list(_OTHER), right_on=list(KEY), suffix="_other")
    return _codes(told), both.select("row", "row_other").to_numpy().astype(np.int64)


def _check_audit(audit: Path, wanted: float) -> None:
    if not (audit / META).is_file():  # tables from elsewhere say nothing of their making
        return
    looked = read_meta(audit)["config"].get("near_duplicate_cosine", 0.0)
    if looked > wanted:
        raise ConfigError(
            f"[split] near_duplicate_cosine = {wanted}, but {audit} looked for pairs above "
            f"{looked} only. Audit again with {wanted}, or split without the audit."
        )


def _codes(faults: polars.Series) -> Codes:
    return np.array([_REASONS.index(fault) for fault in faults], np.int64)


def _drawn(
    config: SplitConfig, rows: polars.DataFrame, role: Codes, free: Flags, units: Groups
) -> Codes:
    """Returns the roles with test and dev drawn from the free rows."""
    counted = free | (role == TRAIN) | (role == DEV) | (role == TEST)
    plan = [(DEV, config.dev_share, f"{config.seed}")]
    if not config.test:
        plan.insert(0, (TEST, config.test_share, f"{config.seed}/test"))
    for target, share, seed in plan:
        # What has the role already counts towards its share; what is scored is no part of dev's.
        there = np.flatnonzero(counted & (role != TEST) if target == DEV else counted)
        stratum = shares.strata(rows["label"], rows["dataset"], units.of, there)
        if config.by == "random":
            stratum = np.minimum(stratum, 0)
        size = len(units.names)
        room = shares.rooms(stratum, np.bincount(units.of[there], minlength=size), share)
        has = there[role[there] == target]
        room -= np.bincount(stratum[units.of[has]], minlength=len(room))
        open_ = np.bincount(units.of[free & (role == TRAIN)], minlength=size)
        places = shares.order(units.names, seed)
        taken = shares.choose(np.where(open_ > 0, stratum, -1), open_, places, room)
        role = np.where(free & (role == TRAIN) & taken[units.of], target, role)
    return role


def _write(work: Path, rows: polars.DataFrame, role: Codes, reasons: Codes, found: Groups) -> None:
    pl = catalogue.polars_or_error()
    names, words = pl.Series(ROLE_ORDER), pl.Series(_REASONS, dtype=pl.String)
    table = rows.select(
        *KEY,
        role=names.gather(role),
        group=found.names.gather(found.of),
        reason=words.gather(reasons),
    )
    catalogue.write(table.select(list(ROLE_COLUMNS)), work / ROLES)


def _leaks(
    config: SplitConfig, wanted: Codes, role: Codes, free: Flags, pairs: Codes, found: Groups
) -> dict[str, Any]:
    """Returns how many people, contents and near pairs cross, now and without care."""
    if config.by == "random" or not config.test:
        says = "would in a random split of the same shares"
        careless = role.copy()
        careless[free] = np.random.default_rng(config.seed).permutation(role[free])
    else:
        says = "did in the parts that the settings name"
        careless = wanted
    counts = groups.leaks(found, pairs, roles.sides(careless), roles.sides(role))
    return counts | {"compared_with": says}


def _counts(work: Path, rows: polars.DataFrame, role: Codes, reasons: Codes) -> dict[str, Any]:
    """Writes the table class x role, and returns what went in and came out."""
    pl = catalogue.polars_or_error()
    told = rows.select(
        "label",
        "dataset",
        role=pl.Series(ROLE_ORDER).gather(role),
        reason=pl.Series(_REASONS, dtype=pl.String).gather(reasons),
    )
    table = catalogue.count(told, "role")
    table = table.select("label", "total", *(r for r in ROLE_ORDER if r in table.columns))
    with atomic(work / TABLE, "w") as file:
        file.write(catalogue.markdown(table))
    rejected = told.filter(pl.col("reason").is_not_null())
    tally = rejected.group_by("dataset", "reason").len("rows").sort("dataset", "reason")
    return {
        "input": len(rows),
        "kept": len(rows) - len(rejected),
        "rejected": len(rejected),
        "reasons": tally.to_dicts(),
        "table": table.to_dicts(),
    }


def _landmark_file(setting: Path | str | None) -> Path | None:
    if setting is None:
        return None
    if setting == "shipped":
        return Path(str(resources.files("mien") / _SHIPPED))
    return Path(setting)
