"""The training loop: soft targets, two phases, averaged weights, exact resume, many processes.

The base is Lightning Fabric: it places network and batches, keeps the precision and joins
processes; the loop stays in sight. Whatever is random is a function of (seed, epoch, place), so a
checkpoint holds no state of any random generator, and a training that was killed ends as if it had
not been.
"""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import nn

from mien.core.errors import StageError
from mien.core.types import Floats
from mien.models import checkpoint
from mien.models.blocks import freeze, learned_names, on_device, training_mode
from mien.models.log import Report, Row, write_log
from mien.models.memory import is_out_of_memory, largest_fit
from mien.models.parallel import Devices, arithmetic, launched, share, synced, total
from mien.models.recipe import Recipe, optimizer_of
from mien.models.sampling import Numbers, class_weights, epoch_order, training_prior

CHECKPOINT: Final = "checkpoint.safetensors"
BAD_BATCH: Final = "nonfinite-batch.safetensors"
Evaluate = Callable[[nn.Module], dict[str, float]]
Teach = Callable[[torch.Tensor, torch.Tensor, Floats], torch.Tensor]
"""Of inputs, targets (n, 7) and the epoch's class shares (7,): the targets to learn."""


class Source(Protocol):
    """Where batches come from, see `mien.models.data.Batches`."""

    @property
    def seed(self) -> int:
        """Of order, views and dropout."""
        ...

    @property
    def targets(self) -> Floats:
        """The faces' targets, (n, 7) float32, rows summing to 1."""
        ...

    def batch(
        self, order: Numbers, start: int, size: int, epoch: int, part: tuple[int, int] | None = None
    ) -> tuple[Floats, Floats]:
        """Returns inputs and targets of a batch, or of a part of it."""
        ...


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
        fabric: launched; one process on the best device where not given.
        teach: changes the targets in the light of the inputs.

    Attributes:
        averaged: the network with averaged weights, which is what a training makes.
    """

    def __init__(  # noqa: PLR0913  # each is one thing
        self,
        network: nn.Module,
        batches: Source,
        recipe: Recipe,
        evaluate: Evaluate,
        folder: Path,
        blocks: list[str] | None = None,
        report: Report | None = None,
        *,
        fabric: Fabric | None = None,
        teach: Teach | None = None,
    ) -> None:
        self.recipe, self.batches, self.folder = recipe, batches, folder
        self.evaluate, self.report = evaluate, report or Report(recipe.total_epochs)
        self.fabric = fabric or launched(Devices(), recipe.precision)
        # A few operations have no deterministic form on a GPU: there a resume is close, not exact.
        torch.use_deterministic_algorithms(True, warn_only=self.fabric.device.type != "cpu")
        self.teach = teach
        self.network: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.frozen = freeze(self.network, blocks)
        self._kept = learned_names(self.network, self.frozen)
        self.averaged = copy.deepcopy(self.network) if recipe.ema else self.network
        self.network = synced(self.network, self.fabric)
        # Before a fused step Lightning cannot clip what float16's scaler has scaled.
        chosen = arithmetic() if recipe.precision == "auto" else recipe.precision
        self.optimizer = optimizer_of(self.network, recipe, fused=chosen != "16-mixed")
        self.module, self.stepper = self.fabric.setup(self.network, self.optimizer)
        self.averaged.to(self.fabric.device)
        self.steps = recipe.steps(len(batches.targets))
        self.step = 0
        self.shares: Floats  # of the epoch under way: see `_drawn`
        self.rows: list[Row] = []
        self.sums = {"loss": 0.0, "hits": 0.0, "faces": 0.0, "seconds": 0.0}

    def tried(self, iterations: int) -> float:
        """Returns the seconds of one iteration, the median of some that really train."""
        order = self._drawn(0)
        training_mode(self.network, self.frozen)
        seconds = []
        for _ in range(iterations + 1):
            began = time.perf_counter()
            self._learn(order, 0, 0)
            seconds.append(time.perf_counter() - began)
        return float(np.median(seconds[1:]))

    def run(self) -> nn.Module:
        """Trains to the end and returns the averaged network, in evaluation mode.

        Raises:
            StageError: the loss is no longer finite, or a batch does not fit the memory.
            ModelError: the checkpoint in the folder is damaged or of another network.
        """
        if (self.folder / CHECKPOINT).exists():
            self._restore()
        self.report.started(self.rows)
        with self.report:
            while self.step < self.recipe.total_epochs * self.steps:
                self._epoch(self.step // self.steps)
        self.fabric.barrier()
        trained: nn.Module = self.averaged.eval()
        return trained

    def _epoch(self, epoch: int) -> None:
        recipe = self.recipe
        order = self._drawn(epoch)
        training_mode(self.network, self.frozen)
        for place in range(self.step % self.steps, self.steps):
            began = time.perf_counter()
            self._learn(order, place * recipe.batch_size, epoch)
            self.step += 1
            self.sums["seconds"] += time.perf_counter() - began
            self.report.step(epoch, place + 1, self.steps, self.sums, self._seconds_left())
            if place + 1 < self.steps and self.step % recipe.checkpoint_steps == 0:
                self._save()
        self._close(epoch)

    def _drawn(self, epoch: int) -> Numbers:
        """Returns the faces that an epoch shows, in order; teachers are told their shares."""
        targets, power = self.batches.targets, self.recipe.power(epoch)
        self.shares = training_prior(targets, power)
        return epoch_order(class_weights(targets, power), self.batches.seed, epoch)

    def _learn(self, order: Numbers, start: int, epoch: int) -> None:
        # Dropout draws from a generator that each step seeds anew: no state to keep.
        rank = self.fabric.global_rank
        key = (self.batches.seed, self.step, rank) if rank else (self.batches.seed, self.step)
        torch.manual_seed(hash(key) % 2**63)
        rate = self.recipe.rate(self.step, self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        size = min(self.recipe.batch_size, len(order) - start)
        first, end = share(size, self.fabric)
        cuts = np.linspace(first, end, min(self.recipe.accumulate, max(end - first, 1)) + 1)
        edges = [round(cut) for cut in cuts]
        self.stepper.zero_grad(set_to_none=True)
        loss = hits = 0.0
        for number, part in enumerate(itertools.pairwise(edges)):
            inputs, targets = self.batches.batch(order, start, self.recipe.batch_size, epoch, part)
            more = number + 2 < len(edges)
            with self.fabric.no_backward_sync(self.module, enabled=more):
                value, right = self._gradients(inputs, targets, size)
            if not math.isfinite(value):
                self._stop(inputs, targets, epoch, rate)
            loss, hits = loss + value, hits + right
        loss, hits = total([loss, hits], self.fabric)
        if not math.isfinite(loss):  # another process has saved its batch
            raise StageError(f"The loss is not finite in epoch {epoch + 1}, step {self.step}.")
        if self.recipe.clip:
            self.fabric.clip_gradients(self.module, self.stepper, max_norm=self.recipe.clip)
        self.stepper.step()
        if self.recipe.ema:
            self._average()
        self.sums["loss"] += loss
        self.sums["hits"] += hits
        self.sums["faces"] += size

    def _gradients(self, inputs: Floats, targets: Floats, size: int) -> tuple[float, float]:
        """Adds the gradients of a part of a batch of ``size``; returns its loss and its hits."""
        device = self.fabric.device
        try:
            pictures = on_device(inputs, device)
            wanted = torch.from_numpy(targets).to(device)
            if self.teach is not None:
                with self.fabric.autocast():
                    wanted = self.teach(pictures, wanted, self.shares)
            logits = self.module(pictures).float()
            loss = nn.functional.cross_entropy(logits, wanted, reduction="sum")
            # Each process's gradients are averaged, so each counts as many times as there are.
            self.fabric.backward(loss * (self.fabric.world_size / size))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise largest_fit(self.module, inputs, self.recipe, error) from error
        hits = (logits.argmax(1) == wanted.argmax(1)).sum()
        return float(loss.detach()), float(hits)

    @torch.no_grad()
    def _average(self) -> None:
        # Young averages follow quickly, or the random start would stay in them for long.
        keep = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        mine, theirs = self.averaged.state_dict(), self.network.state_dict()
        for name in self._kept:
            if mine[name].is_floating_point():
                mine[name].lerp_(theirs[name], 1 - keep)
            else:
                mine[name].copy_(theirs[name])

    def _close(self, epoch: int) -> None:
        sums = self.sums
        row: Row = {
            "epoch": epoch + 1,
            "iterations": self.step,
            "learning_rate": self.recipe.rate(self.step - 1, self.steps),
            "loss": sums["loss"] / sums["faces"],
            "accuracy": sums["hits"] / sums["faces"],
            **(self.evaluate(self.averaged.eval()) if self.fabric.is_global_zero else {}),
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
        if not self.fabric.is_global_zero:
            return
        tensors = checkpoint.prefixed("optimizer", checkpoint.optimizer_tensors(self.optimizer))
        for name, part in self._parts().items():
            state_dict = part.state_dict()
            tensors |= checkpoint.prefixed(name, {key: state_dict[key] for key in self._kept})
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
        for name, part in self._parts().items():
            stored = {k: v for k, v in part.state_dict().items() if k not in self._kept}
            stored |= checkpoint.part(name, tensors)
            checkpoint.load_weights(part, stored, str(path))
        checkpoint.restore_optimizer(self.optimizer, checkpoint.part("optimizer", tensors))
        self.step, self.sums, self.rows = state["step"], state["sums"], state["rows"]
        if self.fabric.is_global_zero:
            write_log(self.folder / "log.csv", self.rows)

    def _parts(self) -> dict[str, nn.Module]:
        """Returns what a checkpoint holds: without averages they are the network itself."""
        return {"network": self.network} | ({"averaged": self.averaged} if self.recipe.ema else {})

    def _identity(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "seed": self.batches.seed,
            "faces": len(self.batches.targets),
        }

    def _stop(self, inputs: Floats, targets: Floats, epoch: int, rate: float) -> None:
        path = self.folder / BAD_BATCH
        batch = {"inputs": torch.from_numpy(inputs), "targets": torch.from_numpy(targets)}
        checkpoint.write(path, batch, {"epoch": epoch, "step": self.step})
        raise StageError(
            f"The loss is not finite in epoch {epoch + 1}, step {self.step}, at the learning rate "
            f"{rate:.3g}; the batch is in {path}. Try a lower learning_rate, or precision = "
            "'32-true'."
        )
