"""`summarise` gives the figures of the single functions, and survives the way to JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.core.scores import METRICS, Scores
from mien.metrics import calibration as cal
from mien.metrics import classification as cls
from mien.metrics.summary import How, summarise
from tests.unit.metrics.test_classification import random_set


def test_every_figure_equals_its_function() -> None:
    labels, probabilities = random_set(3, 400)
    probabilities[::17] = np.nan
    given = cls.answers(probabilities)
    scores = summarise(labels, probabilities, how=How(min_class_count=55, resamples=200))
    expected = {
        "accuracy": cls.accuracy(labels, given),
        "balanced_accuracy": cls.balanced_accuracy(labels, given),
        "balanced_accuracy_frequent": cls.balanced_accuracy(labels, given, 55),
        "macro_f1": cls.macro_f1(labels, given),
        "top2": cls.top_k(labels, probabilities),
        "nll": cls.negative_log_likelihood(labels, probabilities),
        "brier": cls.brier(labels, probabilities),
        "ece": cal.expected_calibration_error(labels, probabilities),
    }
    assert scores.overall == pytest.approx(expected)
    assert list(scores.overall) == list(METRICS)
    assert 0 < len(scores.frequent) < 7
    assert scores.confusion == tuple(map(tuple, cls.confusion(labels, given).tolist()))
    assert (scores.n, scores.n_missed, scores.n_clusters) == (400, 24, 400)
    for metric, value in expected.items():
        low, high = scores.intervals[metric]
        # The gaps of ECE add up however they fall, so its resamples lie above it.
        assert low < high if metric == "ece" else low < value < high
    recall = scores.per_class["fear"].recall
    assert scores.intervals["recall.fear"][0] < recall < scores.intervals["recall.fear"][1]
    assert sum(bin_.count for bin_ in scores.calibration.bins) == 376
    assert scores.calibration.risk_coverage[-1].coverage == 1


def test_scores_survive_json_with_sorted_keys() -> None:
    labels, probabilities = random_set(5, 80)
    part = summarise(labels[:40], probabilities[:40], how=How(resamples=20))
    scores = summarise(labels, probabilities, how=How(resamples=20))
    grouped = scores.model_copy(update={"by_group": {"light": {"dark": part}}})
    text = json.dumps(grouped.to_dict(), sort_keys=True, allow_nan=False)
    assert Scores.from_dict(json.loads(text)) == grouped


def test_missing_classes_and_single_pictures_give_none() -> None:
    one = summarise([4], np.eye(7)[[4]])
    assert one.overall["accuracy"] == 1
    assert one.overall["balanced_accuracy_frequent"] is None
    assert one.per_class["anger"].recall is None
    assert one.intervals == {}
    nothing = summarise([], np.empty((0, 7)))
    assert set(nothing.overall.values()) == {None}
    assert nothing.calibration.risk_coverage == ()


def test_no_face_at_all() -> None:
    scores = summarise([0, 1, 2], np.full((3, 7), np.nan))
    assert (scores.n, scores.n_missed) == (3, 3)
    assert scores.overall["accuracy"] == 0
    assert scores.overall["nll"] is None
    assert scores.shares()[0] == (0,) * 7 + (1,)
    assert sum(scores.shares()[6]) == 0
    assert json.dumps(scores.to_dict(), allow_nan=False)


def test_shares_say_what_became_of_each_class() -> None:
    probabilities = np.eye(7)[[0, 0, 1, 1]]
    probabilities[3] = np.nan
    scores = summarise([0, 1, 1, 1], probabilities)
    assert scores.shares()[0] == (1, 0, 0, 0, 0, 0, 0, 0)
    assert scores.shares()[1] == pytest.approx((1 / 3, 1 / 3, 0, 0, 0, 0, 0, 1 / 3))
    assert scores.per_class["anger"].missed == 1


def test_scores_that_contradict_themselves_are_refused() -> None:
    good = summarise([0, 1], np.eye(7)[[0, 1]]).to_dict()
    for wrong in (
        {**good, "n": 3},
        {**good, "confusion": [[1]]},
        {**good, "stray": 1},
        {**good, "per_class": {}},
        {k: v for k, v in good.items() if k != "overall"},
        {**good, "per_class": {**good["per_class"], "pain": good["per_class"][CLASSES[0]]}},
    ):
        with pytest.raises(DataError, match="not scores"):
            Scores.from_dict(wrong)
