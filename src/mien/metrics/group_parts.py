"""Which pictures belong to which group, and the sums that all figures by group are made of.

A group is what a data set states of its pictures (gender, age, ethnicity, pose, light), the data
set itself, or a band of what was measured on the face (`conditions.BANDS`). Nothing about a person
is ever predicted.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mien.core.catalogue import polars_or_error
from mien.core.labels import CLASSES
from mien.metrics.bootstrap import cluster_codes
from mien.metrics.classification import SIZE, Integers, Reals, coded, mean_over, ratio
from mien.metrics.conditions import BANDS, band_name

if TYPE_CHECKING:
    import polars

STATED: Final = ("gender", "age", "ethnicity", "dataset", "pose", "light")
ATTRIBUTES: Final = (*STATED, *BANDS)
FIGURES: Final = (
    "accuracy",
    "balanced_accuracy",
    *(f"{kind}.{name}" for kind in ("recall", "selection", "false_positive") for name in CLASSES),
    "missed",
    "abstained",
)
"""The figures of a group, shares from 0 to 1.

``selection.<class>`` is the share of the pictures that were answered with the class,
``false_positive.<class>`` that of the pictures with another label; a picture in which no face was
found is ``missed`` and counts as a wrong answer in all others.
"""
AGES: Final = {"0-9": (0, 9), "10-19": (10, 19), "20-39": (20, 39), "40-59": (40, 59)}
_OLDEST: Final = 60
_GENDERS: Final = {"f": "female", "m": "male", "woman": "female", "man": "male"}
_NUMBER: Final = re.compile(r"(\d+)(?:\.\d+)?")
_BAND: Final = re.compile(r"(\d+) *[-\u2013] *(\d+)")
_OPEN: Final = re.compile(r"(\d+) *\+|more than (\d+)|over (\d+)")
_MOST: Final = 0.5
WIDTH: Final = 3 * SIZE + 3
"""The columns of sums: right answers, pictures and answers by class, missed, abstained, all."""


class GroupSettings(NamedTuple):
    """How groups are compared.

    Attributes:
        min_group: the least pictures of a group that is judged.
        min_people: its least people (or clusters of look-alikes, where people are not known).
        min_class: the least pictures behind a figure of one class.
        resamples: bootstrap resamples behind each interval; 0 makes none.
        seed: makes the resamples.
        level: how often, at most, equal groups may be called different in a role, 0 to 1.
        attributes: what makes groups: names of `ATTRIBUTES`.
    """

    min_group: int = 25
    min_people: int = 5
    min_class: int = 10
    resamples: int = 1000
    seed: int = 0
    level: float = 0.05
    attributes: tuple[str, ...] = ATTRIBUTES


class Parts(NamedTuple):
    """The pictures of one role that one attribute puts into groups, as sums.

    Attributes:
        names: the groups, (g).
        sums: what each cluster has in each group, (c, g, `WIDTH`).
        people: how many clusters each group has, (g).
        large: which groups are large enough to be judged, (g).
        common: the classes that most large groups have enough pictures of, (7,): balanced accuracy
            is the mean over them, of groups that have them all.
        figures: which of `FIGURES` the table can give.
        pictures: label, answer, missed, abstained and group of each picture, (n, 5) integers.
    """

    names: tuple[str, ...]
    sums: Reals
    people: Integers
    large: npt.NDArray[np.bool_]
    common: npt.NDArray[np.bool_]
    figures: tuple[str, ...]
    pictures: Integers


def parted(
    predictions: polars.DataFrame, settings: GroupSettings
) -> Iterator[tuple[str, str, Parts]]:
    """Yields each role and attribute with its groups; some have none."""
    pl = polars_or_error("Figures by group")
    for role in sorted(predictions["role"].unique().drop_nulls()):
        mine = predictions.filter(pl.col("role") == role)
        for attribute in settings.attributes:
            yield role, attribute, _parts(mine, attribute, settings)


def group_names(rows: polars.DataFrame, attribute: str) -> list[str | None]:
    """Returns the group of each picture (n) by one attribute; None where it is not stated."""
    if attribute not in rows.columns:
        return [None] * len(rows)
    if attribute in BANDS:
        return _bands(rows[attribute].cast(float).fill_null(np.nan).to_numpy(), attribute)
    stated = rows[attribute].to_list()
    known = {text: _group(str(text).strip(), attribute) for text in set(stated) - {None}}
    return [known.get(text) for text in stated]


def age_band(text: str) -> str:
    """Returns the band of `AGES`, or ``"60+"``, that a stated age fits into.

    Args:
        text: as a data set states it: ``"23"``, ``"20-29"``, ``"70+"``, ``"more than 70"``.

    Returns:
        The band, or ``text`` itself where it spans several or is no number.
    """
    word = text.strip().casefold()
    if found := _OPEN.fullmatch(word):
        low, high = int(next(filter(None, found.groups()))), None
    elif found := _BAND.fullmatch(word):
        low, high = int(found[1]), int(found[2])
    elif found := _NUMBER.fullmatch(word):
        low = high = int(found[1])
    else:
        return text
    if low >= _OLDEST:
        return f"{_OLDEST}+"
    inside = (k for k, (a, b) in AGES.items() if a <= low and high is not None and high <= b)
    return next(inside, text)


def share(sums: Reals, figure: str) -> tuple[Reals, Reals]:
    """Returns a figure as two numbers to divide, each (...), of sums (..., `WIDTH`).

    Args:
        sums: as in `Parts.sums`.
        figure: one of `FIGURES`, but ``balanced_accuracy``, which is a mean of recalls.
    """
    right, support, answered = (sums[..., i * SIZE : (i + 1) * SIZE] for i in range(3))
    n = sums[..., -1]
    kind, _, name = figure.partition(".")
    if not name:
        top = {"accuracy": right.sum(axis=-1), "missed": sums[..., -3], "abstained": sums[..., -2]}
        return top[kind], n
    k = CLASSES.index(name)
    if kind == "recall":
        return right[..., k], support[..., k]
    if kind == "selection":
        return answered[..., k], n
    return answered[..., k] - right[..., k], n - support[..., k]


def figures_of(sums: Reals, common: npt.NDArray[np.bool_]) -> Reals:
    """Returns `FIGURES` (..., 25) of sums (..., `WIDTH`); NaN where nothing is to divide by.

    Args:
        sums: as in `Parts.sums`.
        common: the classes that balanced accuracy is the mean over, (7,).
    """
    recall = ratio(sums[..., :SIZE], sums[..., SIZE : 2 * SIZE])
    balanced = mean_over(recall, np.broadcast_to(common, recall.shape))
    values = [
        balanced if figure == "balanced_accuracy" else ratio(*share(sums, figure))
        for figure in FIGURES
    ]
    return np.stack(values, axis=-1)


def _group(text: str, attribute: str) -> str | None:
    """Returns the group that a stated word means; None for a blank."""
    if attribute == "gender":
        return _GENDERS.get(text.casefold(), text.casefold()) or None
    return (age_band(text) if attribute == "age" else text) or None


def _bands(numbers: Reals, attribute: str) -> list[str | None]:
    edges = np.asarray(BANDS[attribute])
    size = np.abs(numbers)
    place = np.searchsorted(edges, size, side="right") - 1
    place[size == edges[-1]] = len(edges) - 2  # the highest border belongs to its band
    outside = np.isnan(size) | (size > edges[-1])
    words = [band_name(low, high) for low, high in itertools.pairwise(edges)]
    return [None if gone else words[i] for gone, i in zip(outside, place, strict=True)]


def _order(name: str, attribute: str) -> tuple[float, str]:
    """Returns what sorts groups: bands and ages by their first number, others by name."""
    number = re.match(r"[\d.]+", name) if attribute in (*BANDS, "age") else None
    return (float(number[0]) if number else np.inf), name


def _parts(rows: polars.DataFrame, attribute: str, settings: GroupSettings) -> Parts:
    names = group_names(rows, attribute)
    kept = sorted({name for name in names if name is not None}, key=lambda k: _order(k, attribute))
    place = {name: i for i, name in enumerate(kept)}
    group = np.array([-1 if name is None else place[name] for name in names], np.int64)
    columns = [
        coded(rows["label"]),
        coded(rows["answer"]),
        _flags(rows, "missed", "answer"),
        _flags(rows, "abstained"),
        group,
    ]
    pictures = np.stack([np.asarray(column, np.int64) for column in columns], axis=1)
    clusters = rows["cluster"].to_list() if "cluster" in rows.columns else [None] * len(rows)
    order = _one_order(clusters, pictures)
    order = order[pictures[order, -1] >= 0]
    pictures = pictures[order]
    codes, count = cluster_codes([clusters[i] for i in order])
    sums = _sums(pictures, codes * len(kept), (count, len(kept), WIDTH))
    people, totals = (sums[..., -1] > 0).sum(axis=0), sums.sum(axis=0)
    large = (totals[:, -1] >= settings.min_group) & (people >= settings.min_people)
    judged = totals[large] if large.any() else totals
    common = (judged[:, SIZE : 2 * SIZE] >= settings.min_class).sum(axis=0) > _MOST * len(judged)
    # Nothing is measured on a face that was not found, so no band of it can miss one.
    absent = {"missed"} if attribute in BANDS else set()
    absent |= set() if "abstained" in rows.columns else {"abstained"}
    given = tuple(name for name in FIGURES if name not in absent)
    return Parts(tuple(kept), sums, people, large, common, given, pictures)


def _one_order(clusters: Sequence[str | None], pictures: Integers) -> Integers:
    """Returns places (n) in an order that is not the table's: the same pictures resample alike."""
    names = np.array(["" if name is None else name for name in clusters], dtype=np.str_)
    alone = np.array([name is None for name in clusters], dtype=np.bool_)
    order: Integers = np.lexsort((*pictures.T, names, alone))
    return order


def _flags(rows: polars.DataFrame, name: str, otherwise: str = "") -> npt.NDArray[np.bool_]:
    """Returns where a reason stands (n); without the column, where ``otherwise`` is null."""
    if name in rows.columns:
        return rows[name].is_not_null().to_numpy()
    return rows[otherwise].is_null().to_numpy() if otherwise else np.zeros(len(rows), np.bool_)


def _sums(pictures: Integers, offset: Integers, shape: tuple[int, int, int]) -> Reals:
    label, answer, missed, abstained, group = pictures.T
    classes = np.arange(SIZE)
    support, answered = label[:, None] == classes, answer[:, None] == classes
    single = np.stack([missed, abstained, np.ones_like(missed)], axis=1)
    rows = np.concatenate([support & answered, support, answered, single], axis=1)
    sums = [np.bincount(offset + group, column, shape[0] * shape[1]) for column in rows.T]
    table: Reals = np.stack(sums, axis=1, dtype=np.float64).reshape(shape)
    return table
