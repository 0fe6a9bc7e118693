"""`train`: faces with roles -> a network, its description and its operating point."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import save
from torch import nn

from mien.core import catalogue, registry
from mien.core.artifact import StageFolder, atomic, digest, read_meta, write_json
from mien.core.catalogue import ROLE_COLUMNS, ROLES
from mien.core.config import StageConfig
from mien.core.errors import ConfigError, StageError
from mien.core.framing import check_framing
from mien.core.labels import CLASSES
from mien.core.origins import COMMERCIAL_USE, SOURCES, licences, read_sources
from mien.core.spec import ModelSpec, Preprocess, normalise
from mien.core.thresholds import Thresholds
from mien.core.types import Floats
from mien.metrics import calibration as cal
from mien.metrics import classification as cls
from mien.models import operating
from mien.models.augment import Augment, wide
from mien.models.data import Batches, FaceArrays, class_weights, read_faces
from mien.models.log import Report
from mien.models.loop import CHECKPOINT, Recipe, Training
from mien.models.operating import Measures, OperatingRule, Point

WEIGHTS: Final = "weights.safetensors"
SPEC: Final = "spec.json"
CURVE: Final = "operating_points.json"
_CACHE: Final = "cache"
_BATCH: Final = 256

MEASURES: Final = Measures(
    cls.accuracy, cls.balanced_accuracy, cal.expected_calibration_error, cal.fit_temperature
)


class TrainConfig(StageConfig):
    """The settings of `train`.

    Attributes:
        name: the model's name.
        network: the network's name in the registry.
        start: where its weights come from before training.
        trainable: the blocks that are trained: ``all``, ``head``, ``last-conv+fc`` or names.
        seed: of start, order, views and dropout.
        threads: of torch; None takes every core. Another number ends in slightly other weights.
        preprocess: the network's input.
        recipe: the training's length, rates and sampling.
        augment: how far views of one face differ.
        operating: how the operating point is chosen on ``dev``.
        limits: of pose and quality, beyond which the model abstains; the threshold of confidence
            is chosen on ``dev``.
        weight_licence: of the weights, in words.
        commercial_use: whether the weights may be sold; where not given, what the licences of the
            training data allow. It may not claim more than they do.
        training_data: further lines on the training data, beside the licence of each source.
    """

    name: str = "mien"
    network: str = "mienet"
    start: str = "scratch"
    trainable: str = "all"
    seed: int = Field(default=0, ge=0)
    threads: int | None = Field(default=None, ge=1)
    preprocess: Preprocess = Preprocess()
    recipe: Recipe = Recipe()
    augment: Augment = Augment()
    operating: OperatingRule = OperatingRule()
    limits: Thresholds = Thresholds()
    weight_licence: str = "unknown"
    commercial_use: Literal["yes", "no", "unknown"] | None = None
    training_data: tuple[str, ...] = ()


def train(
    config: TrainConfig,
    faces: Path,
    split: Path,
    out: Path,
    *,
    augmented: Path | None = None,
    overwrite: bool = False,
    quiet: bool = False,
) -> Path:
    """Trains a network on the role ``train`` and chooses its operating point on ``dev``.

    Started again after a stop, it goes on from its last checkpoint and ends as if it had not
    stopped; the same request on a finished folder returns at once.

    Args:
        config: the settings.
        faces: the stage folder of `crop`.
        split: the stage folder of `split`.
        out: the folder to make: ``weights.safetensors``, ``spec.json``, ``log.csv`` (a line an
            epoch) and ``operating_points.json`` (the whole curve of strengths, and the choice).
        augmented: the stage folder of `augment`: its faces are trained on, too.
        overwrite: throw away what stands at ``out`` with other settings.
        quiet: show no progress.

    Returns:
        ``out``.

    Raises:
        StageError: ``out`` holds something else, or the loss is no longer finite.
        DataError: a table is missing, or a role holds no face.
        ConfigError: ``commercial_use`` claims more than the training data allow, or the faces
            were cut by another aligner than ``preprocess`` names.
        UnknownNameError: there is no network of that name.
        ModelError: the network has no such start, or its checkpoint is damaged.
    """
    inputs = {"faces": faces, "split": split} | ({"augmented": augmented} if augmented else {})
    folder = StageFolder(out, "train", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    check_framing(faces, config.preprocess)
    config = _licensed(config, faces, split)
    if not (folder.work / SPEC).exists():  # it is written last
        _fill(config, faces, split, augmented, folder.work, quiet)
    counts = _counts(folder.work)
    for left in (folder.work / _CACHE).glob("*"):
        left.unlink()
    if (folder.work / _CACHE).exists():
        (folder.work / _CACHE).rmdir()
    (folder.work / CHECKPOINT).unlink(missing_ok=True)
    return folder.finish(counts)


def _licensed(config: TrainConfig, faces: Path, split: Path) -> TrainConfig:
    """Returns the settings with the licences of the data that the weights learn from."""
    if not (faces / SOURCES).is_file():  # a table of faces from elsewhere names no sources
        return config.model_copy(update={"commercial_use": config.commercial_use or "unknown"})
    pl = catalogue.polars_or_error("Training")
    roles = catalogue.read(split / ROLES if split.is_dir() else split, ROLE_COLUMNS)
    used = roles.filter(pl.col("role").is_in(["train", "dev"]))["dataset"].unique().to_list()
    lines, allowed = licences(read_sources(faces), used)
    claimed = config.commercial_use or allowed
    if COMMERCIAL_USE.index(claimed) > COMMERCIAL_USE.index(allowed):
        raise ConfigError(
            f'[train] says commercial_use = "{claimed}", but the data it is trained on say '
            f'"{allowed}": {"; ".join(lines)}. Leave the key out, or leave the data set out.'
        )
    said = tuple(dict.fromkeys((*config.training_data, *lines)))
    return config.model_copy(update={"commercial_use": claimed, "training_data": said})


def _fill(
    config: TrainConfig, faces: Path, split: Path, augmented: Path | None, work: Path, quiet: bool
) -> None:
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    kind = registry.load("networks", config.network)()
    torch.manual_seed(config.seed)
    network = kind.build(len(CLASSES), config.start)
    preprocess, cache = config.preprocess, work / _CACHE
    training = read_faces(faces, split, ("train",), wide(preprocess), cache)
    if augmented is not None:
        more = read_faces(augmented, augmented, ("train",), wide(preprocess), cache)
        training = training.joined(more)
    dev = read_faces(faces, split, ("dev",), preprocess, cache).labelled()
    if not len(dev):
        raise StageError(f"No class has the majority on any 'dev' face of {split}. Split again.")
    recipe = config.recipe
    batches = Batches(
        training, preprocess, config.augment, config.seed, recipe.label_smoothing, recipe.mixup
    )
    trained = Training(
        network,
        batches,
        recipe,
        _dev_figures(dev, preprocess),
        work,
        kind.trainable(config.trainable),
        Report(recipe.total_epochs, quiet),
    ).run()
    prior = training_prior(training.targets, recipe.power(recipe.total_epochs - 1))
    logits = _logits(trained, dev, preprocess)
    points = operating.curve(logits, dev.labels, prior, config.operating.step, MEASURES)
    point = operating.choose(points, config.operating)
    write_json(
        work / CURVE,
        {
            "rule": config.operating.model_dump(mode="json"),
            "chosen": point.to_dict(),
            "points": [p.to_dict() for p in points],
            "faces": {"train": len(training), "dev": len(dev)},
            "parameters": sum(p.numel() for p in trained.parameters()),
        },
    )
    state = {k: v.cpu().contiguous() for k, v in trained.state_dict().items()}
    with atomic(work / WEIGHTS) as file:
        file.write(save(state))
    spec = _spec(config, prior, point, _threshold(logits, dev, prior, point, config), faces)
    files = {WEIGHTS: digest(work / WEIGHTS)}
    write_json(work / SPEC, {**spec.model_dump(mode="json"), "files": files})


def training_prior(targets: Floats, power: float) -> Floats:
    """Returns the class shares (7,) that a network saw: the mean target as faces were drawn.

    Args:
        targets: (n, 7), rows summing to 1.
        power: how strongly the sampling was balanced, see `mien.models.data.class_weights`.
    """
    seen = class_weights(targets, power).astype(np.float64) @ targets
    normed: Floats = (seen / seen.sum()).astype(np.float32)
    return normed


def _logits(network: nn.Module, faces: FaceArrays, preprocess: Preprocess) -> Floats:
    device = next(network.parameters()).device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(faces), _BATCH):
            inputs = normalise(faces.pixels[start : start + _BATCH], preprocess)
            batch = torch.from_numpy(inputs).to(device, memory_format=torch.channels_last)
            parts.append(network(batch).float().cpu().numpy())
    return np.concatenate(parts)


def _dev_figures(
    dev: FaceArrays, preprocess: Preprocess
) -> Callable[[nn.Module], dict[str, float]]:
    def figures(network: nn.Module) -> dict[str, float]:
        answers = _logits(network, dev, preprocess).argmax(1)
        return {
            "dev_accuracy": cls.accuracy(dev.labels, answers),
            "dev_balanced_accuracy": cls.balanced_accuracy(dev.labels, answers),
        }

    return figures


def _threshold(
    logits: Floats, dev: FaceArrays, prior: Floats, point: Point, config: TrainConfig
) -> Thresholds:
    spec = _spec(config, prior, point, Thresholds(), None)
    risk = config.operating.risk
    choice = cal.threshold_for_risk(dev.labels, spec.probabilities(logits), risk)
    found = {"low_confidence": round(choice.threshold, 4), "risk": risk}
    return config.limits.model_copy(update=found)


def _spec(
    config: TrainConfig, prior: Floats, point: Point, thresholds: Thresholds, faces: Path | None
) -> ModelSpec:
    return ModelSpec(
        name=config.name,
        network=config.network,
        preprocess=config.preprocess,
        training_prior=tuple(float(p) for p in prior),
        prior=point.as_prior(),
        temperature=point.temperature,
        thresholds=thresholds,
        weight_licence=config.weight_licence,
        commercial_use=config.commercial_use or "unknown",
        training_data=config.training_data,
        catalogue_digest=None if faces is None else _catalogue_digest(faces),
        scores={
            "dev": {
                "accuracy": point.accuracy,
                "balanced_accuracy": point.balanced_accuracy,
                "calibration_error": point.calibration_error,
            }
        },
    )


def _catalogue_digest(faces: Path) -> str | None:
    try:
        inputs = read_meta(faces).get("inputs", {})
    except StageError:  # a table of faces from elsewhere names no catalogue
        return None
    found = inputs.get("catalogue")
    return None if found is None else str(found)


def _counts(work: Path) -> dict[str, Any]:
    import json

    made = json.loads((work / CURVE).read_bytes())
    with (work / "log.csv").open(newline="", encoding="utf-8") as file:
        epochs = list(csv.DictReader(file))
    return {
        **made["faces"],
        "parameters": made["parameters"],
        "epochs": len(epochs),
        "iterations": int(epochs[-1]["iterations"]),
    }
