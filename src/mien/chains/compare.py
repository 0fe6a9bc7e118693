"""`compare`: two evaluations of the same pictures -> which model is better, and how surely."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mien.core import catalogue
from mien.core.artifact import atomic
from mien.core.catalogue import KEY
from mien.core.scores import PREDICTIONS, Exam
from mien.metrics.comparison import compare, comparison_page
from mien.metrics.summary import How

_COLUMNS: Final = dict.fromkeys((*KEY, "role", "label", "cluster", "answer"), "String")


def compared(
    first: Path, second: Path, out: Path | None = None, *, resamples: int = 2000, seed: int = 0
) -> str:
    """Compares the models of two evaluations, each at its own operating point.

    Args:
        first: a stage folder of `evaluate`.
        second: another one, on the same pictures.
        out: a Markdown file to write the page to.
        resamples: bootstrap resamples behind each interval.
        seed: makes them.

    Returns:
        The page.

    Raises:
        DataError: a folder holds no evaluation, or they are of other pictures.
        MissingExtraError: Polars or SciPy is not installed.
    """
    exams = [Exam.read(folder) for folder in (first, second)]
    one, other = (catalogue.read(folder / PREDICTIONS, _COLUMNS) for folder in (first, second))
    found = compare(one, other, How(resamples=resamples, seed=seed))
    names = [exam.model for exam in exams]
    if names[0] == names[1]:
        names = [f"{name} ({folder})" for name, folder in zip(names, (first, second), strict=True)]
    text = f"# {names[0]} and {names[1]}\n\n{comparison_page(found, *names)}\n"
    if out is not None:
        with atomic(out, "w") as file:
            file.write(text)
    return text
