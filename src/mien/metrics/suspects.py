"""Labels that are probably wrong: confident learning (Northcutt, Jiang and Chuang 2021)."""

from __future__ import annotations

import numpy as np

from mien.core.errors import MissingExtraError, StageError
from mien.core.labels import CLASSES
from mien.core.types import Floats
from mien.metrics.classification import Integers, checked


def suspects(labels: Integers, probabilities: Floats) -> tuple[list[int], Floats]:
    """Returns which labels are probably wrong, by cleanlab's pruning by noise rate.

    From how often networks that never saw a face are sure of another class than the given one, it
    estimates how many labels of each class are wrong, and takes the most contradicted ones.

    Args:
        labels: (n,) the given classes, 0 to 6.
        probabilities: (n, 7) what networks that were not trained on a face say of it.

    Returns:
        The numbers of the suspects, the least probable label first; and of all n the probability of
        the given label, float32, 0 to 1.

    Raises:
        DataError: the arrays do not fit each other.
        StageError: fewer than two classes have a label.
        MissingExtraError: cleanlab is not installed.
    """
    try:
        from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]  # it ships none
        from cleanlab.rank import get_label_quality_scores  # type: ignore[import-untyped]  # likewise
    except ImportError:
        raise MissingExtraError("Looking for wrong labels", "audit") from None
    truth, rows = checked(labels, probabilities)
    # cleanlab wants classes without gaps; a class that nobody was given cannot be wrong.
    given = np.unique(truth)
    if len(given) < 2:
        names = ", ".join(CLASSES[i] for i in given) or "none"
        raise StageError(
            f"Wrong labels show only where there are several classes; the faces have: {names}."
        )
    codes = np.searchsorted(given, truth)
    seen = np.maximum(rows[:, given], 1e-12)
    seen = seen / seen.sum(1, keepdims=True)
    order = find_label_issues(codes, seen, return_indices_ranked_by="self_confidence", n_jobs=1)
    quality = get_label_quality_scores(codes, seen, method="self_confidence")
    return [int(i) for i in order], np.asarray(quality, np.float32)
