"""Names and what they stand for, loaded when first asked for.

Three ways in: a line in `_BUILT_IN`; an entry point of the group ``mien.<socket>`` in another
package; or `register` in a notebook. A later way hides an earlier one of the same name. A name that
ends in a slash is a family: what follows the slash in a wanted name is its factory's argument.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import sys
from importlib import metadata
from typing import Any, Final

from mien.core.errors import UnknownNameError

_BUILT_IN: Final[dict[str, dict[str, str]]] = {
    "datasets": {
        "affectnet": "mien.datasets.affectnet:AffectNet",
        "afew": "mien.datasets.afew:Afew",
        "caer-s": "mien.datasets.caer_s:CaerS",
        "ck48": "mien.datasets.ck48:Ck48",
        "ckplus": "mien.datasets.ckplus:CkPlus",
        "dartmouth": "mien.datasets.dartmouth:Dartmouth",
        "dmd": "mien.datasets.dmd:Dmd",
        "expw": "mien.datasets.expw:ExpW",
        "fairface": "mien.datasets.fairface:FairFace",
        "fer2013": "mien.datasets.fer2013:Fer2013",
        "ferplus": "mien.datasets.ferplus:FerPlus",
        "generic": "mien.datasets.generic:Generic",
        "internet": "mien.datasets.internet:Internet",
        "jaffe": "mien.datasets.jaffe:Jaffe",
        "kdef": "mien.datasets.kdef:Kdef",
        "kdef-dyn": "mien.datasets.kdef_dyn:KdefDyn",
        "kmu-fed": "mien.datasets.kmu_fed:KmuFed",
        "mmafedb": "mien.datasets.mmafedb:Mmafedb",
        "mug": "mien.datasets.mug:Mug",
        "nhfi": "mien.datasets.nhfi:Nhfi",
        "oulu-casia": "mien.datasets.oulu_casia:OuluCasia",
        "pics-pain": "mien.datasets.pics_pain:PicsPain",
        "rafd": "mien.datasets.rafd:RaFD",
        "rafdb": "mien.datasets.rafdb:RafDb",
        "sfew": "mien.datasets.sfew:Sfew",
        "tfeid": "mien.datasets.tfeid:Tfeid",
        "utkface": "mien.datasets.utkface:UtkFace",
        "wsefep": "mien.datasets.wsefep:Wsefep",
    },
    "detectors": {
        "auto": "mien.faces.auto:auto",
        "yunet": "mien.faces.yunet:YuNet",
        "hog": "mien.faces.hog:Hog",
        "full-frame": "mien.faces.full_frame:FullFrame",
    },
    "aligners": {
        "five-point": "mien.faces.align:FivePointAligner",
        "eye-line": "mien.faces.eye_line:EyeLineAligner",
    },
    "networks": {
        "alexnet": "mien.models.alexnet:AlexNet",
        "mienet": "mien.models.mienet:Mienet",
        "mienet-tiny": "mien.models.mienet:MienetTiny",
        "mobilefacenet": "mien.models.mobile:MobileFaceNet",
        "mobilenet_v1_025": "mien.models.mobile:MobileNetV1",
        "resnet101": "mien.models.resnet:ResNet101",
        "timm/": "mien.models.timm_network:TimmNetwork",
        "vgg16": "mien.models.vgg:Vgg16",
    },
    "runtimes": {
        "onnx": "mien.runtimes.onnx:OnnxRuntime",
        "openvino": "mien.runtimes.openvino:OpenVinoRuntime",
        "torch": "mien.runtimes.torch:TorchRuntime",
    },
    "engines": {"local": "mien.engines.local:LocalEngine", "ray": "mien.engines.ray:RayEngine"},
}
_registered: dict[str, dict[str, Any]] = {}


def sockets() -> list[str]:
    """Returns the names of the sockets."""
    return list(_BUILT_IN)


def names(socket: str) -> list[str]:
    """Returns every name that a socket knows, sorted."""
    known = _BUILT_IN[socket].keys() | _registered.get(socket, {}).keys()
    return sorted(known | {point.name for point in _entry_points(socket)})


def register(socket: str, name: str, thing: Any) -> None:
    """Makes ``thing`` (a class or factory) known under ``name`` for this process.

    Raises:
        UnknownNameError: there is no such socket.
    """
    if socket not in _BUILT_IN:
        raise UnknownNameError(_unknown("socket", socket, sockets()))
    _registered.setdefault(socket, {})[name] = thing


def load(socket: str, name: str) -> Any:
    """Returns the class or factory behind a name, importing it if need be.

    Raises:
        UnknownNameError: the socket knows no such name; the message lists those it knows.
        MissingExtraError: an optional part of mien that it needs is not installed.
    """
    if name in _registered.get(socket, {}):
        return _registered[socket][name]
    for point in _entry_points(socket):
        if point.name == name:
            return point.load()
    family, slash, member = name.partition("/")
    if member and family + slash in _BUILT_IN[socket]:
        return functools.partial(load(socket, family + slash), member)
    if name not in _BUILT_IN[socket]:
        raise UnknownNameError(_unknown(socket.rstrip("s"), name, names(socket)))
    module, _, attribute = _BUILT_IN[socket][name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def _entry_points(socket: str) -> metadata.EntryPoints:
    return _entry_points_on(tuple(sys.path), f"mien.{socket}")


@functools.lru_cache(maxsize=64)
def _entry_points_on(_: tuple[str, ...], group: str) -> metadata.EntryPoints:
    """Returns a group's entry points; kept for each path, since every package is read for it."""
    return metadata.entry_points(group=group)


def _unknown(kind: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"There is no {kind} named {name!r}.{hint} Known: {', '.join(known)}."
