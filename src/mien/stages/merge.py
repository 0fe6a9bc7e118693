"""`merge`: data sets in their published layouts -> one catalogue."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, field_validator

from mien.core import catalogue, registry
from mien.core.artifact import StageFolder, atomic, read_meta
from mien.core.config import StageConfig
from mien.core.errors import ConfigError, StageError
from mien.core.origins import Source, write_sources
from mien.core.types import Rejection, Sample

if TYPE_CHECKING:
    import polars

TABLE: Final = "table.md"


class SourceConfig(StageConfig):
    """One data set.

    Attributes:
        reader: the name of its reader.
        root: its folder; ``~`` and ``$NAME`` are filled in.
        options: the reader's options.
        name: its name in the catalogue; the reader's where not given.
    """

    reader: str
    root: Path
    options: dict[str, Any] = Field(default={})
    name: str = ""

    @field_validator("root", mode="before")
    @classmethod
    def _expanded(cls, root: Any) -> Any:
        return Path(os.path.expandvars(root)).expanduser() if isinstance(root, str) else root

    @property
    def dataset(self) -> str:
        """The name in the catalogue."""
        return self.name or self.reader


class MergeConfig(StageConfig):
    """The settings of `merge`.

    Attributes:
        sources: the data sets, in the order of the catalogue's rows.
    """

    sources: tuple[SourceConfig, ...] = Field(min_length=1)

    @field_validator("sources")
    @classmethod
    def _distinct(cls, sources: tuple[SourceConfig, ...]) -> tuple[SourceConfig, ...]:
        twice = [name for name, n in Counter(s.dataset for s in sources).items() if n > 1]
        if twice:
            raise ValueError(
                f"two sources are called {', '.join(twice)}; give one of them another 'name'"
            )
        return sources


def merge(config: MergeConfig, out: Path, *, overwrite: bool = False) -> Path:
    """Reads every source into one catalogue and merges exact duplicates.

    Two samples of one data set and part that have the same content are one: the first is kept, the
    others are rejected as ``exact_duplicate``, with a note where their labels differ.

    Args:
        config: the sources.
        out: the folder to make: ``catalogue.parquet``, ``rejected.parquet``, ``sources.json`` and
            ``table.md`` (class x source).
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        DataError: a source is not what its reader expects.
        ConfigError: a reader does not take an option.
        StageError: ``out`` holds something else.
    """
    inputs = {source.dataset: source.root for source in config.sources if source.root.is_dir()}
    readers = [_reader(source) for source in config.sources]
    folder = StageFolder(out, "merge", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    kept, rejected, sources = [], [], []
    for source, reader in zip(config.sources, readers, strict=True):
        frame, refused = _read(source, reader)
        frame, twice = _without_duplicates(frame)
        refused = catalogue.polars_or_error().concat([refused, twice])
        kept.append(frame)
        rejected.append(refused)
        root = source.root.resolve()
        sources.append(Source(source.dataset, source.reader, root, source.options, reader.info))
    pl = catalogue.polars_or_error()
    merged, refused = pl.concat(kept), pl.concat(rejected)
    catalogue.write(merged, folder.work / catalogue.CATALOGUE)
    catalogue.write(refused, folder.work / catalogue.REJECTED)
    write_sources(sources, folder.work)
    table = catalogue.count(merged)
    with atomic(folder.work / TABLE, "w") as file:
        file.write(catalogue.markdown(table))
    return folder.finish(_counts(merged, refused, table))


def summary(out: Path) -> str:
    """Returns the table of a finished folder, class x source, and what was rejected."""
    counts = read_meta(out)["counts"]
    lines = [f"{row['dataset']}: {row['rows']:,} {row['reason']}" for row in counts["reasons"]]
    total = f"{counts['kept']:,} of {counts['input']:,} kept"
    return "\n".join([(out / TABLE).read_text("utf-8"), total, *lines])


def _reader(source: SourceConfig) -> Any:
    factory = registry.load("datasets", source.reader)
    try:
        return factory(**source.options)
    except TypeError as error:
        raise ConfigError(
            f"The reader {source.reader!r} does not take these options: {error}."
        ) from error


def _read(source: SourceConfig, reader: Any) -> tuple[polars.DataFrame, polars.DataFrame]:
    """Returns a source's samples and what its reader rejected."""
    samples: list[Sample] = []
    refused: list[Rejection] = []
    for item in reader.scan(source.root):
        if isinstance(item, Rejection):
            refused.append(replace(item, dataset=source.dataset))
        else:
            samples.append(replace(item, dataset=source.dataset))
    return catalogue.from_samples(samples), catalogue.from_rejections(refused)


def _without_duplicates(frame: polars.DataFrame) -> tuple[polars.DataFrame, polars.DataFrame]:
    """Returns the first of each content and part, and the table of the others."""
    pl = catalogue.polars_or_error()
    same = ["id", "dataset", "split"]
    marked = frame.with_columns(
        _first=pl.struct(same).is_first_distinct(),
        _label=pl.col("label").first().over(same),
        _path=pl.col("path").first().over(same),
    )
    conflict = pl.when(~pl.col("label").eq_missing(pl.col("_label"))).then(
        pl.format(
            ", but the labels differ: {} here, {} there",
            pl.col("label").fill_null("none"),
            pl.col("_label").fill_null("none"),
        )
    )
    twice = marked.filter(~pl.col("_first")).select(
        "path",
        reason=pl.lit("exact_duplicate"),
        detail=pl.format("the same content as {}", "_path") + conflict.otherwise(pl.lit("")),
        id="id",
        dataset="dataset",
    )
    kept = marked.filter("_first").select(list(catalogue.COLUMNS))
    if len(kept) + len(twice) != len(frame):
        raise StageError(
            f"merge lost rows: {len(frame)} went in, {len(kept)} + {len(twice)} came out. "
            "This is a fault in mien; please report it."
        )
    return kept, twice


def _counts(
    merged: polars.DataFrame, refused: polars.DataFrame, table: polars.DataFrame
) -> dict[str, Any]:
    reasons = refused.group_by("dataset", "reason").len("rows").sort("dataset", "reason")
    return {
        "input": len(merged) + len(refused),
        "kept": len(merged),
        "rejected": len(refused),
        "reasons": reasons.to_dicts(),
        "table": table.to_dicts(),
    }
