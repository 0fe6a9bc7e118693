"""The command that says where faces are found and where a model answers, without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.options import Engine
from mien.cli.stages import Catalogue, Faces, Out, Overwrite, Sets, laid_over, settings_of


def survey(
    catalogue: Catalogue,
    faces: Faces,
    out: Out,
    config: Annotated[
        Path | None, typer.Argument(help="The settings, TOML; the section survey.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A model folder, or a shipped model's name.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Threads; default one a core.", min=1)] = None,
    engine: Engine = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Say of pictures without labels where a face is found and where a model answers."""
    from mien.stages.survey import SurveyConfig, summary, survey

    given = {"survey.model": model, "survey.jobs": jobs, "survey.engine": engine}
    settings = settings_of(SurveyConfig, config, "survey", laid_over(set_, given))
    survey(settings, catalogue, faces, out, overwrite=overwrite)
    print(summary(out))
