"""How well a model does: the figures of one set, of one role, and of a whole exam.

`Scores` are the figures of one set at one operating point, `RoleScores` those of a role at every
operating point, and an `Exam` those of all roles; an exam is what ``scores.json`` holds. A figure
that a set cannot give (the recall of a class without pictures) is None, never NaN and never 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from mien.core.artifact import write_json
from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.core.spec import Frozen, Prior

SCORES: Final = "scores.json"
PREDICTIONS: Final = "predictions.parquet"
"""The table of every picture that a stage scored."""
METRICS: Final = (
    "accuracy",
    "balanced_accuracy",
    "balanced_accuracy_frequent",
    "macro_f1",
    "top2",
    "nll",
    "brier",
    "ece",
)
"""The names of the overall figures.

``balanced_accuracy`` is the mean recall of the classes that the set holds,
``balanced_accuracy_frequent`` that of the classes with at least `Scores.min_class_count` pictures.
"""
POINTS: Final = ("shipped", "natural", "balanced")
"""The operating points of every exam: the model's own prior, and the two named ones."""
UNSEEN: Final = "unseen"
"""The role of sources that took no part in training; no figure is shown without it."""

Interval = tuple[float, float]


class ClassScores(Frozen):
    """The figures of one class; None where the set cannot give one.

    Attributes:
        precision: the share of the answers with this class that are right.
        recall: the share of this class's pictures that got it; pictures without a face count.
        f1: the harmonic mean of the two.
        support: how many pictures the class has, those without a face included.
        missed: in how many of them no face was found.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int = Field(ge=0)
    missed: int = Field(default=0, ge=0)


class Bin(Frozen):
    """One bin of the reliability table: confidences in (low, high]."""

    low: float
    high: float
    count: int = Field(ge=0)
    confidence: float | None
    accuracy: float | None


class RiskPoint(Frozen):
    """One point of the risk-coverage curve: what answering from ``threshold`` on would give.

    Attributes:
        threshold: the least confidence that is answered.
        coverage: the share of found faces that is answered, 0 to 1.
        risk: the share of those answers that is wrong, 0 to 1.
    """

    threshold: float
    coverage: float
    risk: float


class Calibration(Frozen):
    """Whether confidence means what it says, on the pictures where a face was found.

    Attributes:
        ece: expected calibration error (Guo et al. 2017), 0 to 1.
        mean_confidence: to be compared with the accuracy.
        bins: the reliability table.
        risk_coverage: points of the curve, from the least coverage to all.
        aurc: the area under the whole curve: the mean risk over all coverages.
    """

    ece: float | None
    mean_confidence: float | None
    bins: tuple[Bin, ...] = ()
    risk_coverage: tuple[RiskPoint, ...] = ()
    aurc: float | None = None


class Scores(Frozen):
    """The figures of one set at one operating point.

    Attributes:
        n: the pictures with one of the seven labels, those without a face included.
        n_missed: the pictures in which no face was found: each counts as a wrong answer.
        n_clusters: the people (or pictures, where people are not known) that intervals resample.
        min_class_count: the least support of the classes in ``balanced_accuracy_frequent``.
        overall: a figure, or None, for each of `METRICS`.
        per_class: the figures of each class.
        confusion: (7, 7) counts, true class by answered class; missed pictures are in no cell.
        calibration: confidence against accuracy.
        intervals: 95 % intervals of overall figures, and of recalls as ``recall.<class>``.
        by_group: the figures of subsets: attribute, value, scores. Empty where not measured.
    """

    n: int = Field(ge=0)
    n_missed: int = Field(ge=0)
    n_clusters: int = Field(ge=0)
    min_class_count: int = Field(ge=1)
    overall: dict[str, float | None]
    per_class: dict[str, ClassScores]
    confusion: tuple[tuple[int, ...], ...]
    calibration: Calibration
    intervals: dict[str, Interval] = Field(default_factory=dict)
    by_group: dict[str, dict[str, Scores]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        size = len(CLASSES)
        shape = [len(row) for row in self.confusion]
        if shape != [size] * size:
            raise ValueError(f"the confusion matrix is {size} rows of {size}; got rows of {shape}")
        if list(self.per_class) != list(CLASSES) or list(self.overall) != list(METRICS):
            raise ValueError(f"expected figures for {METRICS} and for the classes {CLASSES}")
        counted = sum(map(sum, self.confusion)) + self.n_missed
        if counted != self.n:
            raise ValueError(f"answers and missed pictures sum to {counted}, not to n = {self.n}")
        return self

    @property
    def frequent(self) -> tuple[str, ...]:
        """The classes with at least ``min_class_count`` pictures."""
        return tuple(k for k, v in self.per_class.items() if v.support >= self.min_class_count)

    def shares(self) -> tuple[tuple[float, ...], ...]:
        """Returns what became of each class's pictures, as shares, (7, 8).

        A row is a true class, a column an answer, the last one "no face found". Rows sum to 1;
        those of classes without pictures hold zeros.
        """
        rows = zip(self.confusion, self.per_class.values(), strict=True)
        return tuple(
            tuple(count / max(1, found.support) for count in (*row, found.missed))
            for row, found in rows
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values that JSON can hold."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scores:
        """Returns the scores that `to_dict` wrote.

        Raises:
            DataError: a field is missing, unknown or inconsistent.
        """
        try:
            # JSON written with sorted keys loses the order of classes and metrics.
            ordered = dict(data)
            for key, names in (("per_class", CLASSES), ("overall", METRICS)):
                given = dict(data[key])
                ordered[key] = {name: given.pop(name) for name in names} | given
            groups = ordered.get("by_group", {})
            ordered["by_group"] = {
                attribute: {value: cls.from_dict(found) for value, found in sets.items()}
                for attribute, sets in groups.items()
            }
            return cls.model_validate(ordered)
        except (KeyError, TypeError, AttributeError, ValidationError) as error:
            raise DataError(
                f"These are not scores as 'mien evaluate' writes them: {error}"
            ) from error


class RoleScores(Frozen):
    """The figures of one role.

    Attributes:
        sources: how many scored pictures each source gave.
        subjects: how many people are known by name or number among the scored pictures.
        missed: why no face was there to score, and how often.
        not_scored: pictures of the role that no figure counts, by reason (contempt, no label).
        points: the figures at each operating point (`POINTS`).
    """

    sources: dict[str, int]
    subjects: int = Field(ge=0)
    missed: dict[str, int] = Field(default_factory=dict)
    not_scored: dict[str, int] = Field(default_factory=dict)
    points: dict[str, Scores]


class Exam(Frozen):
    """What ``scores.json`` holds: one model, all its roles, all its operating points.

    Attributes:
        model: the model's name.
        weights: the sha256 of the network that was examined.
        prior: the prior of the operating point ``shipped``.
        temperature: the temperature that all figures were made with.
        resamples: how many bootstrap resamples stand behind each interval.
        roles: the figures by role; a role that was not measured is not in it.
    """

    schema_version: Literal[1] = 1
    model: str
    weights: str
    prior: Prior
    temperature: float
    resamples: int
    roles: dict[str, RoleScores]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values that JSON can hold."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Exam:
        """Returns the exam that `to_dict` wrote.

        Raises:
            DataError: a field is missing, unknown or inconsistent.
        """
        try:
            roles = {
                name: {
                    **role,
                    "points": {k: Scores.from_dict(v) for k, v in role["points"].items()},
                }
                for name, role in data["roles"].items()
            }
            return cls.model_validate({**data, "roles": roles})
        except (KeyError, TypeError, AttributeError, ValidationError) as error:
            raise DataError(f"This is not an exam as 'mien evaluate' writes it: {error}") from error

    @classmethod
    def read(cls, path: Path) -> Exam:
        """Reads ``scores.json``.

        Args:
            path: the file, or the folder of `evaluate` that holds it.

        Raises:
            DataError: the file is missing, is not JSON or breaks the schema.
        """
        file = path / SCORES if path.is_dir() else path
        try:
            data = json.loads(file.read_bytes())
        except (OSError, ValueError) as error:
            raise DataError(
                f"{file} cannot be read ({error}). Run 'mien evaluate' first."
            ) from error
        return cls.from_dict(data)

    def write(self, path: Path) -> None:
        """Writes ``scores.json``, atomically."""
        write_json(path, self.to_dict())
