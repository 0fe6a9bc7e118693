"""Training on several devices and machines: one global batch, shared out over processes.

The base is Lightning Fabric with its distributed data parallel strategy. Processes are started by
``torchrun``, by a cluster's scheduler, or by Fabric itself where ``devices`` is more than one.
"""

from __future__ import annotations

import logging
import math
import os
from typing import Any, Literal

import torch
import torch.distributed
from lightning.fabric import Fabric
from pydantic import Field
from torch import nn

from mien.core.config import StageConfig
from mien.core.errors import StageError


class Devices(StageConfig):
    """What a training runs on.

    Attributes:
        accelerator: Lightning's name of the kind of device.
        devices: how many on each machine. Under ``torchrun`` its number of processes counts.
        nodes: how many machines; likewise.
    """

    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    devices: int = Field(default=1, ge=1)
    nodes: int = Field(default=1, ge=1)


def launched(settings: Devices, precision: str = "32-true") -> Fabric:
    """Returns Fabric, launched: this process knows its place among all.

    Args:
        settings: what to run on.
        precision: Lightning's name of the arithmetic, or ``auto``, see `arithmetic`.
    """
    chosen: Any = arithmetic(settings.accelerator) if precision == "auto" else precision
    for name in ("lightning.fabric", "lightning.pytorch"):  # they announce what was asked for
        logging.getLogger(name).setLevel(logging.WARNING)
    devices, nodes = settings.devices, settings.nodes
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1:  # torchrun has started the processes already
        devices = int(os.environ.get("LOCAL_WORLD_SIZE", world))
        nodes = math.ceil(world / devices)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # its sums are repeatable then
    fabric = Fabric(
        accelerator=settings.accelerator,
        devices=devices,
        num_nodes=nodes,
        strategy="ddp" if devices * nodes > 1 else "auto",
        precision=chosen,
    )
    fabric.launch()
    return fabric


def arithmetic(accelerator: str = "auto") -> str:
    """Returns Lightning's name of the quickest arithmetic that training bears on a device.

    bfloat16 where the device computes in it; a CPU that has to emulate it takes ten times as long
    as with float32.

    Args:
        accelerator: Lightning's name of the kind of device.
    """
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bf16-mixed" if accelerator in ("auto", "cpu") and native() else "32-true"


def share(count: int, fabric: Fabric) -> tuple[int, int]:
    """Returns the first and the end place of this process's share of ``count`` faces."""
    rank, world = fabric.global_rank, fabric.world_size
    return count * rank // world, count * (rank + 1) // world


def total(values: list[float], fabric: Fabric) -> list[float]:
    """Returns the sums of each value over all processes."""
    if fabric.world_size == 1:
        return values
    summed: Any = fabric.all_reduce(torch.tensor(values, dtype=torch.float64), reduce_op="sum")
    return [float(value) for value in summed]


def synced(network: nn.Module, fabric: Fabric) -> nn.Module:
    """Returns the network with batch normalisation over the batches of all processes together.

    Names and values of its tensors stay the same. One process leaves it as it is.

    Raises:
        StageError: a norm of another kind than torch's own, on several processes without GPUs.
    """
    if fabric.world_size == 1:
        return network
    kinds = {type(m) for m in network.modules() if hasattr(m, "running_var")}
    others = sorted(kind.__name__ for kind in kinds - {nn.BatchNorm2d})
    if fabric.device.type == "cuda":
        if others:  # timm's norms hold an activation, which torch's converter would lose
            from timm.layers import convert_sync_batchnorm as convert
        else:
            convert = nn.SyncBatchNorm.convert_sync_batchnorm
        converted: nn.Module = convert(network)
        return converted
    if others:
        raise StageError(
            f"Batch normalisation of the kind {', '.join(others)} is not shared between processes "
            "without a GPU. Train in one process, or on GPUs."
        )
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.BatchNorm2d:
                child.__class__ = SyncedNorm  # the same tensors; only its training differs
                setattr(parent, name, child)
    return network


class SyncedNorm(nn.BatchNorm2d):
    """Batch normalisation over all processes on any device; torch's own needs a GPU."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002  # torch's name
        """Returns (n, channels, h, w), normalised as if all processes' faces were one batch."""
        if not self.training:
            return super().forward(input)
        count = torch.full((1,), float(input.numel() / input.shape[1]), device=input.device)
        parts = torch.cat([input.sum((0, 2, 3)), (input * input).sum((0, 2, 3)), count])
        summed: torch.Tensor = _Sum.apply(parts)  # type: ignore[no-untyped-call]
        number = summed[-1]
        mean = summed[: self.num_features] / number
        variance = summed[self.num_features : -1] / number - mean * mean
        with torch.no_grad():
            rate = self.momentum if self.momentum is not None else 0.1
            unbiased = variance * number / (number - 1)
            self.running_mean.lerp_(mean, rate)  # type: ignore[union-attr]
            self.running_var.lerp_(unbiased, rate)  # type: ignore[union-attr]
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return input * scale[:, None, None] + shift[:, None, None]


class _Sum(torch.autograd.Function):
    """The sum over all processes; so is its gradient, since each process adds to every sum."""

    @staticmethod
    def forward(_: Any, values: torch.Tensor) -> torch.Tensor:
        summed = values.clone()
        torch.distributed.all_reduce(summed)
        return summed

    @staticmethod
    def backward(_: Any, gradient: torch.Tensor) -> torch.Tensor:
        summed = gradient.clone()
        torch.distributed.all_reduce(summed)
        return summed
