"""The commands that train many networks and set their figures side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.stages import Overwrite, Sets


def experiment(
    config: Annotated[
        Path, typer.Argument(help="The settings, TOML: [experiment] and the chain's sections.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the trainings, with their iterations.")
    ] = False,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Train and score networks x sets x starts x splits, into the thesis's tables; resumable."""
    from mien.chains import experiment as chain

    if dry_run:
        print(chain.dry_run(config, set_ or ()))
        return
    results = chain.experiment(config, set_ or (), overwrite=overwrite)
    if any(result.state == "failed" for result in results.values()):
        raise typer.Exit(1)


def leave_one_source_out(
    config: Annotated[
        Path, typer.Argument(help="The settings, TOML: a section a stage, as for run.")
    ],
    source: Annotated[
        list[str] | None, typer.Option(help="Leave out only this source; may be repeated.")
    ] = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Train once without each source and score on it: what a new source would bring; resumable."""
    from mien.chains.leave_out import leave_one_source_out as chain

    results = chain(config, source or (), set_ or (), overwrite=overwrite)
    if any(result.state == "failed" for result in results.values()):
        raise typer.Exit(1)
