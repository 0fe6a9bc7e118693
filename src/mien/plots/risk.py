"""Risk against coverage: how wrong a model is, the more it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mien.core.scores import UNSEEN, Exam, RiskPoint, Scores
from mien.plots.figure import COLOURS, INK, QUIET, legend, new_figure, save, tidy

_ROOM: Final = 1.15
"""How much higher than the highest risk the figure reaches."""


def risk_coverage(exam: Exam, path: Path, title: str = "", *, threshold: float) -> Path:
    """Draws the share of wrong answers against the share of faces answered, a line a role.

    Args:
        exam: the figures of all roles; their shipped operating points are drawn.
        path: the PNG to write.
        title: the line above.
        threshold: the confidence below which the model abstains; its place is marked on each line.

    Returns:
        ``path``.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = new_figure(6.0, 4.2)
    axes = figure.add_subplot()
    highest = 0.05
    for place, (role, found) in enumerate(exam.roles.items()):
        scores = found.points["shipped"]
        curve, colour = scores.calibration.risk_coverage, COLOURS[place % len(COLOURS)]
        xs, ys = [p.coverage for p in curve], [p.risk for p in curve]
        axes.plot(xs, ys, color=colour, linewidth=1.6, label=role)
        highest = max([highest, *ys])
        chosen = answered_from(scores, threshold)
        if chosen is not None:
            axes.plot([chosen.coverage], [chosen.risk], marker="o", markersize=6, color=colour)
    if UNSEEN not in exam.roles:
        axes.plot([], [], linestyle=":", color=QUIET, label="unseen sources: not measured")
    words = f"dots: answers from a confidence of {threshold:.3f} on"
    axes.text(0.99, 0.03, words, fontsize=8, color=INK, ha="right", transform=axes.transAxes)
    axes.grid(color=QUIET, alpha=0.3, linewidth=0.6)
    top = min(1.0, _ROOM * highest)
    tidy(
        axes, title=title, x="coverage: share of faces answered",
        y="risk: share of answers wrong", xlim=(0, 1.02), ylim=(0, top),
    )  # fmt: skip
    legend(axes, loc="upper left")
    return save(figure, path)


def answered_from(scores: Scores, threshold: float) -> RiskPoint | None:
    """Returns the point of a kept curve at which a threshold stands.

    Args:
        scores: the figures of one set; of its curve some points are kept, from the least coverage
            on.
        threshold: the least confidence that is answered.

    Returns:
        The kept point with the most coverage whose threshold is no lower; None where every face
        is below it.
    """
    found = [p for p in scores.calibration.risk_coverage if p.threshold >= threshold]
    return found[-1] if found else None
