"""Suspected wrong labels: those that confident networks contradict."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mien.core.errors import DataError, MissingExtraError, StageError
from mien.metrics.suspects import suspects


def _seen(truth: np.ndarray, sure: float = 0.9) -> np.ndarray:
    seen = np.full((len(truth), 7), (1 - sure) / 6)
    seen[np.arange(len(truth)), truth] = sure
    return seen.astype(np.float32)


def test_contradicted_labels_are_found_and_ranked() -> None:
    truth = np.arange(350) % 7
    seen = _seen(truth)
    labels = truth.copy()
    labels[[3, 100, 200]] = (truth[[3, 100, 200]] + 1) % 7
    seen[100] = _seen(truth[100:101], 0.99)[0]
    order, quality = suspects(labels, seen)
    assert order[0] == 100
    assert set(order) == {3, 100, 200}
    assert quality.shape == (350,)
    assert quality.dtype == np.float32
    assert quality[0] == pytest.approx(0.9, abs=1e-3)
    assert quality[100] < quality[3] < 0.1


def test_classes_that_nobody_was_given_are_no_hindrance() -> None:
    truth = np.array([0, 4] * 40)  # no anger, disgust, fear, sadness, surprise
    labels = truth.copy()
    labels[5] = 0
    order, _ = suspects(labels, _seen(truth))
    assert order == [5]


def test_right_labels_are_not_suspected() -> None:
    truth = np.arange(70) % 7
    assert suspects(truth, _seen(truth))[0] == []


def test_what_cannot_be_judged_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = np.zeros(9, int)
    with pytest.raises(StageError, match=r"several classes; the faces have: neutral"):
        suspects(truth, _seen(truth))
    with pytest.raises(DataError, match="9 labels need probabilities"):
        suspects(truth, _seen(truth)[:4])
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(MissingExtraError, match=r"mien\[audit\]"):
        suspects(truth, _seen(truth))
