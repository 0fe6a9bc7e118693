"""An experiment as tables: the thesis's, filled with this run's figures, its own beside them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mien.chains import thesis
from mien.chains.cells import Figures, Result
from mien.chains.grid import Cell
from mien.chains.prices import PriceList
from mien.core.scores import UNSEEN
from mien.metrics.tables import NOT_MEASURED, markdown, percent

STATES: Final = ("done", "failed", "no weights", "skipped", "waiting")
ROLES: Final = ("dev", "test", UNSEEN)
TITLES: Final = {"dev": "validation", "test": "test", UNSEEN: "unseen"}
_HEADS: Final = ("network", "set", "start", "split")
_ABOUT: Final = (
    "Validation is the role dev, unseen the sources that took no part in training. Accuracies are "
    "those of the network's plain answer (the operating point `natural`), as the thesis counted; "
    "`cells.json` holds those of the shipped point and the balanced accuracies, too. In brackets: "
    "95 % intervals. With several seeds: mean ± standard deviation."
)
_THESIS: Final = (
    "The thesis gives these by network and set, trained from ImageNet's or faces' weights; what "
    "it found on other sources stands with the starts below."
)
_TIMES: Final = (
    "Time is the whole training by the clock, over all its sittings. Images a second are those of "
    "the iterations alone: where the frozen blocks ran once before them, without these. The "
    "thesis's are 30 epochs on a P100."
)

Results = Mapping[Cell, Result]
Key = tuple[str, str, str, str]
"""Network, set, start, split: a row of a table, over all its seeds."""
Group = tuple[Key, Sequence[Result]]


def accuracies(result: Result) -> str:
    """Returns the accuracies of a cell in one line; never without the one on unseen sources."""
    words = [
        f"{TITLES[role]} {percent(result.figures[role].accuracy)}"
        for role in ROLES
        if role in result.figures
    ]
    return ", ".join([*words, *([] if UNSEEN in result.figures else [NOT_MEASURED])])


def page(results: Results, prices: PriceList | None = None) -> str:
    """Returns an experiment as a Markdown page.

    Args:
        results: what became of each cell.
        prices: what machines cost.
    """
    found = groups(results)
    done = sum(result.state == "done" for result in results.values())
    parts = ["# Experiment", f"{done} of {len(results)} trainings are done.", _sizes(results)]
    if found:
        parts += [_ABOUT, "## Accuracy", _accuracy_table(found), _THESIS]
        parts += ["## Start, network and sources", _start_table(found)]
        parts += ["## Training", _training_table(found), _TIMES]
        parts += ["## Networks", _network_table(found)]
        parts += ["## Cost of training", _cost_table(found, prices)]
    beside = _split_table(found)
    parts += ["## Random split beside the others", beside] if beside else []
    parts += ["## Not done", _missing_table(results)] if done < len(results) else []
    return "\n\n".join(part for part in parts if part) + "\n"


def plan(rows: Iterable[tuple[Cell, int | None, int, int, int | None, str]]) -> str:
    """Returns the cells of a grid as a table: faces, batch, epochs, iterations, what is missing."""
    lines = []
    for cell, faces, batch, epochs, steps, why in rows:
        said = thesis.TRAINED.get((cell.network, cell.data))
        known = ("after the split" if n is None else f"{n:,}" for n in (faces, steps))
        count, iterations = known
        printed = f"{said.iterations:,}" if said else "-"
        names = [cell.network, cell.data, cell.start, cell.split, str(cell.seed)]
        lines.append([*names, count, str(batch), str(epochs), iterations, printed, why or "ready"])
    heads = [*_HEADS, "seed", "faces", "batch", "epochs", "iterations", "thesis", "start's weights"]
    return markdown(heads, lines, left=5)


def heights(results: Results) -> dict[str, dict[str, dict[str, float | None]]]:
    """Returns what the figure shows: panel -> network and start -> role -> accuracy."""
    panels: dict[str, dict[str, dict[str, float | None]]] = {}
    for (network, data, start, split), rows in groups(results):
        shown = {TITLES[role]: _mean(_values(rows, role)) for role in ROLES}
        panels.setdefault(f"{split} split, {data} set", {})[f"{network}\n{start}"] = shown
    return panels


def groups(results: Results) -> list[Group]:
    """Returns the finished results, the seeds of one training together."""
    found: dict[Key, list[Result]] = {}
    for cell, result in results.items():
        if result.state == "done":
            key = (cell.network, cell.data, cell.start, cell.split)
            found.setdefault(key, []).append(result)
    return list(found.items())


def shown(values: Sequence[float | None], interval: tuple[float, float] | None = None) -> str:
    """Returns shares as per cent: one with its interval, several with mean and deviation."""
    numbers = [value for value in values if value is not None]
    if len(numbers) < 2:
        return percent(numbers[0] if numbers else None, interval)
    return f"{100 * statistics.mean(numbers):.1f} ± {100 * statistics.stdev(numbers):.1f} %"


def _accuracy_table(found: Sequence[Group]) -> str:
    names = [TITLES[role] for role in ROLES]
    heads = [*_HEADS, *names, *(f"thesis: {name}" for name in names)]
    rows = []
    for key, results in found:
        said = thesis.TRAINED.get(key[:2])
        printed = ["-"] * 3
        if said:
            printed = [f"{100 * said.dev:.2f} %", f"{100 * said.test:.2f} %", "by start, below"]
        rows.append([*key, *(_accuracy(results, role) for role in ROLES), *printed])
    return markdown(heads, rows, left=4)


def _start_table(found: Sequence[Group]) -> str:
    names = [TITLES[role] for role in ROLES]
    heads = ["start", "network", "set", "split", *names, *(f"thesis: {name}" for name in names)]
    rows = []
    for (network, data, start, split), results in sorted(found, key=lambda item: item[0][0]):
        said = thesis.STARTED.get((start, network), {})
        ours = [_accuracy(results, role, intervals=False) for role in ROLES]
        printed = [f"{100 * said[role]:.0f} %" if said else "-" for role in ROLES]
        rows.append([start, network, data, split, *ours, *printed])
    return markdown(heads, rows, left=4)


def _training_table(found: Sequence[Group]) -> str:
    heads = [*_HEADS, "faces", "epochs", "iterations", "thesis", "time", "thesis", "images/s",
             "thesis"]  # fmt: skip
    rows = []
    for key, results in found:
        first, said = results[0], thesis.TRAINED.get(key[:2])
        printed = ["-"] * 3
        if said:
            printed = [
                f"{said.iterations:,}", span(60 * said.minutes), f"{said.images_per_second:g}"
            ]  # fmt: skip
        time = _mean([r.seconds if r.seconds is not None else r.step_seconds for r in results])
        rate = _mean([r.images_per_second for r in results])
        rows.append([
            *key, _whole(first.faces), _whole(first.epochs), _whole(first.iterations), printed[0],
            span(time), printed[1], "-" if rate is None else f"{rate:.4g}", printed[2],
        ])  # fmt: skip
    return markdown(heads, rows, left=4)


def _network_table(found: Sequence[Group]) -> str:
    rows = {}
    for (network, *_), results in found:
        said, ours = thesis.NETWORKS.get(network), results[0]
        rows[network] = [
            network,
            _whole(ours.parameters),
            f"{said.parameters:,}" if said else "-",
            "-" if ours.megabytes is None else f"{ours.megabytes:.1f}",
            f"{said.megabytes}" if said else "-",
        ]
    heads = ["network", "parameters", "thesis", "file, MB", "thesis"]
    return markdown(heads, list(rows.values()))


def _cost_table(found: Sequence[Group], prices: PriceList | None) -> str:
    if prices is None:
        return "No price list was given: `prices` in `[experiment]`."
    here, there = prices.paid("here"), prices.paid("thesis")
    heads = [*_HEADS, "hours", *(f"{m.name}, {m.currency}" for m in here), "thesis: hours",
             *(f"thesis: {m.name}, {m.currency}" for m in there)]  # fmt: skip
    rows = []
    for key, results in found:
        seconds = _mean([r.seconds if r.seconds is not None else r.step_seconds for r in results])
        said = thesis.TRAINED.get(key[:2])
        hours, printed = (seconds or 0) / 3600, said.minutes / 60 if said else None
        ours = [f"{hours:.3f}", *(f"{m.cost(hours):.4f}" for m in here)]
        theirs = ["-"] * (1 + len(there))
        if printed is not None:
            theirs = [f"{printed:.2f}", *(f"{m.cost(printed):.2f}" for m in there)]
        rows.append([*key, *ours, *theirs])
    terms = "\n".join(f"- {machine.text()}" for machine in prices.machine)
    return f"{markdown(heads, rows, left=4)}\n\n{terms}"


def _split_table(found: Sequence[Group]) -> str:
    """Returns what a random split claims beside the other ones; nothing where there is none."""
    by_key = dict(found)
    rows = []
    for (network, data, start, split), results in found:
        other = by_key.get((network, data, start, "random"))
        if split == "random" or other is None:
            continue
        more: list[str] = []
        for role in ("test", UNSEEN):
            more += [_accuracy(rows_, role, intervals=False) for rows_ in (other, results)]
        high, low = _mean(_values(other, "test")), _mean(_values(results, "test"))
        gain = "-" if high is None or low is None else f"{100 * (high - low):+.1f}"
        rows.append([network, data, start, split, *more[:2], gain, *more[2:]])
    heads = ["network", "set", "start", "beside random", "test, random", "test, beside",
             "difference, points", "unseen, random", "unseen, beside"]  # fmt: skip
    return markdown(heads, rows, left=4) if rows else ""


def _missing_table(results: Results) -> str:
    rows = [
        [str(cell.place), result.state, result.why.replace("|", "\\|") or "-"]
        for cell, result in results.items()
        if result.state != "done"
    ]
    return markdown(["cell", "state", "why"], rows, left=3)


def _sizes(results: Results) -> str:
    """Returns how many pictures each role of each split has, by its first finished cell."""
    lines: dict[str, str] = {}
    for cell, result in results.items():
        if result.state == "done" and cell.split not in lines:
            words = [
                f"{TITLES[role]} n = {result.figures[role].n:,}"
                for role in ROLES
                if role in result.figures
            ]
            words += [] if UNSEEN in result.figures else [NOT_MEASURED]
            lines[cell.split] = f"- split {cell.split}: {', '.join(words)}"
    return "\n".join(lines.values())


def _accuracy(results: Sequence[Result], role: str, *, intervals: bool = True) -> str:
    figures: list[Figures] = [r.figures[role] for r in results if role in r.figures]
    if not figures:
        return "not measured"
    interval = figures[0].interval if intervals and len(figures) == 1 else None
    return shown([one.accuracy for one in figures], interval)


def _values(results: Sequence[Result], role: str) -> list[float | None]:
    return [r.figures[role].accuracy for r in results if role in r.figures]


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return statistics.mean(numbers) if numbers else None


def _whole(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def span(seconds: float | None) -> str:
    """Returns a span such as ``"3 h 45 min"``, ``"7 min"`` or ``"12 s"``."""
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.3g} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
