"""The command that changes faces in controlled ways and scores a model on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.stages import Catalogue, Faces, ModelFolder, Out, Overwrite, Roles, Sets, settings_of


def _list(wanted: bool) -> None:
    if wanted:
        from mien.faces.corruptions import listed

        print(listed())
        raise typer.Exit


def stress(
    model: ModelFolder,
    catalogue: Catalogue,
    faces: Faces,
    split: Roles,
    out: Out,
    config: Annotated[
        Path | None, typer.Argument(help="The settings, TOML; the section stress.")
    ] = None,
    on: Annotated[
        str | None, typer.Option(help="chips, or photos: these are searched again.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="The folder of another model's run, to compare with.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Threads; default one a core.", min=1)] = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
    list_: Annotated[
        bool,
        typer.Option(
            "--list", callback=_list, is_eager=True, help="Only print the table of changes."
        ),
    ] = False,
) -> None:
    """Score a model while light, pose, cover and sharpness change, each in five strengths."""
    from mien.stages.stress import StressConfig, stress, summary

    given = {"on": on, "reference": reference, "jobs": jobs}
    sets = [*(set_ or []), *(f"stress.{k}={v}" for k, v in given.items() if v is not None)]
    settings = settings_of(StressConfig, config, "stress", sets)
    stress(settings, model, catalogue, faces, split, out, overwrite=overwrite)
    print(summary(out))
