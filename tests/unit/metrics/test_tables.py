"""Text of an exam: figures of known sources never stand without those of unseen ones."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.scores import METRICS, POINTS, Exam, RoleScores
from mien.metrics import tables
from mien.metrics.summary import How, summarise


def make(roles: tuple[str, ...], resamples: int = 20) -> Exam:
    labels = np.repeat(np.arange(7), 4)
    probabilities = np.full((28, 7), 0.05)
    probabilities[np.arange(28), np.where(np.arange(28) % 4 == 3, 0, labels)] = 0.7
    scores = summarise(labels, probabilities, how=How(3, resamples))
    role = RoleScores(sources={"x": 28}, subjects=2, points=dict.fromkeys(POINTS, scores))
    return Exam(
        model="m",
        weights="w",
        prior={"neutral": 0.25, "happy": 0.75},
        temperature=1,
        resamples=resamples,
        roles=dict.fromkeys(roles, role),
    )


def test_the_headline_holds_all_roles_in_order() -> None:
    line = tables.headline(make(("unseen", "test", "dev")))
    assert "\n" not in line
    parts = line.split(" | ")
    assert [part.split(" ")[0] for part in parts] == ["m", "dev", "test", "unseen"]
    assert "accuracy 78.6 % [" in parts[1]
    assert parts[3].startswith("unseen (n = 28, 2 people): balanced accuracy, classes of 3 or more")


@pytest.mark.parametrize("roles", [("dev",), ("test",), ("dev", "test")])
def test_missing_unseen_sources_are_named_everywhere(roles: tuple[str, ...]) -> None:
    exam = make(roles)
    for text in (tables.headline(exam), tables.caption(exam)):
        assert text.endswith("unseen sources: not measured")
    for table in (tables.figures_table(exam), tables.classes_table(exam)):
        assert all("unseen sources: not measured" in row for row in table.splitlines()[2:])
    assert "| unseen | not measured |" in tables.counts_table(exam)


def test_the_figures_table_has_a_row_a_point_and_figure() -> None:
    table = tables.figures_table(make(("test", "unseen")))
    rows = [line.split(" | ") for line in table.splitlines()]
    assert len(rows) == 2 + len(POINTS) * len(METRICS)
    assert {len(row) for row in rows} == {4}


def test_without_resamples_there_are_no_brackets() -> None:
    assert "[" not in tables.headline(make(("test", "unseen"), resamples=0))
    assert "neutral 0.250, happy 0.750" in tables.page(make(("test", "unseen")))


def test_a_figure_that_there_is_not_is_a_dash() -> None:
    nothing = summarise([], np.empty((0, 7)))
    assert {tables.cell(nothing, metric) for metric in METRICS} == {"-"}
