"""Two models on the same pictures: pairs, people, and what nobody can say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.metrics.comparison import compare, comparison_page
from mien.metrics.summary import How

pl = pytest.importorskip("polars")
HOW = How(resamples=300)


def table(labels: Any, answers: Any, role: str = "test", people: int = 10**9) -> Any:
    return pl.DataFrame(
        {
            "id": [f"{i:05}" for i in range(len(labels))],
            "dataset": ["home"] * len(labels),
            "path": [f"{i}.png" for i in range(len(labels))],
            "role": [role] * len(labels),
            "label": [CLASSES[k] for k in labels],
            "cluster": [f"p{i % people}" for i in range(len(labels))],
            "answer": [None if k < 0 else CLASSES[k] for k in answers],
        },
        schema_overrides={"answer": pl.String},
    )


def answered(labels: Any, share: float, seed: int) -> Any:
    right = np.random.default_rng(seed).random(len(labels)) < share
    return np.where(right, labels, (labels + 1) % 7)


def test_it_equals_scipy_and_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    stats = pytest.importorskip("scipy.stats")
    labels = np.arange(700) % 7
    first, second = answered(labels, 0.6, 0), answered(labels, 0.7, 1)
    found = compare(table(labels, first), table(labels, second), HOW)["test"]
    only_first = int(((first == labels) & (second != labels)).sum())
    only_second = int(((first != labels) & (second == labels)).sum())
    assert (found.n, found.first_only, found.second_only) == (700, only_first, only_second)
    assert found.p == pytest.approx(stats.binomtest(only_first, only_first + only_second).pvalue)
    balanced = found.figures["balanced_accuracy"]
    assert balanced.first == pytest.approx(metrics.balanced_accuracy_score(labels, first))
    assert balanced.second == pytest.approx(metrics.balanced_accuracy_score(labels, second))
    accuracy = found.figures["accuracy"]
    assert 0 < accuracy.low < accuracy.second - accuracy.first < accuracy.high


def test_pairs_tell_more_than_two_intervals() -> None:
    labels = np.arange(700) % 7
    first = answered(labels, 0.6, 0)
    second = first.copy()
    second[:21] = labels[:21]  # better on a few pictures, else the same
    found = compare(table(labels, first), table(labels, second), HOW)["test"].figures["accuracy"]
    assert found.low > 0
    assert found.high - found.low < 0.02


def test_equal_models_do_not_differ() -> None:
    labels = np.arange(70) % 7
    found = compare(table(labels, labels), table(labels, labels), HOW)["test"]
    assert found.p == 1
    assert found.figures["accuracy"][2:] == (0, 0)


def test_people_are_resampled_whole() -> None:
    labels = np.arange(700) % 7
    first, second = answered(labels, 0.6, 0), labels
    many = compare(table(labels, first), table(labels, second), HOW)["test"]
    few = compare(table(labels, first, people=2), table(labels, second, people=2), HOW)["test"]
    one = compare(table(labels, first, people=1), table(labels, second, people=1), HOW)["test"]
    assert many.figures["accuracy"].low > few.figures["accuracy"].low - 0.05
    assert np.isnan(one.figures["accuracy"].low)
    assert "[" not in comparison_page({"unseen": one}, "a", "b").splitlines()[2]


def test_a_picture_without_a_face_is_wrong_for_both() -> None:
    labels = np.zeros(4, int)
    found = compare(table(labels, [0, 0, -1, -1]), table(labels, [0, -1, -1, 0]), HOW)["test"]
    assert (found.first_only, found.second_only) == (1, 1)


def test_the_page_always_holds_unseen_sources() -> None:
    labels = np.arange(70) % 7
    rows = table(labels, labels)
    found = compare(rows, rows, How(resamples=0))
    assert "| unseen | unseen sources: not measured |" in comparison_page(found, "old", "new")
    both = compare(*[pl.concat([rows, table(labels, labels, "unseen").with_columns(
        dataset=pl.lit("away"))])] * 2, How(resamples=0))  # fmt: skip
    page = comparison_page(both, "old", "new")
    assert "not measured" not in page
    assert "only old right" in page


def test_other_pictures_are_refused() -> None:
    labels = np.arange(70) % 7
    with pytest.raises(DataError, match="only 60 are of the same pictures"):
        compare(table(labels, labels), table(labels[:60], labels[:60]), HOW)
