"""The training loop: soft targets, two phases, averaged weights, exact resume.

The base is Lightning Fabric: it places network and batches and keeps the precision; the loop stays
in sight. Whatever is random is a function of (seed, epoch, place), so a checkpoint holds
no state of any random generator, and a training that was killed ends as if it had not been.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import torch
from lightning.fabric import Fabric
from pydantic import Field
from torch import nn

from mien.core.config import StageConfig
from mien.core.errors import StageError
from mien.core.types import Floats
from mien.models import checkpoint
from mien.models.data import Batches, class_weights, epoch_order
from mien.models.log import Report, Row, write_log

CHECKPOINT: Final = "checkpoint.safetensors"
Evaluate = Callable[[nn.Module], dict[str, float]]
Power = Annotated[float, Field(ge=0, le=1)]


class Recipe(StageConfig):
    """How a network is trained: a long phase on the data as they are, a short one balanced.

    Attributes:
        epochs: of the first phase; warm-up, then a cosine from ``learning_rate`` to zero.
        balanced_epochs: of the second phase; a cosine from ``balanced_learning_rate`` to zero.
        balance: in the first phase faces are drawn in proportion to class count ** -balance.
        balanced_balance: the same in the second phase (decoupled training, Kang et al. 2020).
        warmup: epochs over which the rate rises from zero.
        batch_size: faces a step.
        optimizer: ``adamw`` (Loshchilov and Hutter 2019), or ``sgd`` with Nesterov's momentum.
        weight_decay: of weights; norms and biases have none.
        label_smoothing: the share of each target that is spread over all classes.
        mixup: the parameter of the mixing distribution; 0 mixes nothing.
        clip: the largest norm of the gradient.
        ema: how much of the averaged weights a step keeps (Polyak and Juditsky 1992).
        precision: Lightning's name of the arithmetic.
        checkpoint_steps: steps between checkpoints, besides one after each epoch.
    """

    epochs: int = Field(default=30, ge=1)
    balanced_epochs: int = Field(default=4, ge=0)
    balance: Power = 0.0
    balanced_balance: Power = 0.6
    batch_size: int = Field(default=128, ge=2)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(default=2e-3, gt=0)
    balanced_learning_rate: float = Field(default=3e-4, gt=0)
    warmup: float = Field(default=1.0, ge=0)
    weight_decay: float = Field(default=0.05, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    mixup: float = Field(default=0.0, ge=0)
    clip: float = Field(default=5.0, gt=0)
    ema: float = Field(default=0.998, ge=0, lt=1)
    precision: Literal["bf16-mixed", "32-true", "16-mixed"] = "bf16-mixed"
    checkpoint_steps: int = Field(default=200, ge=1)

    @property
    def total_epochs(self) -> int:
        """Both phases together."""
        return self.epochs + self.balanced_epochs

    def power(self, epoch: int) -> float:
        """Returns how strongly an epoch, counted from 0, balances its classes."""
        return self.balance if epoch < self.epochs else self.balanced_balance

    def rate(self, step: int, steps: int) -> float:
        """Returns the learning rate of a step, counted from 0, at ``steps`` an epoch."""
        first = self.epochs * steps
        if step >= first:
            done = (step - first + 1) / (self.balanced_epochs * steps + 1)
            return self.balanced_learning_rate * (1 + math.cos(math.pi * done)) / 2
        rise = min(round(self.warmup * steps), first - 1)
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        done = (step - rise) / max(first - rise, 1)
        return self.learning_rate * (1 + math.cos(math.pi * done)) / 2


class Training:
    """One training: make it, then `run` it; made again over the same folder, it goes on.

    Args:
        network: trained in place.
        batches: where batches come from.
        recipe: how.
        evaluate: measures the averaged network after each epoch; its names become columns.
        folder: keeps the checkpoint and ``log.csv``.
        blocks: the names of the network's blocks to train; the others stay as they are.
        report: shows progress.

    Attributes:
        averaged: the network with averaged weights, which is what a training makes.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Batches,
        recipe: Recipe,
        evaluate: Evaluate,
        folder: Path,
        blocks: list[str] | None = None,
        report: Report | None = None,
    ) -> None:
        torch.use_deterministic_algorithms(True)
        for name in ("lightning.fabric", "lightning.pytorch"):  # they announce what was asked for
            logging.getLogger(name).setLevel(logging.WARNING)
        self.recipe, self.batches, self.folder = recipe, batches, folder
        self.evaluate, self.report = evaluate, report or Report(recipe.total_epochs)
        self.network: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.frozen = _freeze(self.network, blocks)
        self.averaged: nn.Module = copy.deepcopy(self.network).eval()
        self.optimizer = _optimizer(self.network, recipe)
        self.fabric = Fabric(accelerator="auto", devices=1, precision=recipe.precision)
        self.module, self.stepper = self.fabric.setup(self.network, self.optimizer)
        self.averaged.to(self.fabric.device)
        self.steps = math.ceil(len(batches.faces) / recipe.batch_size)
        self.step = 0
        self.rows: list[Row] = []
        self.sums = {"loss": 0.0, "hits": 0.0, "faces": 0.0, "seconds": 0.0}

    def run(self) -> nn.Module:
        """Trains to the end and returns the averaged network, in evaluation mode.

        Raises:
            StageError: the loss is no longer finite.
            ModelError: the checkpoint in the folder is damaged or of another network.
        """
        if (self.folder / CHECKPOINT).exists():
            self._restore()
        with self.report:
            while self.step < self.recipe.total_epochs * self.steps:
                self._epoch(self.step // self.steps)
        return self.averaged

    def _epoch(self, epoch: int) -> None:
        recipe = self.recipe
        weights = class_weights(self.batches.faces.targets, recipe.power(epoch))
        order = epoch_order(weights, self.batches.seed, epoch)
        _set_mode(self.network, self.frozen)
        for place in range(self.step % self.steps, self.steps):
            began = time.perf_counter()
            inputs, targets = self.batches.batch(
                order, place * recipe.batch_size, recipe.batch_size, epoch
            )
            self._learn(inputs, targets, epoch)
            self.step += 1
            self.sums["seconds"] += time.perf_counter() - began
            self.report.step(epoch, place + 1, self.steps, self.sums, self._seconds_left())
            if place + 1 < self.steps and self.step % recipe.checkpoint_steps == 0:
                self._save()
        self._close(epoch)

    def _learn(self, inputs: Floats, targets: Floats, epoch: int) -> None:
        # Dropout draws from a generator that each step seeds anew: no state to keep.
        torch.manual_seed(hash((self.batches.seed, self.step)) % 2**63)
        rate = self.recipe.rate(self.step, self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        device = self.fabric.device
        pictures = torch.from_numpy(inputs).to(device, memory_format=torch.channels_last)
        wanted = torch.from_numpy(targets).to(device)
        logits = self.module(pictures).float()
        loss = nn.functional.cross_entropy(logits, wanted)
        value = float(loss.detach())
        if not math.isfinite(value):
            self._stop(inputs, targets, epoch, rate)
        self.stepper.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.fabric.clip_gradients(self.module, self.stepper, max_norm=self.recipe.clip)
        self.stepper.step()
        self._average()
        self.sums["loss"] += value * len(inputs)
        self.sums["hits"] += float((logits.argmax(1) == wanted.argmax(1)).sum())
        self.sums["faces"] += len(inputs)

    @torch.no_grad()
    def _average(self) -> None:
        # Young averages follow quickly, or the random start would stay in them for long.
        keep = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        mine, theirs = self.averaged.state_dict(), self.network.state_dict()
        for name, value in mine.items():
            if value.is_floating_point():
                value.lerp_(theirs[name], 1 - keep)
            else:
                value.copy_(theirs[name])

    def _close(self, epoch: int) -> None:
        sums = self.sums
        row: Row = {
            "epoch": epoch + 1,
            "iterations": self.step,
            "learning_rate": self.recipe.rate(self.step - 1, self.steps),
            "loss": sums["loss"] / sums["faces"],
            "accuracy": sums["hits"] / sums["faces"],
            **self.evaluate(self.averaged),
            "images_per_second": sums["faces"] / max(sums["seconds"], 1e-9),
            "seconds_left": self._seconds_left(),
        }
        self.rows.append(row)
        self.sums = dict.fromkeys(sums, 0.0)
        self._save()
        self.report.epoch(row)

    def _seconds_left(self) -> float:
        rates = [row["images_per_second"] for row in self.rows[-3:]]
        if self.sums["seconds"] > 0:
            rates.append(self.sums["faces"] / self.sums["seconds"])
        rate = float(np.mean(rates)) if rates else 1.0
        remaining = self.recipe.total_epochs * self.steps - self.step
        return remaining * self.recipe.batch_size / max(rate, 1e-9)

    def _save(self) -> None:
        tensors = {
            **checkpoint.prefixed("network", self.network.state_dict()),
            **checkpoint.prefixed("averaged", self.averaged.state_dict()),
            **checkpoint.prefixed("optimizer", checkpoint.optimizer_tensors(self.optimizer)),
        }
        state = {"step": self.step, "sums": self.sums, "rows": self.rows, **self._identity()}
        checkpoint.write(self.folder / CHECKPOINT, tensors, state)
        write_log(self.folder / "log.csv", self.rows)

    def _restore(self) -> None:
        path = self.folder / CHECKPOINT
        tensors, state = checkpoint.read(path)
        changed = [k for k, v in self._identity().items() if state.get(k) != v]
        if changed:
            raise StageError(
                f"{path} belongs to a training with another {' and '.join(changed)}. "
                "Remove it to start again, or go back to the settings it was made with."
            )
        checkpoint.load_weights(self.network, checkpoint.part("network", tensors), str(path))
        checkpoint.load_weights(self.averaged, checkpoint.part("averaged", tensors), str(path))
        checkpoint.restore_optimizer(self.optimizer, checkpoint.part("optimizer", tensors))
        self.step, self.sums, self.rows = state["step"], state["sums"], state["rows"]
        write_log(self.folder / "log.csv", self.rows)

    def _identity(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "seed": self.batches.seed,
            "faces": len(self.batches.faces),
        }

    def _stop(self, inputs: Floats, targets: Floats, epoch: int, rate: float) -> None:
        path = self.folder / "nonfinite-batch.safetensors"
        batch = {"inputs": torch.from_numpy(inputs), "targets": torch.from_numpy(targets)}
        checkpoint.write(path, batch, {"epoch": epoch, "step": self.step})
        raise StageError(
            f"The loss is not finite in epoch {epoch + 1}, step {self.step}, at the learning rate "
            f"{rate:.3g}; the batch is in {path}. Try a lower learning_rate, or precision = "
            "'32-true'."
        )


def _freeze(network: nn.Module, blocks: list[str] | None) -> list[nn.Module]:
    """Freezes all blocks but ``blocks`` and returns them."""
    frozen = [b for name, b in network.named_children() if blocks and name not in blocks]
    for block in frozen:
        block.requires_grad_(False)
    return frozen


def _set_mode(network: nn.Module, frozen: list[nn.Module]) -> None:
    network.train()
    for block in frozen:  # its running statistics shall stay as they are
        block.eval()


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    learned = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate)
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
