"""Calibration on cases whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.metrics import calibration as cal


def confident(values: Any, right: Any) -> tuple[Any, Any]:
    """Returns labels and probabilities whose confidences and hits are as stated."""
    values, right = np.asarray(values, float), np.asarray(right, bool)
    probabilities = np.repeat((1 - values)[:, None] / 6, 7, axis=1)
    probabilities[:, 3] = values
    return np.where(right, 3, 0), probabilities


def test_ece_of_a_constructed_case() -> None:
    # Four faces at 0.9, half of them right; two at 0.5, both right: (4 * 0.4 + 2 * 0.5) / 6.
    labels, probabilities = confident([0.9] * 4 + [0.5] * 2, [1, 1, 0, 0, 1, 1])
    assert cal.expected_calibration_error(labels, probabilities) == pytest.approx(2.6 / 6)


def test_ece_of_a_calibrated_model_is_small_and_of_no_face_is_nan() -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(0.3, 1, 40_000)
    labels, probabilities = confident(values, rng.random(40_000) < values)
    assert cal.expected_calibration_error(labels, probabilities) < 0.01
    assert np.isnan(cal.expected_calibration_error([0], np.full((1, 7), np.nan)))


def test_edges_belong_to_the_bin_below() -> None:
    assert cal.bin_of(np.array([0.0, 0.2, 0.2 + 1e-9, 1.0]), 5).tolist() == [0, 0, 1, 4]


def test_the_reliability_table_counts_every_found_face() -> None:
    labels, probabilities = confident([0.95, 0.95, 0.6], [1, 0, 1])
    probabilities = np.concatenate([probabilities, np.full((1, 7), np.nan)])
    table = cal.reliability(np.append(labels, 2), probabilities)
    assert table.faces.sum() == 3
    assert table.accuracy[14] == pytest.approx(0.5)
    assert table.confidence[14] == pytest.approx(0.95)
    assert np.isnan(table.accuracy[0])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_logits_is_found(temperature: float) -> None:
    rng = np.random.default_rng(1)
    true_logits = rng.normal(0, 2, (20_000, 7))
    odds = np.exp(true_logits)
    labels = (rng.random(len(odds))[:, None] > odds.cumsum(1) / odds.sum(1, keepdims=True)).sum(1)
    found = cal.fit_temperature(true_logits * temperature, labels)
    assert found == pytest.approx(temperature, rel=0.04)


def test_the_temperature_equals_scipys() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    special = pytest.importorskip("scipy.special")
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 7, 500)
    logits = 3 * (rng.normal(0, 1, (500, 7)) + np.eye(7)[labels])

    def loss(temperature: float) -> float:
        return float(-special.log_softmax(logits / temperature, axis=1)[range(500), labels].mean())

    best = optimize.minimize_scalar(
        loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8}
    ).x
    assert cal.fit_temperature(logits, labels) == pytest.approx(best, rel=1e-4)


def test_a_temperature_needs_finite_logits() -> None:
    with pytest.raises(DataError, match="finite"):
        cal.fit_temperature(np.empty((0, 7)), [])
    with pytest.raises(DataError, match="finite"):
        cal.fit_temperature(np.full((1, 7), np.nan), [0])
    with pytest.raises(DataError, match="shape"):
        cal.fit_temperature(np.zeros(7), [0])


def test_risk_coverage_of_a_constructed_case() -> None:
    labels, probabilities = confident([0.9, 0.8, 0.8, 0.6], [1, 1, 0, 0])
    curve = cal.risk_coverage(labels, probabilities)
    assert curve.threshold.tolist() == [0.9, 0.8, 0.6]
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0]
    np.testing.assert_allclose(curve.risk, [0, 1 / 3, 0.5])
    assert curve.area == pytest.approx(0 + 0.5 / 3 + 0.25 * 0.5)


def test_the_threshold_answers_as_much_as_the_risk_allows() -> None:
    labels, probabilities = confident([0.9, 0.8, 0.8, 0.6], [1, 1, 0, 0])
    assert cal.threshold_for_risk(labels, probabilities, 0.34) == pytest.approx((0.8, 0.75, 1 / 3))
    assert cal.threshold_for_risk(labels, probabilities, 0.1) == (0.9, 0.25, 0.0)
    assert cal.threshold_for_risk(labels, probabilities, 1.0).coverage == 1.0
    wrong_first = confident([0.9, 0.8], [0, 1])
    assert cal.threshold_for_risk(*wrong_first, 0.1) == (1.0, 0.0, 0.0)
    with pytest.raises(DataError, match="share"):
        cal.threshold_for_risk(labels, probabilities, 5)


def test_curves_of_no_face_are_empty() -> None:
    curve = cal.risk_coverage([], np.empty((0, 7)))
    assert len(curve.risk) == 0
    assert np.isnan(curve.area)
