"""`evaluate`: model + catalogue + faces + split -> scores of every role, with every prediction."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from pydantic import Field

from mien.core import catalogue as tables
from mien.core.artifact import StageFolder, atomic
from mien.core.catalogue import KEY, REJECTED, REJECTION_COLUMNS, ROLE_COLUMNS, ROLES
from mien.core.config import StageConfig
from mien.core.errors import DataError, StageError
from mien.core.framing import check_framing
from mien.core.labels import CLASSES, CONTEMPT
from mien.core.scores import SCORES, Exam, RoleScores
from mien.core.spec import ModelSpec
from mien.metrics.conditions import conditions, conditions_page
from mien.metrics.roles import probabilities, score_role
from mien.metrics.summary import How
from mien.metrics.tables import caption, headline, page
from mien.plots import exam as draw
from mien.plots.figure import new_figure
from mien.runtimes.model import WEIGHTS, Model
from mien.runtimes.stored import SEEN, stored_logits

if TYPE_CHECKING:
    import polars

Role = Literal["train", "dev", "test", "unseen"]

PREDICTIONS: Final = "predictions.parquet"
PAGE: Final = "scores.md"
CONDITIONS: Final = "conditions.parquet"
CONDITIONS_PAGE: Final = "conditions.md"
_PARTS: Final = "parts"


class EvaluateConfig(StageConfig):
    """The settings of `evaluate`.

    Attributes:
        roles: the roles to score; one without labelled pictures is reported as not measured.
        min_class_count: the least pictures of the classes in the headline of unseen sources.
        resamples: bootstrap resamples behind each interval; 0 makes no intervals.
        seed: makes the resamples.
        batch_size: how many faces are decoded and go through the network at once.
        runtime: the name of the runtime.
        jobs: threads that decode and infer; None takes every core.
    """

    roles: tuple[Role, ...] = Field(default=("dev", "test", "unseen"), min_length=1)
    min_class_count: int = Field(default=25, ge=1)
    resamples: int = Field(default=1000, ge=0)
    seed: int = Field(default=0, ge=0)
    batch_size: int = Field(default=64, ge=1)
    runtime: str = "onnx"
    jobs: int | None = Field(default=None, ge=1, exclude=True)


class _Request(EvaluateConfig):
    """The settings together with what the model's description says.

    The figures that a later step writes into the description are left out, or they would make
    their own evaluation look like another one.
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
    """Scores a model on every role, at its own operating point and at the two named ones.

    A picture without a face counts as a wrong answer. Pictures labelled contempt or not at all are
    counted apart. A run that was stopped goes on from its finished shards.

    Args:
        config: the settings.
        model: the model folder.
        catalogue: the stage folder of `merge`: labels and people.
        faces: the stage folder of `crop`: chips, and why others have none.
        split: the stage folder of `split`, with ``roles.parquet``.
        out: the folder to make: ``scores.json`` (an `Exam`), ``scores.md``,
            ``predictions.parquet``, ``conditions.parquet`` and ``conditions.md`` (accuracy by pose,
            light and quality), and for each role ``confusion-<role>.png`` and
            ``reliability-<role>.png``.
        overwrite: throw away what stands at ``out`` with other settings or inputs.

    Returns:
        ``out``.

    Raises:
        DataError: a table or a chip is missing or damaged, or no role has a labelled picture.
        ConfigError: the faces were cut by another aligner than the model's.
        ModelError: the model folder is incomplete, or the network gives no finite numbers.
        MissingExtraError: Polars or matplotlib is not installed.
        StageError: ``out`` holds something else.
    """
    tables.polars_or_error("Evaluating a model")
    new_figure(1, 1)  # a missing matplotlib is told now, not after the work
    network = Model(
        model, runtime=config.runtime, threads=config.jobs, batch_size=config.batch_size
    )
    spec = network.spec
    check_framing(faces, spec.preprocess)
    request = _Request(**dict(config), described=spec.model_dump(exclude={"scores", "files"}))
    made = {"catalogue": catalogue, "faces": faces, "split": split}
    inputs = {"weights": network.folder / WEIGHTS, **made}
    folder = StageFolder(out, "evaluate", request, inputs, overwrite=overwrite)
    if folder.done:
        return out
    rows = _rows(config, catalogue, faces, split)
    if not rows["scored"].any():
        raise DataError(
            f"No picture of the roles {', '.join(config.roles)} has one of the seven labels. "
            f"Check the roles in {split / ROLES} and the labels in {catalogue}."
        )
    exam = _examine(config, network, rows, faces, folder)
    return folder.finish(_counts(config, rows, exam))


