"""What labels of a sequence say, and how figures of sequences are made and shown."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.labels import CLASSES
from mien.core.timeline import Event
from mien.metrics.sequences import (
    Way,
    score_sequence,
    sequences_page,
    summarise_sequences,
    true_events,
)
from mien.metrics.summary import How

N = 20
TIMES = np.arange(N) / 10


def test_a_change_lies_between_the_labels() -> None:
    labels = ["neutral"] * 4 + [None] * 6 + ["happy"] * 10
    (one,) = true_events(TIMES, labels)
    assert (one.before, one.after) == ("neutral", "happy")
    assert one.onset == pytest.approx((0.3 + 1.0) / 2)
    assert (one.apex, one.offset) == (1.9, 1.9)


def test_there_and_back_with_the_apex_in_the_middle() -> None:
    labels = ["neutral"] * 5 + ["fear"] * 9 + ["neutral"] * 6
    there, back = true_events(TIMES, labels)
    assert (there.onset, there.apex) == (0.5, pytest.approx(0.9))
    assert (back.before, back.after, back.onset) == ("fear", "neutral", pytest.approx(1.4))


@pytest.mark.parametrize("labels", [[None] * N, ["happy"] * N, ["contempt"] * N])
def test_no_change_without_two_classes(labels: list[str | None]) -> None:
    assert true_events(TIMES, labels) == ()


@given(st.lists(st.sampled_from(["neutral", "happy", "fear", None, "contempt"]), max_size=30))
def test_true_events_chain(labels: list[str | None]) -> None:
    found = true_events(np.arange(len(labels)) / 5, labels)
    stated = [label for label in labels if label in CLASSES]
    changes = sum(a != b for a, b in itertools.pairwise(stated))
    assert len(found) == changes
    for one, after in itertools.pairwise(found):
        assert one.after == after.before
        assert one.offset <= after.onset


def _sequence(gap: int = 0) -> tuple[list[str | None], dict[str, Way]]:
    labels: list[str | None] = ["neutral"] * 5 + [None] * 5 + ["happy"] * 10
    share = np.linspace(0.05, 0.9, N)
    rows = np.zeros((N, 7))
    rows[:, 4], rows[:, 0] = share, 1 - share
    raw = rows.copy()
    raw[3, [0, 4]] = raw[3, [4, 0]]  # one wrong frame
    raw[:gap] = np.nan
    right = Event(0, "neutral", "happy", 0.8, 1.9, 1.9, 0.8)
    told = Event(0, "neutral", "happy", 0.8, 1.9, 1.9, 0.8, reported=1.2)
    wrong = Event(0, "neutral", "fear", 0.8, 1.9, 1.9, 0.8)
    ways = {"frames": Way(raw, [wrong, right]), "smoothed": Way(rows, [right]),
            "live": Way(rows, [told])}  # fmt: skip
    return labels, ways


def test_the_figures_of_a_sequence() -> None:
    labels, ways = _sequence()
    row = score_sequence(TIMES, labels, ways)
    assert (row["label"], row["frames"], row["faces"], row["true"]) == ("happy", N, N, 1)
    assert (row["matched_frames"], row["found_frames"]) == (1, 2)
    assert (row["matched_smoothed"], row["found_smoothed"]) == (1, 1)
    assert row["apex_error_smoothed"] == 0
    assert row["rise_smoothed"] == pytest.approx(1)
    assert row["rise_frames"] < 1
    assert row["flicker_smoothed"] == 0
    assert row["flicker_frames"] > 0
    assert row["delay_live"] == pytest.approx(1.2 - 0.7)


def test_a_sequence_of_one_class_has_no_apex() -> None:
    _, ways = _sequence(gap=3)
    row = score_sequence(TIMES, ["happy"] * N, ways)
    assert (row["true"], row["label"], row["faces"]) == (0, "happy", N - 3)
    assert np.isnan(row["apex_error_frames"])
    assert np.isnan(row["delay_live"])


def test_roles_are_summed_and_unseen_ones_never_missing() -> None:
    labels, ways = _sequence()
    one = score_sequence(TIMES, labels, ways)
    rows = pl.DataFrame(
        [
            {"role": "test", "dataset": "d", "sequence": str(n), "cluster": f"p{n % 3}", **one}
            for n in range(6)
        ]
    )
    table = summarise_sequences(rows, How(resamples=50))
    assert [row["way"] for row in table] == ["frames", "smoothed", "live"]
    first, second, third = table
    assert (first["precision"], first["recall"]) == (0.5, 1)
    assert first["f1"] == pytest.approx(2 / 3)
    assert second["f1"] == third["f1"] == second["low"] == second["high"] == 1
    assert third["delay"] == pytest.approx(0.5)
    assert third["apex_error"] is None
    page = sequences_page("m", table, "A note.")
    assert "unseen sources: not measured" in page
    assert "each frame alone" in page
    seen = rows.with_columns(role=pl.lit("unseen"))
    plain = sequences_page("m", summarise_sequences(seen, How(resamples=0)), "A note.")
    assert "not measured" not in plain
