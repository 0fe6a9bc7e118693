"""The operating point: how far a network's answers leave the class shares that it was trained on.

A network learns its training's class shares along with the faces. Dividing them out, in part or
whole, moves it to other shares with no retraining (Saerens et al. 2002; Menon et al. 2021): rare
classes gain, the accuracy at home falls. How far to go is chosen once, on held-out training
faces, and stands in the model's description.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from mien.core.config import StageConfig
from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.core.spec import Prior
from mien.core.types import Floats
from mien.models.sampling import Numbers


class Measures(NamedTuple):
    """How answers are measured; each figure is 0 to 1.

    Attributes:
        accuracy: of (labels, answers), both (n,).
        balanced_accuracy: of (labels, answers).
        calibration_error: of (labels, probabilities (n, 7)).
        temperature: of (logits (n, 7), labels).
    """

    accuracy: Callable[[Any, Any], float]
    balanced_accuracy: Callable[[Any, Any], float]
    calibration_error: Callable[[Any, Any], float]
    temperature: Callable[[Any, Any], float]


class OperatingRule(StageConfig):
    """How the operating point is chosen on ``dev``.

    Of the strengths 0, ``step``, ... 1 whose accuracy on ``dev`` is at least ``min_accuracy``, the
    one with the highest balanced accuracy; of equals the weakest. Where none keeps that accuracy,
    the one with the highest accuracy.

    Attributes:
        min_accuracy: 0 to 1.
        step: between two strengths.
        risk: the share of wrong answers on ``dev`` above the confidence from which on the model
            stands behind its answers.
    """

    min_accuracy: float = Field(default=0.815, ge=0, le=1)
    step: float = Field(default=0.05, gt=0, le=1)
    risk: float = Field(default=0.1, gt=0, lt=1)


@dataclass(frozen=True, slots=True)
class Point:
    """One operating point and what it gives on ``dev``.

    Attributes:
        strength: 0 keeps the training's shares, 1 assumes equal ones.
        prior: the shares that it assumes, by class.
        temperature: divides the moved logits.
        accuracy: 0 to 1, likewise the other two.
    """

    strength: float
    prior: dict[str, float]
    temperature: float
    accuracy: float
    balanced_accuracy: float
    calibration_error: float

    def as_prior(self) -> Prior:
        """Returns the prior as a model's description holds it."""
        return "natural" if self.strength == 0 else self.prior

    def to_dict(self) -> dict[str, Any]:
        """Returns the point as JSON can hold it."""
        return asdict(self)


def shares(training_prior: Floats, strength: float) -> Floats:
    """Returns the class shares (7,) in proportion to ``training_prior ** (1 - strength)``."""
    powered = np.asarray(training_prior, np.float64) ** (1 - strength)
    normed: Floats = (powered / powered.sum()).astype(np.float32)
    return normed


def check_shares(training_prior: Floats) -> None:
    """Checks that training shows every class, before it begins.

    Raises:
        DataError: a class has no share in training.
    """
    if training_prior.min() <= 0:
        missing = [c for c, s in zip(CLASSES, training_prior, strict=True) if s <= 0]
        raise DataError(f"No training face votes for {', '.join(missing)}. Each class needs some.")


def curve(
    logits: Floats, labels: Numbers, training_prior: Floats, step: float, measures: Measures
) -> list[Point]:
    """Returns the operating points from the training's shares to equal ones.

    Args:
        logits: (n, 7) of held-out faces.
        labels: (n,) integers 0 to 6.
        training_prior: (7,), summing to 1, all above 0.
        step: between two strengths.
        measures: what to measure.

    Raises:
        DataError: a class had no share in training.
    """
    check_shares(training_prior)
    points = []
    for strength in np.minimum(np.arange(0, 1 + step / 2, step), 1.0):
        prior = shares(training_prior, float(strength))
        moved = logits.astype(np.float64) + np.log(prior) - np.log(training_prior)
        temperature = measures.temperature(moved, labels)
        odds = np.exp((moved - moved.max(1, keepdims=True)) / temperature)
        answers = moved.argmax(1)
        points.append(
            Point(
                round(float(strength), 6),
                {name: round(float(p), 6) for name, p in zip(CLASSES, prior, strict=True)},
                round(temperature, 4),
                measures.accuracy(labels, answers),
                measures.balanced_accuracy(labels, answers),
                measures.calibration_error(labels, odds / odds.sum(1, keepdims=True)),
            )
        )
    return points


def choose(points: list[Point], rule: OperatingRule) -> Point:
    """Returns the point that a rule chooses; see `OperatingRule`."""
    enough = [p for p in points if p.accuracy >= rule.min_accuracy]
    if not enough:
        return max(points, key=lambda p: (p.accuracy, -p.strength))
    return max(enough, key=lambda p: (p.balanced_accuracy, -p.strength))
