"""The commands of ``mien``, gathered."""

from __future__ import annotations

from typing import Annotated

import typer

import mien
from mien.cli import (
    bench,
    catalogue,
    exam,
    experiment,
    explain,
    networks,
    predict,
    report,
    serve,
    stages,
    stress,
    survey,
    video,
    weights,
)

app = typer.Typer(
    name="mien",
    help="Recognise the apparent expression of faces in still images: from data sets to answers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"mien {mien.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Recognise the apparent expression of faces in still images: from data sets to answers."""


for _command in (
    predict.predict,
    predict.demo,
    video.video,
    serve.serve,
    catalogue.sources,
    catalogue.merge,
    catalogue.browse,
    catalogue.audit,
    networks.networks,
    stages.crop,
    catalogue.split,
    catalogue.augment,
    stages.train,
    stages.export,
    exam.evaluate,
    exam.calibrate,
    exam.compare,
    stress.stress,
    explain.explain,
    survey.survey,
    stages.run,
    experiment.experiment,
    experiment.leave_one_source_out,
    report.report,
    stages.card,
    stages.landmarks,
    bench.bench,
):
    app.command()(_command)

app.add_typer(weights.app, name="weights")
