"""mien recognises the apparent expression of faces, in still images and through time.

    >>> import mien
    >>> for prediction in mien.predict("photo.jpg"):
    ...     print(prediction)

The names below are loaded when they are first used, so that ``import mien`` stays quick.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mien.core.errors import MienError
    from mien.core.labels import CLASSES
    from mien.core.registry import register
    from mien.core.timeline import Event, Timeline
    from mien.core.types import BBox, Face, Prediction
    from mien.predictor import Predictor, predict, stream
    from mien.runtimes.model import Model
    from mien.serve.client import Client
    from mien.tracking.people import track

# ONNX Runtime would look for its maker's hosts as soon as it is imported; afterwards is too late.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "1.0.0"
__all__ = [
    "CLASSES",
    "BBox",
    "Client",
    "Event",
    "Face",
    "MienError",
    "Model",
    "Prediction",
    "Predictor",
    "Timeline",
    "__version__",
    "predict",
    "register",
    "stream",
    "track",
]

_HOME: Final = {
    "BBox": "mien.core.types",
    "CLASSES": "mien.core.labels",
    "Client": "mien.serve.client",
    "Event": "mien.core.timeline",
    "Face": "mien.core.types",
    "MienError": "mien.core.errors",
    "Model": "mien.runtimes.model",
    "Prediction": "mien.core.types",
    "Predictor": "mien.predictor",
    "Timeline": "mien.core.timeline",
    "predict": "mien.predictor",
    "register": "mien.core.registry",
    "stream": "mien.predictor",
    "track": "mien.tracking.people",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
