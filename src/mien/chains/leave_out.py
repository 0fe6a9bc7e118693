"""`leave-one-source-out`: what a model is worth on each source that its training did not see."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from mien.chains import cells as one
from mien.chains import draw as drawing
from mien.chains import run as chain
from mien.chains.cells import Figures, Result, Step
from mien.chains.grid import SECTIONS, SMALL_FILES
from mien.core import catalogue
from mien.core import config as settings
from mien.core.catalogue import KEY
from mien.core.config import StageConfig
from mien.core.errors import ConfigError
from mien.core.labels import CLASSES
from mien.core.scores import UNSEEN
from mien.metrics.tables import markdown, percent

LEAVE_OUT: Final = "leave_out"
FOLDER: Final = "leave-one-out"
PAGE: Final = "leave-one-out.md"
ROWS: Final = "leave-one-out.json"
_ABOUT: Final = (
    "Each row is a model that was trained without one source, at its plain answer (the operating "
    "point `natural`). Elsewhere: held-out pictures of the sources it was trained on. The gap is "
    "what it loses on the source it did not see: the accuracy on test (on dev, where there is no "
    "test), less that on the source. In brackets: 95 % intervals."
)


class LeaveOutConfig(StageConfig):
    """The section ``[leave_out]``, which a file may have.

    Attributes:
        sources: those to leave out, one at a time; all where none is named.
        min_pictures: a source with fewer labelled faces is not left out: its figures say little.
        per_class: train on so many pictures a class only; see `mien.chains.draw`.
        per_role: score so many pictures a role only.
        base: the folder of an earlier run, whose finished catalogue and faces are taken.
    """

    sources: tuple[str, ...] = ()
    min_pictures: int = Field(default=25, ge=1)
    per_class: int | None = Field(default=None, ge=1)
    per_role: int | None = Field(default=None, ge=1)
    base: Path | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """The settings of all trainings, and where things stand."""

    config: LeaveOutConfig
    data: Mapping[str, Any]
    folders: Mapping[str, Path]
    home: Path

    def steps(self, source: str) -> list[Step]:
        """Returns what is done with one source left out."""
        home = self.home / source
        folders = {**self.folders, **{name: home / name for name in SECTIONS[3:]}}
        steps, folders = drawing.split_steps(
            self._split(source),
            folders,
            home,
            per_class=self.config.per_class,
            per_role=self.config.per_role,
        )
        names = ["augment"] if "augment" in self.data else []
        train = {**self.data.get("train", {})}
        train["name"] = f"{train.get('name', 'mien')}-without-{source}"
        export = {**SMALL_FILES, **self.data.get("export", {})}
        told = {**self.data, "train": train, "export": export}
        return steps + one.stages([*names, "train", "export", "evaluate"], told, folders)

    def _split(self, source: str) -> dict[str, Any]:
        """Returns the settings of `split`: the source is unseen, and every other one is known."""
        section = dict(self.data.get("split", {}))
        tests = [name for name in section.get("test", ()) if name.partition("/")[0] != source]
        return {**section, "by": "source", "unseen": [source], "test": tests}


def leave_one_source_out(
    config: Path,
    sources: Collection[str] = (),
    sets: Iterable[str] = (),
    *,
    overwrite: bool = False,
    say: Callable[[str], None] | None = None,
) -> dict[str, Result]:
    """Trains once without each source, and scores each model on the source it did not see.

    The catalogue and the faces are those of `mien run` in the same ``<out>``, made where they are
    not there. What is finished is skipped, and a training that was stopped goes on.

    Args:
        config: the TOML file of a chain; ``[leave_out]`` may say more, see `LeaveOutConfig`.
        sources: those to leave out, instead of those that the file names.
        sets: ``"section.key=value"``, laid over the file.
        overwrite: replace folders that were made with other settings or inputs.
        say: takes a line about each step; None writes to standard output.

    Returns:
        What became of each source. ``<out>/leave-one-out`` holds a folder a source,
        ``leave-one-out.md`` and ``leave-one-out.json``.

    Raises:
        ConfigError: the file names something that is not known, the catalogue has no such source,
            or it has only one.
        MissingExtraError: a stage needs an optional part of mien.
        MienError: what merge or crop raises; what a training raises is told with its source.
    """
    made, data = _read(config, sets, sources)
    out, line = Path(data.get("out", Path("runs", config.stem))), say or chain.to_stdout
    shared, folders = one.ground(data, out, made.base)
    job = _Job(made, data, folders, out / FOLDER)
    job.steps("any")  # wrong settings are told before the first stage
    worked = False
    for step in shared:
        worked |= chain.carry_out(step.name, step.call, step.folder, line, overwrite=overwrite)
    counts = _counted(folders)
    results: dict[str, Result] = {}
    for source in _chosen(made, counts):
        if counts[source] < made.min_pictures:
            why = (
                f"{counts[source]:,} labelled faces, fewer than min_pictures = {made.min_pictures}"
            )
            line(f"without {source}: skipped: {why}")
            results[source] = Result("skipped", why)
            continue
        result, new = one.fill(job.steps(source), job.home / source, overwrite=overwrite)
        results[source], worked = result, worked or new
        when = "done already" if result.state == "done" and not new else result.state
        line(f"without {source}: {when}: {result.why or _said(result)}")
        if new:
            _write(job.home, results)
    _write(job.home, results)
    line(f"{job.home / PAGE}")
    if not worked:
        line("Nothing new: whatever can be done was done before.")
    return results


def page(results: Mapping[str, Result]) -> str:
    """Returns the figures of every source as a Markdown page."""
    heads = ["left out", "n", "dev elsewhere", "test elsewhere", "accuracy, left out",
             "balanced accuracy, left out", "gap, points"]  # fmt: skip
    rows, gaps, notes = [], [], []
    for source, result in results.items():
        if result.state != "done":
            notes.append(f"- {source}: {result.state}: {result.why}")
            continue
        hidden, gap = result.figures.get(UNSEEN), _gap(result)
        gaps += [] if gap is None else [gap]
        rows.append(
            [
                source,
                f"{hidden.n:,}" if hidden else "0",
                _cell(result.figures.get("dev")),
                _cell(result.figures.get("test")),
                _cell(hidden),
                percent(hidden.balanced_accuracy) if hidden else "not measured",
                "-" if gap is None else f"{100 * gap:+.1f}",
            ]
        )
    parts = [
        "# Leave one source out",
        _ABOUT,
        markdown(heads, rows),
    ]
    if gaps:
        parts.append(
            f"Mean gap: {100 * statistics.mean(gaps):+.1f} points over {len(gaps)} "
            f"source{'s' if len(gaps) > 1 else ''}."
        )
    parts += ["Not measured:\n\n" + "\n".join(notes)] if notes else []
    return "\n\n".join(parts) + "\n"


def _read(
    path: Path, sets: Iterable[str], sources: Collection[str]
) -> tuple[LeaveOutConfig, dict[str, Any]]:
    data = settings.read(path, sets)
    unknown = sorted(data.keys() - {LEAVE_OUT, *SECTIONS, "out", "stages"})
    if unknown:
        raise ConfigError(
            f"{path}: leave-one-source-out knows no {', '.join(map(repr, unknown))}. Expected "
            f"{', '.join(f'[{name}]' for name in SECTIONS)}, [{LEAVE_OUT}], and the key out."
        )
    section = {**data.get(LEAVE_OUT, {}), **({"sources": list(sources)} if sources else {})}
    return settings.check(LeaveOutConfig, section, LEAVE_OUT), data


def _counted(folders: Mapping[str, Path]) -> dict[str, int]:
    """Returns how many labelled faces each source of the catalogue has."""
    pl = catalogue.polars_or_error()
    rows = catalogue.select(folders["merge"], (*KEY, "label"))
    shown = pl.concat(catalogue.read_faces(folders["crop"], KEY))
    able = rows.filter(pl.col("label").is_in(CLASSES)).join(shown, on=list(KEY), how="semi")
    found = dict.fromkeys(sorted(rows["dataset"].unique()), 0)
    return found | dict(able.group_by("dataset").len().iter_rows())


def _chosen(config: LeaveOutConfig, counts: Mapping[str, int]) -> list[str]:
    unknown = [name for name in config.sources if name not in counts]
    if unknown:
        raise ConfigError(
            f"The catalogue has no source {', '.join(map(repr, unknown))}. It has: "
            f"{', '.join(counts)}."
        )
    if len(counts) < 2:
        raise ConfigError(
            f"The catalogue has one source only, {', '.join(counts)}: without it nothing is left "
            "to train on. Merge a second one."
        )
    return list(dict.fromkeys(config.sources)) or list(counts)


def _gap(result: Result) -> float | None:
    known = result.figures.get("test") or result.figures.get("dev")
    hidden = result.figures.get(UNSEEN)
    if not known or not hidden or known.accuracy is None or hidden.accuracy is None:
        return None
    return known.accuracy - hidden.accuracy


def _said(result: Result) -> str:
    words = [f"{role} {_cell(result.figures.get(role))}" for role in ("dev", "test")]
    return ", ".join([*words, f"left out {_cell(result.figures.get(UNSEEN))}"])


def _cell(figures: Figures | None) -> str:
    return percent(figures.accuracy, figures.interval) if figures else "not measured"


def _write(home: Path, results: Mapping[str, Result]) -> None:
    """Writes rows and page; what has not changed stays as it is."""
    rows = [
        {"left_out": source, "gap": _gap(result), **result.to_dict()}
        for source, result in results.items()
    ]
    one.write_text(home / ROWS, json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    one.write_text(home / PAGE, page(results))
