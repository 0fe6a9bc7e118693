"""The stages around the catalogue as commands: what is in the data, and what it is used for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mien.cli.stages import Catalogue, Config, Faces, Out, Overwrite, Roles, Sets, settings_of

OptionalConfig = Annotated[
    Path | None, typer.Argument(help="The settings, TOML; the section of the stage.")
]


def merge(config: Config, out: Out, set_: Sets = None, overwrite: Overwrite = False) -> None:
    """Merge data sets into one catalogue, and print how many pictures each class has."""
    from mien.stages.merge import MergeConfig, merge, summary

    merge(settings_of(MergeConfig, config, "merge", set_), out, overwrite=overwrite)
    print(summary(out))


def sources(
    name: Annotated[str | None, typer.Argument(help="One reader: all that is known of it.")] = None,
) -> None:
    """List the data sets that mien reads, their licences and where to ask for them."""
    from mien.chains.sources import listing, page

    print(page(name) if name else listing())


def browse(
    catalogue: Catalogue,
    out: Out,
    config: OptionalConfig = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Lay out pictures of each class and source, as a web page and a PNG, for a person to look."""
    from mien.stages.browse import BrowseConfig, browse, summary

    browse(settings_of(BrowseConfig, config, "browse", set_), catalogue, out, overwrite=overwrite)
    print(summary(out))


def audit(
    catalogue: Catalogue,
    out: Out,
    config: OptionalConfig = None,
    faces: Annotated[
        Path | None, typer.Option(help="The folder that crop wrote: suspects its labels, too.")
    ] = None,
    split: Annotated[
        Path | None, typer.Option(help="The folder that split wrote: looks across its roles.")
    ] = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Look for duplicates, contradictions, broken pictures and suspicious labels."""
    from mien.stages.audit import AuditConfig, audit, summary

    settings = settings_of(AuditConfig, config, "audit", set_)
    audit(settings, catalogue, out, faces=faces, roles=split, overwrite=overwrite)
    print(summary(out))


def split(
    catalogue: Catalogue,
    out: Out,
    config: OptionalConfig = None,
    by: Annotated[
        Literal["group", "random", "source"] | None,
        typer.Option(help="group (people and near duplicates), source or random (leaks)."),
    ] = None,
    audit: Annotated[
        Path | None, typer.Option(help="The folder that audit wrote, so as not to look again.")
    ] = None,
    previous: Annotated[
        Path | None, typer.Option(help="An earlier split: what it assigned stays.")
    ] = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Give every picture a role: train, dev, test or unseen; no person or duplicate crosses."""
    from mien.stages.split import SplitConfig, split, summary

    sets = [*(set_ or []), *([f"split.by={by}"] if by else [])]
    settings = settings_of(SplitConfig, config, "split", sets)
    split(settings, catalogue, out, audit=audit, previous=previous, overwrite=overwrite)
    print(summary(out))


def augment(
    faces: Faces,
    split: Roles,
    out: Out,
    config: OptionalConfig = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Make more training faces for the rare classes, each traceable to its parent."""
    from mien.stages.augment import AugmentConfig, augment, summary

    augment(
        settings_of(AugmentConfig, config, "augment", set_), faces, split, out, overwrite=overwrite
    )
    print(summary(out))
