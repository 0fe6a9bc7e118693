"""Caffe's weights through OpenCV's importer, in a process of its own.

OpenCV's importer answers most broken files with an error, but some with a signal that ends its
process (a description with a kernel of size 0 divides by it), so it never runs in the user's. The
child writes a safetensors file; nothing else comes back.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mien.core.errors import ModelError

Arrays = dict[str, npt.NDArray[np.float32]]

_MAX_BYTES: Final = 1 << 31
"""Protocol buffers end here."""
_SECONDS: Final = 600
_REFUSED: Final = 3


def prototxt_of(caffemodel: Path) -> Path:
    """Returns the description beside a ``.caffemodel``.

    That is ``NAME.prototxt``, ``NAME_deploy.prototxt`` or ``deploy.prototxt``.

    Raises:
        ModelError: there is none.
    """
    stem = caffemodel.with_suffix("")
    places = [
        stem.with_suffix(".prototxt"),
        stem.with_name(stem.name + "_deploy.prototxt"),
        stem.with_name("deploy.prototxt"),
    ]
    for place in places:
        if place.is_file():
            return place
    raise ModelError(
        f"{caffemodel} has no description beside it. Expected one of "
        f"{', '.join(place.name for place in places)} in {caffemodel.parent}: put the publisher's "
        "deploy file there, or name it with --prototxt."
    )


def read(caffemodel: Path, prototxt: Path, into: Path) -> list[str]:
    """Turns a Caffe network into one safetensors file, of float32 arrays under torch's names.

    A layer ``x`` gives ``x.weight`` and ``x.bias`` in torch's shapes; BatchNorm gives
    ``x.running_mean`` and ``x.running_var``, its scale factor applied.

    Args:
        caffemodel: the weights.
        prototxt: the network's description, in the form for deployment.
        into: the file to write.

    Returns:
        The names of layers that OpenCV does not know, whose weights are not in the file.

    Raises:
        ModelError: the files are missing, broken, or do not belong together.
    """
    for path, what in ((caffemodel, "weights"), (prototxt, "description")):
        if not path.is_file():
            raise ModelError(f"There is no file {path}. Expected the {what} of a Caffe network.")
    if caffemodel.stat().st_size >= _MAX_BYTES:
        raise ModelError(f"{caffemodel} has 2 GiB or more. Expected a .caffemodel, which has less.")
    command = [sys.executable, "-P", "-m", __name__, str(prototxt), str(caffemodel), str(into)]
    try:
        done = subprocess.run(  # noqa: S603  # this interpreter, this module, three paths
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise _unreadable(caffemodel, prototxt, f"no end after {_SECONDS} seconds") from None
    if done.returncode == _REFUSED:
        raise _unreadable(caffemodel, prototxt, done.stdout.strip())
    if done.returncode:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        raise _unreadable(caffemodel, prototxt, f"OpenCV's importer broke down with {how}")
    unknown: list[str] = json.loads(done.stdout.splitlines()[-1])
    return unknown


def names(layer: str, kind: str, blobs: Sequence[npt.NDArray[np.float32]]) -> Arrays:
    """Returns the blobs of one Caffe layer under torch's names and in torch's shapes.

    Args:
        layer: its name.
        kind: its type, in Caffe's words.
        blobs: its arrays; OpenCV gives vectors as (n, 1) or (1, n).
    """
    if kind == "BatchNorm":
        factor = float(blobs[2].reshape(-1)[0]) if len(blobs) > 2 else 1.0
        scale = np.float32(1 / factor if factor else 0)  # as Caffe does with a factor of 0
        kept = {
            "running_mean": blobs[0].reshape(-1) * scale,
            "running_var": blobs[1].reshape(-1) * scale,
        }
    else:
        weight = blobs[0]
        if kind == "InnerProduct":  # (out, in), under ones in older files
            weight = weight.reshape(weight.shape[-2], weight.shape[-1])
        elif kind not in ("Convolution", "Deconvolution"):  # Scale, PReLU: a number a channel
            weight = weight.reshape(-1)
        kept = {"weight": weight} | ({"bias": blobs[1].reshape(-1)} if len(blobs) > 1 else {})
    return {f"{layer}.{name}": np.ascontiguousarray(a, np.float32) for name, a in kept.items()}


def _layers(network: Any, unknown: list[str]) -> Iterator[Arrays]:
    """Yields the arrays of each layer of an OpenCV network."""
    import cv2

    for name in network.getLayerNames():
        try:
            layer = network.getLayer(network.getLayerId(name))
        except cv2.error:  # a type that OpenCV cannot build: its blobs are out of reach
            unknown.append(name)
            continue
        if len(layer.blobs):
            yield names(name, layer.type, layer.blobs)


def _child(prototxt: str, caffemodel: str, into: str) -> int:
    """Does the work of `read` in the child; says on standard output what came of it."""
    import cv2
    from safetensors.numpy import save_file

    unknown: list[str] = []
    arrays: Arrays = {}
    try:
        for some in _layers(cv2.dnn.readNetFromCaffe(prototxt, caffemodel), unknown):
            arrays |= some
    except (cv2.error, ValueError, IndexError) as error:  # UnicodeDecodeError is a ValueError
        _say(" ".join(str(error).split()))
        return _REFUSED
    if not arrays:
        _say("no layer of the description has weights in the file")
        return _REFUSED
    save_file(arrays, into)
    _say(json.dumps(unknown))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _unreadable(caffemodel: Path, prototxt: Path, why: str) -> ModelError:
    return ModelError(
        f"{caffemodel} cannot be read with {prototxt} ({why[:300]}). Expected a whole .caffemodel "
        "and the .prototxt of the same network in its form for deployment. Get both again from "
        "their publisher."
    )


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Returns a folder for `read` to write into, gone when it is left."""
    return tempfile.TemporaryDirectory(prefix="mien-caffe-", ignore_cleanup_errors=True)


if __name__ == "__main__":
    sys.exit(_child(*sys.argv[1:]))
