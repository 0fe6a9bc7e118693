"""The stages as commands, and the chain of them all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.options import Engine

Config = Annotated[Path, typer.Argument(help="The settings, TOML; the section of the stage.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", help="section.key=value, laid over the settings.")
]
Out = Annotated[Path, typer.Option(help="The folder to write.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a folder made with other settings.")
]
Catalogue = Annotated[Path, typer.Option(help="The folder that merge wrote.")]
Faces = Annotated[Path, typer.Option(help="The folder that crop wrote.")]
Roles = Annotated[Path, typer.Option("--split", help="The folder that split wrote.")]
ModelFolder = Annotated[Path, typer.Option("--model", help="A model folder.")]


def crop(
    config: Config,
    catalogue: Catalogue,
    out: Out,
    show: Annotated[
        int, typer.Option(help="Draw this many faces step by step: steps.png.", min=0)
    ] = 0,
    jobs: Annotated[int | None, typer.Option(help="Processes; default one a core.", min=1)] = None,
    engine: Engine = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Find the face of every picture of a catalogue and cut it out, aligned."""
    from mien.stages.crop import CropConfig, crop, summary

    sets = laid_over(set_, {"crop.engine": engine, "crop.jobs": jobs})
    crop(settings_of(CropConfig, config, "crop", sets), catalogue, out, overwrite=overwrite)
    print(summary(out))
    if show:
        from mien.chains.steps import show_steps

        print(f"look at {show_steps(out, show)}")


def train(
    config: Config,
    faces: Faces,
    split: Roles,
    out: Annotated[Path | None, typer.Option(help="The folder to write.")] = None,
    augmented: Annotated[
        Path | None, typer.Option(help="The folder that augment wrote: more faces to train on.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would take, from a few iterations.")
    ] = False,
    price: Annotated[
        float | None, typer.Option(help="With --dry-run: of an hour of the machine.", min=0)
    ] = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a network and choose its operating point; the same command goes on after a kill."""
    from mien.stages import train as stage

    settings = settings_of(stage.TrainConfig, config, "train", set_)
    if dry_run:
        print(stage.dry_run(settings, faces, split, augmented=augmented).text(price))
    elif out is None:
        raise typer.BadParameter("the folder to write is missing", param_hint="--out")
    else:
        stage.train(settings, faces, split, out, augmented=augmented, overwrite=overwrite)


def export(
    model: ModelFolder,
    out: Out,
    config: Annotated[Path | None, typer.Argument(help="The settings, TOML.")] = None,
    faces: Annotated[
        Path | None, typer.Option(help="The folder that crop wrote: compare on real faces.")
    ] = None,
    split: Annotated[
        Path | None, typer.Option(help="The folder that split wrote: with faces, 8 bits as well.")
    ] = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Turn trained weights into a model folder with ONNX, in floats and in 8-bit integers."""
    from mien.stages.export import ExportConfig, export, summary

    settings = settings_of(ExportConfig, config, "export", set_)
    export(settings, model, out, faces=faces, split=split, overwrite=overwrite)
    print(summary(out))


def run(
    config: Annotated[Path, typer.Argument(help="One TOML file with a section a stage.")],
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Run the stages that a file names, merge to evaluate; finished ones are skipped."""
    from mien.chains.run import run

    run(config, set_ or (), overwrite=overwrite)


def card(
    model: ModelFolder,
    scores: Annotated[Path, typer.Option(help="The folder that evaluate wrote.")],
    run: Annotated[
        Path | None, typer.Option(help="The folder of the whole run: its counts go into the card.")
    ] = None,
) -> None:
    """Write the figures of an evaluation into a model's spec.json and MODEL_CARD.md."""
    from mien.chains.card import card
    from mien.chains.report import folders_of

    card(model, scores, stages=folders_of(run))


def landmarks(config: Config, set_: Sets = None) -> None:
    """Train the trees that place five landmarks, on YuNet's landmarks, and measure them."""
    from mien.stages.landmarks import LandmarksConfig, train_landmarks

    train_landmarks(settings_of(LandmarksConfig, config, "landmarks", set_))


def laid_over(sets: list[str] | None, given: Mapping[str, object]) -> list[str]:
    """Returns ``--set`` values with what a command's own options say laid over them."""
    return [*(sets or []), *(f"{key}={value}" for key, value in given.items() if value is not None)]


def settings_of(model: Any, path: Path | None, section: str, sets: list[str] | None) -> Any:
    """Returns the checked settings of a stage, from a file (if any) and ``--set`` values.

    Raises:
        ConfigError: they do not fit, or the file says nothing of the stage: its settings would be
            passed over without a word.
    """
    from mien.core import config
    from mien.core.errors import ConfigError

    data = config.read(path, sets or ()) if path else config.overlay({}, sets or ())
    if path and section not in data:
        raise ConfigError(
            f"{path} has no section [{section}]. Put this stage's settings under it, as in "
            "examples/default.toml, or leave the file out to take the defaults."
        )
    return config.check(model, data.get(section, {}), section)
