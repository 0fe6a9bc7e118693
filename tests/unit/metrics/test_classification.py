"""The figures equal scikit-learn's and torchmetrics', and missed pictures count as wrong."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import DataError
from mien.metrics import classification as cls

sklearn = pytest.importorskip("sklearn.metrics")


def random_set(seed: int, n: int = 200, classes: int = 7) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(0, 1.5, (n, 7)) + 1.2 * np.eye(7)[labels]
    odds = np.exp(logits)
    return labels, odds / odds.sum(axis=1, keepdims=True)


sets = st.builds(random_set, st.integers(0, 2**32 - 1), st.integers(1, 120), st.integers(1, 7))


@given(sets)
@settings(max_examples=60, deadline=None)
def test_equals_scikit_learn(example: tuple[Any, Any]) -> None:
    labels, probabilities = example
    given_ = cls.answers(probabilities)
    assert cls.accuracy(labels, given_) == pytest.approx(sklearn.accuracy_score(labels, given_))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of answers that no label has, and is right
        balanced = sklearn.balanced_accuracy_score(labels, given_)
    assert cls.balanced_accuracy(labels, given_) == pytest.approx(balanced)
    f1 = sklearn.f1_score(labels, given_, average="macro", zero_division=0)
    assert cls.macro_f1(labels, given_) == pytest.approx(f1)
    matrix = sklearn.confusion_matrix(labels, given_, labels=range(7))
    assert (cls.confusion(labels, given_) == matrix).all()
    precision, recall, f1s, support = sklearn.precision_recall_fscore_support(
        labels, given_, labels=range(7), zero_division=np.nan
    )
    ours = cls.per_class(labels, given_)
    np.testing.assert_allclose(ours["precision"], precision)
    np.testing.assert_allclose(ours["recall"], recall)
    np.testing.assert_array_equal(ours["support"], support)
    np.testing.assert_allclose(np.nan_to_num(ours["f1"]), np.nan_to_num(f1s))
    loss = sklearn.log_loss(labels, probabilities, labels=range(7))
    assert cls.negative_log_likelihood(labels, probabilities) == pytest.approx(loss)
    brier = ((probabilities - np.eye(7)[labels]) ** 2).sum(axis=1).mean()
    assert cls.brier(labels, probabilities) == pytest.approx(brier)
    top2 = sklearn.top_k_accuracy_score(labels, probabilities, k=2, labels=range(7))
    assert cls.top_k(labels, probabilities) == pytest.approx(top2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_equals_torchmetrics() -> None:
    functional = pytest.importorskip("torchmetrics.functional.classification")
    torch = pytest.importorskip("torch")
    from mien.metrics.calibration import expected_calibration_error

    for seed in range(5):
        labels, probabilities = random_set(seed, 300)
        target, preds = torch.tensor(labels), torch.tensor(probabilities)
        given_ = cls.answers(probabilities)
        pairs = [
            (cls.accuracy(labels, given_), "accuracy", {"average": "micro"}),
            (cls.balanced_accuracy(labels, given_), "accuracy", {"average": "macro"}),
            (cls.macro_f1(labels, given_), "f1_score", {"average": "macro"}),
            (cls.top_k(labels, probabilities), "accuracy", {"average": "micro", "top_k": 2}),
            (
                expected_calibration_error(labels, probabilities),
                "calibration_error",
                {"n_bins": 15, "norm": "l1"},
            ),
        ]
        for ours, name, options in pairs:
            theirs = getattr(functional, f"multiclass_{name}")
            value = float(theirs(preds, target, num_classes=7, **options))
            assert ours == pytest.approx(value, abs=1e-6), name


@given(sets, st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_missed_pictures_count_as_wrong(example: tuple[Any, Any], seed: int) -> None:
    labels, probabilities = example
    missed = np.random.default_rng(seed).random(len(labels)) < 0.3
    probabilities[missed] = np.nan
    given_ = cls.answers(probabilities)
    assert ((given_ == cls.MISSED) == missed).all()
    assert cls.accuracy(labels, given_) == pytest.approx(np.mean(given_ == labels))
    present = np.unique(labels)
    recalls = [np.mean(given_[labels == c] == c) for c in present]
    assert cls.balanced_accuracy(labels, given_) == pytest.approx(np.mean(recalls))
    assert cls.count_table(labels, given_).sum() == len(labels)
    assert cls.confusion(labels, given_).sum() == (~missed).sum()
    if missed.all():
        assert np.isnan(cls.brier(labels, probabilities))
    else:
        expected = cls.brier(labels[~missed], probabilities[~missed])
        assert cls.brier(labels, probabilities) == pytest.approx(expected)


def test_frequent_classes_only() -> None:
    labels = np.array([0] * 4 + [1] * 4 + [2])
    given_ = np.array([0, 0, 0, 1, 1, 1, 0, 0, 0])
    assert cls.balanced_accuracy(labels, given_) == pytest.approx((0.75 + 0.5 + 0) / 3)
    assert cls.balanced_accuracy(labels, given_, min_count=4) == pytest.approx(0.625)
    assert np.isnan(cls.balanced_accuracy(labels, given_, min_count=5))


def test_nothing_to_score_is_nan_not_zero() -> None:
    empty = np.empty((0, 7))
    assert np.isnan(cls.accuracy([], []))
    assert np.isnan(cls.macro_f1([], []))
    assert np.isnan(cls.negative_log_likelihood([], empty))
    assert np.isnan(cls.top_k([], empty))


def test_a_certain_error_costs_much_but_not_everything() -> None:
    probabilities = np.eye(7)[[0]]
    assert cls.negative_log_likelihood([1], probabilities) == pytest.approx(27.63, abs=0.01)
    assert cls.brier([1], probabilities) == 2


def test_ties_go_to_the_earlier_class() -> None:
    uniform = np.full((7, 7), 1 / 7)
    assert (cls.answers(uniform) == 0).all()
    assert cls.top_k(np.arange(7), uniform, k=2) == pytest.approx(2 / 7)


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([0, 7], np.full((2, 7), 1 / 7), "from 0 to 6"),
        ([0.0, 1.0], np.full((2, 7), 1 / 7), "integers"),
        ([0], np.full((1, 8), 1 / 8), "shape"),
        ([0, 1], np.full((1, 7), 1 / 7), "shape"),
        ([0], np.full((1, 7), 0.5), "sum to 1"),
        ([0], [[np.nan, 0.5, 0.5, 0, 0, 0, 0]], "seven NaN"),
        ([0], [[np.inf, 0, 0, 0, 0, 0, 0]], "finite"),
        ([0], [[1.5, -0.5, 0, 0, 0, 0, 0]], "0 or more"),
    ],
)
def test_wrong_arrays_are_refused(labels: Any, probabilities: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        cls.brier(labels, probabilities)


def test_labels_and_answers_of_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="2 labels cannot be compared with 1"):
        cls.accuracy([0, 1], [0])
