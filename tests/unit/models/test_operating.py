"""The operating point: the curve of strengths and the rule that chooses."""

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.models.operating import (
    Measures,
    OperatingRule,
    Point,
    check_shares,
    choose,
    curve,
    shares,
)

PRIOR = np.array([0.4, 0.1, 0.02, 0.03, 0.25, 0.1, 0.1], np.float32)


def plain_measures():
    def recall_mean(labels, answers):
        return float(np.mean([(answers[labels == k] == k).mean() for k in np.unique(labels)]))

    return Measures(
        lambda labels, answers: float((labels == answers).mean()),
        recall_mean,
        lambda labels, probabilities: 0.0,
        lambda logits, labels: 1.5,
    )


def biased_logits(n=3000):
    random = np.random.default_rng(0)
    labels = random.choice(7, n, p=PRIOR / PRIOR.sum())
    evidence = np.eye(7)[labels] * 2 + random.normal(0, 1, (n, 7))
    return (evidence + np.log(PRIOR)).astype(np.float32), labels


def test_shares_go_from_the_training_prior_to_equal():
    np.testing.assert_allclose(shares(PRIOR, 0.0), PRIOR / PRIOR.sum(), rtol=1e-5)
    np.testing.assert_allclose(shares(PRIOR, 1.0), np.full(7, 1 / 7), rtol=1e-5)
    half = shares(PRIOR, 0.5)
    assert half.argmax() == 0
    assert PRIOR[2] < half[2] < 1 / 7


def test_rare_classes_gain_along_the_curve():
    logits, labels = biased_logits()
    points = curve(logits, labels, PRIOR, 0.25, plain_measures())
    assert [p.strength for p in points] == [0, 0.25, 0.5, 0.75, 1]
    assert points[-1].balanced_accuracy > points[0].balanced_accuracy
    assert points[-1].accuracy < points[0].accuracy
    assert points[0].as_prior() == "natural"
    assert points[1].temperature == 1.5
    assert sum(points[1].prior.values()) == pytest.approx(1, abs=1e-4)


def point(strength, accuracy, balanced):
    return Point(strength, {}, 1.0, accuracy, balanced, 0.0)


def test_the_rule_keeps_the_accuracy():
    points = [point(0, 0.85, 0.6), point(0.5, 0.82, 0.7), point(1, 0.75, 0.8)]
    assert choose(points, OperatingRule(min_accuracy=0.8)).strength == 0.5
    assert choose(points, OperatingRule(min_accuracy=0.7)).strength == 1
    assert choose(points, OperatingRule(min_accuracy=0.9)).strength == 0
    level = [point(0, 0.85, 0.7), point(0.5, 0.85, 0.7)]
    assert choose(level, OperatingRule()).strength == 0


def test_a_class_without_training_faces_is_an_error():
    with pytest.raises(DataError, match="anger"):
        curve(
            *biased_logits(10), np.array([0.5, 0, 0.1, 0.1, 0.1, 0.1, 0.1]), 0.5, plain_measures()
        )


def test_a_class_that_training_never_shows_is_told_before():
    shares = np.full(7, 1 / 7, np.float32)
    check_shares(shares)
    shares[3] = 0
    with pytest.raises(DataError, match="No training face votes for fear"):
        check_shares(shares)
