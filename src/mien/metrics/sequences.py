"""An exam of labelled sequences: changes found, peaks, rise, flicker and delay, way by way."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mien.core.labels import CLASSES
from mien.core.scores import UNSEEN
from mien.core.timeline import Event, Reals
from mien.metrics.bootstrap import bootstrap
from mien.metrics.summary import How
from mien.metrics.tables import NOT_MEASURED, markdown, percent
from mien.metrics.timeline import apex_error, delays, event_scores, flicker, rise

if TYPE_CHECKING:
    import polars

WAYS: Final = ("frames", "smoothed", "live")
"""Each frame alone; smoothed with the whole sequence at hand; told while it runs."""
_WORDS: Final = {"frames": "each frame alone", "smoothed": "smoothed", "live": "live"}
_NUMBERS: Final = ("apex_error", "rise", "flicker", "delay")
NAMED: Final = ("role", "dataset", "sequence", "label", "cluster")
COUNTS: Final = tuple(f"{kind}_{way}" for way in WAYS for kind in ("matched", "found"))


class Way(NamedTuple):
    """What one way made of a sequence.

    Attributes:
        rows: (n, 7) probabilities; NaN where there is no answer.
        events: the changes that it told.
    """

    rows: Reals
    events: Sequence[Event]


def true_events(times: Reals, labels: Sequence[str | None]) -> tuple[Event, ...]:
    """Returns the changes that the labels of a sequence state.

    A change lies between the last frame of one label and the first of the next: where frames
    without a label stand between them, in the middle of these two.

    Args:
        times: (n,) seconds, rising.
        labels: (n) one of the seven classes; None or anything else is no label.

    Returns:
        The changes in order. The apex is the middle of the frames that carry the label, or the last
        one where they reach the end of the sequence, as sets that stop at the peak do.
    """
    runs: list[tuple[str, int, int]] = []
    for place, label in enumerate(labels):
        if label not in CLASSES:
            continue
        if runs and runs[-1][0] == label:
            runs[-1] = label, runs[-1][1], place
        else:
            runs.append((str(label), place, place))
    found = []
    for (before, _, last), (after, first, end) in itertools.pairwise(runs):
        onset = float(times[first] if first == last + 1 else (times[last] + times[first]) / 2)
        final = end == len(times) - 1
        apex = float(times[end] if final else (times[first] + times[end]) / 2)
        found.append(Event(0, before, after, onset, apex, float(times[end]), 1.0))
    return tuple(found)


def score_sequence(
    times: Reals, labels: Sequence[str | None], ways: Mapping[str, Way]
) -> dict[str, Any]:
    """Returns the figures of one sequence.

    Args:
        times: (n,) seconds, rising.
        labels: (n) as for `true_events`.
        ways: each of `WAYS`.

    Returns:
        ``label`` (the class of the last change, else of the sequence), ``frames``, ``faces``,
        ``true`` (changes), ``matched_*`` and ``found_*`` for each way; then, for ``frames`` and
        ``smoothed``, ``apex_error_*`` (seconds), ``rise_*`` (Spearman's correlation of the class's
        probability with time up to the apex) and ``flicker_*`` (changes a minute too many), and
        ``delay_live`` (the median, seconds). What cannot be told is NaN.
    """
    truth = true_events(times, labels)
    stated = [name for name in labels if name in CLASSES]
    label = truth[-1].after if truth else stated[-1]
    row: dict[str, Any] = {
        "label": label,
        "frames": len(times),
        "faces": int(np.isfinite(ways["frames"].rows[:, 0]).sum()),
        "true": len(truth),
    }
    for name, way in ways.items():
        scores = event_scores(truth, way.events)
        row |= {f"matched_{name}": scores.matched, f"found_{name}": scores.found}
    for name in ("frames", "smoothed"):
        rows = ways[name].rows
        column, answers = rows[:, CLASSES.index(label)], _answers(rows)
        row[f"flicker_{name}"] = flicker(times, answers, len(truth))
        row[f"apex_error_{name}"] = row[f"rise_{name}"] = float("nan")
        if truth:
            apex = truth[-1].apex
            row[f"apex_error_{name}"] = apex_error(times, column, apex)
            rising = times <= apex
            row[f"rise_{name}"] = rise(times[rising], column[rising])
    waited = delays(truth, ways["live"].events)
    row["delay_live"] = float(np.median(waited)) if len(waited) else float("nan")
    return row


def summarise_sequences(rows: polars.DataFrame, how: How) -> list[dict[str, Any]]:
    """Returns the figures of each role and way over all its sequences.

    Args:
        rows: `NAMED`, and the columns of `score_sequence`.
        how: how intervals are made, of clusters.

    Returns:
        For each role and way: ``sequences``, ``true``, ``precision``, ``recall`` and ``f1`` of the
        changes (0 to 1; NaN where there is none), ``low`` and ``high`` of ``f1``, and the medians
        ``apex_error``, ``rise``, ``flicker`` and ``delay``, None where a way has none.
    """
    table = []
    for (role,), some in rows.group_by("role", maintain_order=True):
        for way in WAYS:
            counts = some.select(f"matched_{way}", f"found_{way}", "true").to_numpy()
            matched, found, true = counts.astype(np.float64).sum(axis=0)
            low, high = _interval(counts.astype(np.float64), some["cluster"].to_list(), how)
            medians = {
                name: some[f"{name}_{way}"].fill_nan(None).median()
                if f"{name}_{way}" in some.columns
                else None
                for name in _NUMBERS
            }
            table.append({
                "role": role, "way": way, "sequences": len(some), "true": int(true),
                "precision": _share(matched, found), "recall": _share(matched, true),
                "f1": _share(2 * matched, found + true), "low": low, "high": high, **medians,
            })  # fmt: skip
    return table


def sequences_page(model: str, table: Sequence[Mapping[str, Any]], note: str) -> str:
    """Returns the figures of sequences as Markdown; unseen sources are always among them.

    Args:
        model: its name.
        table: as from `summarise_sequences`.
        note: how it was measured.
    """
    heads = [
        "role", "way", "sequences", "changes", "precision", "recall", "F1", "95 %",
        "apex off, s", "rise", "flicker a minute", "delay, s",
    ]  # fmt: skip
    lines = []
    for row in table:
        bounds = "-" if row["low"] is None else f"{percent(row['low'])} to {percent(row['high'])}"
        lines.append([
            row["role"], _WORDS[row["way"]], f"{row['sequences']:,}", f"{row['true']:,}",
            *(_percent(row[name]) for name in ("precision", "recall", "f1")), bounds,
            *("-" if row[name] is None else f"{row[name]:.2f}" for name in _NUMBERS),
        ])  # fmt: skip
    if not any(row["role"] == UNSEEN for row in table):
        lines.append([UNSEEN, NOT_MEASURED, *["-"] * (len(heads) - 2)])
    return f"# Sequences: {model}\n\n{note}\n\n{markdown(heads, lines, left=2)}\n"


def _answers(rows: Reals) -> Reals:
    """Returns the class (n,) that leads each row, -1 where there is none."""
    known = np.isfinite(rows).all(axis=1)
    answers = np.full(len(rows), -1.0)
    answers[known] = rows[known].argmax(axis=1)
    return answers


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _percent(value: float) -> str:
    return "-" if np.isnan(value) else percent(value)


def _interval(
    counts: Reals, clusters: Sequence[str | None], how: How
) -> tuple[float | None, float | None]:
    if not how.resamples:
        return None, None

    def f1(sums: Reals) -> Reals:
        whole = sums[:, 1:2] + sums[:, 2:3]
        with np.errstate(invalid="ignore", divide="ignore"):
            return 2 * sums[:, :1] / whole

    low, high = bootstrap(counts, clusters, f1, resamples=how.resamples, seed=how.seed)
    return (None, None) if np.isnan(low[0]) else (float(low[0]), float(high[0]))
