"""`evaluate`: a model and sets of faces -> scores of every role, with every prediction."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field

from mien.core import catalogue as tables
from mien.core import registry
from mien.core.artifact import StageFolder, atomic
from mien.core.catalogue import KEY
from mien.core.config import StageConfig
from mien.core.errors import StageError
from mien.core.exam_sets import STATED, ExamSet, all_rows, inputs_of
from mien.core.framing import check_framing
from mien.core.labels import CLASSES, CONTEMPT
from mien.core.scores import PREDICTIONS, SCORES, Exam, RoleScores
from mien.core.spec import ModelSpec
from mien.metrics.conditions import conditions, conditions_page
from mien.metrics.groups import GroupSettings, gaps, groups, groups_page
from mien.metrics.intensity import intensity, intensity_page, series
from mien.metrics.roles import answers, score_role
from mien.metrics.summary import How
from mien.metrics.tables import caption, headline, page
from mien.plots import exam as draw
from mien.plots import groups as draw_groups
from mien.plots import risk as draw_risk
from mien.plots.figure import new_figure
from mien.runtimes.model import WEIGHTS, Model
from mien.runtimes.stored import SEEN, spread_logits, stored_logits

if TYPE_CHECKING:
    import polars

Role = Literal["train", "dev", "test", "unseen"]

PAGE: Final = "scores.md"
CONDITIONS: Final = "conditions.parquet"
CONDITIONS_PAGE: Final = "conditions.md"
GROUPS: Final = "groups.parquet"
GAPS: Final = "gaps.parquet"
GROUPS_PAGE: Final = "groups.md"
_PARTS: Final = "parts"


class EvaluateConfig(StageConfig):
    """The settings of `evaluate`.

    Attributes:
        roles: the roles to score; one without labelled pictures is reported as not measured.
        min_class_count: the least pictures of the classes in the headline of unseen sources.
        min_group: the least pictures of a group whose figures are judged.
        resamples: bootstrap resamples behind each interval; 0 makes no intervals.
        seed: makes the resamples.
        batch_size: how many faces are decoded and go through the network at once.
        runtime: the name of the runtime.
        engine: ``local``, threads of this process, or ``ray``. It does not change the result.
        jobs: threads that decode and infer, or shards at once; None takes every core.
    """

    roles: tuple[Role, ...] = Field(default=("dev", "test", "unseen"), min_length=1)
    min_class_count: int = Field(default=25, ge=1)
    min_group: int = Field(default=25, ge=2)
    resamples: int = Field(default=1000, ge=0)
    seed: int = Field(default=0, ge=0)
    batch_size: int = Field(default=64, ge=1)
    runtime: str = "onnx"
    engine: str = Field(default="local", exclude=True)
    jobs: int | None = Field(default=None, ge=1, exclude=True)


class _Request(EvaluateConfig):
    """The settings together with what the model's description says, but for its figures.

    A later step writes those; they would make their own evaluation look like another one.
    """

    described: dict[str, Any]


def evaluate(
    config: EvaluateConfig,
    model: Path,
    catalogue: Path,
    faces: Path,
    split: Path,
    out: Path,
    *,
    overwrite: bool = False,
) -> Path:
    """Scores a model on the roles of one split: `examine` with a single set.

    Args:
        config: the settings.
        model: the model folder.
        catalogue: the stage folder of `merge`.
        faces: the stage folder of `crop`.
        split: the stage folder of `split`.
        out: the folder to make, see `examine`; likewise what it returns and raises.
        overwrite: throw away what stands at ``out`` with other settings or inputs.
    """
    return examine(config, model, [ExamSet(catalogue, faces, split)], out, overwrite=overwrite)


def examine(
    config: EvaluateConfig,
    model: str | Path,
    sets: Sequence[ExamSet],
    out: Path,
    *,
    overwrite: bool = False,
) -> Path:
    """Scores a model on every role, at its own operating point and at the two named ones.

    A picture without a face counts as a wrong answer. Pictures labelled contempt or not at all are
    counted apart. A run that was stopped goes on from its finished shards.

    Args:
        config: the settings.
        model: the model folder, or the name of a shipped one.
        sets: the pictures; no picture may stand in two of them.
        out: the folder to make: ``scores.json`` (an `Exam`), ``scores.md``,
            ``predictions.parquet``; ``conditions.parquet`` and ``.md`` (accuracy by pose, light
            and quality); ``groups.parquet``, ``gaps.parquet``, ``groups.md`` and ``groups.png``
            (figures by stated groups); ``risk-coverage.png``, and for each role
            ``confusion-<role>.png`` and ``reliability-<role>.png``.
        overwrite: throw away what stands at ``out`` with other settings or inputs.

    Returns:
        ``out``.

    Raises:
        DataError: a table or a chip is missing or damaged, a picture stands in two sets, or no
            role has a labelled picture.
        ConfigError: the faces were cut by another aligner than the model's.
        ModelError: the model folder is incomplete, or the network gives no finite numbers.
        MissingExtraError: Polars, matplotlib or fairlearn is not installed.
        StageError: ``out`` holds something else.
    """
    pl = tables.polars_or_error("Evaluating a model")
    new_figure(1, 1)  # a missing matplotlib is told now, not after the work
    engine = registry.load("engines", config.engine)(config.jobs)
    network = Model(
        model, runtime=config.runtime, threads=config.jobs, batch_size=config.batch_size
    )
    spec = network.spec
    for one in sets:
        check_framing(one.faces, spec.preprocess)
    request = _Request(**dict(config), described=spec.model_dump(exclude={"scores", "files"}))
    inputs = {"weights": network.folder / WEIGHTS, **inputs_of(sets)}
    folder = StageFolder(out, "evaluate", request, inputs, overwrite=overwrite)
    if folder.done:
        return out
    rows = all_rows(sets, config.roles)
    done = []
    for number, (one, some) in enumerate(zip(sets, rows, strict=True)):
        scored, parts = some.filter("scored"), folder.work / _PARTS / str(number)
        given = network, scored.select(KEY), one.faces, parts
        here = engine.name == "local"  # threads, which share one model, instead of processes
        made = stored_logits(*given, config.jobs) if here else spread_logits(engine, *given)
        done.append(_answers(spec, scored, pl.concat(made)))
    every = pl.concat(rows).sort("role", *KEY)
    exam = _written(config, spec, every, pl.concat(done).sort("role", *KEY), folder)
    return folder.finish(_counts(config, every, exam))


def summary(out: Path) -> str:
    """Returns the line to print for a finished evaluation: all its roles, unseen ones included."""
    return headline(Exam.read(out))


def _answers(spec: ModelSpec, rows: polars.DataFrame, seen: polars.DataFrame) -> polars.DataFrame:
    """Returns one row a scored picture: logits, and what the shipped point makes of them."""
    rows = rows.drop("scored").join(seen, on=KEY, how="left", maintain_order="left")
    return answers(spec, rows).select(
        *KEY, "role", "label", "subject", "cluster", "missed", "answer", "confidence",
        "abstained", *CLASSES, "logits", *SEEN, *STATED,
    )  # fmt: skip


def _written(
    config: EvaluateConfig,
    spec: ModelSpec,
    rows: polars.DataFrame,
    predictions: polars.DataFrame,
    folder: StageFolder,
) -> Exam:
    """Fills the folder with predictions, scores and figures."""
    work = folder.work
    tables.write(predictions, work / PREDICTIONS)
    exam = Exam(
        model=spec.name,
        weights=folder.request["inputs"]["weights"],
        prior=spec.prior,
        temperature=spec.temperature,
        resamples=config.resamples,
        roles=_roles(config, spec, rows, predictions),
    )
    _write_scores(exam, spec, work)
    _write_conditions(config, exam, predictions, work)
    _write_groups(config, exam, predictions, work)
    shutil.rmtree(work / _PARTS)
    return exam


def _roles(
    config: EvaluateConfig, spec: ModelSpec, rows: polars.DataFrame, predictions: polars.DataFrame
) -> dict[str, RoleScores]:
    """Returns the figures of every role that has a scored picture."""
    pl = tables.polars_or_error()
    how = How(config.min_class_count, config.resamples, config.seed)
    roles = {}
    for role in map(str, config.roles):
        mine = predictions.filter(pl.col("role") == role)
        left = rows.filter((pl.col("role") == role) & ~pl.col("scored"))["label"]
        if not mine.is_empty():
            roles[role] = score_role(spec, mine, left.fill_null("unlabelled").to_list(), how)
    return roles


def _write_scores(exam: Exam, spec: ModelSpec, work: Path) -> None:
    """Writes the scores as JSON, as a page and as figures."""
    exam.write(work / SCORES)
    with atomic(work / PAGE, "w") as file:
        file.write(page(exam))
    for role, found in exam.roles.items():
        shipped = found.points["shipped"]
        title = f"{exam.model}, {role}\n{caption(exam)}"
        draw.confusion(shipped, work / f"confusion-{role}.png", title)
        draw.reliability(shipped, work / f"reliability-{role}.png", title)
    title, threshold = f"{exam.model}\n{caption(exam)}", spec.thresholds.low_confidence
    draw_risk.risk_coverage(exam, work / "risk-coverage.png", title, threshold=threshold)


def _write_conditions(
    config: EvaluateConfig, exam: Exam, predictions: polars.DataFrame, work: Path
) -> None:
    """Writes accuracy by pose, light and quality, and how probability follows intensity."""
    found, roles = conditions(predictions), tuple(exam.roles)
    tables.write(found, work / CONDITIONS)
    how = How(config.min_class_count, config.resamples, config.seed)
    followed = intensity_page(intensity(series(predictions), how), roles)
    parts = [headline(exam), conditions_page(found, roles), "## Intensity", followed]
    with atomic(work / CONDITIONS_PAGE, "w") as file:
        file.write("\n\n".join(parts))


def _write_groups(
    config: EvaluateConfig, exam: Exam, predictions: polars.DataFrame, work: Path
) -> None:
    """Writes the figures by group as tables, as a page and as a drawing."""
    settings = GroupSettings(
        min_group=config.min_group, resamples=config.resamples, seed=config.seed
    )
    values, differences = groups(predictions, settings), gaps(predictions, settings)
    tables.write(values, work / GROUPS)
    tables.write(differences, work / GAPS)
    with atomic(work / GROUPS_PAGE, "w") as file:
        text = groups_page(values, differences, predictions, tuple(exam.roles), settings)
        file.write(f"{headline(exam)}\n\n{text}\n")
    draw_groups.groups(values, work / "groups.png", f"{exam.model}\n{caption(exam)}")


def _counts(config: EvaluateConfig, rows: polars.DataFrame, exam: Exam) -> dict[str, Any]:
    """Returns what went in, what was scored, missed and left out."""
    points = [found.points["shipped"] for found in exam.roles.values()]
    counts = {
        "input": len(rows),
        "scored": sum(scores.n for scores in points),
        "missed": sum(scores.n_missed for scores in points),
        "not_scored": len(rows) - int(rows["scored"].sum()),
    }
    if counts["scored"] + counts["not_scored"] != counts["input"]:
        raise StageError(
            f"evaluate lost rows ({counts}). This is a fault in mien; please report it."
        )
    unmeasured = [role for role in config.roles if role not in exam.roles]
    return {**counts, "contempt": int((rows["label"] == CONTEMPT).sum()), "unmeasured": unmeasured}
