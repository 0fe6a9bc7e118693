"""Starts: what a network knows before it is trained.

``scratch`` is random; ``imagenet`` and ``face`` are published weights, which
`mien.models.known_weights` lists; anything else names a file of weights, the folder of a model of
mien, or a model that mien ships.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from rich.console import Console
from torch import nn

from mien.core.artifact import digest
from mien.core.assets import shipped
from mien.core.cache import offline
from mien.core.errors import ChecksumError, ModelError
from mien.core.spec import ModelSpec
from mien.models import foreign, matching
from mien.models.foreign import Foreign, Tensors, shortened
from mien.models.known_weights import STARTS, command, converted, here, known
from mien.models.matching import Loaded

if TYPE_CHECKING:
    from mien.models.networks import ChainNetwork

SCRATCH: Final = "scratch"
WEIGHTS: Final = "weights.safetensors"
SPEC: Final = "spec.json"


def fill(kind: ChainNetwork, network: nn.Module, start: str, quiet: bool = False) -> Loaded | None:
    """Fills a network with the weights that a start names, and says on standard error what came.

    Args:
        kind: the network's description.
        network: what ``kind`` built; changed in place.
        start: ``scratch``; ``imagenet``, the library's own download, or else the converted file
            in the cache folder; ``face``, weights learned on faces, likewise; the path of a file
            (see `mien.models.foreign.FORMS`), a ``.caffemodel`` with its description beside it;
            the folder of a model; or the name of a model that mien ships.
        quiet: say nothing.

    Returns:
        What came over; None for ``scratch``.

    Raises:
        ModelError: there are no such weights for this network, they cannot be read, they hold code
            or numbers that are not finite, or under half of the network is in them.
        ChecksumError: a model folder's weights are not those that its description names.
    """
    if start == SCRATCH:
        return None
    tensors, loaded = fit(kind, network, find(kind, start))
    network.load_state_dict(tensors, strict=False)
    say(loaded, quiet)
    return loaded


def fit(kind: ChainNetwork, network: nn.Module, source: Foreign) -> tuple[Tensors, Loaded]:
    """Brings weights under a network's names, for the input that mien feeds it.

    Args:
        kind: the network's description: its names, renames and input.
        network: what ``kind`` built; left as it is.
        source: the weights.

    Returns:
        The tensors that fit, by the network's names, and what came of it.

    Raises:
        ModelError: under half of the network is in them, or they are not finite.
    """
    own = matching.counted(network)
    found = matching.match(own, source.tensors, kind.renames)
    part = matching.share(network, kind.blocks[-1], found.fits)
    matching.check(found, part, own, f"{source.origin} as a start of {kind.name!r}")
    tensors, notes = dict(found.fits), source.notes
    if source.fed is not None:
        notes += matching.refeed(network, tensors, source.fed, kind.preprocess)
    elif source.ours is False or (source.ours is None and not found.exact):
        tensors = kind.adapt(tensors)  # what mien wrote was adapted when it came in
    loaded = Loaded(
        came=tuple(tensors),
        new=tuple(name for name in own if name not in tensors),
        unfit=found.unfit,
        unused=found.unused,
        share=part,
        origin=source.origin,
        sha256=source.prints.get("sha256"),
        licence=source.licence,
        commercial=source.commercial,
        notes=notes,
    )
    return tensors, loaded


def place(network: str, start: str) -> Path | None:
    """Returns the file or folder on this machine that a start is read from, if there is one.

    Args:
        network: its name.
        start: see `fill`.
    """
    if start == SCRATCH:
        return None
    if start in STARTS:
        path = converted(network, start)
    else:
        path = shipped().get(start) or Path(start).expanduser()
    return path if path.exists() else None


def say(loaded: Loaded, quiet: bool) -> None:
    """Prints the report on what came over to standard error, unless ``quiet``."""
    console = Console(stderr=True, quiet=quiet, soft_wrap=True, highlight=False)
    console.print(loaded.report(), markup=False)


def find(kind: ChainNetwork, start: str) -> Foreign:
    """Reads the weights that a start names, see `fill`.

    Raises:
        ModelError: there are none, or they cannot be read.
        ChecksumError: a model folder's weights are not those that its description names.
    """
    if start in STARTS:
        return _published(kind, start)
    known_models = shipped()
    path = known_models.get(start) or Path(start).expanduser()
    if path.is_dir():
        return _model(path)
    if path.is_file():
        return foreign.read(path)
    raise ModelError(
        f"The network {kind.name!r} has no start {start!r}: it is neither a file nor a folder. "
        f"Expected {SCRATCH!r}, {', '.join(map(repr, STARTS))}, a file that ends in one of "
        f"{', '.join(foreign.FORMS)}, the folder of a model, or one of: {', '.join(known_models)}."
    )


def _published(kind: ChainNetwork, start: str) -> Foreign:
    """Asks the library that publishes the weights, then looks into the cache folder."""
    held, why = _from_library(kind, start)
    if held is not None:
        return held
    place = converted(kind.name, start)
    if place.is_file():
        return foreign.read(place)
    row = known(kind.name, start)
    if row is None or row.form == "none":
        where = f" ({row.what})" if row else ""
        raise ModelError(
            f"The network {kind.name!r} has no start {start!r}: no such weights are "
            f"known{where}.{why} Expected {SCRATCH!r}, or the path of a file of weights."
        )
    raise ModelError(
        f"The start {start!r} of the network {kind.name!r} is not on this machine.{why} Get "
        f"{row.file or 'the weights'} from {row.url} ({row.what}; licence: {row.licence}; "
        f"commercial use: {row.commercial}), then run: {command(row, kind.name)}. It is kept as "
        f"{place}."
    )


def _from_library(kind: ChainNetwork, start: str) -> tuple[Foreign | None, str]:
    """Returns what the network's library has for a start, or None and a sentence that says why."""
    library = getattr(kind, "library_start", None)
    if library is None:
        return None, ""
    row = known(kind.name, start)
    if offline() and row is not None and row.library and row.file and here(row) is None:
        return None, " MIEN_OFFLINE is set, so it was not fetched."
    try:
        held = library(start)
    except (OSError, RuntimeError, ValueError) as error:  # no network, a broken download
        return None, f" It could not be fetched ({' '.join(str(error).split())[:200]})."
    if held is None:
        return None, ""
    tensors = {
        name: tensor.detach().cpu()
        for name, tensor in held.items()
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point()
    }
    licence = row.licence if row else None
    origin = f"{start} of {row.library if row else 'the library'}"
    commercial = row.commercial if row else "unknown"
    found = Foreign(tensors, origin, {}, row, licence=licence, commercial=commercial, ours=False)
    return found, ""


def _model(folder: Path) -> Foreign:
    """Reads the weights of a model folder, or of a folder of the stage ``train``."""
    spec = ModelSpec.read(folder / SPEC)
    path = folder / WEIGHTS
    if not path.is_file():
        files = sorted(p.name for p in folder.iterdir() if p.is_file())
        raise ModelError(
            f"The model {spec.name!r} in {folder} has no {WEIGHTS}, so nothing can be trained from "
            f"it: it holds {shortened(files)}, which only predict. Expected the folder that "
            "`mien train` wrote, or a model exported with its weights."
        )
    actual, expected = digest(path), spec.files.get(WEIGHTS)
    if actual != expected:
        raise ChecksumError(
            f"{path} has the sha256 {actual}, but {SPEC} names {expected}. The file was altered or "
            "cut short: train or install the model again."
        )
    held = foreign.read(path)
    origin = f"{spec.name} ({WEIGHTS})"
    return Foreign(
        held.tensors,
        origin,
        held.prints,
        licence=spec.weight_licence,
        commercial=spec.commercial_use,
        ours=True,
    )
