"""`experiment`: a grid of trainings over one catalogue, and the thesis's tables filled from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from mien.chains import cells as one
from mien.chains import draw as drawing
from mien.chains import experiment_tables as tables
from mien.chains import grid, prices
from mien.chains import run as chain
from mien.chains.cells import Result, Step
from mien.chains.grid import AUGMENTED, SMALL_FILES, Cell, ExperimentConfig
from mien.core import catalogue
from mien.core import config as settings
from mien.core.artifact import META, read_meta
from mien.core.catalogue import KEY
from mien.core.labels import CLASSES
from mien.plots.experiment import bars

PAGE: Final = "experiment.md"
PICTURE: Final = "experiment.png"
CELLS: Final = "cells.json"
Say = Callable[[str], None]


class _Plan(NamedTuple):
    """What is to be done: for all cells of a split, and for each cell that has a start."""

    config: ExperimentConfig
    data: Mapping[str, Any]
    out: Path
    ground: Mapping[str, Path]
    prices: prices.PriceList | None
    shared: list[Step]
    cells: dict[Cell, list[Step]]


def experiment(
    config: Path,
    sets: Iterable[str] = (),
    *,
    overwrite: bool = False,
    say: Say | None = None,
) -> dict[Cell, Result]:
    """Trains and scores every cell of a grid, and writes the tables.

    Merge and crop run once, the split once a name, augment once a split. A cell stands in
    ``<out>/<split>/<set>/<network>/<start>/seed-<seed>``. What is finished is skipped, a training
    that was stopped goes on, and a cell that failed is tried again. All settings are checked
    before the first stage starts.

    Args:
        config: the TOML file, see `mien.chains.grid`. Relative paths start at the working
            directory.
        sets: ``"section.key=value"``, laid over the file.
        overwrite: replace folders that were made with other settings or inputs.
        say: takes a line about each step; None writes to standard output.

    Returns:
        What became of each cell. ``<out>`` holds it, too: ``cells.json`` (a row a cell),
        ``experiment.md`` (the tables) and ``experiment.png``.

    Raises:
        ConfigError: the file names something that is not known, or settings do not fit.
        UnknownNameError: there is no such network.
        MissingExtraError: a stage needs an optional part of mien.
        MienError: what merge, crop, split or augment raises; what a cell raises is told with it.
    """
    plan, line = _planned(config, sets), say or chain.to_stdout
    worked = False
    for step in plan.shared:
        worked |= chain.carry_out(step.name, step.call, step.folder, line, overwrite=overwrite)
    results = {cell: Result("waiting") for cell in grid.cells(plan.config)}
    for number, cell in enumerate(results, 1):
        result, new = _filled(plan, cell, overwrite)
        results[cell], worked = result, worked or new
        said = result.why or tables.accuracies(result)
        when = "done already" if result.state == "done" and not new else result.state
        line(f"[{number}/{len(results)}] {cell.place}: {when}: {said}")
        if new:
            _write(plan, results)
    _write(plan, results)
    counted = {state: sum(r.state == state for r in results.values()) for state in tables.STATES}
    words = ", ".join(f"{n} {state}" for state, n in counted.items() if n)
    line(f"{len(results)} cells: {words} ({plan.out / PAGE})")
    if not worked:
        line("Nothing new: whatever can be done was done before.")
    return results


def dry_run(config: Path, sets: Iterable[str] = ()) -> str:
    """Returns the cells of a grid as a Markdown table, with the iterations of each.

    Args:
        config: the TOML file.
        sets: ``"section.key=value"``, laid over the file.

    Raises:
        MienError: whatever would stop the experiment before its first stage.
    """
    plan = _planned(config, sets)
    kind: Any = import_module("mien.stages.train").TrainConfig
    counts: dict[tuple[str, str], int | None] = {}
    rows = []
    for cell in grid.cells(plan.config):
        weights = plan.config.weights(cell.network, cell.start)
        section = grid.train_section(plan.config, plan.data, cell, weights or "scratch")
        recipe = settings.check(kind, section, "train").recipe
        if (cell.split, cell.data) not in counts:
            counts[cell.split, cell.data] = _faces(plan, cell.split, cell.data == AUGMENTED)
        count = counts[cell.split, cell.data]
        steps = None if count is None else recipe.total_epochs * recipe.steps(count)
        why = _unnamed(cell) if weights is None else one.planned_weights(cell.network, weights)
        rows.append((cell, count, recipe.batch_size, recipe.total_epochs, steps, why))
    return tables.plan(rows)


def _planned(config: Path, sets: Iterable[str]) -> _Plan:
    """Returns every step with checked settings."""
    made, data = grid.read(config, sets)
    out = Path(data.get("out", Path("runs", config.stem)))
    listed = None if made.prices is None else prices.read(made.prices)
    shared, common = one.ground(data, out, made.base)
    found: dict[Cell, list[Step]] = {}
    places = {}
    for name in dict.fromkeys(made.splits):
        steps, places[name] = _split(made, data, name, out, common)
        shared += steps
    for cell in grid.cells(made):
        weights = made.weights(cell.network, cell.start)
        if weights is not None:
            found[cell] = _steps(made, data, cell, weights, places[cell.split], out)
    return _Plan(made, data, out, common, listed, shared, found)


def _split(
    config: ExperimentConfig,
    data: Mapping[str, Any],
    name: str,
    out: Path,
    common: Mapping[str, Path],
) -> tuple[list[Step], dict[str, Path]]:
    """Returns the steps that the cells of a split share, and the folders they read."""
    home = out / name
    folders = {**common, "split": home / "split", "augment": home / "augment"}
    section = grid.split_section(config, data, name)
    steps, folders = drawing.split_steps(
        section, folders, home, per_class=config.per_class, per_role=config.per_role
    )
    if AUGMENTED in config.sets:
        steps += one.stages(["augment"], {"augment": data.get("augment", {})}, folders)
    return steps, folders


def _steps(
    config: ExperimentConfig,
    data: Mapping[str, Any],
    cell: Cell,
    weights: str,
    places: Mapping[str, Path],
    out: Path,
) -> list[Step]:
    """Returns the steps of a cell."""
    names = ("train", "export", "evaluate")
    told = {
        "train": grid.train_section(config, data, cell, weights),
        "export": {**SMALL_FILES, **data.get("export", {})},
        "evaluate": data.get("evaluate", {}),
    } | ({"augment": {}} if cell.data == AUGMENTED else {})
    return one.stages(names, told, {**places, **{name: out / cell.place / name for name in names}})


def _filled(plan: _Plan, cell: Cell, overwrite: bool) -> tuple[Result, bool]:
    """Returns what became of a cell, and whether anything was done."""
    if cell not in plan.cells:
        return Result("no weights", _unnamed(cell)), False
    if cell.data == AUGMENTED and not _made(plan, cell):
        return Result("skipped", "the classes are even, so augment has made no new face"), False
    weights = plan.config.weights(cell.network, cell.start) or ""
    return one.fill(
        plan.cells[cell],
        plan.out / cell.place,
        start=(cell.network, weights),
        overwrite=overwrite,
    )


def _made(plan: _Plan, cell: Cell) -> int:
    """Returns how many new faces `augment` has made for a cell."""
    return int(read_meta(plan.out / cell.split / "augment")["counts"]["kept"])


def _unnamed(cell: Cell) -> str:
    return f"[experiment.start.{cell.start}] names no weights for {cell.network}"


def _write(plan: _Plan, results: Mapping[Cell, Result]) -> None:
    """Writes the rows, the page and the figure; what has not changed stays as it is."""
    rows = [{**asdict(c), "folder": str(c.place), **r.to_dict()} for c, r in results.items()]
    text = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    heights, picture = tables.heights(results), plan.out / PICTURE
    if heights and not (picture.is_file() and one.holds(plan.out / CELLS, text)):
        bars(heights, picture)
    one.write_text(plan.out / PAGE, tables.page(results, plan.prices))
    one.write_text(plan.out / CELLS, text)  # last: it vouches for the figure


def _faces(plan: _Plan, split: str, augmented: bool) -> int | None:
    """Returns how many faces a training would see; None where the split is not made yet."""
    roles = plan.out / split / ("drawn" if plan.config.reduced else "split")
    faces = plan.ground["crop"]
    if not all((folder / META).is_file() for folder in (roles, faces)):
        return None
    pl = catalogue.polars_or_error()
    table = catalogue.read(roles / catalogue.ROLES, catalogue.ROLE_COLUMNS)
    train = table.filter(pl.col("role") == "train")
    shown = pl.concat(catalogue.read_faces(faces, (*KEY, "label", "votes")))
    shown = shown.filter(pl.col("label").is_in(CLASSES) | pl.col("votes").is_not_null())
    shown = shown.join(train, on=list(KEY), how="semi")
    before = {name: int((shown["label"] == name).sum()) for name in CLASSES}
    new: dict[str, int] = {}
    if augmented:
        stage = import_module("mien.stages.augment")
        made = settings.check(stage.AugmentConfig, plan.data.get("augment", {}), "augment")
        new = stage.needed(before, made.to if made.total is None else made.total)
    return int(shown.height) + sum(new.values())
