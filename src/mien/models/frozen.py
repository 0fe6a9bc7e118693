"""The frozen trunk, run once: where the first blocks never change, neither do their outputs.

With frozen leading blocks in evaluation mode and no random views, what the trunk makes of a face
is the same in every epoch. It is computed once into a memory-mapped file, and the tail is trained
on it: the same mathematics, at the tail's cost. Random views switch that off, or a number of views
of each face is stored and taken in turn, which is another, stated, training.
"""

from __future__ import annotations

import json
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from lightning.fabric import Fabric
from pydantic import Field
from torch import nn

from mien.core.artifact import write_json
from mien.core.config import StageConfig
from mien.core.errors import StageError
from mien.core.progress import track
from mien.core.spec import normalise
from mien.core.types import Floats
from mien.models.augment import Pixels
from mien.models.data import Batches
from mien.models.inference import BATCH, inputs_of, outputs, slices
from mien.models.sampling import Numbers, smoothed


class TrunkCache(StageConfig):
    """Whether the outputs of frozen leading blocks are stored.

    Attributes:
        store: ``auto`` stores them where that changes nothing; ``off`` never.
        views: with random views, how many of each face are stored and taken in turn, an epoch each;
            0 stores none. Fewer views than epochs is another training than without the store.
        half: store in half precision: half the disk, about 0.001 relative error.
    """

    store: str = Field(default="auto", pattern="^(auto|off)$")
    views: int = Field(default=0, ge=0)
    half: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Batches of what a trunk made of the training faces; see `mien.models.data.Batches`.

    Attributes:
        values: (views, n, ...) float, memory-mapped.
        targets: (n, 7) float32.
        seed: of the order.
        smoothing: the share of each target that is spread over all classes.
    """

    values: npt.NDArray[Any]
    targets: Floats
    seed: int
    smoothing: float = 0.0

    def batch(
        self, order: Numbers, start: int, size: int, epoch: int, part: tuple[int, int] | None = None
    ) -> tuple[Floats, Floats]:
        """Returns the features (size, ...) float32 and the targets (size, 7) float32 of a batch."""
        faces = order[start : start + size][slice(*(part or (None,)))]
        features = np.asarray(self.values[epoch % len(self.values)][faces], np.float32)
        return features, smoothed(self.targets[faces], self.smoothing)


def cut(network: nn.Module, blocks: list[str]) -> tuple[nn.Sequential, nn.Sequential]:
    """Returns a network's frozen leading blocks, and the rest; together they are the network.

    Args:
        network: a chain of named blocks.
        blocks: those that are trained.
    """
    named = list(network.named_children())
    first = next((i for i, (name, _) in enumerate(named) if name in blocks), len(named))
    parts = nn.Sequential(), nn.Sequential()
    for number, (name, block) in enumerate(named):
        parts[number >= first].add_module(name, block)
    return parts


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """What is trained, on what, and what it is measured on: the whole network, or its tail.

    Attributes:
        module: the network to train, or its tail.
        source: where its batches come from.
        dev: yields the batches that it is measured on, anew with each call.
        trunk: what stands before the tail; empty for the whole network.
        line: what was decided, in words.
    """

    module: nn.Module
    source: Batches | Features
    dev: Callable[[], Iterable[Floats]]
    trunk: nn.Sequential
    line: str

    def whole(self, trained: nn.Module) -> nn.Module:
        """Returns the network that a trained module is, or is the tail of."""
        if not len(self.trunk):
            return trained
        device = next(trained.parameters()).device
        blocks = [*self.trunk.to(device).named_children(), *trained.named_children()]
        return nn.Sequential(OrderedDict(blocks)).eval()


def prepare(
    network: nn.Module,
    blocks: list[str],
    batches: Batches,
    dev: Pixels,
    settings: TrunkCache,
    folder: Path,
    fabric: Fabric,
    taught: bool = False,
) -> Ready:
    """Runs the frozen trunk once over all faces, if that changes nothing; else leaves all as it is.

    Args:
        network: a chain of named blocks.
        blocks: those that are trained.
        batches: over the training faces.
        dev: (n, side, side, channels) uint8 cuts that the training is measured on.
        settings: whether and how outputs are stored.
        folder: where.
        fabric: launched.
        taught: whether teachers look at the inputs, too.

    Raises:
        StageError: the disk is too small.
    """
    preprocess = batches.preprocess
    trunk, tail = cut(network, blocks)
    reason = reason_against(network, trunk, batches, settings, taught)
    if reason:
        whole = nn.Sequential()
        line = "" if not len(trunk) else f"the frozen trunk runs in every epoch: {reason}"
        return Ready(network, batches, lambda: inputs_of(dev, preprocess), whole, line)
    side = preprocess.input_size
    shape = output_shape(trunk, (preprocess.channels, side, side))
    faces, views = len(batches.targets), max(settings.views, 1)
    exact = "" if batches.augment.off else f", {views} views of each face, taken in turn"
    line = (
        f"the frozen trunk ({', '.join(dict(trunk.named_children()))}) runs once: "
        f"{faces + len(dev):,} faces{exact}, {shape} each, "
        f"{bytes_needed(shape, faces * views + len(dev), settings) / 1e9:.2f} GB on disk"
    )
    order = np.arange(faces)
    trunk.to(fabric.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    with fabric.rank_zero_first(), fabric.autocast():
        values = stored(
            trunk,
            lambda view, a, b: batches.batch(order, a, b - a, view)[0],
            (faces, *shape),
            folder / "trunk.npy",
            settings,
        )
        plain = TrunkCache(half=settings.half)
        held = stored(
            trunk,
            lambda _, a, b: normalise(np.asarray(dev[a:b]), preprocess),
            (len(dev), *shape),
            folder / "trunk-dev.npy",
            plain,
        )[0]
    trunk.to("cpu")
    source = Features(values, batches.targets, batches.seed, batches.smoothing)
    size = int(np.prod(shape))

    def inputs() -> Iterator[Floats]:
        for a, b in slices(len(held), size):
            yield np.asarray(held[a:b], np.float32)

    return Ready(tail, source, inputs, trunk, line)


def reason_against(
    network: nn.Module,
    trunk: nn.Sequential,
    batches: Batches,
    settings: TrunkCache,
    taught: bool = False,
) -> str | None:
    """Returns why the trunk's outputs are not stored, in words; None where they can be."""
    if settings.store == "off":
        return "[train.trunk] store is off"
    if not isinstance(network, nn.Sequential):
        return "the network is no chain of blocks"
    if not len(trunk):
        return "the first block is trained"
    if taught:
        return "teachers look at the inputs"
    if batches.mixup:
        return "mixup mixes inputs anew in each epoch"
    if not batches.augment.off and not settings.views:
        return "random views differ in each epoch ([train.trunk] views = 8 would store eight)"
    return None


