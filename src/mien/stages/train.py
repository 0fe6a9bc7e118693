"""`train`: faces with roles -> a network, its description and its operating point."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from lightning.fabric import Fabric
from safetensors.torch import save
from torch import nn

from mien.core import registry
from mien.core.artifact import StageFolder, atomic, digest, read_meta, write_json
from mien.core.errors import StageError
from mien.core.framing import check_framing
from mien.core.labels import CLASSES
from mien.core.thresholds import Thresholds
from mien.core.types import Floats
from mien.metrics import calibration as cal
from mien.metrics import classification as cls
from mien.models import frozen, loggers, operating
from mien.models.augment import training_cut
from mien.models.data import Batches, FaceArrays, read_faces
from mien.models.inference import logits
from mien.models.log import Report
from mien.models.loop import CHECKPOINT, Training
from mien.models.operating import Measures, Point
from mien.models.parallel import launched
from mien.models.plan import Plan, measure
from mien.models.sampling import training_prior
from mien.models.settings import TrainConfig
from mien.models.starts import place
from mien.models.teachers import Teachers
from mien.plots import curves

__all__ = ["TrainConfig", "dry_run", "train", "training_prior"]

WEIGHTS: Final = "weights.safetensors"
SPEC: Final = "spec.json"
CURVE: Final = "operating_points.json"
CURVES: Final = "curves.png"
_CACHE, _COUNTS = "cache", "counts.json"

MEASURES: Final = Measures(
    cls.accuracy,
    cls.balanced_accuracy,
    cal.expected_calibration_error,
    cal.fit_temperature,
)


class Tables(NamedTuple):
    """The folders that a training reads, as `train` names them."""

    faces: Path
    split: Path
    augmented: Path | None = None


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
    stopped; the same request on a finished folder returns at once. Under ``torchrun``, or with
    more than one device in the settings, the processes share out each batch.

    Args:
        config: the settings.
        faces: the stage folder of `crop`.
        split: the stage folder of `split`.
        out: the folder to make: ``weights.safetensors``, ``spec.json``, ``log.csv`` (a line an
            epoch) with ``curves.png``, ``operating_points.json`` (the whole curve of strengths,
            and the choice), and what the loggers write, such as ``tensorboard``.
        augmented: the stage folder of `augment`: its faces are trained on, too.
        overwrite: throw away what stands at ``out`` with other settings.
        quiet: show no progress.

    Returns:
        ``out``.

    Raises:
        StageError: ``out`` holds something else, the loss is no longer finite, or a batch does not
            fit the memory.
        DataError: a table is missing, or a role holds no face.
        ConfigError: ``commercial_use`` claims more than the training data allow, or the faces
            were cut by another aligner than ``preprocess`` names.
        UnknownNameError: there is no network of that name.
        ModelError: the network has no such start, or its checkpoint is damaged.
    """
    config = config.model_copy(update={"preprocess": config.input})
    check_framing(faces, config.input)
    inputs = {"faces": faces, "split": split} | ({"augmented": augmented} if augmented else {})
    inputs |= {f"teacher {i + 1}": path for i, path in enumerate(config.teachers)}
    if (start := place(config.network, config.start)) is not None:
        inputs["start"] = start
    fabric = launched(config.devices, config.recipe.precision)
    with fabric.rank_zero_first():
        overwrite = overwrite and fabric.is_global_zero
        folder = StageFolder(out, "train", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    config.licensed(faces, split)  # a claim that the data do not allow is told at once
    if not (folder.work / SPEC).exists():  # it is written last
        tables = Tables(faces, split, augmented)
        _fill(config, tables, folder.work, fabric, quiet or not fabric.is_global_zero)
    if fabric.is_global_zero:
        counts = _counts(folder.work)
        shutil.rmtree(folder.work / _CACHE, ignore_errors=True)
        for left in (CHECKPOINT, _COUNTS):
            (folder.work / left).unlink(missing_ok=True)
        folder.finish(counts)
    fabric.barrier()
    return out


def dry_run(
    config: TrainConfig, faces: Path, split: Path, *, augmented: Path | None = None
) -> Plan:
    """Returns what a training would take, from a few of its iterations on this machine.

    Args:
        config: the settings.
        faces: the stage folder of `crop`.
        split: the stage folder of `split`.
        augmented: the stage folder of `augment`.

    Raises:
        MienError: whatever would stop the training before its first iterations.
    """
    check_framing(faces, config.input)
    fabric = launched(config.devices, config.recipe.precision)
    tables = Tables(faces, split, augmented)
    with tempfile.TemporaryDirectory() as folder:
        network, blocks, batches, dev = _prepared(config, tables, Path(folder), fabric, quiet=False)
        teach = _teachers(config, fabric)
        return measure(network, blocks, batches, len(dev), config, fabric, teach)


def _fill(config: TrainConfig, tables: Tables, work: Path, fabric: Fabric, quiet: bool) -> None:
    network, blocks, batches, dev = _prepared(config, tables, work, fabric, quiet)
    config = config.licensed(tables.faces, tables.split, getattr(network, "start", None))
    prior = training_prior(batches.targets, config.recipe.power(config.recipe.total_epochs - 1))
    operating.check_shares(prior)
    ready = frozen.prepare(
        network,
        blocks,
        batches,
        dev.pixels,
        config.trunk,
        work / _CACHE,
        fabric,
        bool(config.teachers),
    )
    if ready.line and not quiet:
        sys.stderr.write(f"train: {ready.line}\n")
    recipe = config.recipe
    wanted = config.loggers if fabric.is_global_zero else ()
    made = loggers.made(wanted, config.logger_options, work)
    trained = Training(
        ready.module,
        ready.source,
        recipe,
        _dev_figures(dev, ready.dev),
        work,
        blocks,
        Report(recipe.total_epochs, quiet, made),
        fabric=fabric,
        teach=_teachers(config, fabric),
    ).run()
    if not fabric.is_global_zero:
        return
    curves.training(work / "log.csv", work / CURVES, config.name)
    point = _operating_point(config, logits(trained, ready.dev()), dev, prior, work)
    network = ready.whole(trained)
    with atomic(work / WEIGHTS) as file:
        file.write(save({k: v.cpu().contiguous() for k, v in network.state_dict().items()}))
    spec = config.spec(prior, *point, _catalogue_digest(tables.faces))
    files = {WEIGHTS: digest(work / WEIGHTS)}
    counts = {"train": len(batches.faces), "dev": len(dev)}
    counts["parameters"] = sum(p.numel() for p in network.parameters())
    write_json(work / _COUNTS, counts)
    write_json(work / SPEC, {**spec.model_dump(mode="json"), "files": files})


def _prepared(
    config: TrainConfig, tables: Tables, work: Path, fabric: Fabric, quiet: bool
) -> tuple[nn.Module, list[str], Batches, FaceArrays]:
    """Returns the network with its start, the blocks to train, and the faces of both roles."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    recipe, preprocess, cache = config.recipe, config.input, work / _CACHE
    kind = registry.load("networks", config.network)()
    torch.manual_seed(config.seed)
    with contextlib.ExitStack() as stack:
        if quiet:  # else one process tells what came over
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        network = kind.build(len(CLASSES), config.start)
    cut = training_cut(preprocess, config.augment)
    with fabric.rank_zero_first():
        faces = read_faces(tables.faces, tables.split, ("train",), cut, cache)
        if tables.augmented is not None:
            more = read_faces(tables.augmented, tables.augmented, ("train",), cut, cache)
            faces = faces.joined(more)
        dev = read_faces(tables.faces, tables.split, ("dev",), preprocess, cache).labelled()
    if not len(dev):
        raise StageError(
            f"No class has the majority on any 'dev' face of {tables.split}. Split again."
        )
    batches = Batches(
        faces, preprocess, config.augment, config.seed, recipe.label_smoothing, recipe.mixup
    )
    return network, kind.trainable(config.trainable), batches, dev


def _teachers(config: TrainConfig, fabric: Fabric) -> Teachers | None:
    if not config.teachers:
        return None
    return Teachers(config.teachers, config.distillation, config.input, fabric.device)


def _operating_point(
    config: TrainConfig, answers: Floats, dev: FaceArrays, prior: Floats, work: Path
) -> tuple[Point, Thresholds]:
    """Returns the chosen point and thresholds, and writes the whole curve."""
    points = operating.curve(answers, dev.labels, prior, config.operating.step, MEASURES)
    point = operating.choose(points, config.operating)
    found = {
        "rule": config.operating.model_dump(mode="json"),
        "chosen": point.to_dict(),
        "points": [p.to_dict() for p in points],
    }
    write_json(work / CURVE, found)
    risk = config.operating.risk
    plain = config.spec(prior, point, Thresholds(), None)
    choice = cal.threshold_for_risk(dev.labels, plain.probabilities(answers), risk)
    chosen = {"low_confidence": round(choice.threshold, 4), "risk": risk}
    return point, config.limits.model_copy(update=chosen)


def _dev_figures(
    dev: FaceArrays, inputs: Callable[[], Iterable[Floats]]
) -> Callable[[nn.Module], dict[str, float]]:
    def figures(network: nn.Module) -> dict[str, float]:
        found = logits(network, inputs())
        wanted = torch.from_numpy(dev.labels)
        answers = found.argmax(1)
        return {
            "dev_loss": float(nn.functional.cross_entropy(torch.from_numpy(found), wanted)),
            "dev_accuracy": cls.accuracy(dev.labels, answers),
            "dev_balanced_accuracy": cls.balanced_accuracy(dev.labels, answers),
        }

    return figures


def _catalogue_digest(faces: Path) -> str | None:
    try:
        inputs = read_meta(faces).get("inputs", {})
    except StageError:  # a table of faces from elsewhere names no catalogue
        return None
    found = inputs.get("catalogue")
    return None if found is None else str(found)


def _counts(work: Path) -> dict[str, Any]:
    made = json.loads((work / _COUNTS).read_bytes())
    with (work / "log.csv").open(newline="", encoding="utf-8") as file:
        epochs = list(csv.DictReader(file))
    return {
        **made,
        "epochs": len(epochs),
        "iterations": int(epochs[-1]["iterations"]),
    }
