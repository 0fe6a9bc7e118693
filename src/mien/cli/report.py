"""The command that writes a report on a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.stages import ModelFolder


def report(
    model: ModelFolder,
    scores: Annotated[Path, typer.Option(help="The folder that evaluate wrote.")],
    out: Annotated[Path, typer.Option(help="The page to write, .html.")],
    run: Annotated[
        Path | None, typer.Option(help="The folder of the whole run: data, training, and more.")
    ] = None,
    with_images: Annotated[
        bool, typer.Option("--with-images", help="Show faces, too: do not publish such a report.")
    ] = False,
) -> None:
    """Write all that is known of a model as one page, and the same as Markdown beside it."""
    from mien.chains.report import folders_of, report

    made = report(model, scores, out, stages=folders_of(run), with_images=with_images)
    print(f"look at {made} or {made.with_suffix('.md')}")
