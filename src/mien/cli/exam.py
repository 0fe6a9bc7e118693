"""``mien evaluate``, ``mien calibrate`` and ``mien compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.options import Engine
from mien.cli.stages import Out, Overwrite, Sets, laid_over, settings_of


def evaluate(
    model: Annotated[str, typer.Argument(help="A model folder, or a shipped model's name.")],
    sets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ROLE=]RUN...",
            help="Folders with merge, crop and split in them; with a role, merge and crop: "
            "unseen=runs/other.",
        ),
    ] = None,
    *,
    out: Out,
    catalogue: Annotated[Path | None, typer.Option(help="The folder that merge wrote.")] = None,
    faces: Annotated[Path | None, typer.Option(help="The folder that crop wrote.")] = None,
    split: Annotated[Path | None, typer.Option(help="The folder that split wrote.")] = None,
    config: Annotated[Path | None, typer.Option(help="The settings, TOML.")] = None,
    engine: Engine = None,
    jobs: Annotated[
        int | None, typer.Option(help="Threads, or shards at once; default one a core.", min=1)
    ] = None,
    sequences: Annotated[
        bool,
        typer.Option("--sequences", help="Score sequences of frames; the section sequences."),
    ] = False,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Score a model on sets of pictures; no accuracy is shown without the one on unseen sources.

    Name sets by the folders of their runs, or one set by --catalogue, --faces and --split.
    """
    from mien.core.exam_sets import ExamSet, exam_set
    from mien.stages.evaluate import EvaluateConfig, examine, summary

    named = [exam_set(text) for text in sets or ()]
    apart = (catalogue, faces, split)
    if catalogue and faces and split:
        named.append(ExamSet(catalogue, faces, split))
    elif any(apart) or not named:
        raise typer.BadParameter(
            "name at least one set, or --catalogue, --faces and --split together",
            param_hint="[ROLE=]RUN...",
        )
    if sequences:
        from mien.stages import sequences as stage

        if engine is not None:
            raise typer.BadParameter("sequences are scored here, without an engine")
        told = laid_over(set_, {"sequences.jobs": jobs})
        chosen = settings_of(stage.SequencesConfig, config, "sequences", told)
        stage.examine_sequences(chosen, model, named, out, overwrite=overwrite)
        print(stage.summary(out))
        return
    given = {"evaluate.engine": engine, "evaluate.jobs": jobs}
    settings = settings_of(EvaluateConfig, config, "evaluate", laid_over(set_, given))
    examine(settings, model, named, out, overwrite=overwrite)
    print(summary(out))


def calibrate(
    model: Annotated[str, typer.Argument(help="A model folder, or a shipped model's name.")],
    scores: Annotated[Path, typer.Option(help="The folder that evaluate wrote, with dev.")],
    out: Out,
    risk: Annotated[
        float, typer.Option(help="The largest share of wrong answers, where it answers.")
    ] = 0.1,
    overwrite: Overwrite = False,
) -> None:
    """Fit a model's temperature, and how sure it must be to answer, on dev alone."""
    from mien.stages import calibrate as stage

    settings = settings_of(stage.CalibrateConfig, None, "calibrate", [f"calibrate.risk={risk}"])
    stage.calibrate(settings, model, scores, out, overwrite=overwrite)
    print(stage.summary(out))


def compare(
    first: Annotated[Path, typer.Argument(help="A folder that evaluate wrote.")],
    second: Annotated[Path, typer.Argument(help="Another one, on the same pictures.")],
    out: Annotated[Path | None, typer.Option(help="Write the page here, Markdown.")] = None,
    resamples: Annotated[int, typer.Option(help="Behind each interval.", min=0)] = 2000,
) -> None:
    """Say which of two models is better on the same pictures, and how surely."""
    from mien.chains.compare import compared

    print(compared(first, second, out, resamples=resamples))
