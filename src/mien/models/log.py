"""The log of a training: a line an epoch, on the screen and in ``log.csv``."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from mien.core.artifact import atomic

Row = dict[str, Any]
TIMES = ("images_per_second", "seconds_left")
"""The columns that a repetition of the same training may change."""


def write_log(path: Path, rows: Sequence[Row]) -> None:
    """Writes all epochs so far as CSV, atomically, so that it never disagrees with a checkpoint."""
    with atomic(path, "w") as file:
        if rows:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({k: _short(v) for k, v in row.items()} for row in rows)


class Report:
    """Shows a training: a live bar in a terminal, else a line an epoch.

    Args:
        epochs: of the whole training.
        quiet: show nothing.
        loggers: Lightning's loggers, which get each epoch's figures.
    """

    def __init__(self, epochs: int, quiet: bool = False, loggers: Sequence[Any] = ()) -> None:
        self._epochs = epochs
        self._loggers = list(loggers)
        self._quiet = quiet
        self._console = Console(stderr=True, quiet=quiet)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}"),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("training", total=1, text="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        for logger in self._loggers:
            logger.finalize("success" if kind is None else "failed")

    def started(self, rows: Sequence[Row]) -> None:
        """Takes the epochs that were done before, for loggers that begin anew."""
        for logger in self._loggers:
            if isinstance(getattr(logger, "root_dir", None), str):  # TensorBoard's files
                for row in rows:
                    _send(logger, row)

    def step(
        self, epoch: int, done: int, steps: int, sums: Mapping[str, float], seconds_left: float
    ) -> None:
        """Shows the running means of an epoch.

        Args:
            epoch: counted from 0.
            done: iterations of this epoch so far, out of ``steps``.
            steps: iterations an epoch.
            sums: the epoch's sums of loss, hits, faces and seconds.
            seconds_left: until the training ends.
        """
        faces = max(sums["faces"], 1.0)
        text = (
            f"{done}/{steps}  loss {sums['loss'] / faces:.4f}  "
            f"accuracy {sums['hits'] / faces:.4f}  "
            f"{sums['faces'] / max(sums['seconds'], 1e-9):.0f} images/s  "
            f"{clock(seconds_left)} left"
        )
        title = f"epoch {epoch + 1}/{self._epochs}"
        self._bar.update(self._task, completed=done, total=steps, text=text, description=title)

    def epoch(self, row: Row) -> None:
        """Prints the line of a finished epoch, and passes it on."""
        for logger in self._loggers:
            _send(logger, row)
        shown = "  ".join(
            f"{name} {_short(value)}"
            for name, value in row.items()
            if name not in ("epoch", "seconds_left")
        )
        self._console.print(
            f"epoch {row['epoch']}/{self._epochs}  {shown}  {clock(row['seconds_left'])} left",
            highlight=False,
            soft_wrap=True,
        )


def _send(logger: Any, row: Row) -> None:
    figures = {name: value for name, value in row.items() if name not in ("epoch", *TIMES)}
    figures["images_per_second"] = row["images_per_second"]
    logger.log_metrics(figures, step=row["epoch"])


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def clock(seconds: float) -> str:
    """Returns a span as hours, of any number, minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}"
