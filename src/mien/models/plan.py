"""What a training would take: iterations, parameters, memory, time and cost, before it is begun."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from lightning.fabric import Fabric
from torch import nn

from mien.models import frozen, inference
from mien.models.blocks import count
from mien.models.data import Batches
from mien.models.log import Report, clock
from mien.models.loop import Source, Teach, Training
from mien.models.memory import peak_bytes
from mien.models.settings import TrainConfig

_TIMED: Final = 3
_TRIED: Final = 16


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training would take on this machine.

    Attributes:
        faces: that it trains on.
        epochs: in all.
        iterations: in all.
        trained: parameters that change.
        frozen: parameters that stay.
        trunk: what is done about frozen leading blocks, in words; empty where there are none.
        disk: bytes that the trunk's outputs take.
        memory: bytes at the peak of the iterations that were tried.
        trunk_seconds: to run the trunk once; 0 where it runs in every epoch.
        iteration_seconds: of one iteration.
    """

    faces: int
    epochs: int
    iterations: int
    trained: int
    frozen: int
    trunk: str
    disk: int
    memory: int
    trunk_seconds: float
    iteration_seconds: float

    @property
    def seconds(self) -> float:
        """The whole training."""
        return self.trunk_seconds + self.iterations * self.iteration_seconds

    def text(self, price: float | None = None) -> str:
        """Returns the plan in lines; with the cost, where an hour of the machine has a price."""
        rows = {
            "faces": f"{self.faces:,}",
            "epochs": f"{self.epochs}",
            "iterations": f"{self.iterations:,}",
            "parameters trained": f"{self.trained:,}",
            "parameters frozen": f"{self.frozen:,}",
            "frozen trunk": self.trunk,
            "disk for its outputs": f"{self.disk / 1e9:.2f} GB" if self.disk else "",
            "memory at the peak": f"{self.memory / 1e9:.2f} GB",
            "one iteration": f"{self.iteration_seconds:.3f} s",
            "time, estimated": clock(self.seconds),
            "cost, estimated": "" if price is None else f"{price * self.seconds / 3600:.2f}",
        }
        return "\n".join(f"{name:<22}{value}" for name, value in rows.items() if value)


def measure(
    network: nn.Module,
    blocks: list[str],
    batches: Batches,
    dev: int,
    config: TrainConfig,
    fabric: Fabric,
    teach: Teach | None = None,
) -> Plan:
    """Tries some iterations and returns what the whole training would take. It spoils the network.

    Args:
        network: with its start.
        blocks: those to train.
        batches: over the training faces.
        dev: how many faces it is measured on.
        config: the settings.
        fabric: launched.
        teach: changes the targets in the light of the inputs.

    Raises:
        StageError: a batch does not fit the memory; the message names the size that does.
    """
    recipe, faces = config.recipe, len(batches.targets)
    trunk, tail = frozen.cut(network, blocks)
    before = sum(p.numel() for p in trunk.parameters())
    module, trunk_seconds, disk = network, 0.0, 0
    source: Source = batches
    reason = frozen.reason_against(network, trunk, batches, config.trunk, teach is not None)
    line = f"runs in every epoch: {reason}" if reason and len(trunk) else ""
    if reason is None:
        line, module = "runs once", tail
        outputs = faces * max(config.trunk.views, 1) + dev
        source, seconds, disk = _tail(trunk, batches, outputs, config, fabric)
        trunk_seconds = seconds * outputs
    with tempfile.TemporaryDirectory() as folder:
        quiet = Report(recipe.total_epochs, quiet=True)
        run = Training(
            module, source, recipe, lambda _: {}, Path(folder), blocks, quiet, fabric=fabric,
            teach=teach,
        )  # fmt: skip
        seconds = run.tried(_TIMED)
    trained, kept = count(module)
    return Plan(
        faces=faces,
        epochs=recipe.total_epochs,
        iterations=recipe.total_epochs * recipe.steps(faces),
        trained=trained,
        frozen=kept + (before if reason is None else 0),
        trunk=line,
        disk=disk,
        memory=peak_bytes(fabric.device),
        trunk_seconds=trunk_seconds,
        iteration_seconds=seconds,
    )


def _tail(
    trunk: nn.Sequential, batches: Batches, count: int, config: TrainConfig, fabric: Fabric
) -> tuple[Source, float, int]:
    """Returns made-up features for the tail, the trunk's seconds a face, and the disk they take."""
    faces, size = len(batches.targets), batches.preprocess.input_size
    inputs = np.zeros((_TRIED, batches.preprocess.channels, size, size), np.float32)
    trunk.to(fabric.device).eval()
    list(inference.outputs(trunk, [inputs]))
    began = time.perf_counter()
    (found,) = inference.outputs(trunk, [inputs])
    seconds = (time.perf_counter() - began) / len(inputs)
    # One face's features stand for all: no memory is taken for more of them.
    values = np.broadcast_to(found[:1], (1, faces, *found.shape[1:]))
    features = frozen.Features(values, batches.targets, batches.seed)
    return features, seconds, frozen.bytes_needed(found.shape[1:], count, config.trunk)
