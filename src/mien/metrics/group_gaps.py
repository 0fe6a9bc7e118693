"""Gaps between groups, and whether they are more than chance.

Each attribute asks five questions of a role: accuracy, balanced accuracy, missed faces, demographic
parity and equalised odds. Each is one or several tests that all groups have the same figure
(`group_tests`); they share the role's level by Holm's procedure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mien.core.catalogue import polars_or_error
from mien.metrics.bootstrap import LEVEL, bootstrap
from mien.metrics.classification import SIZE, Reals
from mien.metrics.conditions import BANDS
from mien.metrics.group_parts import FIGURES, WIDTH, GroupSettings, Parts, figures_of, parted, share
from mien.metrics.group_tests import equality, holm
from mien.metrics.group_values import certain

if TYPE_CHECKING:
    import polars

PARITY: Final = "demographic_parity"
ODDS: Final = "equalised_odds"
_MAXIMA: Final = {PARITY: ("selection",), ODDS: ("recall", "false_positive")}
"""Figures that are the largest gap of others; those share the weight of one question."""
_POWER: Final = 0.8
"""A gap counts as visible if four of five such exams would find it."""


class _Test(NamedTuple):
    """One comparison of groups.

    Attributes:
        figure: which of `FIGURES` is compared.
        largest: the place of the group with the highest value.
        smallest: the place of the group with the lowest value.
        values: the figure of every group, (g).
        p: the p-value of `equality` over all groups that take part.
        freedom: how many take part, less one.
        weight: the share of one question.
    """

    figure: str
    largest: int
    smallest: int
    values: Reals
    p: float
    freedom: int
    weight: float

    @property
    def gap(self) -> float:
        """The largest value less the smallest."""
        return float(self.values[self.largest] - self.values[self.smallest])


def gaps(
    predictions: polars.DataFrame,
    settings: GroupSettings = GroupSettings(),  # noqa: B008  # an immutable value
) -> polars.DataFrame:
    """Returns the largest gap between groups in each figure, with a test that there is none.

    Only groups that are large enough take part, and in a figure of one class only those with
    enough pictures of it. ``p`` is that of `equality`. ``p_adjusted`` corrects it for all tests of
    one role by Holm's procedure with weights (Holm 1979): each question of each attribute weighs
    the same, and ``demographic_parity`` and ``equalised_odds`` split their weight among their
    classes; they are found when one of those is. Thus equal groups are called different in at most
    ``level`` of all roles.

    Args:
        predictions: as for `groups`.
        settings: how groups are compared.

    Returns:
        ``role``, ``attribute``, ``figure`` (``accuracy``, ``balanced_accuracy``, ``missed``,
        ``recall.<class>``, ``false_positive.<class>``, ``demographic_parity.<class>``, and the
        largest gaps ``demographic_parity`` and ``equalised_odds``, whose figure is in ``part``),
        ``largest`` and ``smallest`` (the groups with the highest and the lowest value), ``gap``
        between them with its 95 % interval ``low`` to ``high`` (not corrected; below 0 where the
        order may be the other way), ``p``, ``p_adjusted``, ``found``, ``tests`` (the questions
        that were corrected for) and ``visible``: the gap that four of five such exams would find,
        null where none could be. An attribute with fewer than two such groups has one row, with
        ``words`` that say why.
    """
    pl = polars_or_error("Figures by group")
    rows: list[dict[str, Any]] = []
    tested: dict[str, list[tuple[str, Parts, list[_Test]]]] = {}
    for role, attribute, parts in parted(predictions, settings):
        if parts.large.sum() < 2:
            words = _why(attribute, parts)
            rows.append({"role": role, "attribute": attribute, "words": words})
        else:
            tests = _tests(parts, settings)
            tested.setdefault(role, []).append((attribute, parts, tests))
    for role, found in tested.items():
        adjusted = iter(holm([(t.p, t.weight) for _, _, tests in found for t in tests]))
        count = round(sum(t.weight for _, _, tests in found for t in tests))
        for attribute, parts, tests in found:
            made = _gap_rows(parts, tests, [next(adjusted) for _ in tests], count, settings)
            rows += [{"role": role, "attribute": attribute, "tests": count, **row} for row in made]
    place = {name: i for i, name in enumerate(settings.attributes)}
    rows.sort(key=lambda row: (row["role"], place[row["attribute"]]))
    texts = ("role", "attribute", "figure", "part", "largest", "smallest")
    schema = {
        **dict.fromkeys(texts, pl.String),
        **dict.fromkeys(("gap", "low", "high", "p", "p_adjusted"), pl.Float64),
        "found": pl.Boolean,
        "tests": pl.Int64,
        "visible": pl.Float64,
        "words": pl.String,
    }
    numbers = ("gap", "low", "high", "visible")
    return pl.DataFrame(rows, schema).with_columns(pl.col(*numbers).fill_nan(None))  # type: ignore[no-any-return]


def _tests(parts: Parts, settings: GroupSettings) -> list[_Test]:
    """Returns the comparisons that one attribute allows, in the order of the table."""
    large = np.flatnonzero(parts.large)
    sums = parts.sums[:, large]
    values = figures_of(parts.sums.sum(axis=0), parts.common)
    asked = []
    for i, figure in enumerate(FIGURES):
        if figure not in parts.figures or figure == "abstained":
            continue
        if figure == "balanced_accuracy":
            classes = np.flatnonzero(parts.common)
            tops, wholes = sums[..., classes], sums[..., SIZE + classes]
            enough = (wholes.sum(axis=0) >= settings.min_class).all(axis=1) & (len(classes) > 1)
        else:
            tops, wholes = (part[..., None] for part in share(sums, figure))
            enough = wholes.sum(axis=(0, 2)) >= settings.min_class
        which = large[enough]
        if len(which) > 1:
            order = which[values[which, i].argsort(kind="stable")]
            ends = int(order[-1]), int(order[0])
            p = equality(tops[:, enough], wholes[:, enough])
            asked.append(_Test(figure, *ends, values[:, i], p, len(which) - 1, 1.0))
    parity = _behind(asked, PARITY)
    odds = _behind(asked, ODDS)
    counts = {**dict.fromkeys(parity, len(parity)), **dict.fromkeys(odds, len(odds))}
    return [test._replace(weight=1 / counts.get(i, 1)) for i, test in enumerate(asked)]


def _behind(tests: Sequence[_Test], maximum: str) -> list[int]:
    """Returns the places of the tests whose largest gap is a maximum of `_MAXIMA`."""
    kinds = _MAXIMA[maximum]
    return [i for i, test in enumerate(tests) if test.figure.partition(".")[0] in kinds]


def _gap_rows(
    parts: Parts, tests: Sequence[_Test], adjusted: Sequence[float], count: int, how: GroupSettings
) -> list[dict[str, Any]]:
    """Returns what `gaps` says of one attribute."""
    rows: list[dict[str, Any]] = []
    for test, bounds, p in zip(tests, _bounds(parts, tests, how), adjusted, strict=True):
        rows.append(
            {
                "figure": test.figure.replace("selection", PARITY),
                "largest": parts.names[test.largest],
                "smallest": parts.names[test.smallest],
                "gap": test.gap,
                "low": bounds[0],
                "high": bounds[1],
                "p": test.p,
                "p_adjusted": p,
                "found": p < how.level,
                "visible": _visible(parts, test, bounds, how.level * test.weight / count),
            }
        )
    for maximum in _MAXIMA:
        behind = [rows[i] for i in _behind(tests, maximum)]
        if behind:
            top = max(behind, key=lambda row: row["gap"])
            least = min(row["p_adjusted"] for row in behind)
            once = min(1.0, len(behind) * min(row["p"] for row in behind))
            told = {"p": once, "p_adjusted": least, "found": least < how.level}
            rows.append({**top, "figure": maximum, "part": top["figure"], **told})
    return rows


def _bounds(
    parts: Parts, tests: Sequence[_Test], settings: GroupSettings
) -> list[tuple[float, float]]:
    """Returns the interval of each gap between the two groups that are furthest apart."""
    if not settings.resamples or not tests:
        return [(np.nan, np.nan)] * len(tests)
    places = [FIGURES.index(test.figure) for test in tests]
    high, low = [test.largest for test in tests], [test.smallest for test in tests]
    width = len(parts.names) * WIDTH

    def statistic(sums: Reals) -> Reals:
        figures = figures_of(sums.reshape(len(sums), -1, WIDTH), parts.common)
        gaps: Reals = figures[:, high, places] - figures[:, low, places]
        return gaps

    clusters = [str(i) for i in range(len(parts.sums))]
    lows, highs = bootstrap(
        parts.sums.reshape(-1, width),
        clusters,
        statistic,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    return [_widened(parts, *each) for each in zip(tests, lows, highs, strict=True)]


def _widened(parts: Parts, test: _Test, low: float, high: float) -> tuple[float, float]:
    """Returns the interval of a gap, with room for groups whose pictures all agree.

    A resample of such a group never differs, however few its people are.
    """
    room = {"down": 0.0, "up": 0.0}
    ends = (test.largest, "down", "up"), (test.smallest, "up", "down")
    for g, at_one, at_zero in ends if test.figure != "balanced_accuracy" else ():
        value = test.values[g]
        if value in (0, 1):
            people = np.count_nonzero(share(parts.sums[:, g], test.figure)[1])
            side = at_one if value == 1 else at_zero
            room[side] = float(np.hypot(room[side], certain(people)))
    gap = test.gap
    below, above = np.hypot(gap - low, room["down"]), np.hypot(high - gap, room["up"])
    return max(-1.0, gap - float(below)), min(1.0, gap + float(above))


def _visible(parts: Parts, test: _Test, bounds: tuple[float, float], level: float) -> float | None:
    """Returns the gap that four of five such exams would find; None where none could be.

    From the interval's width and the least distance, in standard errors, that the test calls a
    gap at the first step of `holm`. With few people in a group no distance may be large enough.
    """
    from scipy.special import betaincinv, ndtri

    pair = [test.largest, test.smallest]
    clusters, r = len(parts.sums), test.freedom
    if clusters <= r or np.isnan(bounds[0]):
        return None
    needed = clusters * (1 - betaincinv((clusters - r) / 2, r / 2, level))
    sizes = parts.sums[:, pair, -1].sum(axis=0)
    a, b = sizes / sizes.sum()
    limit = 1 / (b**2 / parts.people[pair[0]] + a**2 / parts.people[pair[1]])
    if needed >= limit:
        return None
    distance = np.sqrt(needed / (1 - needed / limit)) + ndtri(_POWER)
    return float(distance * (bounds[1] - bounds[0]) / 2 / ndtri((1 + LEVEL) / 2))


def _why(attribute: str, parts: Parts) -> str:
    """Returns why an attribute is not compared."""
    many = [name for name, large in zip(parts.names, parts.large, strict=True) if large]
    if not parts.names:
        state = (
            "was not measured in any picture"
            if attribute in BANDS
            else ("is not stated by any source")
        )
        return f"{attribute} {state} of this role: nothing can be said."
    if many:
        return f"Only one group is large enough ({many[0]}): there is nothing to compare it with."
    return "No group is large enough: nothing can be said."
