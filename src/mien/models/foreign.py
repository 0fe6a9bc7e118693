"""Weights as others store them, read without running anything that a file brings along."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from mien.core.errors import ModelError
from mien.models import caffe
from mien.models.known_weights import CAFFE_INPUT, Input, Published, fingerprints, recognised

Tensors = dict[str, torch.Tensor]

TORCH: Final = (".pth", ".pt", ".ckpt", ".tar", ".bin")
FORMS: Final = (".safetensors", *TORCH, ".caffemodel")
CONVERTED: Final = "mien-start-1"
"""What the header of a file that `mien.models.convert` wrote says of its format."""
_WRAPPERS: Final = (
    "state_dict",
    "model_state_dict",
    "net_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "weights",
    "params",
)
"""Under which a checkpoint keeps its weights, beside an epoch and an optimizer."""
_DEPTH: Final = 4
_ARCHIVE: Final = b"PK\x03\x04"
"""How torch's archives begin; what begins otherwise is read in its older form."""
_SLACK: Final = 1 << 16


@dataclass(frozen=True)
class Foreign:
    """A file of weights, read.

    Attributes:
        tensors: float tensors on the CPU, by the file's own names.
        origin: the file's name.
        prints: its `fingerprints`.
        row: the published weights that it is, where its checksum is known.
        fed: the input that the weights were learned with, where known.
        licence: of the weights, where known.
        commercial: whether that allows commercial use: ``yes``, ``no`` or ``unknown``.
        notes: what the user should know, one sentence each.
        ours: whether mien wrote them, for a network's own input; None where only the names tell.
    """

    tensors: Tensors
    origin: str
    prints: Mapping[str, str]
    row: Published | None = None
    fed: Input | None = None
    licence: str | None = None
    notes: tuple[str, ...] = ()
    commercial: str = "unknown"
    ours: bool | None = None


def read(path: Path, prototxt: Path | None = None) -> Foreign:
    """Reads a file of weights, by what its name ends in: see `FORMS`.

    Args:
        path: the file.
        prototxt: the description of a ``.caffemodel``; None looks for it beside the file.

    Raises:
        ModelError: it is missing, of another form, cut short, holds code or holds no weights.
    """
    form = path.suffix.lower()
    if form not in FORMS:
        raise ModelError(
            f"mien does not read weights from {path.name!r}. Expected a file that ends in one of "
            f"{', '.join(FORMS)}."
        )
    try:
        prints = fingerprints(path)
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}). Expected a file of weights."
        ) from error
    row = recognised(prints)
    fed, licence = (row.fed, row.licence) if row else (None, None)
    notes: tuple[str, ...] = ()
    ours, header = None, dict[str, str]()
    if form == ".caffemodel":
        tensors, notes = _caffe(path, prototxt)
        fed = fed or CAFFE_INPUT
    elif form == ".safetensors":
        tensors, header = _safetensors(path)
        licence = licence or header.get("licence")
        ours = True if header.get("format") == CONVERTED else None
    else:
        tensors = _torch(path)
    usable = {name: tensor for name, tensor in tensors.items() if _usable(tensor)}
    if not usable:
        raise ModelError(
            f"{path} holds no weights: no tensor of floating-point numbers is in it. Expected a "
            "network's state dict."
        )
    commercial = row.commercial if row else header.get("commercial_use", "unknown")
    return Foreign(usable, path.name, prints, row, fed, licence, notes, commercial, ours)


def _usable(tensor: Any) -> bool:
    """Tells plain numbers in memory from counters, sparse, quantised and empty-handed tensors."""
    return (
        isinstance(tensor, torch.Tensor)
        and tensor.is_floating_point()
        and tensor.layout == torch.strided
        and tensor.device.type == "cpu"
    )


def _caffe(path: Path, prototxt: Path | None) -> tuple[Tensors, tuple[str, ...]]:
    description = prototxt or caffe.prototxt_of(path)
    with caffe.scratch_folder() as folder:
        into = Path(folder) / "weights.safetensors"
        unknown = caffe.read(path, description, into)
        # Cloned: what is mapped into memory goes away with the folder.
        tensors = {name: tensor.clone() for name, tensor in load_file(into).items()}
    if unknown:
        return tensors, (f"OpenCV does not know the layers {shortened(unknown)}.",)
    return tensors, ()


def _safetensors(path: Path) -> tuple[Tensors, dict[str, str]]:
    try:
        with safe_open(str(path), framework="pt") as file:
            header = dict(file.metadata() or {})
        return load_file(path), header
    except (OSError, SafetensorError, ValueError, RuntimeError, OverflowError) as error:
        raise ModelError(
            f"{path} cannot be read ({error}). Expected a whole safetensors file: it was cut "
            "short, or is of another form. Fetch, convert or train it again."
        ) from error


def _torch(path: Path) -> Tensors:
    """Reads a torch checkpoint as data: ``weights_only`` builds tensors and calls nothing else."""
    _check_archive(path)
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # broken bytes raise whatever they hit
        raise ModelError(_refusal(path, error)) from error
    return _state_dict(held, path)


def _check_archive(path: Path) -> None:
    """Refuses an archive that unpacks to more than it is: torch stores, it does not compress."""
    try:
        with path.open("rb") as file:
            if file.read(len(_ARCHIVE)) != _ARCHIVE:
                return
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except Exception as error:  # broken bytes raise whatever they hit
        raise ModelError(_refusal(path, error)) from error
    if unpacked > path.stat().st_size + _SLACK:
        raise ModelError(
            f"{path} unpacks to {unpacked:,} bytes, more than the file has. Expected what "
            "torch.save writes, which is not compressed. Save it again with torch.save."
        )


def _refusal(path: Path, error: Exception) -> str:
    said = str(error)
    named = re.search(r"GLOBAL ([\w.]+)", said)
    if named or "legacy .tar" in said or "TorchScript" in said:
        what = f"asks for {named[1]}" if named else "is of a form that can hold code"
        return (
            f"{path} {what}: it is more than weights. mien runs nothing from a weights file, and "
            "nothing was run. Expected tensors by name; have whoever made it save "
            "`module.state_dict()` alone, best as safetensors."
        )
    first = next((line for line in said.splitlines() if line.strip()), type(error).__name__)
    if "weights_only" in first:  # torch's advice to switch the protection off
        first = "its bytes are not those of tensors"
    return (
        f"{path} cannot be read as a torch checkpoint ({first[:200]}). Expected the whole file "
        "that torch.save wrote: it was cut short, or is of another form. Fetch it again."
    )


def _state_dict(held: Any, path: Path) -> Tensors:
    """Finds the tensors by name in what a checkpoint holds, below its wrappers."""
    for _ in range(_DEPTH):
        if not isinstance(held, Mapping):
            break
        named = {str(k): v for k, v in held.items() if isinstance(v, torch.Tensor)}
        inner = next((held[k] for k in _WRAPPERS if isinstance(held.get(k), Mapping)), None)
        if inner is None:
            if named:
                return named
            parts = [part for part in held.values() if isinstance(part, Mapping)]
            if len(parts) != 1:
                break
            inner = parts[0]
        held = inner
    kind = f"a mapping of {shortened(map(str, held))}" if isinstance(held, Mapping) else type(held)
    raise ModelError(
        f"{path} holds no tensors by name but {kind}. Expected a state dict, alone or under one "
        f"of {', '.join(_WRAPPERS)}."
    )


def shortened(names: Iterable[str], most: int = 6) -> str:
    """Returns names joined by commas; of many, the first and a count."""
    listed = list(names)
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more} more" if more > 0 else "")
