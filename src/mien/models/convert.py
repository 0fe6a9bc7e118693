"""Foreign weights, once converted: a network's own names in one safetensors file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import save

from mien.core import registry
from mien.core.artifact import atomic
from mien.core.errors import ModelError
from mien.core.labels import CLASSES
from mien.core.spec import Preprocess
from mien.models import foreign, starts
from mien.models.foreign import Foreign
from mien.models.known_weights import STARTS, Input, Published, converted, known
from mien.models.matching import Loaded

if TYPE_CHECKING:
    from mien.models.networks import ChainNetwork


def convert(
    source: Path,
    network: str,
    out: Path | None = None,
    *,
    start: str | None = None,
    prototxt: Path | None = None,
    quiet: bool = False,
) -> tuple[Path, Loaded]:
    """Reads a file of weights once and keeps what fits a network, as safetensors.

    The first convolution is made for the input that mien feeds, where it is known what the weights
    learned with: for every Caffe network and for listed files (see `mien.models.matching.refeed`),
    and as the network itself adapts published weights.

    Args:
        source: the file, in one of `mien.models.foreign.FORMS`.
        network: the network's name in the registry.
        out: the file to write; None takes the place in the cache folder where the start ``start``
            of the network is looked for.
        start: ``imagenet`` or ``face``; None takes that of the list, where the file is on it.
        prototxt: the description of a ``.caffemodel``; None looks for it beside the file.
        quiet: say nothing.

    Returns:
        The file, and what came over.

    Raises:
        ModelError: the file cannot be read, is another network's, or it is not said what start it
            is.
        UnknownNameError: there is no such network.
    """
    kind = registry.load("networks", network)()
    held = foreign.read(source, prototxt)
    row, notes = _listed(held, kind, start)
    chosen = start or (row.start if row else None)
    if out is None:
        if chosen not in STARTS:
            raise ModelError(
                f"{source.name} is not on mien's list, so it must be said what it learned on. "
                f"Expected --start {' or '.join(STARTS)}, or --out with a file to write."
            )
        out = converted(kind.name, chosen)
    if out.suffix != ".safetensors":
        raise ModelError(f"{out} is no place for weights. Expected a name ending in .safetensors.")
    held = replace(held, row=row, notes=(*held.notes, *notes))
    if row is not None:  # it may be known by its name alone
        fed = row.fed or held.fed
        held = replace(held, fed=fed, licence=row.licence, commercial=row.commercial)
    module = kind.build(len(CLASSES))
    tensors, loaded = starts.fit(kind, module, held)
    header = {
        "format": foreign.CONVERTED,
        "network": kind.name,
        "start": chosen or "",
        "source": source.name,
        "sha256": held.prints["sha256"],
        "licence": held.licence or "",
        "commercial_use": held.commercial,
        "preprocess": json.dumps(_hints(kind.preprocess, held.fed)),
    }
    with atomic(out) as file:
        file.write(save({k: v.contiguous() for k, v in tensors.items()}, metadata=header))
    starts.say(loaded, quiet)
    return out, loaded


def _listed(
    held: Foreign, kind: ChainNetwork, start: str | None
) -> tuple[Published | None, tuple[str, ...]]:
    """Returns the row of the list that a file is, and what the user should know of that."""
    if held.row is not None:
        wanted = (kind.name, start or held.row.start)
        listed = f"The file is listed as the start {held.row.start!r} of {held.row.network}."
        return held.row, () if (held.row.network, held.row.start) == wanted else (listed,)
    row = known(kind.name, start) if start else None
    if row is None or row.form == "none":
        return None, ()
    if not row.checksum:  # it can only be told by its name
        return (row, ()) if row.file == held.origin else (None, ())
    algorithm, _, digits = row.checksum.partition(":")
    told = (
        f"The file is not {row.file or 'the one'} of {row.url}: its {algorithm} is "
        f"{held.prints[algorithm]}, listed is {digits}."
    )
    return None, (told,)


def _hints(preprocess: Preprocess, fed: Input | None) -> dict[str, object]:
    """Returns the input that the written weights are for, and the one they learned with."""
    ours = {"colour": preprocess.colour, "mean": preprocess.mean, "std": preprocess.std}
    if fed is None:
        return {"feed": ours}
    return {"feed": ours, "learned": {"colour": fed.order, "mean": fed.mean, "std": fed.std}}
