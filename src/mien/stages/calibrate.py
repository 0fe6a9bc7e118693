"""`calibrate`: a model and its predictions on `dev` -> the same model, calibrated for a risk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import Field

from mien.core import catalogue
from mien.core.artifact import StageFolder, read_meta, write_json
from mien.core.config import StageConfig
from mien.core.errors import DataError, ModelError
from mien.core.labels import CLASSES
from mien.core.scores import PREDICTIONS, Exam
from mien.core.spec import ModelSpec
from mien.core.types import Floats
from mien.metrics import calibration
from mien.runtimes.model import SPEC, WEIGHTS, find, verify

_CARD: Final = "MODEL_CARD.md"


class CalibrateConfig(StageConfig):
    """The settings of `calibrate`.

    Attributes:
        risk: the largest share of wrong answers that is accepted where the model answers, on
            ``dev``; it abstains below the confidence that this asks for.
        temperature: whether to fit it anew (Guo et al. 2017); else the model keeps its own.
        least: the least faces of ``dev`` to choose from.
    """

    risk: float = Field(default=0.1, gt=0, lt=1)
    temperature: bool = True
    least: int = Field(default=200, ge=1)


def calibrate(
    config: CalibrateConfig, model: str | Path, scores: Path, out: Path, *, overwrite: bool = False
) -> Path:
    """Fits a model's temperature and its threshold of confidence on ``dev``, and on nothing else.

    The operating point stays. The figures and the card of the model do not travel: they are those
    of another calibration, so evaluate the new model.

    Args:
        config: the settings.
        model: the model folder, or the name of a shipped one.
        scores: the stage folder of `evaluate` for this model, with the role ``dev``.
        out: the model folder to make.
        overwrite: throw away what stands at ``out`` with other settings or inputs.

    Returns:
        ``out``.

    Raises:
        DataError: there are too few faces of ``dev``, or the table cannot be read.
        ModelError: the predictions are another model's, or a file of the model is missing.
        StageError: ``out`` holds something else.
    """
    folder_of = find(model)
    spec = ModelSpec.read(folder_of / SPEC)
    kept = sorted({WEIGHTS, *spec.files} - {_CARD})
    verify(folder_of, spec, kept)
    if Exam.read(scores).weights != spec.files[WEIGHTS]:
        raise ModelError(
            f"{scores} holds the predictions of other weights than {folder_of} has. Run "
            "'mien evaluate' on this model first."
        )
    inputs = {"weights": folder_of / WEIGHTS, "scores": scores}
    folder = StageFolder(out, "calibrate", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    logits, labels = _faces(config, scores)
    temperature = spec.temperature
    if config.temperature:
        shift = np.log(spec.target_prior()) - np.log(spec.target_prior("natural"))
        temperature = round(calibration.fit_temperature(logits + shift, labels), 4)
    moved = spec.model_copy(update={"temperature": temperature})
    choice = calibration.threshold_for_risk(labels, moved.probabilities(logits), config.risk)
    limits = {"low_confidence": round(choice.threshold, 4), "risk": config.risk}
    renewed = moved.model_copy(
        update={
            "thresholds": spec.thresholds.model_copy(update=limits),
            "scores": {},
            "files": {name: spec.files[name] for name in kept},
        }
    )
    for name in kept:
        shutil.copyfile(folder_of / name, folder.work / name)
    write_json(folder.work / SPEC, renewed.model_dump(mode="json"))
    return folder.finish(
        {
            "faces": len(labels),
            "temperature": temperature,
            "threshold": limits["low_confidence"],
            "answered": round(choice.coverage, 4),
            "wrong": round(choice.risk, 4),
        }
    )


def summary(out: Path) -> str:
    """Returns what was chosen, in one line."""
    c = read_meta(out)["counts"]
    return (
        f"temperature {c['temperature']}, threshold {c['threshold']}: on dev ({c['faces']:,} "
        f"faces) it answers {100 * c['answered']:.1f} %, of which {100 * c['wrong']:.1f} % are "
        "wrong; unseen sources: not measured, run 'mien evaluate' on the new model"
    )


def _faces(config: CalibrateConfig, scores: Path) -> tuple[Floats, list[int]]:
    """Returns logits (n, 7) and labels (n) of the faces of ``dev``."""
    pl = catalogue.polars_or_error("Calibrating a model")
    columns = dict.fromkeys(("role", "label"), "String") | {"logits": "Votes"}
    rows = catalogue.read(scores / PREDICTIONS, columns)
    rows = rows.filter((pl.col("role") == "dev") & pl.col("logits").is_not_null())
    if len(rows) < config.least:
        raise DataError(
            f"{scores} holds {len(rows):,} faces of the role dev, and calibration asks for "
            f"{config.least:,}. Evaluate the model with dev among its roles, on more faces."
        )
    return rows["logits"].to_numpy(), [CLASSES.index(name) for name in rows["label"]]