def summary(out: Path) -> str:
    """Returns the line to print for a finished evaluation: all its roles, unseen ones included."""
    return headline(Exam.read(out))


def _rows(config: EvaluateConfig, catalogue: Path, faces: Path, split: Path) -> polars.DataFrame:
    """Returns the pictures of the chosen roles: key, role, label, subject, cluster, why missed.

    ``scored`` tells those with one of the seven labels; ``refused`` says why `crop` gave no face.
    """
    pl = tables.polars_or_error()
    roles = tables.read(split / ROLES, ROLE_COLUMNS).select(*KEY, "role", "group")
    roles = roles.filter(pl.col("role").is_in(list(config.roles)))
    known = tables.read(catalogue).select(*KEY, "label", "subject")
    refused = tables.read(faces / REJECTED, REJECTION_COLUMNS)
    refused = refused.select(*KEY, refused="reason").unique(KEY, keep="first")
    if known.select(KEY).is_duplicated().any() or roles.select(KEY).is_duplicated().any():
        raise DataError(
            f"{catalogue} or {split} names a picture twice ({', '.join(KEY)} are the same). "
            "Make both again with this version of mien."
        )
    rows = roles.join(known, on=KEY, how="inner").join(refused, on=KEY, how="left")
    if len(rows) != len(roles):
        raise DataError(
            f"{len(roles) - len(rows)} pictures of {split / ROLES} are not in {catalogue}. "
            "Both must come from the same 'merge'."
        )
    person = pl.format("{}: {}", "dataset", "subject")
    return rows.with_columns(
        scored=pl.col("label").is_in(list(CLASSES)).fill_null(value=False),
        # Where people are not known, pictures that resemble each other stand together.
        cluster=pl.coalesce(person, pl.format("group {}", "group")),
    ).sort("role", *KEY)


def _examine(
    config: EvaluateConfig, network: Model, rows: polars.DataFrame, faces: Path, folder: StageFolder
) -> Exam:
    """Fills the folder with predictions, scores and figures."""
    spec, parts = network.spec, folder.work / _PARTS
    predictions = _predictions(config, network, rows.filter("scored"), faces, parts)
    tables.write(predictions, folder.work / PREDICTIONS)
    exam = Exam(
        model=spec.name,
        weights=folder.request["inputs"]["weights"],
        prior=spec.prior,
        temperature=spec.temperature,
        resamples=config.resamples,
        roles=_roles(config, spec, rows, predictions),
    )
    _write(exam, folder.work)
    found = conditions(predictions)
    tables.write(found, folder.work / CONDITIONS)
    with atomic(folder.work / CONDITIONS_PAGE, "w") as file:
        file.write(f"{headline(exam)}\n\n{conditions_page(found, tuple(exam.roles))}\n")
    shutil.rmtree(parts)
    return exam


def _predictions(
    config: EvaluateConfig, network: Model, scored: polars.DataFrame, faces: Path, parts: Path
) -> polars.DataFrame:
    """Returns one row a scored picture: logits, and what the shipped point makes of them."""
    pl = tables.polars_or_error()
    done = list(stored_logits(network, scored.select(KEY), faces, parts, config.jobs))
    rows = scored.drop("scored").join(pl.concat(done), on=KEY, how="left", maintain_order="left")
    missed = pl.col("logits").is_null()
    rows = rows.with_columns(
        missed=pl.when(missed).then(pl.col("refused").fill_null("no_chip")),
    ).drop("refused")
    shares = probabilities(network.spec, rows)
    found = rows["missed"].is_null().to_numpy()
    best = np.nan_to_num(shares).argmax(axis=1)
    answers = [CLASSES[k] if ok else None for k, ok in zip(best, found, strict=True)]
    columns = {name: shares[:, i] for i, name in enumerate(CLASSES)}
    return rows.with_columns(
        pl.Series("answer", answers, pl.String),
        pl.Series("confidence", shares.max(axis=1)).fill_nan(None),
        *(pl.Series(name, values).fill_nan(None) for name, values in columns.items()),
    ).select(
        *KEY, "role", "label", "subject", "cluster", "missed", "answer", "confidence", *CLASSES,
        "logits", *SEEN,
    )  # fmt: skip


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


def _write(exam: Exam, work: Path) -> None:
    """Writes the scores as JSON, as a page and as figures."""
    exam.write(work / SCORES)
    with atomic(work / PAGE, "w") as file:
        file.write(page(exam))
    for role, found in exam.roles.items():
        shipped = found.points["shipped"]
        title = f"{exam.model}, {role}\n{caption(exam)}"
        draw.confusion(shipped, work / f"confusion-{role}.png", title)
        draw.reliability(shipped, work / f"reliability-{role}.png", title)


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
