"""`merge`: data sets in their published layouts -> one catalogue."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from mien.core import catalogue, contents, registry
from mien.core.artifact import StageFolder, atomic, read_meta
from mien.core.catalogue import CATALOGUE, REJECTED
from mien.core.config import StageConfig
from mien.core.contents import CONFLICTS, Policy
from mien.core.errors import ConfigError, MissingExtraError, StageError
from mien.core.labels import CONTEMPT
from mien.core.origins import Source, read_sources, write_sources
from mien.core.progress import track
from mien.core.types import Rejection, Sample
from mien.metrics.findings import FINDINGS, KINDS
from mien.plots import counts as counts_plot

if TYPE_CHECKING:
    import polars

TABLE: Final = "table.md"
PICTURE: Final = "table.png"
_PARTS: Final = "parts"


class SourceConfig(StageConfig):
    """One data set, or a catalogue made before.

    Attributes:
        reader: the name of its reader.
        root: its folder or archive; ``~`` and ``$NAME`` are filled in.
        options: the reader's options.
        name: its name in the catalogue; the reader's where not given.
        contempt: ``skip`` rejects pictures of contempt; ``keep`` leaves them as an audit column,
            since no network is trained on them.
        catalogue: instead of all these, the folder of an earlier merge.
    """

    reader: str = ""
    root: Path | None = None
    options: dict[str, Any] = Field(default={})
    name: str = ""
    contempt: Literal["keep", "skip"] = "keep"
    catalogue: Path | None = None

    @field_validator("root", "catalogue", mode="before")
    @classmethod
    def _expanded(cls, path: Any) -> Any:
        return Path(os.path.expandvars(path)).expanduser() if isinstance(path, str) else path

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.catalogue is None and (not self.reader or self.root is None):
            raise ValueError("a source needs 'reader' and 'root', or 'catalogue'")
        if self.catalogue is not None and (self.reader or self.root or self.options or self.name):
            raise ValueError("a source with 'catalogue' takes no reader, root, options or name")
        return self

    @property
    def dataset(self) -> str:
        """The name in the catalogue; empty where the source is a catalogue."""
        return self.name or self.reader

    @property
    def place(self) -> Path:
        """Where it stands."""
        found = self.catalogue or self.root
        assert found is not None  # the validator saw to it
        return found


class MergeConfig(StageConfig):
    """The settings of `merge`.

    Attributes:
        sources: the data sets, in the order of the catalogue's rows.
        conflicts: what to do where data sets give one picture different classes: ``reject`` those
            rows, ``keep`` them all, or end with an ``error``. Each is listed in any case.
        findings: the folder of an audit of this catalogue.
        drop: the kinds of its findings whose rows are rejected.
    """

    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    conflicts: Policy = "reject"
    findings: Path | None = None
    drop: tuple[str, ...] = ("unreadable", "constant")

    @field_validator("sources")
    @classmethod
    def _distinct(cls, sources: tuple[SourceConfig, ...]) -> tuple[SourceConfig, ...]:
        names = Counter(source.dataset for source in sources if source.dataset)
        twice = [name for name, n in names.items() if n > 1]
        if twice:
            raise ValueError(
                f"two sources are called {', '.join(twice)}; give one of them another 'name'"
            )
        return sources

    @field_validator("drop")
    @classmethod
    def _known(cls, drop: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(drop) - set(KINDS)):
            raise ValueError(f"an audit finds no {', '.join(unknown)}; kinds: {', '.join(KINDS)}")
        return drop


def merge(config: MergeConfig, out: Path, *, overwrite: bool = False) -> Path:
    """Reads every source into one catalogue, merges exact duplicates and lists conflicts.

    Two samples of one data set and part that have the same content are one: the first is kept, the
    others are rejected as ``exact_duplicate``. Copies in different parts or data sets stay, for
    `audit` and `split` to see; where data sets disagree on a picture's class,
    ``config.conflicts`` decides. A run that was stopped goes on after its last whole source.

    Args:
        config: the sources.
        out: the folder to make: ``catalogue.parquet``, ``rejected.parquet``,
            ``conflicts.parquet``, ``sources.json``, ``table.md`` (class x source, with sums) and,
            with the extra ``report``, ``table.png``.
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        DataError: a source is not what its reader expects, or data sets disagree and
            ``config.conflicts`` is ``error``.
        ConfigError: a reader does not take an option, or two sources bring one data set.
        StageError: ``out`` holds something else.
    """
    readers = [None if s.catalogue else _reader(s) for s in config.sources]
    origins = _origins(config, readers)
    inputs = {s.dataset or f"catalogue {i}": s.place for i, s in enumerate(config.sources)}
    if config.findings is not None:
        inputs["findings"] = config.findings
    there = {name: place for name, place in inputs.items() if place.exists()}
    folder = StageFolder(out, "merge", config, there, overwrite=overwrite)
    if folder.done:
        return out
    parts = [
        source.place if reader is None else _part(source, reader, folder.work / _PARTS / f"{i:03}")
        for i, (source, reader) in enumerate(zip(config.sources, readers, strict=True))
    ]
    counts = _combine(config, parts, folder.work)
    write_sources(origins, folder.work)
    shutil.rmtree(folder.work / _PARTS, ignore_errors=True)
    return folder.finish(counts)


def summary(out: Path) -> str:
    """Returns the table of a finished folder, class x source, what was rejected, and conflicts."""
    counts = read_meta(out)["counts"]
    lines = [f"{row['dataset']}: {row['rows']:,} {row['reason']}" for row in counts["reasons"]]
    total = f"{counts['kept']:,} of {counts['input']:,} kept"
    text = [(out / TABLE).read_text("utf-8"), total, *lines]
    if counts["conflicts"]:
        text.append(
            f"{counts['conflicts']:,} pairs of rows show one picture with different labels: see "
            f"{out / CONFLICTS}"
        )
    return "\n".join(text)


def _reader(source: SourceConfig) -> Any:
    factory = registry.load("datasets", source.reader)
    try:
        return factory(**source.options)
    except TypeError as error:
        raise ConfigError(
            f"The reader {source.reader!r} does not take these options: {error}."
        ) from error


def _origins(config: MergeConfig, readers: Sequence[Any]) -> list[Source]:
    """Returns where every data set of the new catalogue comes from."""
    found: list[Source] = []
    for source, reader in zip(config.sources, readers, strict=True):
        if reader is None:
            found += read_sources(source.place).values()
        else:
            root = source.place.resolve()
            found.append(Source(source.dataset, source.reader, root, source.options, reader.info))
    twice = [name for name, n in Counter(origin.dataset for origin in found).items() if n > 1]
    if twice:
        raise ConfigError(
            f"Two sources bring the data set {', '.join(map(repr, twice))}. Merge it once, or give "
            "a reader's source another 'name'."
        )
    return found


def _part(source: SourceConfig, reader: Any, part: Path) -> Path:
    """Reads one data set into a folder of its own, unless an earlier run did."""
    if (part / CATALOGUE).exists():  # it is written last
        return part
    samples: list[Sample] = []
    refused: list[Rejection] = []
    for item in track(reader.scan(source.place), f"merge {source.dataset}"):
        if isinstance(item, Rejection):
            refused.append(replace(item, dataset=source.dataset))
        else:
            samples.append(replace(item, dataset=source.dataset))
    catalogue.write(catalogue.from_rejections(refused), part / REJECTED)
    catalogue.write(catalogue.from_samples(samples), part / CATALOGUE)
    return part


def _combine(config: MergeConfig, parts: Sequence[Path], work: Path) -> dict[str, Any]:
    """Writes the tables of the merged catalogue and returns what went in and came out."""
    pl = catalogue.polars_or_error()
    files = [catalogue.checked(part / CATALOGUE) for part in parts]
    rows = pl.scan_parquet(files, row_index_name="row")
    verdict = contents.judge(rows, config.conflicts)
    if config.conflicts == "error":
        contents.check_agreement(verdict.conflicts)
    dropped = pl.concat([verdict.rejected, *_unwanted(config, parts, rows)])
    dropped = dropped.unique("row", keep="first").sort("row")
    kept = rows.join(dropped.lazy().select("row"), on="row", how="anti", maintain_order="left")
    catalogue.sink(kept.select(list(catalogue.COLUMNS)), work / CATALOGUE)
    own = [part for part in parts if part.is_relative_to(work)]
    before = pl.concat(
        [catalogue.from_rejections(()), *(pl.read_parquet(p / REJECTED) for p in own)]
    )
    refused = pl.concat([before, dropped.select(list(catalogue.REJECTION_COLUMNS))])
    catalogue.write(refused, work / REJECTED)
    catalogue.write(verdict.conflicts, work / CONFLICTS)
    return _counts(rows, len(before), refused, work) | {"conflicts": len(verdict.conflicts)}


def _unwanted(
    config: MergeConfig, parts: Sequence[Path], rows: polars.LazyFrame
) -> Iterator[polars.DataFrame]:
    """Yields the rows that the settings drop: contempt, and what an audit found."""
    pl = catalogue.polars_or_error()
    columns = ["row", *catalogue.REJECTION_COLUMNS]
    without: list[str] = []
    for source, part in zip(config.sources, parts, strict=True):
        if source.contempt == "skip":
            without += [source.dataset] if source.dataset else read_sources(part)
    contempt = rows.filter((pl.col("label") == CONTEMPT) & pl.col("dataset").is_in(without))
    named = contempt.with_columns(
        reason=pl.lit("contempt"), detail=pl.lit("left out by 'contempt'")
    )
    yield named.select(columns).collect()
    if config.findings is not None:
        found = _findings(config.findings, config.drop)
        keys = list(catalogue.KEY)
        yield rows.select("row", *keys).join(found.lazy(), on=keys).select(columns).collect()


def _findings(folder: Path, kinds: Sequence[str]) -> polars.DataFrame:
    """Returns the rows that an audit found: `KEY`, reason, detail."""
    pl = catalogue.polars_or_error()
    columns = dict.fromkeys(("kind", *catalogue.KEY, "detail"), "String")
    table = catalogue.read(folder / FINDINGS, columns).filter(pl.col("kind").is_in(kinds))
    return table.select(*catalogue.KEY, "detail", reason="kind").unique(list(catalogue.KEY))


def _counts(
    rows: polars.LazyFrame, before: int, refused: polars.DataFrame, work: Path
) -> dict[str, Any]:
    pl = catalogue.polars_or_error()
    merged = pl.scan_parquet(work / CATALOGUE)
    went_in = before + rows.select(pl.len()).collect().item()
    kept = merged.select(pl.len()).collect().item()
    if kept + len(refused) != went_in:
        raise StageError(
            f"merge lost rows: {went_in} went in, {kept} + {len(refused)} came out. "
            "This is a fault in mien; please report it."
        )
    table = catalogue.count(merged)
    with atomic(work / TABLE, "w") as file:
        file.write(catalogue.markdown(table))
    with contextlib.suppress(MissingExtraError):  # the picture needs the extra 'report'
        counts_plot.counts(table, work / PICTURE)
    reasons = refused.group_by("dataset", "reason").len("rows").sort("dataset", "reason")
    return {
        "input": went_in,
        "kept": kept,
        "rejected": len(refused),
        "reasons": reasons.to_dicts(),
        "table": table.to_dicts(),
    }
