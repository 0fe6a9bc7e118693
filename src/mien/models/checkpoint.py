"""Checkpoints and weights without pickle: tensors in one safetensors file, scalars in its header.

One file, written aside and renamed, so a kill at any moment leaves the previous checkpoint whole;
a digest over every tensor, so a damaged one is refused instead of trained on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn

from mien.core.artifact import atomic
from mien.core.errors import ModelError

Tensors = dict[str, torch.Tensor]
FORMAT: Final = "mien-checkpoint-1"


def write(path: Path, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]) -> None:
    """Writes tensors and a JSON-able state as one safetensors file, atomically.

    Args:
        path: the file.
        tensors: any shapes and dtypes, by name.
        state: what JSON can hold.
    """
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"format": FORMAT, "state": json.dumps(state), "digest": _digest(whole)}
    with atomic(path) as file:
        file.write(save(whole, metadata=header))


def read(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Reads what `write` wrote: the tensors, on the CPU, and the state.

    Raises:
        ModelError: the file is missing, cut short, altered, or not one of ours.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        state = json.loads(header.get("state", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(
            f"{path} cannot be read ({error}). Expected a whole safetensors file. Remove it to "
            "start again, or put back a copy."
        ) from error
    if header.get("format") != FORMAT or header.get("digest") != _digest(tensors):
        raise ModelError(
            f"{path} is not what mien wrote: its digest does not fit its tensors. Remove it to "
            "start again, or put back a copy."
        )
    return tensors, state


def read_weights(path: Path) -> Tensors:
    """Reads a plain safetensors file, on the CPU.

    Raises:
        ModelError: the file is missing, cut short, or of another format.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(
            f"{path} cannot be read ({error}). Expected the safetensors file of a model folder."
        ) from error


def load_weights(network: nn.Module, tensors: Mapping[str, torch.Tensor], origin: str) -> None:
    """Fills a network with weights that fit it exactly.

    Args:
        network: changed in place.
        tensors: by the names of ``network.state_dict()``.
        origin: where they come from, for the error's text.

    Raises:
        ModelError: a tensor is missing, left over or of another shape.
    """
    own = network.state_dict()
    wrong = sorted(own.keys() ^ tensors.keys())
    wrong += [k for k in own if k in tensors and own[k].shape != tensors[k].shape]
    if wrong:
        raise ModelError(
            f"The weights of {origin} do not fit this network: {', '.join(wrong[:5])}"
            f"{' ...' if len(wrong) > 5 else ''} differ. Was the folder made by another network?"
        )
    network.load_state_dict(dict(tensors))


def prefixed(prefix: str, tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """Returns the tensors under ``prefix.name``."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def part(prefix: str, tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """Returns the tensors that stand under ``prefix.``, by their own names."""
    start = prefix + "."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> Tensors:
    """Returns what an optimizer remembers, by ``<parameter number>.<name>``."""
    remembered: Tensors = {}
    for number, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            if value is not None:
                remembered[f"{number}.{name}"] = torch.as_tensor(value)
    return remembered


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Any]) -> None:
    """Gives an optimizer its memory back; rates come from the schedule, not from the file."""
    whole = optimizer.state_dict()
    memory: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        memory.setdefault(int(number), {})[name] = value
    whole["state"] = memory
    optimizer.load_state_dict(whole)
    # Fused optimizers walk memory as it lies, so what they remember lies as the weights do.
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                values[name] = torch.empty_like(parameter, requires_grad=False).copy_(value)


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
