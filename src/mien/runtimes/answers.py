"""What a model says of faces, and whether it stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mien.core.labels import CLASSES
from mien.core.types import Face, Image
from mien.runtimes.model import Model, check_finite


class Answer(NamedTuple):
    """What a model says of one face.

    Attributes:
        answer: the most probable class; None where there is no face.
        confidence: its probability, 0 to 1; None where there is no face.
        abstained: whether the model does not stand behind it: below its thresholds, or no face.
    """

    answer: str | None
    confidence: float | None
    abstained: bool


def answers(network: Model, seen: Sequence[tuple[Face, Image] | None]) -> list[Answer]:
    """Returns what a model says of faces, at its own operating point and thresholds.

    Args:
        network: the model.
        seen: each face, with pose and quality, and its chip; None where there is none.

    Raises:
        ModelError: the network gives no finite numbers.
    """
    chips = [one[1] for one in seen if one is not None]
    shares = (
        network.probabilities(np.stack(chips)) if chips else np.empty((0, len(CLASSES)), np.float32)
    )
    check_finite(network, shares)
    limits, rows, found = network.spec.thresholds, iter(shares), []
    for one in seen:
        if one is None:
            found.append(Answer(None, None, True))
            continue
        row = next(rows)
        best = int(row.argmax())
        doubt = bool(row[best] < limits.low_confidence) or limits.refusal(one[0]) is not None
        found.append(Answer(CLASSES[best], float(row[best]), doubt))
    return found