def output_shape(trunk: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the shape of one face's output of a trunk for an input (channels, side, side)."""
    device = next((p.device for p in trunk.parameters()), torch.device("cpu"))
    with torch.inference_mode():
        return tuple(trunk.eval()(torch.zeros(1, *shape, device=device)).shape[1:])


def bytes_needed(shape: tuple[int, ...], outputs: int, settings: TrunkCache) -> int:
    """Returns the disk that so many outputs take."""
    return int(np.prod(shape)) * (2 if settings.half else 4) * outputs


def stored(
    trunk: nn.Sequential,
    inputs: Callable[[int, int, int], Floats],
    shape: tuple[int, ...],
    path: Path,
    settings: TrunkCache,
) -> npt.NDArray[Any]:
    """Computes what a trunk makes of faces, or goes on where an earlier run stopped.

    Args:
        trunk: in evaluation mode, on its device.
        inputs: of (view, first, end): the inputs of these faces.
        shape: (faces, ...) of the outputs.
        path: the ``.npy`` file to keep them in.
        settings: views of each face, and precision.

    Returns:
        (views, faces, ...) float, memory-mapped.

    Raises:
        StageError: the disk is too small.
    """
    views, done_path = max(settings.views, 1), path.with_suffix(".json")
    if not path.exists():
        need = bytes_needed(shape[1:], views * shape[0], settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
        if need > free:
            raise StageError(
                f"The frozen trunk's outputs take {need / 1e9:.1f} GB, and {path.parent} has "
                f"{free / 1e9:.1f} GB left. Free some, set [train.trunk] half = true, or store = "
                "'off'."
            )
        done_path.unlink(missing_ok=True)
        dtype = np.float16 if settings.half else np.float32
        values = np.lib.format.open_memmap(path, "w+", dtype, (views, *shape))
    else:
        values = np.lib.format.open_memmap(path, "r+")
    done = json.loads(done_path.read_bytes())["faces"] if done_path.exists() else 0
    pieces = [p for p in _pieces(views, shape[0]) if p[0] * shape[0] + p[2] > done]
    for view, first, end in track(pieces, "frozen trunk", len(pieces)):
        values[view, first:end] = np.concatenate(
            list(outputs(trunk, _inputs(inputs, view, first, end)))
        )
        values.flush()
        write_json(done_path, {"faces": view * shape[0] + end})
    return values


def _pieces(views: int, faces: int) -> Iterator[tuple[int, int, int]]:
    """Yields view, first and end face of what is computed between two notes of the progress."""
    for view in range(views):
        for first in range(0, faces, BATCH):
            yield view, first, min(first + BATCH, faces)


def _inputs(
    inputs: Callable[[int, int, int], Floats], view: int, first: int, end: int
) -> Iterator[Floats]:
    size = inputs(view, first, first + 1).size
    for a, b in slices(end - first, size):
        yield inputs(view, first + a, first + b)
