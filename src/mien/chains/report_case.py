"""What the parts of a report are made from, and the words that several of them need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mien.core.scores import UNSEEN, Exam
from mien.core.spec import ModelSpec
from mien.metrics import tables
from mien.plots.report_page import Picture, part_of

AGAIN: Final = "mien evaluate MODEL RUN --out RUN/evaluate"


@dataclass(frozen=True, slots=True)
class Case:
    """One model and all that is known of it.

    Attributes:
        model: its folder.
        spec: its description.
        exam: its scores.
        scores: the stage folder of `evaluate`.
        stages: the finished stage folders by name.
        made: the ``meta.json`` of each of them.
        figures: where the report's figures are drawn.
        with_images: whether pictures of people may be shown.
    """

    model: Path
    spec: ModelSpec
    exam: Exam
    scores: Path
    stages: Mapping[str, Path]
    made: Mapping[str, Mapping[str, Any]]
    figures: Path
    with_images: bool

    @property
    def roles(self) -> list[str]:
        """The roles to show, in their order; unseen sources are always among them."""
        return [role for role in tables.ROLES if role in self.exam.roles or role == UNSEEN]

    @property
    def caption(self) -> str:
        """The accuracies of all roles in one line, to stand with each figure of one of them."""
        return tables.caption(self.exam).replace("\n", "; ")

    def picture(self, path: Path, alt: str, caption: str = "") -> Picture:
        """Returns a figure whose text says the accuracies of all roles, too."""
        return Picture(path, f"{alt} In all, {self.caption}.", caption)

    def part(self, page: str) -> str:
        """Returns a page that `evaluate` or another stage wrote, as a part of the report."""
        return part_of(page.replace(tables.headline(self.exam), "", 1))  # it stands on top

    def text(self, stage: str, name: str) -> str | None:
        """Returns a text file of a stage's folder, or None where there is none."""
        path = self.stages[stage] / name if stage in self.stages else None
        return path.read_text("utf-8") if path and path.is_file() else None


def not_measured(command: str) -> str:
    """Returns the one line that stands where nothing was measured."""
    return f"Not measured: run `{command}`."


def not_found(what: str, command: str) -> str:
    """Returns the one line that stands where a stage's folder is not known."""
    return f"{what}: not known here. Give the folder of the whole run: `{command}`."
