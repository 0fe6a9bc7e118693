"""What networks say of faces that they never saw: each face is held out of one training.

A network that was trained on a face repeats its label, right or wrong. So the faces are shared out
over K folds, whole groups at a time and with each class's share kept
(scikit-learn's StratifiedGroupKFold), and K networks are trained, each on all folds but one.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import nn

from mien.core import registry
from mien.core.artifact import atomic
from mien.core.config import StageConfig
from mien.core.errors import MissingExtraError, StageError
from mien.core.labels import CLASSES
from mien.core.spec import Preprocess
from mien.core.types import Floats
from mien.models.augment import Augment, view
from mien.models.data import Batches, FaceArrays
from mien.models.inference import inputs_of, logits
from mien.models.log import Report
from mien.models.loop import Training
from mien.models.recipe import Recipe
from mien.models.sampling import Numbers


class FoldSettings(StageConfig):
    """How the networks of the folds are made.

    Attributes:
        folds: how many; each trains on all faces but its own.
        network: the network's name in the registry.
        preprocess: the network's input.
        recipe: short by default, since a network that has learned all by heart doubts nothing.
        augment: how far views of one face differ.
        seed: of the folds and the networks.
    """

    folds: int = Field(default=4, ge=2)
    network: str = "mienet"
    preprocess: Preprocess = Preprocess()
    recipe: Recipe = Recipe(epochs=8, balanced_epochs=0)
    augment: Augment = Augment()
    seed: int = Field(default=0, ge=0)


def out_of_fold(
    faces: FaceArrays,
    groups: Numbers,
    settings: FoldSettings,
    folder: Path,
    *,
    quiet: bool = False,
) -> Floats:
    """Returns what a network that never saw a face's group says of it, for every face.

    A run that was stopped goes on from its finished folds, and within a fold from its last
    checkpoint.

    Args:
        faces: (n,) faces, each with a label; their pixels are cuts as
            `mien.models.augment.training_cut` says.
        groups: (n,) numbers: faces of one group are held out together.
        settings: how.
        folder: keeps the folds; remove it when their settings or faces change.
        quiet: show no progress.

    Returns:
        (n, 7) float32 probabilities, rows summing to 1.

    Raises:
        StageError: there are too few groups or faces for so many folds, or the loss is not finite.
        UnknownNameError: there is no network of that name.
        MissingExtraError: scikit-learn is not installed.
    """
    held_out = fold_of(faces.labels, groups, settings.folds, settings.seed)
    found = np.zeros((len(faces), len(CLASSES)), np.float32)
    for fold in range(settings.folds):
        inside = np.flatnonzero(held_out == fold)
        if not len(inside):
            continue
        path = folder / f"fold-{fold}.npy"
        if not path.exists():
            part = _trained(faces, held_out != fold, settings, folder / f"fold-{fold}", quiet)
            with atomic(path) as file:
                np.save(file, _probabilities(part, faces, inside, settings))
        found[inside] = np.load(path)
        shutil.rmtree(folder / f"fold-{fold}", ignore_errors=True)
    return found


def fold_of(labels: Numbers, groups: Numbers, folds: int, seed: int) -> Numbers:
    """Returns the fold (n,) that holds each face out, 0 to ``folds`` - 1.

    Args:
        labels: (n,) class numbers, whose shares the folds keep as far as groups allow.
        groups: (n,) numbers; a group lies in one fold.
        folds: how many.
        seed: another one shares them out in another way.

    Raises:
        StageError: there are fewer groups, or fewer faces in every class, than folds.
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold
    except ImportError:
        raise MissingExtraError("Sharing faces out over folds", "data") from None
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    found = np.full(len(labels), -1, np.int64)
    with warnings.catch_warnings():
        # A class rarer than the folds is no reason to look for no wrong labels in the others.
        warnings.filterwarnings("ignore", "The least populated class in y", UserWarning)
        try:
            for fold, (_, inside) in enumerate(splitter.split(labels, labels, groups)):
                found[inside] = fold
        except ValueError as error:
            raise StageError(
                f"{len(labels)} faces in {len(np.unique(groups))} groups cannot be shared out over "
                f"{folds} folds ({error}). Ask for fewer folds, or bring more faces."
            ) from error
    return found


def _trained(
    faces: FaceArrays, chosen: np.ndarray, settings: FoldSettings, folder: Path, quiet: bool
) -> nn.Module:
    """Returns a network trained on the chosen faces."""
    kind = registry.load("networks", settings.network)()
    torch.manual_seed(settings.seed)
    network = kind.build(len(CLASSES), "scratch")
    kept = np.flatnonzero(chosen)
    part = FaceArrays(
        tuple(faces.ids[i] for i in kept),
        faces.pixels[kept],
        faces.targets[kept],
        faces.labels[kept],
    )
    recipe = settings.recipe
    batches = Batches(
        part,
        settings.preprocess,
        settings.augment,
        settings.seed,
        recipe.label_smoothing,
        recipe.mixup,
    )
    folder.mkdir(parents=True, exist_ok=True)
    report = Report(recipe.total_epochs, quiet)
    blocks = kind.trainable("all")
    return Training(network, batches, recipe, lambda _: {}, folder, blocks, report).run()


def _probabilities(
    network: nn.Module, faces: FaceArrays, rows: Numbers, settings: FoldSettings
) -> Floats:
    """Returns (m, 7) probabilities of some faces, as they are: not turned, not mirrored."""
    pixels = faces.pixels[rows]
    if not settings.augment.off:
        plain = Augment.none()
        pixels = np.stack([view(cut, settings.preprocess, plain, (0, 0, 0)) for cut in pixels])
    scores = torch.from_numpy(logits(network, inputs_of(pixels, settings.preprocess)))
    probabilities: Floats = scores.softmax(1).numpy()
    return probabilities
