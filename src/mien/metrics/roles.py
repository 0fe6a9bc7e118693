"""Tables of predictions to scores, so that any subset of one is scored in the same way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from mien.core.catalogue import polars_or_error
from mien.core.labels import CLASSES
from mien.core.scores import POINTS, RoleScores, Scores
from mien.core.spec import ModelSpec, Prior
from mien.core.types import Floats
from mien.metrics.summary import How, summarise

if TYPE_CHECKING:
    import polars

_PRIOR_OF: Final[dict[str, Prior | None]] = {
    "shipped": None,
    "natural": "natural",
    "balanced": "balanced",
}


def probabilities(spec: ModelSpec, rows: polars.DataFrame, point: str = "shipped") -> Floats:
    """Returns probabilities (n, 7) at an operating point; rows of NaN where no face was found.

    Args:
        spec: the description of the model that gave the logits.
        rows: a table with ``logits``, null where no face was found.
        point: one of `POINTS`.
    """
    found = rows["logits"].is_not_null().to_numpy()
    shares = np.full((len(rows), len(CLASSES)), np.nan, np.float32)
    if found.any():
        logits = rows["logits"].drop_nulls().to_numpy()
        shares[found] = spec.probabilities(logits, _PRIOR_OF[point])
    return shares


def answers(spec: ModelSpec, rows: polars.DataFrame) -> polars.DataFrame:
    """Returns what a model makes of some pictures at its own operating point.

    Args:
        spec: the description of the model.
        rows: a picture each: ``logits``, null where there is no face; ``refused``, why `crop` gave
            none; pose and quality (see `Thresholds.reason`).

    Returns:
        The rows without ``refused``, with ``missed`` (why there is no face, or null), ``answer``
        and ``confidence`` (0 to 1; null without a face), ``abstained`` (why, or null) and the
        seven probabilities by class.
    """
    pl = polars_or_error()
    why = pl.col("refused").fill_null("no_chip")
    rows = rows.with_columns(missed=pl.when(pl.col("logits").is_null()).then(why)).drop("refused")
    shares = probabilities(spec, rows)
    found = rows["missed"].is_null().to_numpy()
    best = np.nan_to_num(shares).argmax(axis=1)
    named = [CLASSES[k] if ok else None for k, ok in zip(best, found, strict=True)]
    columns = {name: shares[:, i] for i, name in enumerate(CLASSES)}
    return rows.with_columns(
        pl.Series("answer", named, pl.String),
        pl.Series("confidence", shares.max(axis=1)).fill_nan(None),
        *(pl.Series(name, values).fill_nan(None) for name, values in columns.items()),
    ).with_columns(abstained=spec.thresholds.reason())


def score(spec: ModelSpec, rows: polars.DataFrame, point: str, how: How) -> Scores:
    """Returns the figures of some predictions at one operating point.

    Args:
        spec: the model's description.
        rows: predictions with ``label``, ``cluster`` and ``logits``.
        point: one of `POINTS`.
        how: how figures are made.
    """
    labels = [CLASSES.index(name) for name in rows["label"]]
    shares = probabilities(spec, rows, point)
    return summarise(labels, shares, rows["cluster"].to_list(), how)


def score_role(
    spec: ModelSpec, rows: polars.DataFrame, left_out: Iterable[str], how: How
) -> RoleScores:
    """Returns the figures of one role at every operating point.

    Args:
        spec: the model's description.
        rows: the role's predictions: as for `score`, with ``dataset``, ``subject`` and ``missed``.
        left_out: why each further picture of the role is not scored.
        how: how figures are made.
    """
    people = rows.select("dataset", "subject").filter(rows["subject"].is_not_null())
    points = {point: score(spec, rows, point, how) for point in POINTS}
    if rows["dataset"].n_unique() > 1:
        points["shipped"] = _by_source(spec, rows, points["shipped"], how)
    return RoleScores(
        sources=dict(sorted(Counter(rows["dataset"]).items())),
        subjects=people.n_unique(),
        missed=dict(sorted(Counter(rows["missed"].drop_nulls()).items())),
        not_scored=dict(sorted(Counter(left_out).items())),
        points=points,
    )


def _by_source(spec: ModelSpec, rows: polars.DataFrame, whole: Scores, how: How) -> Scores:
    """Returns the figures of a role with those of each of its sources."""
    parts = rows.partition_by("dataset", as_dict=True)
    sources = {str(name): score(spec, part, "shipped", how) for (name,), part in parts.items()}
    return whole.model_copy(update={"by_group": {"source": dict(sorted(sources.items()))}})
