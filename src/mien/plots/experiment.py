"""An experiment as bars: validation, test and unseen sources side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mien.plots.figure import COLOURS, INK, legend, new_figure, save, tidy

Heights = Mapping[str, Mapping[str, Mapping[str, float | None]]]
"""Panel -> training -> role -> accuracy, 0 to 1; None where it was not measured."""
_WIDTH: Final = 0.26


def bars(heights: Heights, path: Path) -> Path:
    """Draws accuracies, one panel below the other; what was not measured is said in its place.

    Args:
        heights: what to draw; every training has the same roles.
        path: the PNG to write.

    Returns:
        ``path``.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    most = max(len(trainings) for trainings in heights.values())
    figure = new_figure(max(5.0, 1.6 + 0.95 * most), 0.4 + 2.6 * len(heights))
    every = figure.subplots(len(heights), 1, squeeze=False)[:, 0]
    for axes, (title, trainings) in zip(every, heights.items(), strict=True):
        roles = list(next(iter(trainings.values())))
        for number, role in enumerate(roles):
            offset = (number - (len(roles) - 1) / 2) * _WIDTH
            places = [place + offset for place in range(len(trainings))]
            tall = [values[role] for values in trainings.values()]
            axes.bar(places, [v or 0 for v in tall], 0.9 * _WIDTH, color=COLOURS[number],
                     label=role)  # fmt: skip
            for place, value in zip(places, tall, strict=True):
                words = "not measured" if value is None else f"{100 * value:.0f}"
                axes.text(place, (value or 0) + 0.015, words, ha="center", va="bottom", fontsize=6,
                          color=INK, rotation=90 if value is None else 0)  # fmt: skip
        axes.set_xticks(range(len(trainings)), list(trainings))
        tidy(axes, title=title, y="accuracy", ylim=(0, 1.08))
        axes.tick_params(axis="x", labelsize=7)
    legend(every[0], ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
    return save(figure, path)
