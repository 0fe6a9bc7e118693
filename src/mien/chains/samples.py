"""Public-domain photographs that other libraries ship, for a first look without own pictures."""

from __future__ import annotations

from importlib import util
from pathlib import Path
from typing import Final

from mien.core.errors import MissingExtraError

_PLACES: Final = (
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("skimage", "data/astronaut.png"),
)


def photographs() -> list[Path]:
    """Returns the paths of the photographs: Grace Hopper and Eileen Collins.

    The libraries are found but not imported.

    Raises:
        MissingExtraError: a library is not installed.
    """
    found = []
    for package, place in _PLACES:
        spec = util.find_spec(package)
        path = Path(spec.origin).parent / place if spec and spec.origin else None
        if path is None or not path.is_file():
            raise MissingExtraError(f"The demonstration ({package}'s sample photograph)", "demo")
        found.append(path)
    return found
