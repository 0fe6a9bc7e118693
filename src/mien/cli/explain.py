"""``mien explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.stages import Faces, ModelFolder, Out, Overwrite, Roles, Sets, settings_of


def explain(
    model: ModelFolder,
    faces: Faces,
    split: Roles,
    out: Out,
    config: Annotated[Path | None, typer.Argument(help="The settings, TOML.")] = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw where in the face a model finds each class: occlusion, or Grad-CAM with weights."""
    from mien.stages.explain import ExplainConfig, explain, summary

    settings = settings_of(ExplainConfig, config, "explain", set_)
    explain(settings, model, faces, split, out, overwrite=overwrite)
    print(summary(out))
