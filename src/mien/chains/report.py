"""`report`: all that is known of one model -> one page for a browser, and the same as Markdown."""

from __future__ import annotations

import datetime
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from mien.chains import card_text as words
from mien.chains import report_data as data
from mien.chains import report_faces as faces
from mien.chains import report_parts as parts
from mien.chains.card import checked
from mien.chains.card_measures import groups_of_people, measured
from mien.chains.report_case import Case
from mien.chains.run import finished
from mien.core import catalogue
from mien.core.artifact import read_meta
from mien.core.errors import ConfigError, DataError
from mien.metrics import tables
from mien.plots import report_page
from mien.plots.report_page import Block, Gallery, Picture, Report, Section, body_of, part_of

_KEEP: Final = (
    "The pictures of people in this report belong to the owners of their data sets, and their "
    "licences apply: keep the report to yourself, and do not publish it."
)


def report(
    model: Path,
    scores: Path,
    out: Path,
    *,
    stages: Mapping[str, Path] | None = None,
    with_images: bool = False,
) -> Path:
    """Writes a report on one model: what a reviewer, a buyer and a regulator would ask for.

    Nothing is measured anew but the figures by source, which come from the kept predictions; what
    was not measured is said to be so, with the command that measures it.

    Args:
        model: the model folder; it stays as it is.
        scores: the stage folder of `evaluate`.
        out: the HTML file to write, which holds all its figures. The same as Markdown goes beside
            it (``.md``), with the figures in the folder ``<stem>-figures``.
        stages: finished stage folders by name, as `folders_of` returns them.
        with_images: show faces as well: examples of each class, confident mistakes and what the
            network looks at. Such a report is not to be published.

    Returns:
        ``out``.

    Raises:
        ConfigError: ``out`` does not end in ``.html``.
        ModelError: the model folder is incomplete, or the scores are another model's.
        ChecksumError: a file of the model was altered.
        DataError: the scores or a stage's table cannot be read.
        StageError: a stage's folder is not finished.
        MissingExtraError: matplotlib, Polars or Jinja2 is not installed.
    """
    if out.suffix != ".html":
        raise ConfigError(f"A report is a file that ends in .html; got {out}.")
    if not scores.is_dir():
        raise DataError(f"{scores} is no folder. Expected the one that 'mien evaluate' wrote.")
    catalogue.polars_or_error("Writing a report")
    spec, exam = checked(model, scores)
    folders = {**(stages or {}), "evaluate": scores}
    figures = out.with_name(f"{out.stem}-figures")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.stem}-", dir=out.parent) as drawn:
        case = Case(
            model=model,
            spec=spec,
            exam=exam,
            scores=scores,
            stages=folders,
            made={name: read_meta(folder) for name, folder in folders.items()},
            figures=Path(drawn),
            with_images=with_images,
        )
        sections = _sections(case)
        _replace(Path(drawn), figures)
    made = datetime.datetime.now(tz=datetime.UTC).date()
    whole = Report(
        title=f"Report on {spec.name}",
        lead=(f"Written on {made.isoformat()}.", tables.headline(exam)),
        notes=(*((_KEEP,) if with_images else ()), *data.strangers(case)),
        sections=tuple(_moved(section, figures) for section in sections),
    )
    return report_page.write(out, whole)


def folders_of(run: Path | None) -> dict[str, Path]:
    """Returns the finished stage folders in the folder of a run, by name; of None, none."""
    return finished(run) if run else {}


def _sections(case: Case) -> list[Section]:
    use = Section("Intended and forbidden use", (part_of(words.USE),))
    found = measured(groups_of_people(case.scores))
    return [
        Section("What it is", (part_of(words.what(case.spec)),)),
        use,
        data.data(case),
        faces.examples(case),
        data.licences(case),
        data.audit(case),
        data.training(case),
        parts.all_figures(case),
        parts.by_source(case),
        parts.diagrams(case),
        parts.risk(case),
        parts.conditions(case),
        parts.groups(case),
        parts.stress(case),
        parts.explain(case),
        faces.mistakes(case),
        parts.calibration(case),
        data.origin(case),
        Section("Limits", (body_of(words.limits(case.spec, found)),)),
    ]


def _replace(drawn: Path, figures: Path) -> None:
    """Moves the figures to their place; those of an earlier report, maybe with faces, go."""
    figures.mkdir(exist_ok=True)
    for old in figures.glob("*.png"):
        old.unlink()
    for path in sorted(drawn.iterdir()):
        shutil.move(path, figures / path.name)


def _moved(section: Section, figures: Path) -> Section:
    """Returns a section whose pictures stand in another folder."""

    def placed(block: Block) -> Block:
        if isinstance(block, Picture):
            return replace(block, path=figures / block.path.name)
        if isinstance(block, Gallery):
            there = tuple(replace(p, path=figures / p.path.name) for p in block.pictures)
            return Gallery(there)
        return block

    return replace(section, blocks=tuple(map(placed, section.blocks)))
