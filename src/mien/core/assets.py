"""Files that ship inside the package, verified where they are used."""

from __future__ import annotations

import contextlib
import importlib.resources
from collections.abc import Iterator
from pathlib import Path

from mien.core.artifact import digest
from mien.core.errors import ChecksumError, ModelError


def shipped() -> dict[str, Path]:
    """Returns the folders of the models that come with mien, by name."""
    root = Path(str(importlib.resources.files("mien"))) / "assets" / "models"
    return {p.name: p for p in sorted(root.iterdir()) if p.is_dir()} if root.is_dir() else {}


@contextlib.contextmanager
def asset(place: str, sha256: str) -> Iterator[Path]:
    """Gives the path of a shipped file.

    Args:
        place: below the package's ``assets``, with ``/``.
        sha256: its checksum.

    Raises:
        ModelError: it is missing.
        ChecksumError: it was altered.
    """
    file = importlib.resources.files("mien").joinpath("assets", *place.split("/"))
    with importlib.resources.as_file(file) as path:
        if not path.is_file():
            raise ModelError(f"{path} is missing. It is part of mien: install mien again.")
        actual = digest(path)
        if actual != sha256:
            raise ChecksumError(
                f"{path} was altered: its sha256 is {actual}, expected {sha256}. Install mien "
                "again."
            )
        yield path
